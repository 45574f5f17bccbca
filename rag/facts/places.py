"""Places in a text: countries, cities and regions known by name in Arabic, English, Russian and French.

Names come from Babel (the countries of ISO 3166, parts of the world, cities that time zones are named after) and
from `places.json`. A place inside a longer name ("Carnegie Moscow Center", «حلف وارسو») is not one.
"""

import re
from dataclasses import dataclass
from functools import cache
from typing import Any

from index.normalization import fold
from rag.facts.folded_text import FoldedText
from rag.word_tables import any_of, read_table

LANGUAGES = ("ar", "en", "ru", "fr")
_CITY_ZONES = re.compile(r"(?:Europe|Asia|Africa|America|Australia|Pacific)/[^/]+")
_COUNTRY_CODE = re.compile(r"[A-Z]{2}")
_CAPITAL = r"[^\W\d_a-zа-яёà-öø-ÿ]\w+"
_NO_COUNTRIES = {"EU", "EZ", "UN", "ZZ", "QO", "XA", "XB"}
# Endings of Russian names in the cases but the first, by the ending of the first.
_RUSSIAN_ENDINGS = (
    ("ия", ("ии", "ию", "ией")), ("ая", ("ой", "ую")), ("ея", ("еи", "ею", "еей")),
    ("а", ("ы", "и", "е", "у", "ой", "ей")), ("ь", ("и", "я", "е", "ю", "ью", "ем")), ("й", ("я", "ю", "е", "ем")),
    ("ы", ("", "ам", "ах", "ами", "ов")),
)  # fmt: skip
_RUSSIAN_CONSONANT = ("а", "у", "е", "ом", "ы")


@dataclass(frozen=True, slots=True)
class FoundPlace:
    """`text[start:end]` names a place; `country` is its ISO 3166 code where it is a country.

    `key` is the same for all forms of one name.
    """

    start: int
    end: int
    country: str | None
    key: str


def find_places(text: str, language: str) -> list[FoundPlace]:
    """The places in a paragraph, in reading order; none in a language that is not among `LANGUAGES`."""
    if language not in LANGUAGES:
        return []
    folded = FoldedText.of(text)
    found: list[FoundPlace] = []
    # The place in "Council of Europe" is only part of an organisation's name.
    longer = [m.span() for m in re.finditer(any_of(_table(language, "longer_names")), folded.folded)]
    for match in _pattern(language).finditer(folded.folded):
        start, end = match.span("name")
        name = match["name"]
        # With tanwin it is an adjective, «رومانياً».
        has_tanwin = "\u064b" in folded.original[slice(*folded.span(end - 1, end))]
        if has_tanwin or any(low <= start and end <= high for low, high in longer):
            continue
        if (
            _is_in_name_arabic(folded.folded, start)
            if language == "ar"
            else _is_in_name_cased(folded, start, end, language)
        ):
            continue
        code, key = _names(language)[name]
        found.append(FoundPlace(*folded.span(start, end), code, code or key))
    if language != "ar":
        for match in _told_pattern(language).finditer(text):
            start, end = match.span("name")
            if not any(start < place.end and place.start < end for place in found):
                found.append(FoundPlace(start, end, None, fold(match["name"])))
    return sorted(found, key=lambda place: place.start)


def is_place(name: str, language: str) -> bool:
    """Whether the whole name is a place's."""
    return language in LANGUAGES and fold(name) in _names(language)


def _is_in_name_arabic(text: str, start: int) -> bool:
    """Whether the word before makes it the name of something else: «معهد موسكو», «حلف وارسو»."""
    before = re.search(r"(\w+) [وفبلك]?$", text[max(0, start - 30) : start])
    if before is None:
        return False
    word = _without_article(before[1])
    return bool({word, word.removeprefix("و")} & _table("ar", "institutions"))


def _is_in_name_cased(text: FoldedText, start: int, end: int, language: str) -> bool:
    """Whether it is written small, or part of a longer name in capitals."""
    original, offsets = text.original, text.offsets
    name = text.folded[start:end]
    if not original[offsets[start]].isupper():
        return True
    before = re.compile(r"([\w'-]+) $").search(text.folded, max(0, start - 30), start)
    after = re.match(r" (\w[\w'-]*)", text.folded[end:])
    if name == "us" and not original[offsets[start] : offsets[end - 1] + 1].isupper():
        return True
    if name in _table(language, "need_preposition"):
        last = re.search(r"(\w+)[ '-]$", text.folded[max(0, start - 30) : start])
        if not last or last[1] not in _table(language, "prepositions"):
            return True
    if after and original[offsets[end + 1]].isupper():
        return True
    if before and original[offsets[before.start()]].isupper():
        is_first = (
            not text.folded[max(0, before.start() - 9) : before.start()].strip(" \"'(")
            or text.folded[max(0, before.start() - 9) : before.start()].rstrip()[-1] in ".!?:"
        )
        if not (is_first or before[1] in _table(language, "prepositions")):
            return True
    return any(text.folded.endswith(f"{words} ", 0, start) for words in _table(language, "institutions"))


