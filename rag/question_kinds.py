"""What a question asks for (who, when, how many, how long, why, …), and whether a sentence gives such a thing."""

import re
from functools import cache, lru_cache
from typing import Literal
from unicodedata import category

from index.normalization import fold, fold_with_offsets
from rag.word_tables import read_table

Kind = Literal["how_long", "how_far", "how_much", "how_many", "when", "where", "who", "why", "said", "yes_no", "what"]

# In this order: "how many … said" asks for a number, "did … say when" is answered by yes or no.
_ORDER: tuple[Kind, ...] = (
    "yes_no",
    "how_long",
    "how_far",
    "how_much",
    "how_many",
    "when",
    "why",
    "where",
    "who",
    "said",
)
_AND = {"en": "and", "ru": "и", "fr": "et", "tr": "ve", "de": "und", "es": "y", "kk": "және"}
_LEAST_WORDS = 2
_WITHOUT_SPACES = frozenset({"zh"})
_YEAR = re.compile(r"(?<!\d)(?:1[5-9]|20)\d\d(?!\d)")
_NUMBER = re.compile(r"\d")
_DAY_OF_MONTH = r"(?<!\d)\d{1,2}(?:st|nd|rd|th|er)?[\s./]+"


def kind_of(question: str, language: str) -> Kind:
    """What a question in the language (ISO 639-1) asks for; `what` where nothing else is plain."""
    words = _words(question)
    return next((kind for kind in _ORDER if _asks(kind, language).search(words)), "what")


def split_question(question: str, language: str) -> list[str]:
    """The questions of a double one ("when did X, and why …?"), each in its own letters; most have one part.

    Each part has at least two words: "who and when did it" is one question.
    """
    folded, offsets = fold_with_offsets(question)
    cuts = [
        (match.start(), match.end())
        for match in _second_question(language).finditer(folded)
        if min(len(folded[: match.start()].split()), len(folded[match.end() :].split())) >= _LEAST_WORDS
    ]
    parts, start = [], 0
    for low, high in cuts:
        parts.append(question[start : offsets[low]])
        start = offsets[high]
    return [part.strip(" ,;،") for part in [*parts, question[start:]]]


def gives(kind: Kind, text: str, language: str) -> bool | None:
    """Whether a text has what the kind asks for: a number, a time, a cause; None where its words do not tell.

    A number with no unit of time, length or money that is known may still be a measure of it.
    """
    words = _words(text)
    if kind in {"how_long", "how_far", "how_much"}:
        has_number = bool(gives("how_many", text, language))
        has_unit = bool(_gives(kind, language).search(words)) or (
            kind == "how_much" and any(category(char) == "Sc" for char in text)
        )
        return True if has_unit else None if has_number else False
    if kind == "when":
        return bool(_YEAR.search(words) or _gives("when", language).search(words))
    if kind == "how_many":
        without_dates = _dates(language).sub(" ", words)
        return bool(_NUMBER.search(without_dates) or _gives("how_many", language).search(without_dates))
    if kind == "why":
        return bool(_gives("why", language).search(words))
    return None


# The same paragraphs are asked again and again: folding them is a third of an answer's work.
@lru_cache(maxsize=10_000)
def _words(text: str) -> str:
    """Folded, with single spaces for all that is no letter or digit."""
    return " ".join(re.findall(r"[^\W_]+", fold(text)))


@cache
def _asks(kind: Kind, language: str) -> re.Pattern[str]:
    return _any_of(_table()["asks"].get(language, {}).get(kind, []), language)


@cache
def _gives(kind: Kind, language: str) -> re.Pattern[str]:
    return _any_of(_table()["gives"].get(kind, {}).get(language, []), language)


@cache
def _dates(language: str) -> re.Pattern[str]:
    """Years, and days of a month: numbers that count nothing."""
    months = _table()["gives"]["when"].get(language, [])
    names = "|".join(re.escape(_words(name)) for name in months)
    return re.compile(f"{_YEAR.pattern}|{_DAY_OF_MONTH}(?:de )?(?:{names})" if names else _YEAR.pattern)


def _any_of(phrases: list[str], language: str) -> re.Pattern[str]:
    """Whole words of which each phrase consists; `^` before one: at the beginning only."""
    if not phrases:
        return re.compile(r"(?!)")
    parts = [("^" if phrase.startswith("^") else "", re.escape(_words(phrase))) for phrase in phrases]
    if language in _WITHOUT_SPACES:
        return re.compile("|".join(f"{start}{words}" for start, words in parts))
    # An Arabic word may be written together with a conjunction or preposition.
    prefix = "[وفبلك]?" if language == "ar" else ""
    return re.compile("|".join(rf"{start}(?<!\w){prefix}{words}(?!\w)" for start, words in parts))


@cache
def _second_question(language: str) -> re.Pattern[str]:
    """What joins a question to the one before it; the word that asks comes right after."""
    asking = _table()["asks"].get(language, {})
    words = [
        re.escape(p.removeprefix("^")) for kind, ps in asking.items() if kind not in {"said", "yes_no"} for p in ps
    ]
    if not words or language in _WITHOUT_SPACES:
        return re.compile(r"(?!)")
    joint = r"[,;]? و" if language == "ar" else rf"[,;]? {_AND[language]} "
    return re.compile(rf"{joint}(?=(?:{'|'.join(words)})(?!\w))")


def _table() -> dict[str, dict[str, dict[str, list[str]]]]:
    return read_table("question_kinds.json")
