"""Fusion of cosines, BM25, sentences, headings, length and kind, by hand."""

import math

import pytest

from rag.fusion import Evidence, fuse, sentence_score


def evidence(a: float, b: float, c: float) -> dict[str, Evidence]:
    return {"a": Evidence(a, 100), "b": Evidence(b, 100), "c": Evidence(c, 200)}


def test_scores_are_added() -> None:
    fused = fuse([("a", 0.9), ("b", 0.8), ("c", 0.2)], [("b", 2.0), ("c", 1.0)], evidence(0.1, 0.3, 0.9))
    assert [candidate for candidate, _ in fused] == ["b", "c", "a"]
    expected = {"b": 0.8 + 0.3 + 1.7, "a": 0.9 + 0.1, "c": 0.2 + 0.9 + 0.85}
    length = {"a": 100, "b": 100, "c": 200}
    assert dict(fused) == pytest.approx({c: s + 0.1 * math.log(length[c]) for c, s in expected.items()})


def test_heading_and_kind_count_for_less_than_the_paragraph() -> None:
    known = {"a": Evidence(0.5, 100), "b": Evidence(0.5, 100, heading=0.8), "c": Evidence(0.5, 100, is_of_kind=True)}
    fused = fuse([("a", 0.5), ("b", 0.5), ("c", 0.5)], [], known)
    assert [candidate for candidate, _ in fused] == ["b", "c", "a"]
    scores = dict(fused)
    assert (scores["b"] - scores["a"], scores["c"] - scores["a"]) == pytest.approx((0.2, 0.15))
    assert fuse([("a", 0.75), ("b", 0.5)], [], known)[0][0] == "a"


def test_what_only_words_found_is_as_near_as_the_last() -> None:
    fused = fuse([("a", 0.9), ("b", 0.5)], [("c", 1.0)], evidence(0.9, 0.5, 0.4))
    assert dict(fused)["c"] == pytest.approx(0.5 + 0.4 + 0.85 + 0.1 * math.log(200))


def test_one_side_alone() -> None:
    known = evidence(0.0, 0.0, 0.0)
    assert [candidate for candidate, _ in fuse([("a", 0.9), ("b", 0.5)], [], known)] == ["a", "b"]
    assert [candidate for candidate, _ in fuse([], [("a", 1.0), ("b", 2.0)], known)] == ["b", "a"]
    assert fuse([], [], {}) == []


def test_a_sentence_with_all_the_words_gains_half() -> None:
    assert sentence_score(0.4, 1.0) == pytest.approx(0.9)
    assert sentence_score(0.4, 0.0) == 0.4
