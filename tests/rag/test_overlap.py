"""The share of a question's words that a passage has."""

from index.stemming import index_terms, query_words
from rag.overlap import coverage


def share(question: str, language: str, text: str, target: str) -> float:
    return coverage(query_words(question, language), language, set(index_terms(text, target)), target)


def test_in_one_language() -> None:
    assert share("When did the soldiers arrive?", "en", "The soldiers arrived on Thursday.", "en") == 1
    assert share("When did the soldiers leave?", "en", "The soldiers arrived on Thursday.", "en") == 0.5


def test_a_translation_counts_and_a_missing_one_does_not() -> None:
    text = "ارتفعت أسعار النفط في روسيا"
    assert share("oil prices", "en", text, "ar") > 0.5
    assert share("weather forecast", "en", text, "ar") == 0


def test_names_count_by_their_consonants() -> None:
    assert share("Tokayev?", "en", "قاسم جومارت توكاييف", "ar") == 1


def test_nothing_to_compare() -> None:
    assert share("what is it?", "en", "something", "en") == 0
