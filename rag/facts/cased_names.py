"""Names of people in English, Russian and French: capitals, and something that shows it is a person's.

That is an office or title beside the name, or a given name. Capitals alone ("White House") are not enough.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from index.languages import LATIN_LANGUAGES
from index.stop_words import stop_words
from rag.facts.fact_words import months, reporting_verbs, weekdays
from rag.facts.places import is_place
from rag.word_tables import read_table

_PARTICLES = r"(?:de|du|des|la|von|van|der|bin|ibn|al|el|di|da|dos|ter|ben|фон|де|ди|да|дю|ван|дер|аль|эль|бен|ибн)"
_WORD = r"[^\W\d_a-zа-яёà-öø-ÿ]\w*(?:['’][^\W\d_a-z]\w*)?(?:-\w+)*"
# A full stop belongs to an initial or a title; after anything else it ends the name.
_PART = rf"(?:(?:Mr|Mrs|Ms|Dr|Prof|Gen|Col|Capt|Lt|Sgt|Sen|Rep|Gov|MM?|[^\W\d_a-zа-яё])\.|{_WORD})"
_SEQUENCE = re.compile(rf"(?<![\w’'-]){_PART}(?:\s(?:{_PARTICLES}\s){{0,2}}{_PART})*")
_ELISION = re.compile(r"[dlDL]['’](?=\w)")
_LONGEST_NAME = 4  # words, without particles
_LONGEST_ROLE = 12
_LONGEST_SEQUENCE = 15  # words in capitals: a headline has more
_REACH = 300  # characters
_CLAUSE_MARKS = ("\n", ". ", "; ", ": ", "“", "«", '"', "(", "! ", "? ")
_ROLE_REACH = 7
_JOINTS = {
    "en": frozenset({"of", "the", "for", "and", "at", "to"}),
    "fr": frozenset({"de", "du", "des", "la", "le", "les", "l", "d", "et", "en"}),
}
_FINITE: dict[str, set[str]] = {
    "en": {"has", "have", "had", "is", "are", "was", "were", "will", "would", "can", "could", "that", "shows"},
    "fr": {"a", "est", "ont", "sont", "avait", "était", "sera", "que"},
}
# Nouns in offices that end as verbs in the past do.
_RUSSIAN_NOUNS = {"канал", "филиал", "журнал", "персонал", "портал", "трибунал", "терминал", "вокзал", "капитал"}
_RELATIVE = r"(?:who|which|whose|where|qui|dont|où|котор\w+)\b"
_ROLE_END = re.compile(r"[,.;:()—“”«»\"\n]|\s[–-]\s|\s(?=who\b|which\b|qui\b|dont\b|котор)|$")


_Word = tuple[str, int, int]


@dataclass(frozen=True, slots=True)
class FoundName:
    """`text[start:end]` is a person's name; `role` is the span of the office stated beside it, if any."""

    start: int
    end: int
    role: tuple[int, int] | None = None


def find_cased_names(text: str, language: str) -> list[FoundName]:
    """The names in a paragraph that show by themselves that they are a person's, in reading order."""
    found = []
    for match in _SEQUENCE.finditer(_without_elisions(text)):
        name = _name(text, match, language)
        if name:
            found.append(name)
    return found


def _without_elisions(text: str) -> str:
    """«d’Emmanuel», «l’Ukraine»: the preposition is no part of the name."""
    return _ELISION.sub("  ", text)


def _name(text: str, match: re.Match[str], language: str) -> FoundName | None:
    words = [(m.group(), match.start() + m.start(), match.start() + m.end()) for m in re.finditer(r"\S+", match[0])]
    if len(words) > _LONGEST_SEQUENCE:
        return None
    words, title_seen = _without_opening(text, words, language)
    words = _without_genitive(words)
    if not words or not _can_be_name([word for word, _, _ in words], language):
        return None
    start, end = words[0][1], words[-1][2]
    is_apposition = text.endswith(", ", 0, start) and text[end : end + 1] in tuple(",.")
    # "The director of the museum, Anna Berg, said": up to the comma.
    before = _role_before(text, start - 2 if is_apposition else start, language)
    if len(words) == 1:
        # A surname alone, right after a title: "President Tokayev"; in Russian the next word may be a place.
        return FoundName(start, end, before) if language != "ru" and _follows_title(text, start, language) else None
    after = _role_after(text, end, language)
    has_age = re.match(r",? \(?\d{2}\)?[,.)]", text[end:]) is not None
    is_known = is_given_name(words[0][0], language)
    return FoundName(start, end, before or after) if is_known or before or after or title_seen or has_age else None


def _can_be_name(words: Sequence[str], language: str) -> bool:
    """Whether nothing in the words speaks against a person: a word of organisations, a place, too many words."""
    if sum(word[0].isupper() for word in words) > _LONGEST_NAME or any(_is_barred(word, language) for word in words):
        return False
    is_foreign = language == "ru" and re.search("[A-Za-z]", " ".join(words)) is not None
    return not (is_foreign or is_place(" ".join(words), language) or is_place(words[-1], language))


