"""SQLite's errors in words for a person."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from index.exceptions import CatalogDamaged
from index.lock import unwritable


@contextmanager
def sqlite_errors(path: Path, *, contents: str, fix: str) -> Iterator[None]:
    """Raise DataDirectoryError where the file cannot be used, CatalogDamaged where its `contents` cannot be read."""
    try:
        yield
    except sqlite3.OperationalError as error:
        raise unwritable(path.parent, error) from error
    except sqlite3.DatabaseError as error:
        raise CatalogDamaged(f"{contents} in {path} cannot be read: {error}.", fix) from error
