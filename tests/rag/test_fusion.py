"""Fusion of cosines, BM25 and length, by hand."""

import math

import pytest

from rag.fusion import fuse

LENGTH = {"a": 100, "b": 100, "c": 200}


def test_scores_are_added() -> None:
    best = {"a": 0.1, "b": 0.3, "c": 0.9}
    fused = fuse([("a", 0.9), ("b", 0.8), ("c", 0.2)], [("b", 2.0), ("c", 1.0)], best, LENGTH)
    assert [candidate for candidate, _ in fused] == ["b", "c", "a"]
    expected = {"b": 0.8 + 0.3 + 1.7, "a": 0.9 + 0.1, "c": 0.2 + 0.9 + 0.85}
    assert dict(fused) == pytest.approx({c: s + 0.1 * math.log(LENGTH[c]) for c, s in expected.items()})


def test_what_only_words_found_is_as_near_as_the_last() -> None:
    fused = fuse([("a", 0.9), ("b", 0.5)], [("c", 1.0)], {"a": 0.9, "b": 0.5, "c": 0.4}, LENGTH)
    assert dict(fused)["c"] == pytest.approx(0.5 + 0.4 + 0.85 + 0.1 * math.log(200))


def test_one_side_alone() -> None:
    best = dict.fromkeys("abc", 0.0)
    assert [candidate for candidate, _ in fuse([("a", 0.9), ("b", 0.5)], [], best, LENGTH)] == ["a", "b"]
    assert [candidate for candidate, _ in fuse([], [("a", 1.0), ("b", 2.0)], best, LENGTH)] == ["b", "a"]
    assert fuse([], [], {}, {}) == []
