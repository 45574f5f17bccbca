"""What Slack delivered and is still to be answered, on disk before Slack is told that it arrived.

Slack delivers at least once. A delivery is known by keys (its event's id, its message's ts); one whose keys are new
becomes a job, in the same transaction. A worker claims a job with a lease, and renews it while it works, so that
the job of a process that died is taken up by another, or by the same one after it starts again. A job that is given
back waits until its lease ends, too.
States: waiting → working → done; cancelled where the question was deleted, stopped where a person stopped the answer.
"""

import json
import sqlite3
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from index.sqlite_file import SqliteStore

Kind = Literal["question", "check_quote", "file", "link", "mute", "unmute"]

FILE_NAME = "slack.sqlite3"
LEASE_SECONDS = 15.0
_KEPT_SECONDS = 7 * 86_400  # Slack retries for hours at most.
_TABLES = """
CREATE TABLE IF NOT EXISTS jobs (
    id TEXT PRIMARY KEY, kind TEXT NOT NULL, team TEXT NOT NULL, channel TEXT NOT NULL, thread TEXT NOT NULL,
    user TEXT, ts TEXT NOT NULL, text TEXT, body TEXT, state TEXT NOT NULL DEFAULT 'waiting',
    revision INTEGER NOT NULL DEFAULT 0, attempts INTEGER NOT NULL DEFAULT 0, crashes INTEGER NOT NULL DEFAULT 0,
    lease REAL NOT NULL DEFAULT 0, reply_ts TEXT NOT NULL DEFAULT '', received REAL NOT NULL, finished REAL);
CREATE INDEX IF NOT EXISTS open_jobs ON jobs (received) WHERE state IN ('waiting', 'working');
CREATE INDEX IF NOT EXISTS job_messages ON jobs (team, channel, ts);
CREATE INDEX IF NOT EXISTS finished_jobs ON jobs (finished);
CREATE TABLE IF NOT EXISTS delivery_keys (key TEXT PRIMARY KEY, at REAL NOT NULL);
CREATE INDEX IF NOT EXISTS delivery_key_times ON delivery_keys (at);
DROP TABLE IF EXISTS deliveries;
"""
_COLUMNS = "id, kind, team, channel, thread, user, ts, text, body, revision, attempts, crashes, reply_ts, received"

_CLAIM = f"""
UPDATE jobs SET state = 'working', attempts = attempts + 1, crashes = crashes + (state = 'working'), lease = ?2
WHERE id = (
    SELECT id FROM jobs AS one
    WHERE state IN ('waiting', 'working') AND lease < ?1 AND NOT EXISTS (
        SELECT 1 FROM jobs AS other
        WHERE other.state = 'working' AND other.lease >= ?1 AND one.thread != ''
        AND other.thread = one.thread AND other.channel = one.channel AND other.team = one.team)
    ORDER BY received LIMIT 1)
RETURNING {_COLUMNS}
"""  # noqa: S608 - ours


@dataclass(frozen=True, slots=True)
class ReplyTo:
    """Where an answer goes: to the response URL of a command, else to a channel's thread."""

    channel: str
    thread: str
    response_url: str = ""


@dataclass(frozen=True, slots=True)
class Job:
    """One thing to answer. `thread` is its first message's ts, empty for a command; `ts` its own message's.

    `body` is what Slack sent, `text` the message as it was written last. `attempts` counts this one, `crashes` those
    that ended without a word; `reply_ts` is the message that an attempt before this one began to write.
    """

    id: str
    kind: Kind
    team: str
    channel: str
    thread: str
    user: str
    ts: str
    text: str
    body: dict[str, Any] = field(repr=False)
    revision: int = 0
    attempts: int = 0
    crashes: int = 0
    reply_ts: str = ""
    received: float = 0.0

    @property
    def reply_to(self) -> ReplyTo:
        """Where the answer goes."""
        return ReplyTo(self.channel, self.thread, self.body.get("response_url") or "")

    @property
    def conversation(self) -> str | None:
        """The id of the conversation that the job belongs to; none where it has no thread."""
        return f"slack:{self.team}:{self.channel}:{self.thread}" if self.thread else None


