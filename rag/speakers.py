"""Who says it: the article itself, or somebody whom it quotes or reports, by reporting verbs and name patterns.

Arabic, English, Russian and French are read; in other languages everything is the article's own. What is doubtful
is left to the article: a wrong name under a quote is worse than none.
"""

import json
import re
from dataclasses import dataclass, replace
from functools import cache
from importlib import resources

from index.normalization import fold, fold_with_offsets
from index.sentences import sentence_spans

# How far back the name may stand that a sentence without one ("he said", «وكتبت:») goes on with.
_REACH = 1200
_LONGEST_SPEAKER = 14  # words
_LONGEST_NAME = 4
_ARABIC_WORDS = r'[^ ,:."]+(?: [^ ,:."]+){0,%d}'
_ARABIC_SUBJECT_FIRST = re.compile(
    rf"(?:^|[ ,])(?:و?لكن|غير ان|الا ان|بينما|فيما|اما) "
    rf"(?P<subject>{_ARABIC_WORDS % 7}(?:, {_ARABIC_WORDS % 5}(?=,))?),? ?$"
)
_NAME = r"[^\W\d_a-zа-яёà-öø-ÿ][\w’'.-]*"
_PARTICLES = r"(?:de|du|des|la|le|von|van|bin|ibn|al|of|the|and|for)"
_CASED_NAME = rf"{_NAME}(?:\s+(?:{_PARTICLES}\s+)*{_NAME})*"
_OFFICE = r"(?:,\s+[^,.;:“”«»\"\s][^,.;:“”«»\"]{2,90}%s)?"
# A name, perhaps with an office, and a word in lower case: the subject of a sentence and its verb.
_HEAD = re.compile(rf"(?P<speaker>{_CASED_NAME}{_OFFICE % ','})\s+[^\W\d_A-ZА-ЯЁÀ-Ö]")


@dataclass(frozen=True, slots=True)
class Attribution:
    """`speaker` in the article's letters, empty for the article itself; whether it is put forward as uncertain."""

    speaker: str = ""
    is_hedged: bool = False


@dataclass(frozen=True, slots=True)
class _Report:
    """What a sentence says of its speaker: a name, or that it is whoever spoke before."""

    speaker: str = ""
    goes_on: bool = False


def attribute(text: str, start: int, end: int, language: str) -> Attribution:
    """Who says `text[start:end]` of an article in the language (ISO 639-1), by the whole sentences it stands in."""
    if language not in _tables():
        return Attribution()
    low = text.rfind("\n", 0, start) + 1
    high = text.find("\n", end)
    paragraph = text[low : high if high >= 0 else len(text)]
    sentences = [(low + a, low + b) for a, b in sentence_spans(paragraph) if low + a < end and low + b > start]
    speakers = {_speaker(text[a:b], text[:a], language) for a, b in sentences}
    # Of several sentences in one quote each must be the same speaker's.
    speaker = speakers.pop() if len(speakers) == 1 else ""
    return Attribution(speaker, any(_is_hedged(text[a:b], language) for a, b in sentences))


def _speaker(sentence: str, before: str, language: str) -> str:
    report = _report(sentence, language)
    if report is None or report.speaker:
        return report.speaker if report else ""
    context = before[-_REACH:]
    paragraphs = re.split(r"\n+", context.rstrip("\n"))[-2:]
    for paragraph in reversed(paragraphs):
        for a, b in reversed(sentence_spans(paragraph)):
            earlier = _report(paragraph[a:b], language)
            if earlier and earlier.speaker:
                return earlier.speaker
            if language != "ar" and (subject := _subject(paragraph[a:b], language)):
                return subject
    return ""


def _subject(sentence: str, language: str) -> str:
    """The name at the head of a sentence that reports nothing: «Martin Okafor, head of …, looked away.»."""
    match = _HEAD.match(sentence)
    speaker = _without_opening(match["speaker"], language) if match else ""
    return _tidy(speaker) if len(speaker.split()) > 1 and len(speaker.split()) <= _LONGEST_SPEAKER else ""


