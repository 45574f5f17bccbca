"""Answers are found again by their ids, with what readers thought of them, until they are forgotten."""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from index.exceptions import CatalogDamaged
from rag import answer_store
from rag.answer_store import AnswerStore
from rag.chat_engine import ChatEngine
from rag.exceptions import UnknownAnswer
from rag.memory import Conversations, Turn

QUESTION = "Why did Tokayev call in the CSTO?"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[AnswerStore]:
    with closing(AnswerStore(tmp_path / "answers.sqlite3", days=30)) as store:
        yield store


def test_an_answer_is_kept_whole(engine: ChatEngine) -> None:
    answer = engine.ask(QUESTION)
    assert engine.answers.answer(answer.id) == answer
    assert engine.ask(QUESTION).id != answer.id


@pytest.mark.parametrize("answer_id", ["", "nothing", "\x00", "\ud800", "x" * 10_000])
def test_an_id_that_is_none(store: AnswerStore, answer_id: str) -> None:
    with pytest.raises(UnknownAnswer):
        store.answer(answer_id)
    with pytest.raises(UnknownAnswer):
        store.rate(answer_id, "up", surface="rest")


def test_a_reader_has_one_opinion_of_an_answer(engine: ChatEngine) -> None:
    answer = engine.ask(QUESTION)
    store = engine.answers
    store.rate(answer.id, "up", reader="ann", surface="rest")
    store.rate(answer.id, "down", reader="ben", reason="wrong \x00paragraph", surface="slack")
    store.rate(answer.id, "down", reader="ann", reason="no", surface="web")
    given = [(f.rating, f.reason, f.surface) for f in store.feedback()]
    assert given == [("down", "wrong paragraph", "slack"), ("down", "no", "web")]
    assert all(f.answer == answer for f in store.feedback())


def test_a_conversation_is_forgotten_with_its_answers_and_nothing_else(engine: ChatEngine) -> None:
    mine = engine.ask(QUESTION, conversation="mine")
    other = engine.ask(QUESTION, conversation="other")
    for answer in (mine, other):
        engine.answers.rate(answer.id, "up", surface="rest")
    engine.answers.forget("mine")
    assert engine.conversations.forget("mine")
    assert not engine.conversations.forget("mine")
    assert engine.conversations.turns("mine") == []
    with pytest.raises(UnknownAnswer):
        engine.answers.answer(mine.id)
    assert [f.answer.id for f in engine.answers.feedback()] == [other.id]
    (turn,) = engine.conversations.turns("other")
    assert turn.answer_id == other.id


def test_old_answers_are_forgotten_at_the_next_start(engine: ChatEngine) -> None:
    old, new = engine.ask(QUESTION), engine.ask(QUESTION)
    engine.answers.rate(old.id, "up", surface="rest")
    path = engine.index.settings.data_dir / "answers.sqlite3"
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("UPDATE answers SET at = ? WHERE id = ?", (time.time() - 31 * 86_400, old.id))
    with closing(AnswerStore(path, days=30)) as reopened:
        assert reopened.answer(new.id) == new
        assert list(reopened.feedback()) == []
        with pytest.raises(UnknownAnswer):
            reopened.answer(old.id)


def test_conversations_of_an_older_maqal_go_on(tmp_path: Path) -> None:
    path = tmp_path / "conversations.sqlite3"
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute(
            "CREATE TABLE turns (conversation TEXT NOT NULL, number INTEGER NOT NULL, at REAL NOT NULL,"
            " question TEXT NOT NULL, understood_as TEXT NOT NULL, answer TEXT NOT NULL,"
            " PRIMARY KEY (conversation, number))"
        )
        db.execute("INSERT INTO turns VALUES ('c', 1, ?, 'q', 'q', 'a')", (time.time(),))
    for _ in range(2):
        with closing(Conversations(path, max_turns=5, days=30)) as conversations:
            conversations.append("c", Turn("r", "r", "b", "id"))
            assert conversations.turns("c")[:2] == [Turn("q", "q", "a", ""), Turn("r", "r", "b", "id")]


def test_all_feedback_is_exported_in_order(engine: ChatEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answer_store, "_BATCH", 2)
    answer = engine.ask(QUESTION)
    for n in range(5):
        engine.answers.rate(answer.id, "up", reader=str(n), reason=str(n), surface="rest")
    assert [f.reason for f in engine.answers.feedback()] == ["0", "1", "2", "3", "4"]


def test_use_is_counted_for_good(engine: ChatEngine) -> None:
    for client in ("ann", "ann", "ben"):
        engine.ask(QUESTION, client=client, conversation="one")
    list(engine.stream("What is the recipe for apple pie?", client="ann"))
    engine.answers.forget("one")
    today = datetime.now(UTC).date()
    counted = {(u.client, u.verdict, u.language): u.answers for u in engine.answers.usage(today, today)}
    assert counted == {
        ("ann", "answered", "en"): 2,
        ("ann", "not_in_article", "en"): 1,
        ("ben", "answered", "en"): 1,
    }
    assert engine.answers.usage(today + timedelta(days=1), date.max) == []
    assert engine.answers.usage(date.min, today - timedelta(days=1)) == []


def test_an_answer_is_counted_only_if_it_is_kept(engine: ChatEngine) -> None:
    answer = engine.ask(QUESTION)
    today = datetime.now(UTC).date()
    with pytest.raises(CatalogDamaged):
        engine.answers.add(answer)
    assert sum(u.answers for u in engine.answers.usage(today, today)) == 1
    assert engine.ask(QUESTION)
