"""Words of a text for the lexical index: folded, without stop words, light-stemmed, names also by their consonants."""

import re
from functools import cache
from typing import Any

from index.normalization import fold
from index.stop_words import stop_words

_WORD = re.compile(r"[^\W_]+(?:[.:][^\W_]+)*")
_ARABIC = re.compile("[\u0600-\u06ff]")
_CJK = re.compile("[\u3400-\u9fff]")
_STEMMERS = {"ru": "russian", "fr": "french", "de": "german", "es": "spanish", "en": "english", "tr": "turkish"}

# Larkey's light10 stemmer on folded letters: a prefix or suffix goes only where enough of the word stays.
_PREFIXES = ("وال", "فال", "بال", "كال", "ولل", "لل", "ال", "و")
_SUFFIXES = ("ات", "ون", "ين", "ان", "ها", "يه", "ه", "ي", "ا")

_CONSONANTS = {
    **dict.fromkeys("bpбпبپ", "b"), **dict.fromkeys("fvвфفڤ", "f"), **dict.fromkeys("tтتط", "t"), **dict.fromkeys("dдدضذ", "d"),
    **dict.fromkeys("kqcкқقك", "k"), **dict.fromkeys("gjгжғجغگ", "g"), **dict.fromkeys("sсسصث", "s"),
    **dict.fromkeys("zзزظ", "z"), **dict.fromkeys("xхخ", "x"), **dict.fromkeys("lлل", "l"), **dict.fromkeys("mмم", "m"),
    **dict.fromkeys("nнңن", "n"), **dict.fromkeys("rрر", "r"), **dict.fromkeys("шщش", "S"), "ч": "C", "ц": "s",
}  # fmt: skip
_DIGRAPHS = (("sch", "ш"), ("sh", "ш"), ("ch", "ч"), ("kh", "х"), ("gh", "г"), ("zh", "ж"), ("th", "т"), ("ph", "ф"),
             ("ck", "к"), ("تش", "ч"), ("ts", "ц"), ("дж", "г"))  # fmt: skip
_SHORTEST_SKELETON = 3


def index_terms(text: str, language: str) -> list[str]:
    """Terms of a passage: a stem for each word, and `~` with its consonants where it could be a name."""
    terms: list[str] = []
    for word in _words(text):
        terms += _term(word, language)
        terms += _skeletons(word)
    return terms


def query_terms(question: str, language: str) -> list[str]:
    """Terms of a question: all that `query_words` gives."""
    return [term for terms in query_words(question, language) for term in terms]


def query_words(question: str, language: str) -> list[list[str]]:
    """For each word of a question that carries a topic the terms, any of which a passage may have in its stead.

    Consonants are among them for words that are written as names are, or in a script without capitals.
    """
    words: list[list[str]] = []
    for match in _WORD.finditer(question):
        written = match.group()
        for word in _words(written):
            terms = _term(word, language)
            if _is_written_like_a_name(written) and word not in stop_words(language):
                terms = terms + _skeletons(word)[:1]
            if terms:
                words.append(terms)
    return words


def skeleton(word: str) -> str:
    """The consonants of a folded word in one alphabet for all scripts: توكاييف, Токаев and Tokayev are all `tkf`.

    Empty where fewer than three are left, which would match too much.
    """
    for digraph, letter in _DIGRAPHS:
        word = word.replace(digraph, letter)
    if word.startswith("c") and word[1:2] in {"e", "i", "y"}:
        word = "s" + word[1:]
    consonants = [c for c in map(_CONSONANTS.get, word) if c]
    return "".join(consonants) if len(consonants) >= _SHORTEST_SKELETON else ""


def _is_written_like_a_name(word: str) -> bool:
    """Capitalised, but no acronym; or in a script that has no capitals."""
    return not word[0].islower() and not (word.isupper() and len(word) > 1)


def _words(text: str) -> list[str]:
    words = []
    for word in _WORD.findall(fold(text)):
        if len(word) == 1 and word.isalpha() and not _CJK.search(word):
            continue  # What an apostrophe cut off: l'OTSC, Tokayev's.
        words += [word[i : i + 2] for i in range(max(1, len(word) - 1))] if _CJK.search(word) else [word]
    return words


def _term(word: str, language: str) -> list[str]:
    if word in stop_words("ar" if _ARABIC.search(word) else language):
        return []
    if _ARABIC.search(word):
        return [_stem_arabic(word)]
    stemmer = _stemmer(language)
    return [stemmer.stemWord(word) if stemmer and word.isalpha() else word]


def _stem_arabic(word: str) -> str:
    for prefix in _PREFIXES:
        if word.startswith(prefix) and len(word) - len(prefix) >= (3 if prefix == "و" else 2):
            word = word[len(prefix) :]
            break
    for suffix in _SUFFIXES:
        if word.endswith(suffix) and len(word) - len(suffix) >= 3:
            return word[: -len(suffix)]
    return word


def _skeletons(word: str) -> list[str]:
    """Consonants of the word, and of what is left of an Arabic one without its article and particles."""
    forms = [word]
    forms += [word[len(p) :] for p in ("وال", "بال", "لل", "ال", "و", "ب", "ل", "ف") if word.startswith(p)][:1]
    return [f"~{s}" for s in dict.fromkeys(map(skeleton, forms)) if s]


@cache
def _stemmer(language: str) -> Any:
    if language not in _STEMMERS:
        return None
    import Stemmer

    return Stemmer.Stemmer(_STEMMERS[language])