def _report(sentence: str, language: str) -> _Report | None:
    found = _arabic(sentence) if language == "ar" else _cased(sentence, language)
    if found and found.speaker and len(found.speaker.split()) > _LONGEST_SPEAKER:
        return None
    return replace(found, speaker=_tidy(found.speaker)) if found else None


def _arabic(sentence: str) -> _Report | None:
    """The verb comes first and its subject after it, or after «لكن» and its like the other way round.

    A subject ends at a stop word, a colon or a comma. Two that speak in one sentence make it nobody's.
    """
    folded, offsets = fold_with_offsets(sentence)
    verbs: list[str] = []
    sources: list[str] = []
    goes_on = False
    for match in _arabic_pattern().finditer(folded):
        if _inside_quotation(folded, match.start()):
            continue
        before = _ARABIC_SUBJECT_FIRST.search(folded[: match.start()]) if match["verb"] else None
        low, high = before.span("subject") if before else _arabic_subject(folded, match.end())
        if low == high:
            goes_on = goes_on or bool(match["verb"])
        else:
            (verbs if match["verb"] else sources).append(sentence[offsets[low] : offsets[high - 1] + 1])
    if verbs or (sources and not goes_on):
        speakers = verbs or sources[:1]
        return _Report(speakers[0]) if len(set(speakers)) == 1 else None
    return _Report(goes_on=True) if goes_on else None


def _arabic_subject(folded: str, position: int) -> tuple[int, int]:
    """Where the subject that begins at `position` ends; an empty one where the verb has none of its own."""
    stops, roles = _folded("stops"), _folded("roles")
    first_end = _arabic_segment(folded, position, stops)
    first = folded[position:first_end].split()
    if not first:
        return position, position
    if first[0].startswith("ب") and first[0].removeprefix("ب") in {"ان", "انه", "انها"}:
        return position, position
    end = first_end
    if folded[first_end : first_end + 2] == ", ":
        second_end = _arabic_segment(folded, first_end + 2, stops)
        second = folded[first_end + 2 : second_end].split()
        # «X، مدير Y،» or «رئيس Y، X،»: name and office, in either order.
        is_office_after = bool(second) and second[0] in roles
        is_name_after = (
            first[0] in roles and 1 < len(second) <= _LONGEST_NAME and folded[second_end : second_end + 1] == ","
        )
        if is_office_after or is_name_after:
            end = second_end
    return position, end


def _arabic_segment(folded: str, position: int, stops: frozenset[str]) -> int:
    """The end of the words from `position` to the next stop word or mark."""
    end = position
    for word in re.finditer(r'[^\s,:."؟!]+|[,:."؟!]', folded[position:]):
        if not word.group()[0].isalnum() or word.group() in stops:
            break
        end = position + word.end()
    return end


def _cased(sentence: str, language: str) -> _Report | None:
    """Names are found by their capitals: before the verb, after it, or after «according to»."""
    before, after, according, pronoun = _patterns(language)
    for pattern in (according, before, after):
        for match in pattern.finditer(sentence):
            speaker = _without_opening(match["speaker"], language)
            if speaker and not _inside_quotation(sentence, match.start("verb")):
                return _Report(speaker)
    found = pronoun.search(sentence)
    if found and not _inside_quotation(sentence, found.start()):
        return _Report(goes_on=True)
    return None


def _without_opening(speaker: str, language: str) -> str:
    """Without what stands before a name at the head of a sentence («On Tuesday, …»); empty for a pronoun."""
    table = _tables()[language]
    while speaker and speaker.split(maxsplit=1)[0].strip(",").lower() in table["openings"]:
        speaker = speaker.partition(",")[2].strip()
    return "" if speaker.lower() in table["pronouns"] else speaker