class Inbox(SqliteStore):
    """The jobs of the last week in one SQLite file; safe for threads and processes.

    Nothing that a person wrote is kept once it is answered. Raises DataDirectoryError or CatalogDamaged.
    """

    contents = "Slack's deliveries"

    def __init__(self, path: Path, *, clock: Callable[[], float] = time.time) -> None:
        super().__init__(path)
        self._clock = clock
        self._arrived = threading.Condition()
        with self._database() as db:
            # What is forgotten is overwritten, too.
            db.execute("PRAGMA secure_delete = ON")
            db.executescript(_TABLES)

    def put(self, keys: Sequence[str], job: Job) -> bool:
        """Keep a job unless one of its keys is known; whether it is new. It is on the disk when this returns."""
        now = self._clock()
        with self._transaction(is_synced=True) as db:
            rows = [db.execute("INSERT OR IGNORE INTO delivery_keys VALUES (?, ?)", (key, now)) for key in keys]
            is_new = all(row.rowcount for row in rows)
            if is_new:
                db.execute(
                    "INSERT INTO jobs (id, kind, team, channel, thread, user, ts, text, body, received)"
                    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    (
                        *(job.id, job.kind, job.team, job.channel, job.thread, job.user, job.ts, job.text),
                        json.dumps(job.body, ensure_ascii=False),
                        now,
                    ),
                )
        if is_new:
            with self._arrived:
                self._arrived.notify()
        return is_new

    def claim(self) -> Job | None:
        """The oldest job that nobody works on, now this caller's for LEASE_SECONDS; a thread's jobs one at a time."""
        now = self._clock()
        with self._transaction() as db:
            row = db.execute(_CLAIM, (now, now + LEASE_SECONDS)).fetchone()
        return _job(row) if row else None

    def renew(self, ids: Sequence[str]) -> None:
        """Make the leases of jobs that are worked on last LEASE_SECONDS from now."""
        with self._transaction() as db:
            lease = self._clock() + LEASE_SECONDS
            db.executemany(
                "UPDATE jobs SET lease = ? WHERE id = ? AND state = 'working'", [(lease, job_id) for job_id in ids]
            )

    def finish(self, job: Job) -> None:
        """Note that a job is answered, and forget what was asked."""
        with self._transaction() as db:
            self._forget_words(db, "id = ? AND attempts = ? AND state = 'working'", job.id, job.attempts, state="done")

    def give_back(self, job: Job, seconds: float = 0.0) -> None:
        """Let a job be claimed again, after so many seconds; where its question was changed, as it reads now."""
        with self._transaction() as db:
            db.execute(
                "UPDATE jobs SET state = 'waiting', lease = ? WHERE id = ? AND state = 'working' AND attempts = ?",
                (self._clock() + seconds if seconds else 0.0, job.id, job.attempts),
            )
        with self._arrived:
            self._arrived.notify()

    def note_reply(self, job_id: str, ts: str) -> None:
        """Remember the message in which a job's answer is being written, should this process die before its end."""
        with self._transaction() as db:
            db.execute("UPDATE jobs SET reply_ts = ? WHERE id = ?", (ts, job_id))

    def edit(self, team: str, channel: str, ts: str, text: str) -> None:
        """Change the text of the message's jobs that are not answered; an answer that is being written is cancelled."""
        with self._transaction(is_synced=True) as db:
            db.execute(
                "UPDATE jobs SET text = ?1, revision = revision + 1 WHERE team = ?2 AND channel = ?3 AND ts = ?4"
                " AND state IN ('waiting', 'working') AND text != ?1",
                (text, team, channel, ts),
            )

    def delete(self, team: str, channel: str, ts: str, keys: Sequence[str] = ()) -> None:
        """Cancel the message's jobs that are not answered; what comes later under one of the keys is not taken."""
        where = "team = ? AND channel = ? AND ts = ? AND state IN ('waiting', 'working')"
        with self._transaction(is_synced=True) as db:
            now = self._clock()
            db.executemany("INSERT OR IGNORE INTO delivery_keys VALUES (?, ?)", [(key, now) for key in keys])
            self._forget_words(db, where, team, channel, ts, state="cancelled")

    def stop(self, team: str, channel: str, thread: str) -> None:
        """Stop the answers that are being made in a thread."""
        where = "team = ? AND channel = ? AND thread = ? AND state IN ('waiting', 'working')"
        with self._transaction() as db:
            self._forget_words(db, where, team, channel, thread, state="stopped")

    def was_stopped(self, job_id: str) -> bool:
        """Whether a job's answer was stopped by a person, rather than its question deleted."""
        return self._row("SELECT state FROM jobs WHERE id = ?", job_id) == ("stopped",)

    def is_current(self, job: Job) -> bool:
        """Whether a claimed job is still to be answered, by who claimed it, with the text that it had then."""
        row = self._row("SELECT state, revision, attempts FROM jobs WHERE id = ?", job.id)
        return row == ("working", job.revision, job.attempts)

    def count(self, *states: str) -> int:
        """How many jobs are in the states."""
        marks = ", ".join("?" * len(states))
        row = self._row(f"SELECT count(*) FROM jobs WHERE state IN ({marks})", *states)  # noqa: S608 - only marks
        return row[0] if row else 0

    def has_due(self) -> bool:
        """Whether a job waits that was not given back for a later time."""
        query = "SELECT 1 FROM jobs WHERE state = 'waiting' AND lease < ? LIMIT 1"
        return self._row(query, self._clock()) is not None

    def wait(self, seconds: float) -> None:
        """Return when a job has arrived in this process, or after that many seconds."""
        with self._arrived:
            self._arrived.wait(seconds)

    def wake(self) -> None:
        """Let all that wait return."""
        with self._arrived:
            self._arrived.notify_all()

    def forget_old(self) -> None:
        """Forget what was finished, and the keys that came, more than seven days ago."""
        before = self._clock() - _KEPT_SECONDS
        with self._transaction() as db:
            db.execute("DELETE FROM jobs WHERE finished < ?", (before,))
            db.execute("DELETE FROM delivery_keys WHERE at < ?", (before,))

    def _forget_words(self, db: sqlite3.Connection, where: str, *values: str | int, state: str) -> None:
        query = f"UPDATE jobs SET state = ?, finished = ?, text = NULL, body = NULL, user = NULL WHERE {where}"  # noqa: S608 - ours
        db.execute(query, (state, self._clock(), *values))

    @contextmanager
    def _transaction(self, *, is_synced: bool = False) -> Iterator[sqlite3.Connection]:
        with self._database() as db:
            # A job is acknowledged after its commit: it has to be on the disk then, not in the system's memory. What
            # workers note need not be: if the machine fails, a reply is looked for before it is given again.
            db.execute(f"PRAGMA synchronous = {'FULL' if is_synced else 'NORMAL'}")
            db.execute("BEGIN IMMEDIATE")
            try:
                yield db
                db.execute("COMMIT")
            except BaseException:
                if db.in_transaction:
                    db.execute("ROLLBACK")
                raise

    def _row(self, query: str, *values: str | float) -> tuple[Any, ...] | None:
        with self._database() as db:
            row: tuple[Any, ...] | None = db.execute(query, values).fetchone()
        return row


def new_job(
    *, kind: Kind, team: str, channel: str, thread: str, user: str, ts: str, text: str, body: dict[str, Any]
) -> Job:
    """A job under an id that no one can guess."""
    # The verification token that Slack still sends, for apps of old, is nobody's business.
    kept = {name: value for name, value in body.items() if name != "token"}
    return Job(uuid.uuid4().hex, kind, team, channel, thread, user, ts, text, kept)


def _job(row: tuple[Any, ...]) -> Job:
    values = dict(zip(_COLUMNS.split(", "), row, strict=True))
    return Job(**(values | {"body": json.loads(values["body"])}))
