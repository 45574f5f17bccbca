"""The lexical index: what a shared word is worth, among the articles that are asked."""

import pytest

from index.lexical import LexicalIndex
from index.passages import Passage

STRIKE = [
    "The strike began in January.",
    "The strike stopped the talks, and nobody knows when the strike is over.",
    "A mediator arrived.",
]
OTHERS = ["Snow fell.", "Oil rose.", "A mediator left.", "A mediator came.", "A mediator spoke.", "A mediator won."]


def lexical(**texts: list[str]) -> LexicalIndex:
    passages = [
        Passage(f"{name}{i}", name, 1, i, 0, len(text), "", text)
        for name, each in texts.items()
        for i, text in enumerate(each)
    ]
    return LexicalIndex(passages, dict.fromkeys(texts, "en"))


def test_a_word_is_as_rare_as_in_the_articles_that_are_asked() -> None:
    index = lexical(strike=STRIKE, others=OTHERS)
    question = "Which mediator will end the strike?"
    assert index.query(question, "en", 1)[0][0] == "strike1"
    assert index.query(question, "en", 1, ["strike"])[0][0] == "strike2"


def test_scores_of_one_article_do_not_depend_on_the_others() -> None:
    alone, among = lexical(strike=STRIKE), lexical(strike=STRIKE, others=["The strike of the miners is over."] * 5)
    expected = dict(alone.query("mediator", "en", 3))
    assert dict(among.query("mediator", "en", 3, ["strike"])) == pytest.approx(expected, rel=0.15)


def test_only_articles_that_are_asked_are_found() -> None:
    index = lexical(strike=STRIKE, others=OTHERS)
    assert {id_ for id_, _ in index.query("mediator", "en", 9, ["others"])} == {
        "others2",
        "others3",
        "others4",
        "others5",
    }
    assert index.query("oil", "en", 9, ["strike"]) == []