def _is_hedged(sentence: str, language: str) -> bool:
    return bool(_hedges(language).search(fold(sentence)))


def _inside_quotation(text: str, position: int) -> bool:
    """Whether a quotation that was opened before the position is still open there."""
    before = text[:position]
    curly = before.count("“") + before.count("«") - before.count("”") - before.count("»")
    return curly > 0 or before.count('"') % 2 == 1


def _tidy(speaker: str) -> str:
    return speaker.strip(" .,;:،؛-–—")


@cache
def _tables() -> dict[str, dict[str, list[str]]]:
    table: dict[str, dict[str, list[str]]] = json.loads(
        resources.files("rag").joinpath("reporting.json").read_text(encoding="utf-8")
    )
    return table


@cache
def _folded(key: str) -> frozenset[str]:
    return frozenset(map(fold, _tables()["ar"][key]))


@cache
def _arabic_pattern() -> re.Pattern[str]:
    verbs = "|".join(sorted(map(re.escape, _folded("verbs")), key=len, reverse=True))
    sources = "|".join(sorted(map(re.escape, _folded("according_to")), key=len, reverse=True))
    # «وفقا ل» is written together with the name.
    return re.compile(rf"(?<!\w)(?:[وف]?(?P<verb>{verbs})(?!\w)|[وف]?(?:{sources})(?:(?<=ل)|(?!\w)))\s*")


@cache
def _hedges(language: str) -> re.Pattern[str]:
    words = sorted(map(re.escape, map(fold, _tables()[language]["hedges"])), key=len, reverse=True)
    # An Arabic word may have a conjunction before it; «قد ي…» is a verb in the imperfect.
    prefix, suffix = (r"[وف]?", r"(?:(?<=قد ي)|(?!\w))") if language == "ar" else ("", r"(?!\w)")
    # The month of May is no doubt.
    date = r"(?<!\bin )(?<!\bof )(?<!\bsince )(?<!\buntil )(?<!\d )" if language == "en" else ""
    return re.compile(rf"(?<!\w){date}{prefix}(?:{'|'.join(words)}){suffix}(?! \d)")


@cache
def _patterns(language: str) -> tuple[re.Pattern[str], re.Pattern[str], re.Pattern[str], re.Pattern[str]]:
    table = _tables()[language]

    def any_of(key: str) -> str:
        return "|".join(sorted(map(re.escape, table[key]), key=len, reverse=True))

    verb = rf"(?:(?:{any_of('auxiliaries')})\s+)*(?P<verb>{any_of('verbs')})(?!\w)"
    # Words of lower case between capitals belong to a name («Fire chief Anna Berg»), and so does an office after it.
    name = rf"(?:{_NAME}\s+(?:[^\W\d_][\w’'-]*\s+){{1,3}}?)?{_CASED_NAME}"
    after = rf"(?:(?:[Tt]he|[Ll]es?|[Ll]a)\s+|[Ll]['’])?(?:[^\W\d_][\w’'-]*\s+){{0,3}}?{_CASED_NAME}"
    office = _OFFICE % ""
    end = r"(?=[,.;:]|\s|$)"
    pronouns = any_of("pronouns")
    return (
        re.compile(rf"(?<!\w)(?P<speaker>{name}{office}),?\s+{verb}"),
        re.compile(rf"(?<!\w){verb}\s+(?P<speaker>{after}{office}){end}"),
        re.compile(rf"(?i:(?<!\w)(?P<verb>{any_of('according_to')}))\s+(?P<speaker>{after}){end}"),
        re.compile(
            rf"(?i:(?<!\w)(?:{pronouns})\s+{verb}|(?<!\w)(?:{any_of('verbs')})[- ](?:t-)?(?:{pronouns})(?!\w)"
            rf"|(?<!\w)(?:{any_of('auxiliaries')})-(?:t-)?(?:{pronouns})\s+(?:{any_of('verbs')})(?!\w))"
        ),
    )
