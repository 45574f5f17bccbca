"""The threads in which the bot hears follow-up questions that do not mention it, on disk."""

import time
from pathlib import Path

from index.sqlite_file import SqliteStore

_KEPT_SECONDS = 90 * 86_400  # after the last message in the thread that was for the bot


class Threads(SqliteStore):
    """Where the bot was mentioned, and where it was told to be quiet; safe for threads and processes.

    It shares the inbox's file. Raises DataDirectoryError or CatalogDamaged.
    """

    contents = "Slack's threads"

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        with self._database() as db:
            db.execute(
                "CREATE TABLE IF NOT EXISTS threads (team TEXT NOT NULL, channel TEXT NOT NULL, thread TEXT NOT NULL,"
                " is_muted INTEGER NOT NULL DEFAULT 0, at REAL NOT NULL, PRIMARY KEY (team, channel, thread))"
            )
            db.execute("DELETE FROM threads WHERE at < ?", (time.time() - _KEPT_SECONDS,))

    def listen(self, team: str, channel: str, thread: str) -> None:
        """Hear follow-ups in a thread from now on; one that is muted stays so."""
        with self._database() as db:
            db.execute(
                "INSERT INTO threads VALUES (?, ?, ?, 0, ?) ON CONFLICT DO UPDATE SET at = excluded.at",
                (team, channel, thread, time.time()),
            )

    def mute(self, team: str, channel: str, thread: str, *, is_muted: bool) -> None:
        """Answer in a thread only what mentions the bot, or its follow-ups again."""
        with self._database() as db:
            db.execute(
                "INSERT INTO threads VALUES (?, ?, ?, ?, ?)"
                " ON CONFLICT DO UPDATE SET is_muted = excluded.is_muted, at = excluded.at",
                (team, channel, thread, is_muted, time.time()),
            )

    def is_muted(self, team: str, channel: str, thread: str) -> bool | None:
        """Whether a thread in which the bot takes part is muted; None where it takes no part."""
        with self._database() as db:
            row = db.execute(
                "SELECT is_muted FROM threads WHERE team = ? AND channel = ? AND thread = ?", (team, channel, thread)
            ).fetchone()
        return bool(row[0]) if row else None
