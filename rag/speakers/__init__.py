"""Who says it: the article itself, or somebody whom it quotes or reports, by reporting verbs and name patterns.

What is doubtful is left to the article: a wrong name under a quote is worse than none.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, lru_cache

from index.normalization import fold
from index.sentences import sentence_spans
from rag.speakers import arabic, chinese, european, turkic
from rag.speakers.report import Report, is_same_person, tables
from rag.word_tables import any_of

# How far back the name may stand that a sentence without one ("he said", «وكتبت:») goes on with.
_REACH = 1200
_LONGEST_SENTENCE = 1500
_EUROPEAN = ("en", "fr", "ru", "de", "es")
_TURKIC = ("tr", "kk")
_REPORTS: dict[str, Callable[[str, str], Report | None]] = {
    "ar": arabic.report,
    "zh": chinese.report,
    **dict.fromkeys(_TURKIC, turkic.report),
    **dict.fromkeys(_EUROPEAN, european.report),
}
# The subject of a sentence that reports nothing: «Martin Okafor, head of …, looked away.»
_SUBJECTS: dict[str, Callable[[str, str], str]] = dict.fromkeys(_EUROPEAN + _TURKIC, european.subject)


@dataclass(frozen=True, slots=True)
class Attribution:
    """`speaker` in the article's letters, empty for the article itself; whether it is put forward as uncertain."""

    speaker: str = ""
    is_hedged: bool = False


def attribute(text: str, start: int, end: int, language: str) -> Attribution:
    """Who says `text[start:end]` of an article in the language (ISO 639-1), by the whole sentences it stands in."""
    if language not in tables():
        return Attribution()
    low = text.rfind("\n", 0, start) + 1
    high = text.find("\n", end)
    paragraph = text[low : high if high >= 0 else len(text)]
    sentences = [(low + a, low + b) for a, b in sentence_spans(paragraph) if low + a < end and low + b > start]
    said = [(text[a:b], _speaker(text[a:b], text[max(0, a - _REACH) : a], language)) for a, b in sentences]
    return Attribution(_one_speaker(said, language), any(_is_hedged(text[a:b], language) for a, b in sentences))


def _one_speaker(said: list[tuple[str, str]], language: str) -> str:
    """The speaker of all the sentences, or of the last ones where the others only bring that person in; else nobody."""
    speaker = ""
    for sentence, named in said:
        who = named or _subject(sentence, language)
        if not who or (speaker and not is_same_person(speaker, who)):
            return ""
        speaker = max(speaker, who, key=len)
    return speaker if said and said[-1][1] else ""


def _speaker(sentence: str, before: str, language: str) -> str:
    report = _report(sentence, language)
    if report is None or not report.goes_on or report.speakers:
        return report.speaker if report else ""
    # The first sentence of a paragraph goes on with the paragraph before, the others with their own.
    paragraph = before.rstrip().rpartition("\n")[2]
    for a, b in reversed(sentence_spans(paragraph)):
        earlier = _report(paragraph[a:b], language)
        if earlier and earlier.speakers:
            return earlier.speaker
        if subject := _subject(paragraph[a:b], language):
            return subject
    return ""


def _subject(sentence: str, language: str) -> str:
    find = _SUBJECTS.get(language)
    return find(sentence, language) if find and len(sentence) <= _LONGEST_SENTENCE else ""


@lru_cache(maxsize=1024)
def _report(sentence: str, language: str) -> Report | None:
    return _REPORTS[language](sentence, language) if len(sentence) <= _LONGEST_SENTENCE else None


def _is_hedged(sentence: str, language: str) -> bool:
    return bool(_hedges(language).search(fold(sentence)))


@cache
def _hedges(language: str) -> re.Pattern[str]:
    words = any_of(map(fold, tables()[language]["hedges"]))
    if language == "zh":
        return re.compile(words)
    # An Arabic word may have a conjunction before it; «قد ي…» is a verb in the imperfect.
    prefix, suffix = (r"[وف]?", r"(?:(?<=قد ي)|(?!\w))") if language == "ar" else ("", r"(?!\w)")
    # The month of May is no doubt, nor is what I have in German.
    not_after = {"en": r"(?<!\bin )(?<!\bof )(?<!\bsince )(?<!\buntil )(?<!\d )", "de": r"(?<!\bich )"}
    not_before = r"(?! ich\b)" if language == "de" else ""
    return re.compile(rf"(?<!\w){not_after.get(language, '')}{prefix}(?:{words}){suffix}(?! \d){not_before}")
