"""The sides of retrieval made one: nearness of a paragraph and of its best sentence, and words in common."""

import math
from collections.abc import Mapping, Sequence
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


def fuse(
    near: Sequence[tuple[T, float]],
    matching: Sequence[tuple[T, float]],
    best_sentence: Mapping[T, float],
    length: Mapping[T, int],
) -> list[tuple[T, float]]:
    """Candidates by cosine, plus the best sentence's, plus 0.85 of the BM25 and 0.1 of the length's logarithm.

    Candidates are those nearest by cosine and those best by BM25, best first. One that is not among the nearest is
    taken to be as near as the last of them: it is not nearer.
    """
    cosines, bm25 = dict(near), dict(matching)
    farthest = min(cosines.values(), default=0.0)
    candidates = [*cosines, *(c for c in bm25 if c not in cosines)]
    scores = {
        c: cosines.get(c, farthest)
        + best_sentence[c]
        + _WEIGHT_OF_WORDS * bm25.get(c, 0.0)
        + _WEIGHT_OF_LENGTH * math.log(length[c])
        for c in candidates
    }
    return sorted(scores.items(), key=lambda item: -item[1])
