"""Measures of rankings where each query has one right candidate; all lie between 0 and 1."""

import math
from collections.abc import Sequence

Ranking = Sequence[int]


def recall(rankings: Sequence[Ranking], relevant: Sequence[int], k: int) -> float:
    """Share of queries whose right candidate is among the first `k`: R@k."""
    hits = [right in ranking[:k] for ranking, right in zip(rankings, relevant, strict=True)]
    return sum(hits) / len(hits)


def ndcg(rankings: Sequence[Ranking], relevant: Sequence[int], k: int) -> float:
    """Mean of 1 / log2(1 + rank) of the right candidate, 0 past rank `k`: nDCG@k with one relevant candidate."""
    gains = [
        1 / math.log2(2 + list(ranking[:k]).index(right)) if right in ranking[:k] else 0.0
        for ranking, right in zip(rankings, relevant, strict=True)
    ]
    return sum(gains) / len(gains)
