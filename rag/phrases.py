"""The few sentences that maqal says itself, in the reader's language."""

import json
from functools import cache
from importlib import resources
from typing import Literal

Key = Literal[
    "says", "also", "silent", "closest", "llm_failed", "unquoted", "part_silent", "reported", "hedged",
    "unsupported", "translation", "untranslated",
]  # fmt: skip


@cache
def _phrases() -> dict[str, dict[str, str]]:
    table: dict[str, dict[str, str]] = json.loads(
        resources.files("rag").joinpath("phrases.json").read_text(encoding="utf-8")
    )
    return table


def languages() -> list[str]:
    """ISO 639-1 codes of the languages that answers can be framed in."""
    return list(_phrases())


def phrase(key: Key, language: str, **fields: object) -> str:
    """The phrase in the language, or in English where there is none, with its fields filled in."""
    return _phrases().get(language, _phrases()["en"])[key].format(**fields)
