"""The words around numbers and dates, by language, and what Babel knows of a language's calendar and numbers."""

from functools import cache
from typing import TYPE_CHECKING, Any

from index.normalization import fold
from rag.word_tables import read_table

if TYPE_CHECKING:
    from babel import Locale

# Arabic months have other names in the Levant and Iraq, in Algeria and in Morocco.
_REGIONS = {"ar": ("ar", "ar_LB", "ar_DZ", "ar_MA")}
_MEASURES = (
    "length-kilometer", "length-meter", "length-centimeter", "length-millimeter", "length-mile", "length-foot",
    "mass-kilogram", "mass-gram", "mass-tonne", "mass-ton", "area-hectare", "area-square-kilometer",
    "area-square-meter", "area-acre", "area-square-mile", "area-square-foot", "length-yard", "length-inch",
    "length-nanometer", "speed-mile-per-hour", "mass-pound", "volume-liter", "volume-cubic-meter", "volume-barrel",
    "temperature-celsius", "speed-kilometer-per-hour", "power-megawatt", "power-gigawatt", "power-kilowatt",
    "energy-kilowatt-hour",
)  # fmt: skip
# Where a word of the text begins: Arabic particles are written together with what follows.
WORD_START = r"(?:(?<!\w)|(?<=\b[وفبلك]))"


@cache
def words(language: str, key: str) -> frozenset[str]:
    """Folded words of the kind; empty for a language without such a list."""
    return frozenset(map(fold, _tables().get(language, {}).get(key, ())))


@cache
def values(language: str, key: str) -> dict[str, int]:
    """Folded words of the kind with their number; empty for a language without such a list."""
    return {fold(word): value for word, value in _tables().get(language, {}).get(key, {}).items()}


@cache
def reporting_verbs(language: str) -> frozenset[str]:
    """Folded verbs of saying."""
    return frozenset(map(fold, read_table("reporting.json").get(language, {}).get("verbs", ())))


def flag(language: str, key: str) -> bool:
    """A yes or no about the language; no where nothing is said."""
    return bool(_tables().get(language, {}).get(key))


def periods(language: str) -> dict[str, list[str]]:
    """The language's words for a week, a month and a year, as they stand beside "last" and "next"."""
    table: dict[str, list[str]] = _tables().get(language, {}).get("periods", {})
    return table


@cache
def months(language: str) -> dict[str, int]:
    """Folded names of the months, with abbreviations, and their numbers from 1."""
    names = {}
    for locale in _locales(language):
        for context in ("format", "stand-alone"):
            for width in ("abbreviated", "wide"):
                for number, name in locale.months[context][width].items():
                    names[fold(name).rstrip(".")] = int(number)
    named = {name: number for name, number in names.items() if not any(map(str.isdigit, name))}
    return named | values(language, "months_more")


@cache
def weekdays(language: str) -> dict[str, int]:
    """Folded full names of the weekdays, Monday being 0."""
    names = {}
    for locale in _locales(language):
        for context in ("format", "stand-alone"):
            names.update({fold(name): int(number) for number, name in locale.days[context]["wide"].items()})
    return names | values(language, "weekdays_more")


@cache
def scales(language: str) -> dict[str, int]:
    """Folded words that multiply a number ("million", «тысяч», «آلاف») and by how much."""
    names = {}
    for locale in _locales(language):
        for patterns in locale.compact_decimal_formats.get("long", {}).values():
            for size, pattern in patterns.items():
                zeros, _, word = fold(pattern.pattern).replace("'", "").partition(" ")
                # A pattern like `00 тысяч` for 10,000: two digits stand before the word.
                if word.isalpha() and set(zeros) == {"0"}:
                    names[word] = int(size) // 10 ** (len(zeros) - 1)
    return names | values(language, "scales_more")


@cache
def separators(language: str) -> tuple[str, str]:
    """The signs between groups of digits and before decimals."""
    from babel.numbers import get_decimal_symbol, get_group_symbol

    locales = _locales(language)
    if not locales:
        return ",", "."
    system = {"numbering_system": "latn"}
    return get_group_symbol(locales[0], **system), get_decimal_symbol(locales[0], **system)


@cache
def measures(language: str) -> frozenset[str]:
    """Folded names and signs of measures, in all their forms: km, kilometres, °C, hectares."""
    from babel.units import format_unit

    found = set()
    for locale in _locales(language):
        for unit in _MEASURES:
            for length in ("short", "long"):
                for count in (1, 2, 5, 11, 100):
                    written = fold(format_unit(count, unit, length, locale=locale))
                    found.add(written.replace(str(count), "").strip())
    return frozenset(found - {""})


@cache
def _locales(language: str) -> "list[Locale]":
    from babel import Locale, UnknownLocaleError

    try:
        return [Locale.parse(name) for name in _REGIONS.get(language, (language,))]
    except (UnknownLocaleError, ValueError):
        return []


def _tables() -> dict[str, dict[str, Any]]:
    return read_table("facts/fact_words.json")
