# Everything a newcomer needs: `make ask Q="…"` and `make test`. Each sets up .venv when it is not there.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt

.PHONY: ask test lint clean
ask: export MAQAL_QUESTION := $(value Q)
ask: $(VENV)/.installed
	@$(BIN)/maqal ask --bundled -- "$$MAQAL_QUESTION"

test: lint
	$(BIN)/python -m pytest

lint: $(VENV)/.test-installed
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "maqal needs Python 3.11 or later; $(PYTHON) is older. Name another: make PYTHON=python3.12 …" >&2; exit 2; }
	@$(PYTHON) -m venv $(VENV) || \
		{ rm -rf $(VENV); echo "Python's venv module is missing (Debian: apt-get install python3-venv)." >&2; exit 2; }

$(VENV)/.installed: $(BIN)/python pyproject.toml constraints.txt
	@echo "Setting up $(VENV) (once; a minute or two)…" >&2
	@$(PIP) -e .
	@touch $@

$(VENV)/.test-installed: $(VENV)/.installed
	$(PIP) "pip>=25.1"
	$(PIP) -e '.[anthropic,llm,otel,postgres,redis,sentence-transformers]' --group test
	@touch $@

clean:
	rm -rf $(VENV) build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
