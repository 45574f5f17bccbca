"""What Slack has delivered, on disk: Slack delivers at least once, the bot answers at most once."""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from index.sqlite_file import sqlite_errors

FILE_NAME = "slack.sqlite3"
_KEPT_SECONDS = 7 * 86_400  # Slack retries for hours at most.


class Deliveries:
    """Keys of the deliveries of the last week, in one SQLite file; safe for threads and processes.

    Every call opens the file anew: questions are rare, and nothing is left to close or to share.
    Raises DataDirectoryError or CatalogDamaged.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        with self._transaction() as db:
            db.execute("CREATE TABLE IF NOT EXISTS deliveries (key TEXT PRIMARY KEY, at REAL NOT NULL)")
            db.execute("CREATE INDEX IF NOT EXISTS delivery_times ON deliveries (at)")

    def claim(self, *keys: str) -> bool:
        """Whether none of the keys of a delivery was claimed before; they all are from now on."""
        now = time.time()
        with self._transaction() as db:
            db.execute("DELETE FROM deliveries WHERE at < ?", (now - _KEPT_SECONDS,))
            added = [db.execute("INSERT OR IGNORE INTO deliveries VALUES (?, ?)", (key, now)).rowcount for key in keys]
        return all(added)

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        fix = "Move the file away; a new one is made."
        with (
            sqlite_errors(self._path, contents="Slack's deliveries", fix=fix),
            closing(sqlite3.connect(self._path, isolation_level=None, timeout=30)) as db,
        ):
            db.execute("BEGIN IMMEDIATE")
            yield db
            db.execute("COMMIT")
