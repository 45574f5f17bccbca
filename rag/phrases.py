"""The few sentences that maqal says itself, in the reader's language."""

from typing import Literal

from rag.word_tables import read_table

Key = Literal[
    "says", "also", "silent", "closest", "llm_failed", "unquoted", "part_silent", "reported", "hedged",
    "unsupported", "translation", "untranslated",
]  # fmt: skip


def _phrases() -> dict[str, dict[str, str]]:
    return read_table("phrases.json")


def languages() -> list[str]:
    """ISO 639-1 codes of the languages that answers can be framed in."""
    return list(_phrases())


def phrase(key: Key, language: str, **fields: object) -> str:
    """The phrase in the language, or in English where there is none, with its fields filled in."""
    return _phrases().get(language, _phrases()["en"])[key].format(**fields)
