"""Who speaks in a Turkish or Kazakh sentence: the subject stands at its head and the verb at its end."""

import re
from functools import cache

from rag.speakers.report import MASK, Report, letters_of, masked, report_of, words
from rag.word_tables import any_of

_WORD = r"[^\W\d_][\w.-]*"
_CAPITAL = r"[A-ZÇĞİÖŞÜА-ЯЁӘҒҚҢӨҰҮҺІ][\w.-]*"
_NAMES = rf"(?<![\w’'.-]){_CAPITAL}(?:\s+{_CAPITAL}){{0,9}}"
# A name, perhaps with an office in lower case before it: «Üniversiteden deprem uzmanı Prof. Dr. Ece Yalın».
_SUBJECT = rf"(?:{_CAPITAL}\s+(?:{_WORD}\s+){{0,5}}?)??{_NAMES}"
_PLURAL = re.compile(r"l[ae]r[ıiau]?$|[лдт][ае]р$")
_GENITIVE = re.compile(r"(?<=\w\w)(?:[нтд][ыі]ң)$")
_END = rf"(?=\s*(?:[.,;:!?{MASK}–—]|$|ve\s|және\s))"


def report(sentence: str, language: str) -> Report | None:
    """The speakers of a sentence: the subject of a finite verb of saying, or of «göre», «айтуынша»."""
    hidden = masked(sentence)
    spoken = _verb(language).search(hidden)
    goes_on = bool(_going_on(language).search(hidden))
    spans = _saying(hidden, language)
    if not spans and (span := _after(hidden, language) or (_head(hidden, language) if spoken else None)):
        spans = [span]
    if not spans:
        spans = _sources(hidden, language)[:1]
    return report_of(letters_of(sentence, spans), goes_on=goes_on and not spans)


def _saying(hidden: str, language: str) -> list[tuple[int, int]]:
    """«“…” diyen X, …»."""
    return [m.span("speaker") for m in _said_by(language).finditer(hidden)]


def _after(hidden: str, language: str) -> tuple[int, int] | None:
    """«“…” – деді X.»."""
    match = _verb_first(language).search(hidden)
    return match.span("speaker") if match and not _is_other(match["speaker"], language) else None


def _head(hidden: str, language: str) -> tuple[int, int] | None:
    """The subject at the head of the sentence, before a comma, a quotation or a word in lower case."""
    start = 0
    participles = list(_participle(language).finditer(hidden))
    if participles and "," not in hidden[: participles[0].end()]:
        start = participles[0].end()
    for pattern in _subjects(language):
        match = pattern.match(hidden, start)
        if match and not _is_other(match["speaker"], language) and not _PLURAL.search(match["speaker"]):
            return match.span("speaker")
    return _institution(hidden, language)


def _institution(hidden: str, language: str) -> tuple[int, int] | None:
    """«Денсаулық сақтау министрлігі»."""
    match = re.match(
        rf"(?P<speaker>{_CAPITAL}(?:\s+{_WORD}){{0,4}}?\s+(?:{any_of(words(language, 'institutions'))}))(?=[\s,])",
        hidden,
    )
    return match.span("speaker") if match and not _is_other(match["speaker"], language) else None


def _sources(hidden: str, language: str) -> list[tuple[int, int]]:
    found = []
    for match in _according(language).finditer(hidden):
        if not _is_other(match["speaker"], language):
            start, end = match.span("speaker")
            if language == "kk":
                end -= len(match["speaker"]) - len(_GENITIVE.sub("", match["speaker"]))
            found.append((start, end))
    return found


def _is_other(speaker: str, language: str) -> bool:
    """Whether it begins with a word that is no name («Dün …», «Ол …»)."""
    first = _lower(speaker.split(maxsplit=1)[0])
    return any(first in words(language, kind) for kind in ("openings", "pronouns", "no_names"))


def _lower(word: str) -> str:
    return word.replace("İ", "i").replace("I", "ı").lower()


@cache
def _verb(language: str) -> re.Pattern[str]:
    return re.compile(rf"(?<!\w)(?:{any_of(words(language, 'verbs'))}){_END}")


@cache
def _verb_first(language: str) -> re.Pattern[str]:
    verbs = any_of(words(language, "verbs"))
    return re.compile(
        rf"(?:[,–—{MASK}-]\s*(?:деп\s+|diye\s+)?)(?:{verbs})\s+(?P<speaker>(?:[^\W\d_A-ZÇĞİÖŞÜА-ЯЁӘҒҚҢӨҰҮҺІ][\w-]*\s+){{0,4}}{_NAMES})"
        r"(?=\s*[.,;:]|\s*$)"
    )


@cache
def _subjects(language: str) -> tuple[re.Pattern[str], ...]:
    """Subjects that a mark or a particle sets off, then those of two capitals or more."""
    particles = any_of(words(language, "particles"))
    before = r"\s*(?:(?:Ancak|Ama|Fakat|Ayrıca|Алайда|Бірақ)\s+)?"
    more = rf"{_CAPITAL}(?:\s+{_CAPITAL}){{1,9}}(?![’'\w])(?=\s)"
    return (
        re.compile(rf"{before}(?P<speaker>{_SUBJECT})(?![’'\w])(?=\s*[,{MASK}:]|\s+(?:{particles})\s)"),
        re.compile(rf"{before}(?P<speaker>{more})"),
        re.compile(rf"{before}(?P<speaker>{_CAPITAL}\s+(?:{_WORD}\s+){{1,3}}?{more})"),
    )


@cache
def _said_by(language: str) -> re.Pattern[str]:
    return re.compile(
        rf"(?:{any_of(words(language, 'saying'))})\s+(?P<speaker>(?:{_WORD}\s+){{0,4}}?{_NAMES})(?![’'\w])"
    )


@cache
def _participle(language: str) -> re.Pattern[str]:
    return re.compile(rf"(?<!\w)(?:{any_of(words(language, 'participles'))})\s+(?=[A-ZÇĞİÖŞÜ])")


@cache
def _according(language: str) -> re.Pattern[str]:
    if language == "tr":
        # A name has an apostrophe before its ending.
        return re.compile(rf"(?P<speaker>{_SUBJECT})[’'](?:y?[ea]|n[ea])\s+göre(?!\w)")
    return re.compile(rf"(?P<speaker>{_SUBJECT})\s+(?:{any_of(words(language, 'according_to'))})(?!\w)")


@cache
def _going_on(language: str) -> re.Pattern[str]:
    """«O, … söyledi», «“…” diye ekledi», «оның айтуынша»."""
    verbs, pronouns = any_of(words(language, "verbs")), any_of(words(language, "pronouns"))
    return re.compile(
        rf"(?i:^\s*(?:{pronouns})[\s,].*(?<!\w)(?:{verbs}){_END}|^{MASK}+[\s,–—-]*(?:diye\s+|деп\s+)?(?:{verbs}){_END}"
        rf"|(?<!\w)(?:{any_of(words(language, 'according_to_him'))})(?!\w))"
    )
