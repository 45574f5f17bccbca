"""Numbers in a text that count or measure something: their value, and the letters of their unit.

Dates, times of day, scores, ordinals and numbers that are part of a name ("G7", "F-16", «С-300») are not counts.
A numeral whose separator can be read in two ways is left out.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from typing import Literal

from index.stop_words import stop_words
from rag.facts import fact_words
from rag.facts.fact_words import WORD_START
from rag.facts.folded_text import FoldedText
from rag.word_tables import any_of

NumberKind = Literal["number", "ratio", "range"]
_CURRENCY_SIGNS = "$€£¥₽₸₺₴₹"
_SIGNS = tuple(_CURRENCY_SIGNS)
_SHORT_SCALE = re.compile(r"[mk](?!\w)")
_NUMERAL = r"\d{1,3}(?:[ ,.'٬]\d{3})+(?!\d)(?:[.,٫]\d+)?|\d+(?:[.,٫]\d+)?"
# In Arabic «و» is written together with a numeral ("و12").
_START = rf"(?:(?<![\w.,:/+§#⁄'-])|(?<=\b[وبل])|(?<=[{_CURRENCY_SIGNS}]))"
_LONGEST_UNIT = 4  # words
_LIKE_A_YEAR = re.compile(r"(?:1\d|20)\d\d(?:\s?-\s?(?:1\d|20)\d\d)?")
_JOINED = re.compile(r"\s?(?:,|-|and|or|to|و|او|الي|и|или|по|до|et|ou|au|a|und|bis|y|ve|sowie)\s?")


@dataclass(frozen=True, slots=True)
class FoundNumber:
    """`text[start:end]` is a number; `unit` the span of what it counts or measures, None where none is stated.

    A ratio ("2 to 1") and a range ("10-15") have a `second` value.
    """

    start: int
    end: int
    kind: NumberKind
    value: int | float
    second: int | float | None
    unit: tuple[int, int] | None


@dataclass(frozen=True, slots=True)
class _Numeral:
    """A number in folded text, with the word that multiplies it."""

    start: int
    end: int
    value: Decimal
    upper: Decimal | None
    is_spelled: bool
    is_scaled: bool


def find_numbers(text: str, language: str, dates: Sequence[tuple[int, int]] = ()) -> list[FoundNumber]:
    """The numbers in a paragraph of the language (ISO 639-1), in reading order, but for those inside the dates."""
    folded = FoldedText.of(text)
    taken = [_folded_span(folded, span) for span in dates]
    numerals = [n for n in _numerals(folded.folded, language) if not _belongs_to_date(folded.folded, n, taken)]
    found = []
    pending = iter(numerals)
    for first in pending:
        after = next((n for n in numerals if n.start > first.end), None)
        if after and _is_pair(folded.folded, first, after, language):
            next(pending, None)
            kind: NumberKind = "ratio" if first.value > after.value else "range"
            unit = _unit(folded, after, language) if kind == "range" else None
            span = folded.span(first.start, after.end)
            unit_span = folded.span(*unit) if unit else None
            found.append(FoundNumber(*span, kind, _plain(first.value), _plain(after.value), unit_span))
        elif number := _counted(folded, first, language):
            found.append(number)
    return found


def _counted(text: FoldedText, numeral: _Numeral, language: str) -> FoundNumber | None:
    unit = _unit(text, numeral, language)
    # "The two", "Eurobird 1", "in 1047": what may be a word, a name or a year tells nothing without what it counts.
    is_small = language in _UNITS and not numeral.is_scaled and numeral.upper is None and numeral.value < 100
    is_vague = (numeral.is_spelled and not numeral.is_scaled) or is_small
    before = re.search(r"(\w+) $", text.folded[max(0, numeral.start - 20) : numeral.start])
    is_like_a_year = bool(_LIKE_A_YEAR.fullmatch(text.folded[numeral.start : numeral.end]))
    # "Those of 1535 and 1559 shows": after such a word it is a year also where a noun seems to follow.
    is_dated = text.folded[numeral.start - 1 : numeral.start] == "و" or (before and before[1] in stop_words(language))
    if (unit is None and is_vague) or (is_like_a_year and (unit is None or is_dated)):
        return None
    return FoundNumber(
        *text.span(numeral.start, numeral.end),
        "number" if numeral.upper is None else "range",
        _plain(numeral.value),
        None if numeral.upper is None else _plain(numeral.upper),
        text.span(*unit) if unit else None,
    )


def _numerals(text: str, language: str) -> list[_Numeral]:
    numerals = []
    for match in _pattern(language).finditer(text):
        digits = match["digits"]
        end = match.end("scale") if match["scale"] else match.end("upper") if match["upper"] else match.end()
        scale = fact_words.scales(language)[match["scale"]] if match["scale"] else 1
        # "£30m": without the sign of a currency these are metres.
        short = _SHORT_SCALE.match(text, end) if text[match.start() - 1 : match.start()] in _SIGNS else None
        if short:
            end, scale = short.end(), {"m": 10**6, "k": 1000}[short.group()]
        elif digits and (_is_glued(text, end, language) or _names_or_times(text, match.start(), end, language)):
            continue
        if _is_part_of_spelled(text, match.start(), end, language):
            continue
        worth = _value(digits, language) if digits else Decimal(_spelled(language)[match["spelled"] or match["alone"]])
        upper = _value(match["upper"], language) if match["upper"] else None
        if worth is None or (match["upper"] and (upper is None or upper <= worth)):
            continue
        numeral = _Numeral(match.start(), end, worth * scale, upper and upper * scale, not digits, scale > 1)
        numerals.append(numeral)
    return numerals


def _is_glued(text: str, end: int, language: str) -> bool:
    """Whether letters stick to the numeral that are no measure: "7th", "21-й", "25-year-old"; "10km" and "5%" are."""
    if language == "zh":
        return bool(re.match("[点时号月日年]", text[end:]))
    if not re.match(r"-?\w|°|[:/⁄]\d|[.,]\d", text[end:]):
        return False
    word = re.match(r"[^\s,.;:!?()\"]+", text[end:])
    return word is None or word.group() not in fact_words.measures(language)


def _names_or_times(text: str, start: int, end: int, language: str) -> bool:
    """Whether the numeral tells which one ("section 5") or an hour of the day ("at 8 a.m.")."""
    before = re.findall(r"[\w']+(?=\.?\s$)", text[max(0, start - 20) : start])[-1:]
    if before and before[0] in fact_words.words(language, "labels"):
        return True
    is_hour = re.match(rf"\s(?:{any_of(fact_words.words(language, 'clock'))})(?!\w)", text[end:])
    cues = fact_words.words(language, "clock_before")
    return bool(is_hour) and (not cues or bool(before and before[0] in cues))


def _is_part_of_spelled(text: str, start: int, end: int, language: str) -> bool:
    """Whether another word for a number stands beside it: "twenty five", «خمسة وعشرون», «deux mille cinq cents»."""
    # «اثني عشر», «الثالث عشر»: the word before is not among the numbers that stand alone.
    number = any_of({*_spelled(language), *fact_words.scales(language), *fact_words.words(language, "teens")})
    and_ = r"(?:and\s|et\s|и\s|و)?"
    before = rf"(?<!\w)(?:{number})[\s-]{and_}$"
    after = rf"[\s-]{and_}(?:{number})(?!\w)"
    return bool(re.search(before, text[max(0, start - 30) : start]) or re.match(after, text[end:]))


@cache
def _spelled(language: str) -> dict[str, int]:
    return fact_words.values(language, "scales_alone") | fact_words.values(language, "spelled")


def _value(numeral: str, language: str) -> Decimal | None:
    """What a numeral is worth; None where its separator may part groups of digits or decimals."""
    group, _ = fact_words.separators(language)
    text = re.sub(r"[ '٬]", "", numeral).replace("٫", "d")
    signs = [sign for sign in ".," if sign in text]
    if len(signs) == 2 and text.rfind(".") > text.rfind(","):
        text = text.replace(",", "").replace(".", "d")
    elif len(signs) == 2:
        text = text.replace(".", "").replace(",", "d")
    elif signs:
        (sign,) = signs
        if text.count(sign) > 1 or (sign == group and re.search(rf"\{sign}\d{{3}}$", text)):
            text = text.replace(sign, "")
        elif sign == group if language == "en" else re.search(rf"^[1-9]\d*\{sign}\d{{3}}$", text):
            return None
        else:
            text = text.replace(sign, "d")
    return Decimal(text.replace("d", "."))


def _is_pair(text: str, first: _Numeral, second: _Numeral, language: str) -> bool:
    """Whether they are told together: a ratio ("2 to 1"), a range ("20 to 25 men"); "from 20 to 25" may be a change."""
    between = text[first.end : second.start]
    before = re.findall(r"[\w']+", text[max(0, first.start - 20) : first.start])[-1:]
    comes_from = bool(before) and before[0] in fact_words.words(language, "from")
    if comes_from or not between.startswith(" ") or not between.endswith(" ") or first.is_scaled or second.is_scaled:
        return False
    if first.value > second.value:
        return between.strip() in fact_words.words(language, "ratio") and first.value < 100
    return between.strip() in fact_words.words(language, "range") and first.value < second.value


def _belongs_to_date(text: str, numeral: _Numeral, dates: list[tuple[int, int]]) -> bool:
    """Whether it stands in a date, or is joined to one: "10 and 12 January"."""
    joined = _JOINED.match(text, numeral.end)
    for start, end in dates:
        if numeral.start < end and start < numeral.end:
            return True
        if joined and joined.end() == start and text[start : start + 1].isdigit() and numeral.value <= 31:
            return True
    return False


def _unit(paragraph: FoldedText, numeral: _Numeral, language: str) -> tuple[int, int] | None:
    text = paragraph.folded
    if text[numeral.start - 1 : numeral.start] in _SIGNS:
        return numeral.start - 1, numeral.start
    tail = text[numeral.end :]
    percent = "|".join(["%", "٪", any_of(fact_words.words(language, "percent"))])
    # "3 in ten" are not inches.
    measures = any_of((fact_words.measures(language) - {"in"}) | fact_words.words(language, "units_more"))
    match = re.match(rf"\s?((?:{percent}|[{_CURRENCY_SIGNS}]|{measures}))(?!\w)", tail)
    if match:
        return numeral.end + match.start(1), numeral.end + match.end(1)
    finder = _UNITS.get(language)
    words = [(m.group(), m.start(), m.end()) for m in _words_after(tail, language)]
    # A name after a numeral («в 1875 Марией») is not what is counted.
    is_name = (
        bool(words) and language != "en" and paragraph.original[paragraph.offsets[numeral.end + words[0][1]]].isupper()
    )
    span = finder(words) if finder and not is_name else None
    return (numeral.end + span[0], numeral.end + span[1]) if span else None


def _words_after(tail: str, language: str) -> list[re.Match[str]]:
    """The words that follow without a mark between, to the first that no unit holds."""
    words: list[re.Match[str]] = []
    position = 0
    # «2.5 millions d'euros», "thousands of people": the preposition is not of the unit.
    preposition = re.match(rf"\s(?:{any_of(fact_words.words(language, 'of'))})[\s']", tail)
    if preposition:
        position = preposition.end() - 1
    barred = stop_words(language) | fact_words.words(language, "not_units") | _spelled(language).keys()
    while len(words) < _LONGEST_UNIT:
        match = re.compile(r"[\s'](?P<word>[^\W\d_](?:[\w-]*\w)?)(?=[\s.,;:!?\"')\]]|$)").match(tail, position)
        if not match or match["word"] in barred:
            break
        found = re.compile(re.escape(match["word"])).match(tail, match.start("word"))
        if found:
            words.append(found)
        position = match.end()
    return words


Words = list[tuple[str, int, int]]


def _english_unit(words: Words) -> tuple[int, int] | None:
    """To the first plural: "2,500 Russian soldiers arrived"."""
    plurals = fact_words.words("en", "plurals")
    for i, (word, _, end) in enumerate(words):
        if word in plurals or (len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is"))):
            # "10 year-olds", "6 policemen and women": only words that can stand before a noun lead to it.
            return None if any(w.endswith(("ed", "ly")) for w, _, _ in words[:i]) else (words[0][1], end)
        if word.endswith("men"):
            return words[0][1], end
    return None


def _french_unit(words: Words) -> tuple[int, int] | None:
    """The plural that follows, after adjectives that stand before a noun: «300 autres personnes»."""
    for i, (word, _, end) in enumerate(words[:3]):
        if word in fact_words.words("fr", "before_units"):
            continue
        return (words[0][1], end) if word.endswith(("s", "x")) and i < 3 else None
    return None


def _russian_unit(words: Words) -> tuple[int, int] | None:
    """The noun that follows, with the adjectives before it: «12 тысяч российских военных»."""
    for i, (word, _, end) in enumerate(words[:3]):
        if re.search(
            r"(?:ески|ли|лись|лось|лась|ают|яют|уют|[жв]аны|ены|ен[ао]|[жв]ан[ао]|убиты|ться|ется|ются|уются)$", word
        ):
            return (words[0][1], words[i - 1][2]) if i else None
        if re.search(r"(?:ых|их|ого|его|ные|ные|ские|ными|ними)$", word) and word not in fact_words.words(
            "ru", "plurals"
        ):
            continue
        return words[0][1], end
    # «12 тысяч российских военнослужащих»: a noun that is declined like an adjective.
    return (words[0][1], words[-1][2]) if words else None


# «ل» before another word is a preposition; these nouns begin with it.
_ARABIC_UNITS_WITH_LAM = ("لاج", "لتر", "ليتر", "لاعب", "لير", "لغ", "لجن", "لقاح", "لوح", "لبنان", "لص", "ليال")


def _arabic_unit(words: Words) -> tuple[int, int] | None:
    """The noun that follows without article: «2500 جندي»."""
    if not words:
        return None
    word, start, end = words[0]
    begins_with_particle = word.startswith("و") and not word.startswith(("وزير", "وزرا", "وحد", "وفد", "وكال", "وظ"))
    is_verb = word.endswith("وا") or (word.startswith(("ي", "ت")) and word.endswith("ون"))
    begins_with_particle |= word.startswith("ل") and not word.startswith(_ARABIC_UNITS_WITH_LAM)
    is_definite = word.startswith(("ال", "لل", "بال"))
    return None if begins_with_particle or is_verb or is_definite or len(word) < 2 else (start, end)


def _plain(value: Decimal) -> int | float:
    return int(value) if value == value.to_integral_value() else float(value)


def _folded_span(text: FoldedText, span: tuple[int, int]) -> tuple[int, int]:
    inside = [i for i, offset in enumerate(text.offsets) if span[0] <= offset < span[1]]
    return inside[0], inside[-1] + 1


_UNITS = {"ar": _arabic_unit, "en": _english_unit, "ru": _russian_unit, "fr": _french_unit}


@cache
def _pattern(language: str) -> re.Pattern[str]:
    alone = any_of(fact_words.values(language, "scales_alone"))
    spelled = any_of(fact_words.values(language, "spelled"))
    scale = any_of(fact_words.scales(language))
    digits = rf"(?P<digits>{_NUMERAL})(?:\s?-\s?(?P<upper>{_NUMERAL}))?"
    # Chinese writes no spaces between a numeral and what stands around it.
    if language == "zh":
        return re.compile(rf"(?<![\da-z第-])(?<!\d[.,]){digits}(?P<scale>{scale})?(?P<spelled>(?!))?(?P<alone>(?!))?")
    return re.compile(
        rf"(?:{_START}{digits}|{WORD_START}(?<![-ك])(?P<spelled>{spelled})(?![\w-]))(?:\s?(?P<scale>{scale})(?!\w))?"
        rf"|{WORD_START}(?<!ك)(?P<alone>{alone})(?![\w-])"
    )
