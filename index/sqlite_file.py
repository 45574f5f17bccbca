"""SQLite files that several processes share: opened in WAL mode, errors in words for a person."""

import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar

from index.exceptions import CatalogDamaged
from index.lock import unwritable

_WAIT = 30.0  # seconds
_POLL = 0.05


def open_database(path: Path) -> sqlite3.Connection:
    """A connection for any thread, in WAL mode, that waits for other writers. Raises sqlite3.Error."""
    database = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=_WAIT)
    deadline = time.monotonic() + _WAIT
    try:
        while database.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
            try:
                database.execute("PRAGMA journal_mode = WAL")
            except sqlite3.OperationalError:
                # While another process makes this change SQLite does not wait, whatever the timeout.
                if time.monotonic() > deadline:
                    raise
                time.sleep(_POLL)
    except BaseException:
        database.close()
        raise
    return database


@contextmanager
def sqlite_errors(path: Path, *, contents: str, fix: str) -> Iterator[None]:
    """Raise DataDirectoryError where the file cannot be used, CatalogDamaged where its `contents` cannot be read."""
    try:
        yield
    except sqlite3.OperationalError as error:
        raise unwritable(path.parent, error) from error
    except sqlite3.DatabaseError as error:
        raise CatalogDamaged(f"{contents} in {path} cannot be read: {error}.", fix) from error


class SqliteStore:
    """One SQLite file with an open connection, safe for threads and processes: what keeps rows in it derives from this.

    `contents` says what is in the file, `fix` what to do where that cannot be read. Raises DataDirectoryError or
    CatalogDamaged.
    """

    contents: ClassVar[str]
    fix: ClassVar[str] = "Move the file away; a new one is made."

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        with sqlite_errors(path, contents=self.contents, fix=self.fix):
            self._db = open_database(path)

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._db.close()

    @contextmanager
    def _database(self) -> Iterator[sqlite3.Connection]:
        """The connection, for one thread at a time; nested use would wait for itself."""
        with self._lock, sqlite_errors(self._path, contents=self.contents, fix=self.fix):
            yield self._db
