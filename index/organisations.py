"""Acronyms of organisations and states, which no dictionary joins: CSTO, ОДКБ and منظمة معاهدة الأمن الجماعي."""

import json
from functools import cache
from importlib import resources

from index.stemming import index_terms

Organisation = dict[str, dict[str, str]]
"""`acronyms` and `names`, each by language (ISO 639-1)."""


def other_names(term: str, source: str, target: str) -> dict[str, float]:
    """Terms that an article in a language may have for an acronym in another or the same, by their weight.

    The acronym there weighs 1; the terms of the full name weigh 1 together. Empty for what is no acronym.
    """
    found: dict[str, float] = {}
    for organisation in _by_acronym().get((source, term), ()):
        name = _terms(organisation["names"].get(target, ""), target)
        found |= dict.fromkeys(name, 1 / len(name)) if name else {}
        found |= dict.fromkeys(_terms(organisation["acronyms"].get(target, ""), target), 1.0)
    found.pop(term, None)
    return found


def _terms(text: str, language: str) -> list[str]:
    return [term for term in index_terms(text, language) if not term.startswith("~")]


@cache
def organisations() -> list[Organisation]:
    """All of them."""
    table: list[Organisation] = json.loads(resources.files("index").joinpath("organisations.json").read_text("utf-8"))
    return table


@cache
def _by_acronym() -> dict[tuple[str, str], list[Organisation]]:
    table: dict[tuple[str, str], list[Organisation]] = {}
    for organisation in organisations():
        for language, acronym in organisation["acronyms"].items():
            for term in _terms(acronym, language):
                table.setdefault((language, term), []).append(organisation)
    return table
