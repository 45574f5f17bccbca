"""Who speaks in an Arabic sentence: the verb comes first and its subject after it."""

import re
from functools import cache

from index.normalization import fold, fold_with_offsets
from rag.speakers.report import Report, report_of, words
from rag.word_tables import any_of

_LANGUAGE = "ar"
_LONGEST_NAME = 4
_WORDS = r'[^ ,:."]+(?: [^ ,:."]+){0,%d}'
# After «لكن» and its like the subject comes first.
_SUBJECT_FIRST = re.compile(
    rf"(?:^|[ ,])(?:و?لكن|غير ان|الا ان|بينما|فيما|اما) (?P<subject>{_WORDS % 7}(?:, {_WORDS % 5}(?=,))?),? ?$"
)
# «بدا مدرب الفريق، فلان، هادئا، إذ قال: …»: who the sentence is about, by office and name.
_OFFICE_AND_NAME = re.compile(rf" ?(?P<office>[^ ,:.\"]+)(?: [^ ,:.\"]+){{0,8}}, (?P<name>{_WORDS % 3}),")
_BECAUSE = re.compile(r"(?:اذ|حيث) $")
# Elsewhere a verb without a subject of its own has one that stands before it.
_AT_HEAD = re.compile(r"(?:و?كما |ثم |و?قد |\W)*")
_RELATIVES = frozenset({"الذي", "التي", "الذين"})
_REFUSALS = frozenset({"رفض", "رفضت", "يرفض", "ترفض"})
_POSSESSIVE = re.compile(r"(?:ها|هم|ه|نا)$")


def report(sentence: str, _: str = _LANGUAGE) -> Report | None:
    """The speakers of a sentence; a subject ends at a stop word, a colon or a comma."""
    folded, offsets = fold_with_offsets(sentence)
    verbs: list[str] = []
    sources: list[str] = []
    goes_on = is_unclear = False
    for match in _pattern().finditer(folded):
        is_quoted = bool(folded[: match.start()].count('"') % 2)
        if is_quoted or _is_denied(folded, match) or _is_passive(sentence, offsets, match):
            continue
        before = _SUBJECT_FIRST.search(folded[: match.start()]) if match["verb"] else None
        low, high = before.span("subject") if before else _subject(folded, match.end())
        if not before and low < high and not _has_end(folded, match, high):
            is_unclear = True
            continue
        if low == high and match["verb"] and _BECAUSE.search(folded[: match.start("verb")]):
            low, high = _who_it_is_about(folded[: match.start()])
        if low == high:
            goes_on = goes_on or bool(match["verb"] and _AT_HEAD.fullmatch(folded[: match.start()]))
        elif match["verb"]:
            verbs.append(sentence[offsets[low] : offsets[high - 1] + 1])
        elif folded[low:high].split()[0] not in _folded("things"):
            low -= folded[low - 1] == "ل" and folded[low] == "ل"  # «للخبير» is one word.
            sources.append(sentence[offsets[low] : offsets[high - 1] + 1])
    if is_unclear:
        return Report(("", *verbs)) if verbs else None
    return report_of(verbs or ([] if goes_on else sources[:1]), goes_on=goes_on)


def _has_end(folded: str, match: re.Match[str], end: int) -> bool:
    """Whether the subject has a clear end: a verb may have an object after it («رفض سوشكوف المقارنة»)."""
    if match["verb"] not in _folded("with_object"):
        return True
    subject, after = folded[match.end() : end], folded[end:]
    ahead = after.split(maxsplit=1)[:1]
    return (
        "," in subject
        or (" " not in subject.strip() and not match["verb"].endswith(("ه", "ها")))
        or after.lstrip()[:1] in {",", ":"}
        or bool(_folded("that").intersection(ahead))
    )


def _is_denied(folded: str, match: re.Match[str]) -> bool:
    """«لم يقل», «رفض التعليق»: nothing is said."""
    before = folded[: match.start()].split()[-1:]
    refuses = bool(match["verb"]) and match["verb"] in _REFUSALS
    ahead = re.split(r'[,:."]', folded[match.end() :], maxsplit=1)[0].split()
    if before[-1:] == ["قد"] and re.search(r"(?:^|[ و])كانت? ", folded[: match.start()]):
        return True  # «كانت المحكمة قد رفضت»: the subject stands before the verb, with nothing to tell where it begins.
    return bool(_folded("negations").intersection(before)) or (refuses and bool(_folded("refused").intersection(ahead)))


def _is_passive(sentence: str, offsets: list[int], match: re.Match[str]) -> bool:
    """«رُفض», where the vowel mark is written."""
    return bool(match["verb"]) and sentence[offsets[match.start("verb")] + 1 :].startswith("\u064f")


def _who_it_is_about(before: str) -> tuple[int, int]:
    """The one office with a name that stands before the verb; an empty span where there is none or several."""
    starts = [m.start() for m in re.finditer(rf"(?:^| )(?={any_of(_folded('roles'))})", before)]
    found = [m for start in starts if (m := _OFFICE_AND_NAME.match(before, start)) and _is_office(m["office"])]
    return (found[0].start("office"), found[0].end("name")) if len({m.end() for m in found}) == 1 else (0, 0)


def _is_office(word: str) -> bool:
    return bool({word, _POSSESSIVE.sub("", word), word.removeprefix("و")} & _folded("roles"))


def _subject(folded: str, position: int) -> tuple[int, int]:
    """Where the subject that begins at `position` ends; an empty one where the verb has none of its own."""
    first_end = _segment(folded, position)
    first = folded[position:first_end].split()
    if not first or first[0] in _folded("no_subjects") or re.fullmatch(r"ب(?:ان|انه|انها)", first[0]):
        return position, position
    end = first_end
    if folded[first_end : first_end + 2] == ", ":
        second_end = _segment(folded, first_end + 2)
        second = folded[first_end + 2 : second_end].split()
        # «X، مدير Y،» or «رئيس Y، X،»: name and office, in either order.
        is_office_after = bool(second) and second[0] in _folded("roles")
        is_name_after = (
            _is_office(first[0]) and 1 < len(second) <= _LONGEST_NAME and folded[second_end : second_end + 1] == ","
        )
        if is_office_after or is_name_after:
            end = second_end
    return position, end


def _segment(folded: str, position: int) -> int:
    """The end of the words from `position` to the next stop word or mark."""
    end = position
    stops = _folded("stops") | _RELATIVES
    for word in re.finditer(r'[^\s,:."؟!]+|[,:."؟!]', folded[position:]):
        after = position + word.end()
        # Folded, the name «علي» is the word «على», which never stands before a mark.
        is_ali = word.group() == "علي" and folded[after : after + 1] in {",", ":", "."}
        if not word.group()[0].isalnum() or (word.group() in stops and not is_ali):
            break
        end = after
    return end


@cache
def _folded(kind: str) -> frozenset[str]:
    return frozenset(map(fold, words(_LANGUAGE, kind)))


@cache
def _pattern() -> re.Pattern[str]:
    verbs, sources = any_of(_folded("verbs")), any_of(_folded("according_to"))
    # «وفقا ل» is written together with the name.
    return re.compile(rf"(?<!\w)(?:[وف]?(?P<verb>{verbs})(?!\w)|[وف]?(?:{sources})(?:(?<=ل)|(?!\w)))\s*")
