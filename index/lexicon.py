"""Lexicons: terms of the lexical index in one language and their translations, with probabilities.

Made by `training/lexicon.py` from sentence pairs of English and eight languages (IBM Model 1); two others meet
through English.
"""

import lzma
from collections import defaultdict
from functools import cache
from importlib import resources

from index.organisations import other_names

Translations = dict[str, float]
"""Terms of another language and how likely each is the translation; the sum is at most 1."""

_LEAST_PROBABILITY = 0.05
_MOST_TRANSLATIONS = 6


def file_name(language: str) -> str:
    """The name of the lexicon of English and a language (ISO 639-1)."""
    return f"en-{language}.tsv.xz"


def translations(term: str, source: str, target: str) -> Translations:
    """The likeliest translations of a term; none for languages without a lexicon.

    Acronyms have other names in their own language too.
    """
    names = other_names(term, source, target)
    if names or source == target:
        return names
    if source == "en":
        return _lexicon(target)[0].get(term, {})
    if target == "en":
        return _lexicon(source)[1].get(term, {})
    through: Translations = defaultdict(float)
    for english, first in _lexicon(source)[1].get(term, {}).items():
        for other, second in _lexicon(target)[0].get(english, {}).items():
            through[other] += first * second
    best = sorted(through.items(), key=lambda item: -item[1])[:_MOST_TRANSLATIONS]
    return {other: probability for other, probability in best if probability >= _LEAST_PROBABILITY}


@cache
def _lexicon(language: str) -> tuple[dict[str, Translations], dict[str, Translations]]:
    """From English to the language, and back."""
    there: dict[str, Translations] = defaultdict(dict)
    back: dict[str, Translations] = defaultdict(dict)
    path = resources.files("index").joinpath("lexicons", file_name(language))
    if path.is_file():
        for line in lzma.decompress(path.read_bytes()).decode("utf-8").splitlines():
            english, foreign, from_english, to_english = line.split("\t")
            if float(from_english):
                there[english][foreign] = float(from_english)
            if float(to_english):
                back[foreign][english] = float(to_english)
    return there, back
