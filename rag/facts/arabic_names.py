"""Names of people in Arabic, which has no capitals: known given names, and names that commas set beside an office.

A word after a given name is taken for the family name only where the sentence cannot go on with it, or where the
article uses it again.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from index.normalization import fold
from index.stop_words import stop_words
from rag.facts.cased_names import FoundName
from rag.facts.fact_words import months, reporting_verbs, weekdays
from rag.facts.folded_text import FoldedText
from rag.facts.places import is_place
from rag.word_tables import read_table

_TOKEN = re.compile(r"[^\W_]+(?:-[^\W_]+)*|[^\w\s]")
_PARTICLE_LETTERS = "وفبلك"
_LONGEST_NAME = 4
_ROLE_REACH = 9
_LONGEST_ROLE = 14
# Endings of family names that are written from other languages.
_FOREIGN_ENDING = re.compile(r"(?:[وي]ف|[وي]فا|سكي|تشينكو|ينكو|اشفيلي|يان|وفيتش|سون|وف?سكايا)$")


@dataclass(frozen=True, slots=True)
class _Token:
    word: str
    start: int
    end: int


def find_arabic_names(text: str, used_again: frozenset[str]) -> list[FoundName]:
    """The names in a paragraph, in reading order; `used_again` are folded words that the article has more than once."""
    folded = FoldedText.of(text)
    tokens = [_Token(m.group(), *m.span()) for m in _TOKEN.finditer(folded.folded)]
    found = []
    position = 0
    while position < len(tokens):
        end = _name_end(tokens, position, used_again)
        if end is None:
            position += 1
            continue
        if "\u064b" in folded.original[slice(*folded.span(tokens[position].start, tokens[end - 1].end))]:
            position = end  # No name has a tanwin.
            continue
        start = tokens[position].start + _particle_length(tokens[position].word)
        role = _role(tokens, position, end)
        found.append(
            FoundName(*folded.span(start, tokens[end - 1].end), folded.span(*role) if role else None),
        )
        position = end
    return found


def without_particle(word: str) -> list[str]:
    """The folded word, and what it may be without particles written together with it: «لبوتين» is «بوتين»."""
    forms = [word]
    if len(word) > 3 and word[0] in _PARTICLE_LETTERS:
        forms.append(word[1:])
        if word[0] in "وف" and len(word) > 4 and word[1] in "بلك":
            forms.append(word[2:])
    return forms


def _name_end(tokens: Sequence[_Token], position: int, used_again: frozenset[str]) -> int | None:
    """The token after the name that begins at the position; None where none begins."""
    if _given_form(tokens[position].word) is None:
        return _end_beside_office(tokens, position, used_again)
    # «على», «سعيد», «أمل» are names and other words: only an office beside them tells.
    is_word_too = _given_form(tokens[position].word) in _given_names_too()
    end = _end_after_given(tokens, position, used_again)
    return end if end is None or not is_word_too or _role(tokens, position, end) else None


def _end_after_given(tokens: Sequence[_Token], position: int, used_again: frozenset[str]) -> int | None:
    bounded = _bounded_end(tokens, position)
    if bounded and (_is_at_mark(tokens, position - 1) or _office_before(tokens, position)):
        return bounded
    end = position + 1
    while end < len(tokens) and end - position < _LONGEST_NAME:
        word = tokens[end].word
        if word in _table("name_particles"):
            end += 1 if end + 1 < len(tokens) and _can_be_surname(tokens[end + 1].word) else 0
            if tokens[end - 1].word not in _table("name_particles"):
                break
        elif _given_form(word) != word:
            break
        end += 1
    if any(token.word in {"بن", "ابن", "بنت"} for token in tokens[position:end]):
        return end if end - position > 2 else None
    has_particle = tokens[end - 1].word in _table("name_particles")
    if end < len(tokens) and _can_be_surname(tokens[end].word) and end - position < _LONGEST_NAME:
        surname = tokens[end].word
        ends_there = end + 1 == len(tokens) or not _can_be_surname(tokens[end + 1].word)
        if has_particle or surname in used_again or _FOREIGN_ENDING.search(surname) or ends_there:
            return end + 1
    return end if end - position > 1 and not has_particle else None


def _end_beside_office(tokens: Sequence[_Token], position: int, used_again: frozenset[str]) -> int | None:
    """For a name whose given name is unknown: «يقول X Y، مدير», «رئيس Z، X Y،» where Y comes again."""
    end = _bounded_end(tokens, position)
    if end is None or end - position < 2 or tokens[position].word.startswith("ال"):
        return None
    surname = tokens[end - 1].word
    has_office_after = (
        end + 1 < len(tokens) and tokens[end].word == "," and _role_form(tokens[end + 1].word) is not None
    )
    follows_verb = position > 0 and _is_verb(tokens[position - 1].word)
    if has_office_after and follows_verb:
        return end
    is_apposition = _is_at_mark(tokens, position - 1) and _office_before(tokens, position) is not None
    return end if is_apposition and (surname in used_again or _FOREIGN_ENDING.search(surname)) else None


def _bounded_end(tokens: Sequence[_Token], position: int) -> int | None:
    """The token after two to four words that can be a name and run up to a mark."""
    end = position + 1
    while end < len(tokens) and _can_be_surname(tokens[end].word):
        end += 1
    is_bounded = end == len(tokens) or not tokens[end].word[0].isalnum()
    first = tokens[position].word
    can_begin = _given_form(first) is not None or _can_be_surname(first)
    return end if is_bounded and can_begin and 2 <= end - position <= _LONGEST_NAME else None


def _role(tokens: Sequence[_Token], start: int, end: int) -> tuple[int, int] | None:
    """The office after a comma, or before the name."""
    if end + 1 < len(tokens) and tokens[end].word == "," and _role_form(tokens[end + 1].word) is not None:
        last = end + 1
        while last + 1 < len(tokens) and tokens[last + 1].word[0].isalnum() and not _is_verb(tokens[last + 1].word):
            last += 1
        if last - end <= _LONGEST_ROLE:
            return tokens[end + 1].start, tokens[last].end
    first = _office_before(tokens, start)
    if first is None:
        return None
    is_apposition = tokens[start - 1].word == ","
    if is_apposition and end < len(tokens) and tokens[end].word[0].isalnum():
        return None
    last = start - 2 if is_apposition else start - 1
    word = tokens[first].word
    # «للرئيس» is one word with its particle; of «لرئيس» and «والرئيس» the particle is left out.
    has_particle = word[0] in _PARTICLE_LETTERS and not word.startswith("لل") and not _is_role(word)
    low = tokens[first].start + has_particle
    return low, tokens[last].end


def _office_before(tokens: Sequence[_Token], position: int) -> int | None:
    """The token where the office begins that ends right before the name, or before a comma."""
    last = position - 1
    if last >= 0 and tokens[last].word == ",":
        last -= 1
    first = None
    for i in range(last, max(-1, last - _ROLE_REACH), -1):
        word = tokens[i].word
        if (
            not word[0].isalnum()
            or _is_verb(word)
            or word in {"ان", "عن", "مع", "الي", "علي", "من", "بعد", "قبل", "هو"}
        ):
            break
        if _given_form(word) in _given_names() - _given_names_too():
            break  # Somebody else's name.
        if _role_form(word) is not None:
            first = i
            if word[0] == "و" and not _is_role(word):
                break  # «… والمهندس»: what stands before belongs to somebody else.
    return first


def _can_be_surname(word: str) -> bool:
    if not word[0].isalpha() or not "\u0600" <= word[0] <= "\u06ff" or len(word) < 3:
        return False
    if word in stop_words("ar") or word in _table("not_surnames") or word in _function_words() or _is_verb(word):
        return False
    is_calendar = word in weekdays("ar") or word in months("ar")
    return not (is_calendar or _role_form(word) is not None or is_place(word, "ar") or word in _table("name_particles"))


def _is_at_mark(tokens: Sequence[_Token], position: int) -> bool:
    return position < 0 or not tokens[position].word[0].isalnum()


def _is_verb(word: str) -> bool:
    return bool({word, word[1:] if word[0] in "وف" else word} & reporting_verbs("ar"))


def _given_form(word: str) -> str | None:
    return next((form for form in without_particle(word) if form in _given_names()), None)


def _particle_length(word: str) -> int:
    form = _given_form(word)
    return len(word) - len(form) if form else 0


def _role_form(word: str) -> str | None:
    forms = [*without_particle(word), *(["ال" + word[2:]] if word.startswith("لل") else [])]
    return next((form for form in forms if _is_role(form)), None)


def _is_role(word: str) -> bool:
    return word in _roles() or word.removeprefix("ال") in _roles()


@cache
def _roles() -> frozenset[str]:
    return frozenset(map(fold, read_table("reporting.json")["ar"]["roles"])) | _table("roles")


@cache
def _function_words() -> frozenset[str]:
    return frozenset(map(fold, read_table("reporting.json")["ar"]["stops"]))


@cache
def _table(key: str) -> frozenset[str]:
    return frozenset(map(fold, read_table("facts/people.json")["ar"][key]))


@cache
def _given_names() -> frozenset[str]:
    return frozenset(map(fold, read_table("facts/people.json")["ar"]["given_names"].split())) | _given_names_too()


@cache
def _given_names_too() -> frozenset[str]:
    return frozenset(map(fold, read_table("facts/people.json")["ar"]["given_names_too"].split()))
