"""Fusion of cosine and BM25, by hand."""

import pytest

from rag.fusion import fuse


def test_scores_are_added() -> None:
    fused = fuse([("a", 0.9), ("b", 0.8), ("c", 0.2)], [("b", 2.0), ("c", 1.0)])
    assert [candidate for candidate, _ in fused] == ["b", "a", "c"]
    assert dict(fused) == pytest.approx({"b": 0.8 + 0.32, "a": 0.9, "c": 0.2 + 0.16})


def test_what_only_words_found_is_as_near_as_the_last() -> None:
    assert dict(fuse([("a", 0.9), ("b", 0.5)], [("c", 1.0)]))["c"] == pytest.approx(0.5 + 0.16)


def test_one_side_alone() -> None:
    assert fuse([("a", 0.9), ("b", 0.5)], []) == [("a", 0.9), ("b", 0.5)]
    assert [candidate for candidate, _ in fuse([], [("a", 1.0), ("b", 2.0)])] == ["b", "a"]
    assert fuse([], []) == []
