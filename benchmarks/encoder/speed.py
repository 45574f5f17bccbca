"""Texts per second in this process, and seconds from the start of a fresh one to its first vector."""

import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence

from index.exceptions import MaqalError

_READY = "ready"
_FIRST_VECTOR = f"""
import sys
from index.embedding import load_encoder
load_encoder(sys.argv[1]).encode_queries(["Why did Tokayev call in the CSTO?"])
print("{_READY}", flush=True)
"""
_FIRST_MATCH = f"""
from index.lexical import LexicalIndex
from index.passages import Passage
text = "Tokayev called in the CSTO."
assert LexicalIndex([Passage("0", "a", 1, 0, 0, len(text), "", text)], {{"a": "en"}}).query("CSTO?", "en", 1)
print("{_READY}", flush=True)
"""


def texts_per_second(work: Callable[[Sequence[str]], object], texts: Sequence[str], passes: int = 3) -> float:
    """The fastest of some passes after a warm-up: other processes can only slow one down."""
    work(texts[:8])
    return len(texts) / min(_seconds(work, texts) for _ in range(passes))


def encoder_startup(name_or_path: str, runs: int = 3) -> float:
    """Median seconds until an encoder's first vector, start of Python included."""
    return statistics.median(_startup(_FIRST_VECTOR, name_or_path) for _ in range(runs))


def lexical_startup(runs: int = 3) -> float:
    """Median seconds until a lexical index of one passage has answered."""
    return statistics.median(_startup(_FIRST_MATCH) for _ in range(runs))


def _seconds(work: Callable[[Sequence[str]], object], texts: Sequence[str]) -> float:
    start = time.perf_counter()
    work(texts)
    return time.perf_counter() - start


def _startup(program: str, *arguments: str) -> float:
    start = time.perf_counter()
    command = [sys.executable, "-c", program, *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8") as process:
        assert process.stdout  # noqa: S101 - tells mypy what PIPE means
        took = next((time.perf_counter() - start for line in process.stdout if line.strip() == _READY), None)
        errors = process.communicate()[1].strip()
    if took is None:
        last = errors.splitlines()[-1] if errors else f"exit status {process.returncode}"
        raise MaqalError(
            f"A fresh process made no vector: {last}", "Measure the rest: --only NAME for all but startup."
        )
    return took