def _without_opening(text: str, words: list[_Word], language: str) -> tuple[list[_Word], bool]:
    """Without what stands before the name in the same capitals ("On", "President", "Kazakhstan"), and if a title does.

    Of "Secretary of State Antony Blinken" only what begins with a given name is the name.
    """
    title_seen = False
    while words and not is_given_name(words[0][0], language):
        word = words[0][0].strip(".")
        given = next((i for i, (w, _, _) in enumerate(words) if is_given_name(w, language)), None)
        is_title = _is_one_of(word, language, "titles") or _is_one_of(word, language, "roles")
        if given is not None and (is_title or title_seen or _role_before(text, words[given][1], language)):
            return words[given:], True
        is_opening = is_title or _is_one_of(word, language, "modifiers") or is_common(word, language)
        if not (is_opening or is_place(word, language)):
            break
        title_seen |= is_title
        words = words[1:]
    return words, title_seen


def is_given_name(word: str, language: str) -> bool:
    """Whether a word is known as a given name, in any case of a Russian one; all parts of a double one are."""
    word = word.lower().strip(".").replace("ё", "е")
    return _is_listed(word, language) or ("-" in word and all(_is_listed(part, language) for part in word.split("-")))


def _is_listed(word: str, language: str) -> bool:
    """Whether it is a listed given name, or in Russian one with another ending («Семья» is not «Семён»)."""
    names = _given_names(language).get(_stem(word, language), ())
    return any(word == name or (language == "ru" and word.startswith(name[:-1])) for name in names)


def _follows_title(text: str, start: int, language: str) -> bool:
    match = re.search(r"(\w[\w-]*)\.? $", text[max(0, start - 30) : start])
    return match is not None and _is_one_of(match[1], language, "titles")


def _role_before(text: str, start: int, language: str) -> tuple[int, int] | None:
    """The office that ends where the name begins: «директор центра », "the Russian president ", "director X, "."""
    reach = max(0, start - _REACH)
    low = max([reach, *(text.rfind(mark, reach, start) + 1 for mark in _CLAUSE_MARKS)])
    words = [(m.group(), low + m.start(), low + m.end()) for m in re.finditer(r"[^\s,]+,?", text[low:start])]
    words = words[-_ROLE_REACH:]
    # Nearer than the last comma; «президент Казахстана, Токаев» is left to what follows a name.
    for i, (word, _, _) in reversed(list(enumerate(words))):
        if (
            word.endswith(",")
            or is_given_name(word, language)
            or _is_clause(word, language)
            or _stem(word.lower(), language) in _verbs(language)
        ):
            words = words[i + 1 :]
            break
    heads = [i for i, (w, _, _) in enumerate(words) if is_office(w, language)]
    if not heads or (len(words) - heads[0] > 1 and not _reaches(words[heads[0] :], language)):
        return None
    first = _own_head([w for w, _, _ in words], heads, text[start:].lstrip(", "), language)
    if first is None:
        return None
    while first and _extends_role(words[first - 1][0], language, is_first=words[first - 1][1] == low):
        first -= 1
    role = text[words[first][1] : words[-1][2]]
    return (
        None
        if role.strip(".").lower() in read_table("facts/people.json")["honorifics"]
        else (words[first][1], words[-1][2])
    )


def _own_head(words: Sequence[str], heads: Sequence[int], name: str, language: str) -> int | None:
    """Which of the offices is the named one's own: in "spokesman for President Biden" the last; None: neither."""
    if language == "ru":
        given = re.match(r"[\w-]+", name)
        is_first_case = given is not None and given.group().lower().replace("ё", "е") in _plain_given_names(language)
        if given is None or not is_given_name(given.group(), language):
            return heads[0]
        own = [i for i in heads if (words[i].lower() in _plain(language, "roles")) == is_first_case]
        # «пресс-секретарь президента Токаева»: what stands in another case than the name is not his.
        return own[0] if own else None
    joints = _JOINTS[language]
    if words[-1].lower() in joints or words[-1].endswith(("’", "'")):
        return None
    return next((i for i in reversed(heads) if i and words[i - 1].lower() in joints), heads[0])


def is_office(word: str, language: str) -> bool:
    """Whether the word is an office or a title, in any case of a Russian one."""
    return _is_one_of(word.strip("."), language, "roles") or _is_one_of(word.strip("."), language, "titles")


def _reaches(words: Sequence[_Word], language: str) -> bool:
    """Whether an office goes on to the name: only nouns, capitals and "of" between, no verb or conjunction."""
    if language == "ru":
        return not any(w.lower() in {"и", "что", "в", "на", "с", "о", "не", "а", "но", "к", "от"} for w, _, _ in words)
    if language == "en":
        # "the president met Anna Weber": a small word that is no joint and no office is a verb or something else.
        return all(w[0].isupper() or w.lower() in _JOINTS["en"] or is_office(w, language) for w, _, _ in words[1:])
    connected = [w.lower() for w, _, _ in words[1:]]
    is_small_allowed = any(re.match(r"(?:d|l)['’]|de$|du$|des$", w) for w in connected[:2]) or all(
        w in {"français", "française", "russe", "kazakh", "américain", "américaine", "général", "générale", "adjoint",
              "régional", "régionale", "allemand", "allemande", "ukrainien", "ukrainienne"} for w in connected
    )  # fmt: skip
    return is_small_allowed and not any(w in {"a", "ont", "est", "sont", "et", "que", "avec", "par"} for w in connected)


