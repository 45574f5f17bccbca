"""Keys of the REST service: random secrets shown once, kept as SHA-256 in one SQLite file."""

import hashlib
import secrets
import sqlite3
import time
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from api.exceptions import UnknownKey
from api.settings import ApiSettings
from index.exceptions import ConfigurationError
from index.lock import unwritable
from index.normalization import clean
from index.settings import IndexSettings
from index.sqlite_file import SqliteStore

FILE_NAME = "keys.sqlite3"
PREFIX = "maqal_"
USE_NOTED_EVERY = 60.0  # seconds; a key's last use is not written more often

Scope = Literal["ask", "ingest", "admin"]
SCOPES: frozenset[Scope] = frozenset(get_args(Scope))
_SCHEMA = (
    "CREATE TABLE IF NOT EXISTS keys (id TEXT PRIMARY KEY, name TEXT NOT NULL, scopes TEXT NOT NULL,"
    " sha256 BLOB NOT NULL, created REAL NOT NULL, last_used REAL)"
)
_NOTE_WAIT = 1.0  # seconds


@dataclass(frozen=True, slots=True)
class Key:
    """What is known of a key; times in seconds since 1970, `last_used` to the minute."""

    id: str
    name: str
    scopes: frozenset[Scope]
    created: float
    last_used: float | None


class KeyStore(SqliteStore):
    """Safe for threads and processes: a key that is made or revoked counts at once in a service that runs."""

    contents = "The keys"
    fix = "Move the file away, and make new keys."

    def __init__(self, path: Path) -> None:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch(mode=0o600)
        except OSError as error:
            raise unwritable(path.parent, error) from error
        super().__init__(path)
        with self._database() as db:
            db.execute(_SCHEMA)

    def create(self, name: str, scopes: Iterable[str]) -> tuple[Key, str]:
        """A new key and its secret, which is kept nowhere. Raises ConfigurationError for an empty name or no scope."""
        name = " ".join(clean(name).split())
        asked = set(scopes)
        wanted = frozenset(scope for scope in SCOPES if scope in asked)
        if not name or len(name) > 100 or not name.isprintable():
            raise ConfigurationError(f"{name[:60]!r} cannot name a key.", "Give it 1 to 100 printable characters.")
        if not wanted or asked != wanted:
            odd = ", ".join(sorted(asked - wanted)) or "none"
            raise ConfigurationError(f"{odd[:60]!r} is no scope.", "Name ask, ingest, or admin for everything.")
        # The id in front lets the store find the key without comparing secrets, and people tell which one leaked.
        key = Key(secrets.token_hex(6), name, wanted, time.time(), None)
        secret = f"{PREFIX}{key.id}_{secrets.token_urlsafe(32)}"
        row = (key.id, name, " ".join(sorted(wanted)), _hash(secret), key.created)
        with self._database() as db:
            db.execute("INSERT INTO keys VALUES (?, ?, ?, ?, ?, NULL)", row)
        return key, secret

    def list_keys(self) -> list[Key]:
        """All keys, oldest first."""
        with self._database() as db:
            rows = db.execute("SELECT id, name, scopes, created, last_used FROM keys ORDER BY created").fetchall()
        return [_key(*row) for row in rows]

    def revoke(self, key_id: str) -> Key:
        """Delete a key. Raises UnknownKey."""
        with self._database() as db:
            row = db.execute(
                "DELETE FROM keys WHERE id = ? RETURNING id, name, scopes, created, last_used", (clean(key_id),)
            ).fetchone()
        if row is None:
            raise UnknownKey(f"There is no key {key_id[:60]!r}.", "See the ids with `maqal keys list`.")
        return _key(*row)

    def find(self, secret: str) -> Key | None:
        """The key of a secret; a wrong secret costs the same look-up, hash and comparison as a right one."""
        given = _hash(secret)
        key_id = clean(secret.removeprefix(PREFIX).partition("_")[0][:40])
        with self._database() as db:
            row = db.execute(
                "SELECT sha256, id, name, scopes, created, last_used FROM keys WHERE id = ?", (key_id,)
            ).fetchone()
        kept = row[0] if row else bytes(len(given))
        return _key(*row[1:]) if secrets.compare_digest(given, kept) and row else None

    def note_use(self, key: Key) -> None:
        """Write down that the key was used now, unless another process has the file for longer than a moment."""
        # A connection of its own: waiting for that process must not hold up who looks for a key.
        with closing(sqlite3.connect(self._path, isolation_level=None, timeout=_NOTE_WAIT)) as database:
            try:
                database.execute("UPDATE keys SET last_used = ? WHERE id = ?", (time.time(), key.id))
            except sqlite3.OperationalError:
                return


@contextmanager
def open_keys(index_settings: IndexSettings, api_settings: ApiSettings) -> Iterator[KeyStore | None]:
    """The keys of the data directory while the service runs; None where no key is required."""
    if not api_settings.keys_are_required:
        yield None
        return
    with closing(KeyStore(index_settings.data_dir / FILE_NAME)) as keys:
        yield keys


def check_keys(index_settings: IndexSettings, api_settings: ApiSettings) -> None:
    """Refuse to start where keys are required and there is none. Raises ConfigurationError."""
    with open_keys(index_settings, api_settings) as keys:
        if keys is None or keys.list_keys():
            return
    host = api_settings.host
    why = "API_REQUIRE_KEY is true" if api_settings.require_key else f"Other machines reach API_HOST {host!r}"
    raise ConfigurationError(
        f"{why}, so clients need a key, and there is none.",
        "Make one with `maqal keys create NAME --scope ask`, or listen on 127.0.0.1 without API_REQUIRE_KEY.",
    )


def _hash(secret: str) -> bytes:
    # A header may hold any byte, which starlette reads as Latin-1.
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()


def _key(key_id: str, name: str, scopes: str, created: float, last_used: float | None) -> Key:
    known = frozenset(scope for scope in SCOPES if scope in scopes.split())
    return Key(key_id, name, known, created, last_used)