def _without_article(word: str) -> str:
    for prefix in ("وال", "بال", "لل", "ال"):
        word = word.removeprefix(prefix)
    return word


@cache
def _pattern(language: str) -> re.Pattern[str]:
    names = any_of(_names(language))
    if language == "ar":
        # «لروسيا», «والصين», «للصين»: the particles are no letters of the name where the name stays whole.
        return re.compile(rf"(?:(?<!\w)|(?<=\b[وفبلك])|(?<=\bو[بلك]))(?P<name>{names})(?!\w)")
    return re.compile(rf"(?<![\w.-])(?P<name>{names})(?![\w])(?!-\w)")


@cache
def _told_pattern(language: str) -> re.Pattern[str]:
    """For a place whose name is not known, but what it is: "the village of Burow"."""
    cues = "|".join(sorted(read_table("facts/places.json")[language]["cues"]))
    return re.compile(rf"\b(?i:{cues})\s(?P<name>{_CAPITAL}(?:[ -]{_CAPITAL})*)")


@cache
def _names(language: str) -> dict[str, tuple[str | None, str]]:
    """Folded names in all their forms, with the country's code and the name's first form."""
    known: dict[str, str | None] = {}
    for name in _cities(language) + read_table("facts/places.json")[language]["others"]:
        known[name] = None
    known.update(_territories(language))
    known.update(read_table("facts/places.json")[language]["countries"])
    barred = _table(language, "not_places")
    known = {name: code for name, code in known.items() if fold(name) not in barred and len(name) > 1}
    known.update(read_table("facts/places.json")[language]["kept"])
    forms: dict[str, tuple[str | None, str]] = {}
    for name, code in known.items():
        for form in _forms(name, language):
            forms.setdefault(fold(form), (code, fold(name)))
    # What a word is first wins over what is only one of its cases.
    return forms | {fold(name): (code, fold(name)) for name, code in known.items()}


def _territories(language: str) -> dict[str, str | None]:
    from babel import Locale

    return {
        name: code if _COUNTRY_CODE.fullmatch(code) and code not in _NO_COUNTRIES else None
        for code, name in Locale(language).territories.items()
        if "(" not in name
    }


def _cities(language: str) -> list[str]:
    from zoneinfo import available_timezones

    from babel import Locale
    from babel.dates import get_timezone_location

    locale = Locale(language)
    zones = [zone for zone in available_timezones() if _CITY_ZONES.fullmatch(zone)]
    return [get_timezone_location(zone, locale=locale, return_city=True) for zone in sorted(zones)]


def _forms(name: str, language: str) -> list[str]:
    if language == "ar":
        # «للصين»: with the particle the article loses its alef.
        return [name, "لل" + name[2:]] if name.startswith("ال") else [name]
    if language == "ru":
        return [name, *_russian_cases(name)]
    return [name]


def _russian_cases(name: str) -> list[str]:
    if name.isupper() or name.endswith(("о", "э", "у", "и")) or ("-" in name and name.endswith("а-")):
        return []
    if " " in name:
        return _two_russian_words(name)
    for ending, others in _RUSSIAN_ENDINGS:
        if name.endswith(ending):
            return [name.removesuffix(ending) + other for other in others if other or len(name) > 4]
    return [name + ending for ending in _RUSSIAN_CONSONANT[:4]]


def _two_russian_words(name: str) -> list[str]:
    """«Южная Корея», «Средняя Азия», «Ближний Восток»: an adjective and a noun in the same case."""
    first, _, second = name.partition(" ")
    if " " in second or not second[:1].isupper():
        return []
    if first.endswith(("ая", "яя")):
        cases = [first[:-2] + (("ой", "ую") if first.endswith("ая") else ("ей", "юю"))[i] for i in (0, 1)]
        return [f"{adjective} {noun}" for adjective in cases for noun in _russian_cases(second)]
    if first.endswith(("ый", "ий")):
        soft = first.endswith("ний")
        stem = first[:-2]
        endings = ("его", "ему", "ем", "им") if soft else ("ого", "ому", "ом", "им", "ым")
        return [f"{stem}{ending} {noun}" for ending in endings for noun in _russian_cases(second)]
    if first == "Соединенные":
        return [f"Соединенны{x} Штат{y}" for x, y in (("х", "ов"), ("м", "ам"), ("х", "ах"), ("ми", "ами"))]
    return []


@cache
def _table(language: str, key: str) -> frozenset[str]:
    table: dict[str, Any] = read_table("facts/places.json")[language]
    return frozenset(map(fold, table.get(key, ())))
