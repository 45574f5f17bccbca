"""Answers that were given, kept in one SQLite file under their ids, and what readers thought of them."""

import time
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from index.normalization import clean
from index.sqlite_file import SqliteStore
from rag.answers import Answer
from rag.exceptions import UnknownAnswer

FILE_NAME = "answers.sqlite3"
_SECONDS_PER_DAY = 86_400
_SCHEMA = """
CREATE TABLE IF NOT EXISTS answers (
    id TEXT PRIMARY KEY, at REAL NOT NULL, conversation TEXT, answer TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS answer_times ON answers (at);
CREATE INDEX IF NOT EXISTS answers_of_conversation ON answers (conversation);
CREATE TABLE IF NOT EXISTS feedback (
    answer_id TEXT NOT NULL REFERENCES answers (id) ON DELETE CASCADE, reader TEXT NOT NULL, at REAL NOT NULL,
    rating TEXT NOT NULL, reason TEXT NOT NULL, surface TEXT NOT NULL, PRIMARY KEY (answer_id, reader));
CREATE TABLE IF NOT EXISTS usage (
    day TEXT NOT NULL, client TEXT NOT NULL, verdict TEXT NOT NULL, language TEXT NOT NULL, answers INTEGER NOT NULL,
    PRIMARY KEY (day, client, verdict, language));
"""
_BATCH = 100

Rating = Literal["up", "down"]


class Feedback(BaseModel):
    """What a reader thought of an answer."""

    model_config = ConfigDict(frozen=True)

    answer: Answer
    rating: Rating
    reason: str = Field(description="in the reader's words, or empty")
    surface: str = Field(description="where it was given: `rest`, `web` or `slack`")
    at: str = Field(description="ISO 8601, UTC")


class Usage(BaseModel):
    """How many answers a client got on a day, by verdict and language."""

    model_config = ConfigDict(frozen=True)

    day: date
    client: str
    verdict: str
    language: str
    answers: int


class AnswerStore(SqliteStore):
    """Safe for threads and processes; an answer and its feedback are forgotten `days` after it was given.

    How many answers there were is remembered for good, without what was asked.
    """

    contents = "The answers"

    def __init__(self, path: Path, *, days: int) -> None:
        super().__init__(path)
        with self._database() as db:
            # An answer is given before it is safe on the disk: a power cut may lose the last ones, never the file.
            db.execute("PRAGMA synchronous = NORMAL")
            db.execute("PRAGMA foreign_keys = ON")
            db.executescript(_SCHEMA)
            db.execute("DELETE FROM answers WHERE at < ?", (time.time() - days * _SECONDS_PER_DAY,))

    def add(self, answer: Answer, conversation: str | None = None, *, client: str = "") -> None:
        """Keep an answer and the conversation that it belongs to, and count it for the client that asked."""
        row = (answer.id, time.time(), conversation, answer.model_dump_json())
        today = datetime.now(UTC).date().isoformat()
        # `with db` commits, or rolls back after an error.
        with self._database() as db, db:
            db.execute("BEGIN IMMEDIATE")
            db.execute("INSERT INTO answers VALUES (?, ?, ?, ?)", row)
            db.execute(
                "INSERT INTO usage VALUES (?, ?, ?, ?, 1)"
                " ON CONFLICT (day, client, verdict, language) DO UPDATE SET answers = answers + 1",
                (today, client, answer.verdict, answer.language),
            )

    def usage(self, since: date, until: date) -> list[Usage]:
        """The answers of the days (UTC) from `since` to `until`, both included, oldest first."""
        with self._database() as db:
            rows = db.execute(
                "SELECT day, client, verdict, language, answers FROM usage WHERE day BETWEEN ? AND ?"
                " ORDER BY day, client, verdict, language",
                (since.isoformat(), until.isoformat()),
            ).fetchall()
        return [Usage(day=day, client=c, verdict=v, language=la, answers=n) for day, c, v, la, n in rows]

    def answer(self, answer_id: str) -> Answer:
        """The answer of an id. Raises UnknownAnswer."""
        with self._database() as db:
            row = db.execute("SELECT answer FROM answers WHERE id = ?", (clean(answer_id),)).fetchone()
        if row is None:
            raise UnknownAnswer(
                f"There is no answer {answer_id[:60]!r}.", "Answers are kept for RAG_CONVERSATION_DAYS; ask again."
            )
        return Answer.model_validate_json(row[0])

    def rate(self, answer_id: str, rating: Rating, *, reason: str = "", reader: str = "", surface: str) -> None:
        """Keep what a reader thinks of an answer, in place of what they thought before. Raises UnknownAnswer."""
        self.answer(answer_id)
        row = (clean(answer_id), clean(reader), time.time(), rating, clean(reason), surface)
        with self._database() as db:
            db.execute("INSERT OR REPLACE INTO feedback VALUES (?, ?, ?, ?, ?, ?)", row)

    def ratings(self, reader: str) -> dict[Rating, int]:
        """How many answers a reader found helpful, and how many not."""
        with self._database() as db:
            rows = db.execute(
                "SELECT rating, count(*) FROM feedback WHERE reader = ? GROUP BY rating", (clean(reader),)
            ).fetchall()
        counts: dict[Rating, int] = {"up": 0, "down": 0}
        return counts | dict(rows)

    def feedback(self) -> Iterator[Feedback]:
        """All feedback, oldest first."""
        last = 0
        while rows := self._feedback_after(last):
            for _, answer, rating, reason, surface, at in rows:
                yield Feedback(
                    answer=Answer.model_validate_json(answer),
                    rating=rating,
                    reason=reason,
                    surface=surface,
                    at=datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds"),
                )
            last = rows[-1][0]

    def forget(self, conversation: str) -> None:
        """Delete the answers of a conversation, and what was thought of them."""
        with self._database() as db:
            db.execute("DELETE FROM answers WHERE conversation = ?", (conversation,))

    def _feedback_after(self, last: int) -> list[tuple[Any, ...]]:
        # An opinion that changes gets a new row, so rows are in the order in which they were given.
        with self._database() as db:
            return db.execute(
                "SELECT feedback.rowid, answer, rating, reason, surface, feedback.at FROM feedback"
                " JOIN answers ON id = answer_id WHERE feedback.rowid > ? ORDER BY feedback.rowid LIMIT ?",
                (last, _BATCH),
            ).fetchall()
