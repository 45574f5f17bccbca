"""Whether a sentence that a language model wrote has support in the passages that it cites."""

import re
from collections.abc import Sequence
from difflib import SequenceMatcher
from functools import cached_property
from itertools import pairwise

import numpy as np

from index.embedding import Encoder, Vectors
from index.normalization import fold
from index.sentences import sentence_spans
from index.stemming import index_terms, query_terms
from index.stop_words import stop_words
from rag.quotes import Span
from rag.speakers import attribute

# Set on tests/data/support with the bundled encoder (tests/rag/test_support.py prints how often they err): the cosine
# with the nearest sentence of the cited passages that is enough, and what names and numbers add to it or take away.
ENOUGH = 0.48
SHARED = 0.15
UNKNOWN_SPEAKER = 0.20
# Ratio of equal letters from which two skeletons are one name: Geneva `gnf` and جنيف, Twitter `tttr` and تويتر.
_SAME_NAME = 0.66
_NUMBER = re.compile(r"\d+(?:[.,٫]\d+)*")
_GROUPED = re.compile(r"(?<![\d.,])\d{1,3}(?:([.,'٬ ])\d{3})(?:\1\d{3})*(?![\d.,]*\d)")
_NO_CAPITALS = {"ar", "zh", "de"}  # or, in German, on every noun
_WORD = re.compile(r"[^\W\d_]+")


class Support:
    """The passages that an answer may cite, and whether they support its sentences."""

    def __init__(self, passages: Sequence[Span], languages: Sequence[str], encoder: Encoder) -> None:
        self._passages = [
            _Passage(span.text, language, encoder) for span, language in zip(passages, languages, strict=True)
        ]
        self._encoder = encoder

    def holds(self, sentence: str, language: str, cited: Sequence[int]) -> bool:
        """Whether the passages at the positions `cited` support the sentence, written in the language (ISO 639-1).

        Every number in it must be in them. It must be near in meaning to one of their sentences: less near where its
        names and numbers are theirs, much nearer where it names a speaker whom they do not.
        """
        passages = [self._passages[i] for i in cited]
        numbers = _numbers(sentence)
        if not passages or not numbers <= set().union(*(p.numbers for p in passages)):
            return False
        vector = self._encoder.encode_passages([sentence])[0]
        nearest = max(float((p.vectors @ vector).max()) for p in passages)
        terms = set().union(*(p.terms for p in passages))
        speaker = attribute(sentence, 0, len(sentence), language).speaker
        if speaker and not _is_known(speaker, language, terms):
            return nearest - UNKNOWN_SPEAKER >= ENOUGH
        names = [_is_known(name, language, terms) for name in _names(sentence, language)]
        is_shared = all(names) and bool(speaker or names or numbers)
        return nearest + SHARED * is_shared >= ENOUGH


class _Passage:
    """A passage's numbers, terms and vectors, made when they are first asked for."""

    def __init__(self, text: str, language: str, encoder: Encoder) -> None:
        self._text = text
        self._language = language
        self._encoder = encoder

    @cached_property
    def numbers(self) -> set[str]:
        return _numbers(self._text)

    @cached_property
    def terms(self) -> set[str]:
        return set(index_terms(self._text, self._language))

    @cached_property
    def vectors(self) -> Vectors:
        """Of each sentence, of each two that follow one another, and of the whole, shape (texts, dimension)."""
        spans = sentence_spans(self._text)
        pairs = [(a, b) for (a, _), (_, b) in pairwise(spans)]
        units = dict.fromkeys(self._text[a:b] for a, b in [*spans, *pairs])
        return np.asarray(self._encoder.encode_passages([*units, self._text]), np.float32)


def _numbers(text: str) -> set[str]:
    """The numbers in a text, in European digits, without separators of thousands."""
    whole = _GROUPED.sub(lambda match: re.sub(r"\D", "", match.group()), fold(text))
    return set(_NUMBER.findall(whole))


def _names(sentence: str, language: str) -> list[str]:
    """Words with a capital that do not begin the sentence; those that follow one another are one name."""
    names: list[str] = []
    end = -1
    for match in _WORD.finditer(sentence if language not in _NO_CAPITALS else ""):
        word = match.group()
        if match.start() and word[0].isupper() and not word.isupper() and fold(word) not in stop_words(language):
            if names and match.start() == end + 1:
                names[-1] += f" {word}"
            else:
                names.append(word)
            end = match.end()
    return names


def _is_known(name: str, language: str, terms: set[str]) -> bool:
    """Whether a word of the name is among the terms, by its letters or its consonants; or none can be compared."""
    wanted = [term for word in _WORD.findall(name) for term in query_terms(word.title(), language)]
    skeletons = [term for term in wanted if term.startswith("~")]
    if terms.intersection(wanted):
        return True
    return not skeletons or any(_is_same(one, other) for one in skeletons for other in terms if other.startswith("~"))


def _is_same(one: str, other: str) -> bool:
    return one[1] == other[1] and SequenceMatcher(None, one[1:], other[1:], autojunk=False).ratio() >= _SAME_NAME
