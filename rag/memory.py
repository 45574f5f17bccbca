"""Conversations, kept in one SQLite file: what was asked, how it was understood, what was answered."""

import re
import sqlite3
import time
import uuid
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from index.sqlite_file import SqliteStore
from rag.exceptions import BadConversationId

_ID = re.compile(r"[\w.:@-]{1,200}")
_SECONDS_PER_DAY = 86_400


@dataclass(frozen=True, slots=True)
class Turn:
    """One question, its answer's text, and the answer's id; that is empty in turns from before answers had one."""

    question: str
    understood_as: str
    answer: str
    answer_id: str


class Conversations(SqliteStore):
    """Safe for threads and processes; each conversation keeps its last `max_turns` turns, for `days` after the last."""

    contents = "The conversations"

    def __init__(self, path: Path, *, max_turns: int, days: int) -> None:
        super().__init__(path)
        self._max_turns = max_turns
        with self._database() as db:
            db.execute(
                "CREATE TABLE IF NOT EXISTS turns (conversation TEXT NOT NULL, number INTEGER NOT NULL,"
                " at REAL NOT NULL, question TEXT NOT NULL, understood_as TEXT NOT NULL, answer TEXT NOT NULL,"
                " answer_id TEXT NOT NULL DEFAULT '', PRIMARY KEY (conversation, number))"
            )
            _add_answer_ids(db)
            db.execute(
                "DELETE FROM turns WHERE conversation IN"
                " (SELECT conversation FROM turns GROUP BY conversation HAVING max(at) < ?)",
                (time.time() - days * _SECONDS_PER_DAY,),
            )

    def turns(self, conversation: str) -> list[Turn]:
        """The conversation's turns, oldest first; none for a new id. Raises BadConversationId."""
        _check(conversation)
        with self._database() as db:
            rows = db.execute(
                "SELECT question, understood_as, answer, answer_id FROM turns WHERE conversation = ? ORDER BY number",
                (conversation,),
            ).fetchall()
        return [Turn(*row) for row in rows]

    def append(self, conversation: str, turn: Turn) -> None:
        """Remember a turn. Raises BadConversationId."""
        _check(conversation)
        with self._database() as db:
            db.execute(
                "INSERT INTO turns SELECT ?1, coalesce(max(number), 0) + 1, ?2, ?3, ?4, ?5, ?6 FROM turns"
                " WHERE conversation = ?1",
                (conversation, time.time(), turn.question, turn.understood_as, turn.answer, turn.answer_id),
            )
            db.execute(
                "DELETE FROM turns WHERE conversation = ?1 AND number <="
                " (SELECT max(number) FROM turns WHERE conversation = ?1) - ?2",
                (conversation, self._max_turns),
            )

    def forget(self, conversation: str) -> bool:
        """Delete a conversation; whether there was one. Raises BadConversationId."""
        _check(conversation)
        with self._database() as db:
            return db.execute("DELETE FROM turns WHERE conversation = ?", (conversation,)).rowcount > 0


def new_conversation_id() -> str:
    """An id that no one can guess."""
    return uuid.uuid4().hex


def _check(conversation: str) -> None:
    if not _ID.fullmatch(conversation):
        raise BadConversationId(
            f"{conversation[:60]!r} is not a conversation id.",
            "Use 1 to 200 letters, digits and the characters _ . : @ -",
        )


def _add_answer_ids(db: sqlite3.Connection) -> None:
    """A file of an older maqal has turns without them."""
    if "answer_id" not in {row[1] for row in db.execute("PRAGMA table_info(turns)")}:
        # Another process may do the same at the same moment.
        with suppress(sqlite3.OperationalError):
            db.execute("ALTER TABLE turns ADD COLUMN answer_id TEXT NOT NULL DEFAULT ''")
