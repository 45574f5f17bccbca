"""Suggested questions: each is answered by the article that it was made from."""

from pathlib import Path

import pytest

from index.ingestion import add_article
from index.readers import read_file, read_text
from rag.chat_engine import ChatEngine
from rag.exceptions import BadQuestion
from rag.phrases import languages
from rag.suggestions import Suggester
from rag.word_tables import read_table

ARTICLES = Path(__file__).parents[1] / "data" / "articles"
BUNDLED_ID = "kazakhstan-csto-2022.ar"


@pytest.mark.parametrize("language", ["en", "ar", "ru", "fr", "tr", "de", "es", "kk", "zh"])
def test_the_bundled_article_answers_each_suggestion(engine: ChatEngine, language: str) -> None:
    questions = Suggester(engine).suggestions(BUNDLED_ID, language)
    assert 3 <= len(questions) <= 4
    assert len(set(questions)) == len(questions)
    for question in questions:
        answer = engine.ask(question, article_ids=[BUNDLED_ID], language=language)
        assert answer.verdict == "answered", question
        assert answer.quotes


def test_other_articles_answer_theirs(engine: ChatEngine) -> None:
    suggester = Suggester(engine)
    for path in sorted(ARTICLES.iterdir()):
        entry = add_article(engine.index, read_file(path, 1_000_000)).entry
        questions = suggester.suggestions(entry.id, entry.article.language)
        assert questions, entry.id
        for question in questions:
            assert engine.ask(question, article_ids=[entry.id]).verdict == "answered", question


def test_people_are_suggested_for_what_the_article_reports_of_them(engine: ChatEngine) -> None:
    entry = add_article(engine.index, read_file(ARTICLES / "lorne-flood-2024.en.md", 1_000_000)).entry
    questions = Suggester(engine).suggestions(entry.id, "en")
    assert questions[0] == "What does Martin Okafor say?"
    # He did not reply to requests for comment.
    assert not any("Kerrigan" in question for question in questions)
    assert not any("WHO" in question for question in questions)


def test_names_are_in_the_reader_s_letters(engine: ChatEngine) -> None:
    questions = Suggester(engine).suggestions(BUNDLED_ID, "ru")
    assert not any("\u0600" <= char <= "\u06ff" for question in questions for char in question)


def test_a_new_version_has_suggestions_of_its_own(engine: ChatEngine) -> None:
    suggester = Suggester(engine)
    text = (
        "The bridge over the Lorne was closed on Monday.\n\nIn {year} it was built, and the mayor opened it in {year}."
    )
    entry = add_article(engine.index, read_text(text.format(year=1962), origin="bridge")).entry
    assert suggester.suggestions(entry.id, "en") == ["What happened in 1962?"]
    add_article(engine.index, read_text(text.format(year=1987), origin="bridge"))
    assert suggester.suggestions(entry.id, "en") == ["What happened in 1987?"]


def test_an_article_that_names_nothing_has_none(engine: ChatEngine) -> None:
    entry = add_article(
        engine.index, read_text("It rained. It rained again, and then it was dry.", origin="rain")
    ).entry
    assert Suggester(engine).suggestions(entry.id, "en") == []


def test_there_are_phrases_in_every_language_of_answers(engine: ChatEngine) -> None:
    table = read_table("suggestions.json")
    assert set(table) == set(languages())
    assert {frozenset(phrases) for phrases in table.values()} == {frozenset(table["en"])}
    with pytest.raises(BadQuestion, match="'xx'"):
        Suggester(engine).suggestions(BUNDLED_ID, "xx")
