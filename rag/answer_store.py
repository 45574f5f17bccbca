"""Answers that were given, kept in one SQLite file under their ids, and what readers thought of them."""

import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from index.normalization import clean
from index.sqlite_file import open_database, sqlite_errors
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
"""

Rating = Literal["up", "down"]


class Feedback(BaseModel):
    """What a reader thought of an answer."""

    model_config = ConfigDict(frozen=True)

    answer: Answer
    rating: Rating
    reason: str = Field(description="in the reader's words, or empty")
    surface: str = Field(description="where it was given: `rest`, `web` or `slack`")
    at: str = Field(description="ISO 8601, UTC")


class AnswerStore:
    """Safe for threads and processes; an answer and its feedback are forgotten `days` after it was given."""

    def __init__(self, path: Path, *, days: int) -> None:
        self._path = path
        self._lock = threading.Lock()
        with self._errors():
            self._db = open_database(path)
            # An answer is given before it is safe on the disk: a power cut may lose the last ones, never the file.
            self._db.execute("PRAGMA synchronous = NORMAL")
            self._db.execute("PRAGMA foreign_keys = ON")
            self._db.executescript(_SCHEMA)
            self._db.execute("DELETE FROM answers WHERE at < ?", (time.time() - days * _SECONDS_PER_DAY,))

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._db.close()

    def add(self, answer: Answer, conversation: str | None = None) -> None:
        """Keep an answer, and the conversation that it belongs to."""
        row = (answer.id, time.time(), conversation, answer.model_dump_json())
        with self._lock, self._errors():
            self._db.execute("INSERT INTO answers VALUES (?, ?, ?, ?)", row)

    def answer(self, answer_id: str) -> Answer:
        """The answer of an id. Raises UnknownAnswer."""
        with self._lock, self._errors():
            row = self._db.execute("SELECT answer FROM answers WHERE id = ?", (clean(answer_id),)).fetchone()
        if row is None:
            raise UnknownAnswer(
                f"There is no answer {answer_id[:60]!r}.", "Answers are kept for RAG_CONVERSATION_DAYS; ask again."
            )
        return Answer.model_validate_json(row[0])

    def rate(self, answer_id: str, rating: Rating, *, reason: str = "", reader: str = "", surface: str) -> None:
        """Keep what a reader thinks of an answer, in place of what they thought before. Raises UnknownAnswer."""
        self.answer(answer_id)
        row = (clean(answer_id), clean(reader), time.time(), rating, clean(reason), surface)
        with self._lock, self._errors():
            self._db.execute("INSERT OR REPLACE INTO feedback VALUES (?, ?, ?, ?, ?, ?)", row)

    def feedback(self) -> Iterator[Feedback]:
        """All feedback, oldest first."""
        with self._lock, self._errors():
            rows = self._db.execute(
                "SELECT answer, rating, reason, surface, feedback.at FROM feedback JOIN answers ON id = answer_id"
                " ORDER BY feedback.at"
            ).fetchall()
        for answer, rating, reason, surface, at in rows:
            yield Feedback(
                answer=Answer.model_validate_json(answer),
                rating=rating,
                reason=reason,
                surface=surface,
                at=datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds"),
            )

    def forget(self, conversation: str) -> None:
        """Delete the answers of a conversation, and what was thought of them."""
        with self._lock, self._errors():
            self._db.execute("DELETE FROM answers WHERE conversation = ?", (conversation,))

    def _errors(self) -> AbstractContextManager[None]:
        fix = "Move the file away; a new one is made."
        return sqlite_errors(self._path, contents="The answers", fix=fix)