def _extends_role(word: str, language: str, *, is_first: bool) -> bool:
    """Whether the word belongs to the office after it: "Russian president", "prime minister", «бывший министр»."""
    if _is_one_of(word, language, "modifiers") or _is_one_of(word, language, "roles"):
        return True
    return word[0].isupper() and not is_first and not is_common(word, language) and language == "en"


def _role_after(text: str, end: int, language: str) -> tuple[int, int] | None:
    """The office after a comma: ", director of the Carnegie Moscow Center,"."""
    opening = re.match(r", (?:(?:the|a|an|le|la|un|une|his|her|son|sa)\s|l['’])?", text[end:])
    if not opening or re.match(_RELATIVE, text[end + opening.end() :]):
        return None
    start = end + opening.end()
    stop = _ROLE_END.search(text, start)
    if not stop:
        return None
    role = text[start : stop.start()]
    words = list(re.finditer(r"\S+", role))
    for word in words:
        if word.start() and _stem(word.group().lower(), language) in _verbs(language):
            role = role[: word.start()].rstrip()
            break
    written = role.split()
    # "Anna Berg, General Ivan Petrov, …" is a list of people, and ", and a teacher" goes on with somebody else.
    is_other = any(is_given_name(word, language) or _is_clause(word, language) for word in written)
    if not written or is_common(written[0], language) or is_other:
        return None
    # The first words must hold the office: "a retired teacher of physics", «le nouveau maire».
    has_head = any(_is_one_of(word, language, "roles") for word in re.findall(r"[\w’'-]+", role)[:4])
    return (start, start + len(role)) if has_head and len(role.split()) <= _LONGEST_ROLE else None


def _is_clause(word: str, language: str) -> bool:
    """Whether the word makes a sentence of its own, which no office holds: "has", «приказал»."""
    if language == "ru" and len(word) > 4 and not is_office(word, language):
        return re.search(r"(?:[аия]л|лся|лась|ется|ются)$", word) is not None and word not in _RUSSIAN_NOUNS
    return word.lower() in _FINITE.get(language, set())


def _without_genitive(words: list[_Word]) -> list[_Word]:
    """Of "Tokayev’s government" the name without its ending, and nothing after it."""
    kept = []
    for word, start, _ in words:
        bare = re.sub(r"['’]s$|\.$", "", word) if len(word.strip(".")) > 1 else word
        kept.append((bare, start, start + len(bare)))
        if word.endswith(("'s", "’s")):
            break
    return kept


def _is_barred(word: str, language: str) -> bool:
    lowered = word.lower()
    is_acronym = len(word) > 2 and word.isupper()
    is_calendar = lowered in months(language) or lowered in weekdays(language)
    return is_acronym or is_calendar or _is_one_of(word, language, "organisations")


def is_common(word: str, language: str) -> bool:
    """Whether the word has its capital only from the head of a sentence, or is a weekday."""
    table = read_table("reporting.json")[language]
    lowered = word.lower()
    return lowered in stop_words(language) or lowered in table["openings"] or lowered in weekdays(language)


def _is_one_of(word: str, language: str, key: str) -> bool:
    return _stem(word.lower(), language) in _stems(language, key)


def _stem(word: str, language: str) -> str:
    """The word without the ending of its case, in Russian; elsewhere as it is."""
    if language != "ru":
        return word
    return "-".join(str(_russian().stemWord(part)) for part in word.replace("ё", "е").split("-"))


@cache
def _russian() -> Any:
    import Stemmer

    return Stemmer.Stemmer("russian")


@cache
def _stems(language: str, key: str) -> frozenset[str]:
    return frozenset(_stem(word.lower(), language) for word in read_table("facts/people.json")[language][key])


@cache
def _plain(language: str, key: str) -> frozenset[str]:
    return frozenset(word.lower().replace("ё", "е") for word in read_table("facts/people.json")[language][key])


@cache
def _plain_given_names(language: str) -> frozenset[str]:
    return frozenset(read_table("facts/people.json")[language]["given_names"].split())


@cache
def _verbs(language: str) -> frozenset[str]:
    return frozenset(_stem(verb, language) for verb in reporting_verbs(language))


@cache
def _given_names(language: str) -> dict[str, tuple[str, ...]]:
    """The listed given names by their stems."""
    table = read_table("facts/people.json")["latin" if language in LATIN_LANGUAGES else language]
    names: dict[str, tuple[str, ...]] = {}
    for name in table["given_names"].split():
        stem = _stem(name, language)
        names[stem] = (*names.get(stem, ()), name)
    return names
