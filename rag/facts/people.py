"""The people in an article: every name once, with the office stated beside it and all paragraphs it stands in."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher

from index.normalization import fold
from index.stemming import skeleton
from index.stop_words import stop_words
from rag.facts.arabic_names import find_arabic_names, without_particle
from rag.facts.cased_names import FoundName, find_cased_names, is_common, is_given_name, is_office
from rag.facts.folded_text import FoldedText

LANGUAGES = ("ar", "en", "ru", "fr")
_SAME_SPELLING = 0.8
_SHORTEST_SPELLING = 5
# Endings of Russian surnames, folded: without them a name is the same in all cases.
_RUSSIAN_FIRST_CASE = re.compile(r"(?:ии|ыи|ая|и|ь|а|я)$")
_RUSSIAN_ENDINGS = "(?:ии|ыи|ая|и|ь|а|у|ым|ом|е|ои|ы|ого|ому|им|ую|еи|я|ю|ем)?"
Span = tuple[int, int, int]


@dataclass(slots=True)
class FoundPerson:
    """A person: spans `(paragraph's index, start, end)` of the fullest name, of the office, and of all mentions."""

    name: Span
    role: Span | None = None
    mentions: list[Span] = field(default_factory=list)


@dataclass(slots=True)
class _Person:
    """What is gathered on the way: the words of the fullest name, and where names and offices stand."""

    words: list[str]
    names: list[tuple[int, FoundName]]
    bare: list[Span] = field(default_factory=list)


def find_people(paragraphs: Sequence[str], language: str) -> list[FoundPerson]:
    """The people in an article's paragraphs, in the order they come; none in a language not among `LANGUAGES`."""
    if language not in LANGUAGES:
        return []
    found = list(_names(paragraphs, language))
    folded = [FoldedText.of(text) for text in paragraphs]
    people: list[_Person] = []
    # Full names first, so that a surname alone joins the one whose it is.
    for is_full in (True, False):
        for i, name in found:
            words = _words(paragraphs[i][name.start : name.end])
            if (len(words) > 1) != is_full:
                continue
            same = [p for p in people if _is_same(p.words, words, language)]
            if len(same) == 1:
                same[0].names.append((i, name))
                same[0].words = max(same[0].words, words, key=len)
            elif not same:
                people.append(_Person(words, [(i, name)]))
    for person in people:
        namesakes = [p for p in people if _same_word(p.words[-1], person.words[-1], language)]
        if len(namesakes) == 1:
            person.bare = list(_bare_mentions(person.words[-1], folded, found, language))
    people.sort(key=lambda p: min([(i, n.start) for i, n in p.names]))
    return [_told(person, paragraphs, language) for person in people]


def _names(paragraphs: Sequence[str], language: str) -> Iterator[tuple[int, FoundName]]:
    used_again: frozenset[str] = frozenset()
    if language == "ar":
        words = (word for text in paragraphs for word in re.findall(r"\w+", fold(text)))
        counts = Counter(form for word in words for form in without_particle(word))
        used_again = frozenset(word for word, count in counts.items() if count > 1 and len(word) > 3)
    for i, text in enumerate(paragraphs):
        names = find_arabic_names(text, used_again) if language == "ar" else find_cased_names(text, language)
        yield from ((i, name) for name in names)


def _told(person: _Person, paragraphs: Sequence[str], language: str) -> FoundPerson:
    def fullness(entry: tuple[int, FoundName]) -> tuple[int, bool, int, int]:
        i, name = entry
        words = paragraphs[i][name.start : name.end].split()
        # In Russian the form that the name is listed under, not one of its cases.
        is_first_case = language != "ru" or not re.search(r"[ауыеюя]$|ым$|ом$|ой$", words[-1])
        return (-len(words), not is_first_case, i, name.start)

    i, name = min(person.names, key=fullness)
    with_role = sorted((e for e in person.names if e[1].role), key=lambda e: (e[0], e[1].start))
    role = None
    if with_role and (span := with_role[0][1].role):
        role = (with_role[0][0], *span)
    mentions = sorted({(i, n.start, n.end) for i, n in person.names} | set(person.bare))
    return FoundPerson((i, name.start, name.end), role, mentions)


