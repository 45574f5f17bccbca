"""The two sides of retrieval made one: nearness in meaning plus a share of the words in common."""

from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")

DEPTH = 20
"""How many of the best of each side are fused."""

# Set on the development half of XQuAD (`python -m benchmarks.encoder`) and the questions in tests/data: scores
# keep what ranks throw away. Within one language 0.08 to 0.3 are alike; across languages more than 0.16, which
# names and numbers of a short article need, begins to hurt in long lists.
_WEIGHT_OF_WORDS = 0.16


def fuse(near: Sequence[tuple[T, float]], matching: Sequence[tuple[T, float]]) -> list[tuple[T, float]]:
    """Candidates with `cosine + 0.16 * BM25`, best first, from those nearest by cosine and those best by BM25.

    One that is not among the nearest is taken to be as near as the last of them: it is not nearer.
    """
    cosines, bm25 = dict(near), dict(matching)
    farthest = min(cosines.values(), default=0.0)
    candidates = [*cosines, *(c for c in bm25 if c not in cosines)]
    scores = {c: cosines.get(c, farthest) + _WEIGHT_OF_WORDS * bm25.get(c, 0.0) for c in candidates}
    return sorted(scores.items(), key=lambda item: -item[1])
