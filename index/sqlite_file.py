"""SQLite files that several processes share: opened in WAL mode, errors in words for a person."""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

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
