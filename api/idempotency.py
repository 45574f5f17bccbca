"""Idempotency keys: an upload that is sent again within a day gets the response of the first time."""

import time
from dataclasses import astuple, dataclass
from pathlib import Path

from api.exceptions import IdempotencyKeyReused
from index.sqlite_file import SqliteStore

_FILE_NAME = "idempotency.sqlite3"
_KEPT_FOR = 86_400  # seconds
_SCHEMA = """
CREATE TABLE IF NOT EXISTS responses (
    client TEXT NOT NULL, key TEXT NOT NULL, at REAL NOT NULL, request TEXT NOT NULL,
    status INTEGER NOT NULL, etag TEXT NOT NULL, location TEXT NOT NULL, body TEXT NOT NULL,
    PRIMARY KEY (client, key));
CREATE INDEX IF NOT EXISTS response_times ON responses (at);
"""


@dataclass(frozen=True, slots=True)
class KeptResponse:
    """What was answered: status, ETag, Location, and the JSON of the body."""

    status: int
    etag: str
    location: str
    body: str


@dataclass(frozen=True, slots=True)
class Attempt:
    """A request with an idempotency key: whose it is, the key, and the SHA-256 of what it asks."""

    client: str
    key: str
    request: str


class IdempotencyStore(SqliteStore):
    """Responses by client and key in one SQLite file of a folder; safe for threads and processes."""

    contents = "The idempotency keys"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder / _FILE_NAME)
        with self._database() as db:
            db.executescript(_SCHEMA)

    def find(self, attempt: Attempt) -> KeptResponse | None:
        """What the same request was answered. Raises IdempotencyKeyReused where the key came with another one."""
        with self._database() as db:
            row = db.execute(
                "SELECT request, status, etag, location, body FROM responses WHERE client = ? AND key = ? AND at >= ?",
                (attempt.client, attempt.key, time.time() - _KEPT_FOR),
            ).fetchone()
        if row is None:
            return None
        if row[0] != attempt.request:
            raise IdempotencyKeyReused(
                f"The idempotency key {attempt.key[:60]!r} was used for another upload in the last 24 hours.",
                "Send a new Idempotency-Key for each upload, and the same one only to repeat that upload.",
            )
        return KeptResponse(*row[1:])

    def keep(self, attempt: Attempt, response: KeptResponse) -> None:
        """Remember a response for a day."""
        now = time.time()
        with self._database() as db:
            db.execute("DELETE FROM responses WHERE at < ?", (now - _KEPT_FOR,))
            db.execute(
                "INSERT OR REPLACE INTO responses VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (attempt.client, attempt.key, now, attempt.request, *astuple(response)),
            )