def _words(name: str) -> list[str]:
    return [word.strip(".") for word in fold(name).split()]


def _is_same(first: list[str], second: list[str], language: str) -> bool:
    if not _same_word(first[-1], second[-1], language):
        return False
    is_alone = len(first) == 1 or len(second) == 1
    return (
        is_alone
        or any(_same_word(first[0], word, language) for word in second[:-1])
        or any(_same_word(second[0], word, language) for word in first[:-1])
    )


def _same_word(first: str, second: str, language: str) -> bool:
    """Whether two folded words are one name: equal, in two Russian cases, or two spellings with the same consonants."""
    if first == second:
        return True
    if language == "ru":
        return any(re.fullmatch(_in_all_cases(a), b) is not None for a, b in ((first, second), (second, first)))
    if language != "ar" or min(len(first), len(second)) < _SHORTEST_SPELLING:
        return False
    if skeleton(first) != skeleton(second) or not skeleton(first):
        return False
    return SequenceMatcher(None, first, second).ratio() >= _SAME_SPELLING


def _in_all_cases(surname: str) -> str:
    """A regular expression for a folded Russian surname in any case."""
    stem = _RUSSIAN_FIRST_CASE.sub("", surname)
    return re.escape(stem) + _RUSSIAN_ENDINGS if len(stem) > 2 else re.escape(surname)


def _bare_mentions(
    surname: str, paragraphs: Sequence[FoldedText], found: Sequence[tuple[int, FoundName]], language: str
) -> Iterator[Span]:
    """Where the surname stands alone."""
    if len(surname) < 3 or surname in stop_words(language):
        return
    for i, text in enumerate(paragraphs):
        taken = [(n.start, n.end) for j, n in found if j == i]
        matches = _arabic_matches(surname, text) if language == "ar" else _cased_matches(surname, text, language)
        for start, end in matches:
            if not any(start < high and low < end for low, high in taken):
                yield i, start, end


def _arabic_matches(surname: str, folded: FoldedText) -> Iterator[tuple[int, int]]:
    for match in re.finditer(r"[^\W\d_]+", folded.folded):
        for form in without_particle(match.group()):
            if _same_word(form, surname, "ar"):
                yield folded.span(match.end() - len(form), match.end())
                break


def _cased_matches(surname: str, folded: FoldedText, language: str) -> Iterator[tuple[int, int]]:
    text = folded.original
    name = _in_all_cases(surname) if language == "ru" else re.escape(surname)
    # Of "Tokayev’s" the ending is not of the name; «д’» before it is not either.
    pattern = re.compile(rf"(?<![\w-])(?<!\w')(?:(?<=\b[dl]')|(?<!'))(?P<name>{name})(?![\w-])(?!'(?!s\b)\w)")
    for match in pattern.finditer(folded.folded):
        start, end = folded.span(*match.span("name"))
        if text[start].isupper() and not _is_part_of_other(text, start, end, language):
            yield start, end


def _is_part_of_other(text: str, start: int, end: int, language: str) -> bool:
    """Whether it belongs to a longer name: "Peter Weber" is not Anna Weber, "Weber Street" nobody."""
    if re.match(r" [^\W\d_a-zа-яё]\w+", text[end:]) and text[end + 1].isupper():
        return True
    before = re.compile(r"([\w’'-]+) $").search(text, max(0, start - 30), start)
    if not before or not before[1][0].isupper():
        return False
    if is_given_name(before[1], language):
        return True
    ahead = text[max(0, before.start() - 9) : before.start()].rstrip()
    if not ahead.strip(' “«"') or ahead[-1] in ".!?:“«":
        return False  # The capital of a sentence.
    return not (is_common(before[1], language) or is_office(before[1], language))
