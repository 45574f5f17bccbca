"""Translations of single terms, and the lexical index that asks in them."""

import pytest

from index.lexical import LexicalIndex
from index.lexicon import translations
from index.passages import Passage
from index.stemming import index_terms


def stem(word: str, language: str) -> str:
    return next(term for term in index_terms(word, language) if not term.startswith("~"))


@pytest.mark.parametrize(
    ("word", "source", "other", "target"),
    [
        ("soldier", "en", "جندي", "ar"),
        ("جندي", "ar", "soldier", "en"),
        ("price", "en", "цена", "ru"),
        ("река", "ru", "نهر", "ar"),
        ("hôpital", "fr", "hospital", "en"),
        ("su", "tr", "water", "en"),
        ("өзен", "kk", "river", "en"),
        ("Krieg", "de", "حرب", "ar"),
    ],
)
def test_a_word_and_its_translation(word: str, source: str, other: str, target: str) -> None:
    assert stem(other, target) in translations(stem(word, source), source, target)


def test_likelihoods_are_shares_of_one() -> None:
    for term in ("soldier", "price", "water", "govern"):
        found = translations(term, "en", "ar")
        assert 0 < sum(found.values()) <= 1.01


def test_an_acronym_is_known_by_its_other_names() -> None:
    csto = translations("csto", "en", "ar")
    assert set(csto) == {t for t in index_terms("منظمة معاهدة الأمن الجماعي", "ar") if not t.startswith("~")}
    assert sum(csto.values()) == pytest.approx(1)
    assert translations("csto", "en", "ru")["одкб"] == 1
    assert stem("security", "en") in translations("csto", "en", "en")
    assert "csto" not in translations("csto", "en", "en")


def test_what_no_lexicon_knows() -> None:
    assert translations("soldier", "en", "en") == {}
    assert translations("soldier", "en", "ja") == {}
    assert translations("xyzzyx", "en", "ar") == {}


def test_a_question_finds_words_of_another_language() -> None:
    texts = ["وصل الجنود إلى المدينة", "ارتفعت أسعار النفط", "الطقس جميل اليوم"]
    passages = [Passage(str(i), "a", 1, i, 0, len(t), "", t) for i, t in enumerate(texts)]
    lexical = LexicalIndex(passages, {"a": "ar"})
    assert lexical.query("when did the soldiers arrive?", "en", 3)[0][0] == "0"
    assert lexical.query("цены на нефть", "ru", 3)[0][0] == "1"
    assert lexical.query("كم ارتفعت الأسعار؟", "ar", 3)[0][0] == "1"
