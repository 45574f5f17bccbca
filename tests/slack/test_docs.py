"""docs/slack.md says what is so: every setting with its default, every picture, every message that it explains."""

import re
from pathlib import Path

import pytest

from bots.slack.settings import SlackSettings

DOCS = Path(__file__).parents[2] / "docs"
SLACK = Path(__file__).parents[2] / "bots" / "slack"
# What an empty default means is said in words.
WORDS = {"any", "nobody", "none", ""}


@pytest.fixture
def text() -> str:
    return (DOCS / "slack.md").read_text(encoding="utf-8")


def test_every_setting_stands_in_the_table_with_its_default(text: str) -> None:
    (table,) = re.findall(r"## Settings\n\n(.*?)\n\n", text, re.DOTALL)
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()[2:]]
    defaults = {name: default.strip("`") for names, default, _ in rows for name in re.findall(r"`SLACK_(\w+)`", names)}
    fields = {name.upper(): field.get_default() for name, field in SlackSettings.model_fields.items()}
    assert set(defaults) == set(fields)
    for name, default in fields.items():
        shown = default.get_secret_value() if hasattr(default, "get_secret_value") else default
        assert defaults[name] in WORDS if not shown else defaults[name] == str(shown), name


def test_every_variable_that_is_named_is_a_setting(text: str) -> None:
    assert set(re.findall(r"`SLACK_(\w+)", text)) <= {name.upper() for name in SlackSettings.model_fields}


def test_every_picture_is_shown_and_is_there(text: str) -> None:
    shown = re.findall(r"!\[[^\]]+\]\(slack/([\w.]+)\)", text)
    assert sorted(shown) == sorted(path.name for path in (DOCS / "slack").iterdir())
    assert sum(path.stat().st_size for path in (DOCS / "slack").iterdir()) < 500_000


def test_what_troubleshooting_explains_is_what_the_bot_says(text: str) -> None:
    source = "".join(path.read_text(encoding="utf-8") for path in SLACK.glob("*.py"))
    table = text[text.index("## Troubleshooting") :]
    said = [line.split("|")[1] for line in table.splitlines() if line.startswith("| *")]
    said = [words for cell in said for words in re.findall(r"\*([^*]+)\*", cell)]
    ours = [
        words for words in said if words not in {"Sending messages to this app has been turned off", "Show in article"}
    ]
    assert len(ours) >= 5
    for words in ours:
        beginning = re.split(r"\d+", words)[0].strip()
        assert beginning in source, words
