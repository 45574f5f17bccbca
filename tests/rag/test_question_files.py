"""The development questions and their articles: whole, and true to one another."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from index.articles import Article
from index.readers import read_bundled, read_file
from rag.phrases import languages

DATA = Path(__file__).parents[1] / "data"
FILES = sorted((DATA / "questions").glob("*.jsonl"))
ARTICLES = sorted(path for path in (DATA / "articles").iterdir() if path.suffix in {".txt", ".md"})
BUNDLED = "kazakhstan-csto-2022"
ANSWERED_KINDS = {"who", "when", "how_many", "where", "why", "what", "said", "yes_no"}
SILENT_KINDS = {"near_miss", "off_topic"}
KEYS = ["id", "language", "question", "paragraphs", "key", "alternatives", "kind", "speaker"]


def questions_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def article_of(path: Path) -> Article:
    if path.stem == BUNDLED:
        return read_bundled()
    (found,) = [article for article in ARTICLES if article.stem == path.stem]
    return read_file(found, 10**7)


QUESTIONS = [question for path in FILES for question in questions_of(path)]


def test_every_article_has_its_questions() -> None:
    assert {path.stem for path in FILES} == {BUNDLED, *(path.stem for path in ARTICLES)}
    assert len(ARTICLES) >= 6


def test_there_are_enough_in_enough_languages() -> None:
    assert len(QUESTIONS) >= 170
    assert {q["language"] for q in QUESTIONS} <= set(languages())
    assert len({q["language"] for q in QUESTIONS}) >= 6
    assert [name for name, count in Counter(q["id"] for q in QUESTIONS).items() if count > 1] == []


def test_a_third_is_not_answered_and_half_of_that_nearly() -> None:
    silent = [q for q in QUESTIONS if not q["paragraphs"]]
    assert 0.33 <= len(silent) / len(QUESTIONS) <= 0.38
    near = sum(q.get("kind") == "near_miss" for q in silent)
    assert 0.4 <= near / len(silent) <= 0.6


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_questions_fit_their_article(path: Path) -> None:
    article = article_of(path)
    body = {paragraph.number: article.text_of(paragraph) for paragraph in article.body}
    for q in questions_of(path):
        assert list(q) == [key for key in KEYS if key in q], q["id"]
        assert q["id"].split("-")[-2] == q["language"], q["id"]
        assert q["question"].strip() == q["question"] != "", q["id"]
        assert bool(q["paragraphs"]) == bool(q["key"]), q["id"]
        if "kind" in q:
            assert q["kind"] in (ANSWERED_KINDS if q["paragraphs"] else SILENT_KINDS), q["id"]
        for key in [q["key"], *q.get("alternatives", [])] if q["paragraphs"] else []:
            assert key, q["id"]
            assert any(key in body[number] for number in q["paragraphs"]), (q["id"], key)
        if not q["paragraphs"]:
            assert not q.get("alternatives"), q["id"]
        if q.get("kind") == "said":
            assert q["speaker"], q["id"]
            assert q["speaker"] in article.text, q["id"]
        else:
            assert "speaker" not in q, q["id"]


@pytest.mark.parametrize("path", ARTICLES, ids=lambda path: path.stem)
def test_articles_are_read_as_articles(path: Path) -> None:
    article = read_file(path, 10**7)
    assert article.language == path.stem.rpartition(".")[2]
    assert 10 <= len(article.body) <= 16
    # The title and at least two headings in the text; nothing taken for a caption.
    assert Counter(paragraph.kind for paragraph in article.paragraphs)["heading"] >= 3
    assert {paragraph.kind for paragraph in article.paragraphs} == {"heading", "body", "byline"}
