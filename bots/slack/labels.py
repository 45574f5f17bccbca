"""What buttons and small print say, in the reader's language."""

import json
from functools import cache
from importlib import resources
from typing import Literal

Key = Literal[
    "show", "copy", "next", "share", "shares", "up", "down", "thanks", "reason", "send", "reading", "writing", "stopped"
]  # fmt: skip


@cache
def _labels() -> dict[str, dict[str, str]]:
    table: dict[str, dict[str, str]] = json.loads(
        resources.files("bots").joinpath("slack/labels.json").read_text(encoding="utf-8")
    )
    return table


def label(key: Key, language: str, **fields: object) -> str:
    """The label in the language (ISO 639-1), or in English where there is none, with its fields filled in."""
    return _labels().get(language, _labels()["en"])[key].format(**fields)
