"""What a quote must not be cut off from: the negation before its first word, the rest of its first or last number."""

import re
import unicodedata
from functools import cache

from index.normalization import fold_with_offsets

_REACH = 40  # characters
# Folded. After a verb the negation stands in German, Turkish, Kazakh and the second half of the French one.
_NEGATIONS_BEFORE = {
    "ar": r"[وف]?(?:لا|لم|لن|ليس|ليست|ليسوا|غير|دون|بدون|بلا)",
    "en": r"no|not|never|nor|neither|without|cannot|\w+n't",
    "ru": r"не|ни|нет|без",
    "fr": r"ne|n'|pas|jamais|sans|non|ni",
    "de": r"nicht|nie|niemals|ohne|kein\w{0,2}",
    "es": r"no|nunca|jamas|sin|ni",
    "zh": r"不|没|未|非|无",
}
_NEGATIONS_AFTER = {"de": r"nicht|nie|niemals", "fr": r"pas|jamais", "tr": r"degil\w*", "kk": r"емес|жок"}
_SCALES = (
    r"thousand|million|billion|trillion|percent|per cent|тыс\w*|млн|млрд|миллион\w*|миллиард\w*|процент\w*"
    r"|الف|الاف|مليون|ملايين|مليار|مليارات|بالمي?ه|في المي?ه|mille|millions?|milliards?|pour cent"
    r"|tausend|millionen|milliarden|prozent|mil|millones|por ciento|bin|milyon|milyar|мын|пайыз"
)
_SEPARATOR = r"[.,'’\u066b\u066c]"
_THIN_SPACE = "[ \u00a0\u2009\u202f]"
_NUMBER_BEFORE = re.compile(rf"(?:\d+{_SEPARATOR})+$|(?<![\w])[-−+]$")
_GROUPS_BEFORE = re.compile(rf"(?<!\d)\d{{1,3}}(?:{_THIN_SPACE}\d{{3}})*{_THIN_SPACE}$")
_NUMBER_AFTER = re.compile(rf"(?:{_SEPARATOR}\d+)+|{_THIN_SPACE}?[%٪‰]")
_GROUPS_AFTER = re.compile(rf"(?:{_THIN_SPACE}\d{{3}})+(?!\d)")


def grown(text: str, start: int, end: int, language: str) -> tuple[int, int]:
    """`(start, end)` with the negation or the rest of a number that stands right beside `text[start:end]`.

    The same offsets where there is none. A negation further away, or outside the sentence's own words, is not seen.
    """
    return _grown_start(text, start, end, language), _grown_end(text, start, end, language)


def _grown_start(text: str, start: int, end: int, language: str) -> int:
    before = text[max(0, start - _REACH) : start]
    if text[start : start + 1].isdecimal():
        rest = _NUMBER_BEFORE.search(before)
        if rest is None and re.match(r"\d{3}(?!\d)", text[start:end]):
            rest = _GROUPS_BEFORE.search(before)
        if rest:
            return start - len(rest.group())
        if before and unicodedata.category(before[-1]) == "Sc":
            return start - 1
    folded, offsets = fold_with_offsets(before)
    pattern = _negation_before(language)
    negation = pattern.search(folded) if pattern else None
    if negation:
        begin = offsets[negation.start("word")]
        if "\n" not in before[begin:]:
            return start - len(before) + begin
    return start


def _grown_end(text: str, start: int, end: int, language: str) -> int:
    after = text[end : end + _REACH]
    if text[end - 1 : end].isdecimal():
        rest = _NUMBER_AFTER.match(after)
        digits = re.search(r"\d+$", text[start:end])
        if rest is None and digits and len(digits.group()) <= 3:
            rest = _GROUPS_AFTER.match(after)
        if rest:
            return end + len(rest.group())
        if after and unicodedata.category(after[0]) == "Sc":
            return end + 1
        scale = _word_at_head(after, _SCALES)
        if scale:
            return end + scale
    words = _NEGATIONS_AFTER.get(language)
    return end + (_word_at_head(after, words) if words else 0)


def _word_at_head(after: str, words: str) -> int:
    """How many characters reach to the end of one of the words, where one stands first; else 0."""
    head = re.match(r"\s", after)
    if not head:
        return 0
    folded, offsets = fold_with_offsets(after)
    match = re.match(rf"(?:{words})(?!\w)", folded.lstrip())
    if not match:
        return 0
    skipped = len(folded) - len(folded.lstrip())
    last = offsets[skipped + match.end() - 1]
    length = last + 1
    while length < len(after) and unicodedata.combining(after[length]):
        length += 1
    return length


@cache
def _negation_before(language: str) -> re.Pattern[str] | None:
    words = _NEGATIONS_BEFORE.get(language)
    if words is None:
        return None
    # Between it and the quote may stand white space (which folding drops at the end) and an opening quotation mark.
    opening = "" if language == "zh" else r"(?<!\w)"
    return re.compile(rf'{opening}(?P<word>{words})\s*"?$')
