"""The inbox: each delivery once, claimed by one worker at a time, nothing kept that was asked."""

import multiprocessing
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from bots.slack.inbox import LEASE_SECONDS, Inbox, Job, new_job
from index.exceptions import CatalogDamaged, DataDirectoryError

SECRET = "who leaked it?"


class Clock:
    now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "slack.sqlite3"


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def inbox(path: Path, clock: Clock) -> Iterator[Inbox]:
    with closing(Inbox(path, clock=clock)) as inbox:
        yield inbox


def job(ts: str = "1.1", **fields: Any) -> Job:
    values = {"kind": "question", "team": "T1", "channel": "C1", "thread": ts, "user": "U1", "text": SECRET}
    return new_job(**{**values, "ts": ts, "body": {"event": {"text": SECRET}, "token": "old"}, **fields})


def put_in_process(path: Path) -> bool:
    with closing(Inbox(path)) as inbox:
        return inbox.put(["event:T1:Ev1", "message:T1:C1:1.1"], job())


def everything_in(path: Path) -> bytes:
    return b"".join(file.read_bytes() for file in path.parent.iterdir())


def test_either_key_is_enough_to_be_known(inbox: Inbox) -> None:
    assert inbox.put(["event:T1:Ev1", "message:T1:C1:1.1"], job())
    assert not inbox.put(["event:T1:Ev1", "message:T1:C1:2.2"], job("2.2"))
    assert not inbox.put(["event:T1:Ev2", "message:T1:C1:1.1"], job())
    assert inbox.put(["event:T2:Ev1", "message:T2:C1:1.1"], job(team="T2"))
    assert inbox.count("waiting") == 2


def test_one_process_gets_it(path: Path) -> None:
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        assert sum(pool.map(put_in_process, [path] * 8)) == 1


def test_each_job_is_claimed_by_one_thread(inbox: Inbox) -> None:
    for i in range(40):
        inbox.put([f"e{i}"], job(f"{i}.0"))
    with ThreadPoolExecutor(8) as pool:
        claimed = [found.id for found in pool.map(lambda _: inbox.claim(), range(60)) if found]
    assert len(claimed) == len(set(claimed)) == 40


def test_what_is_put_survives_kill_9(path: Path) -> None:
    code = (
        "import sys, pathlib\nfrom bots.slack.inbox import Inbox\nfrom tests.slack.test_inbox import job\n"
        "Inbox(pathlib.Path(sys.argv[1])).put(['e1'], job())\nprint('put', flush=True)\nsys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"put\n"
        process.send_signal(signal.SIGKILL)
    with closing(Inbox(path)) as inbox:
        found = inbox.claim()
    assert found is not None
    assert found.text == SECRET
    assert "token" not in found.body


def test_what_is_put_is_synced_to_the_disk_and_notes_need_not_be(inbox: Inbox) -> None:
    inbox.put(["e1"], job())
    assert inbox._db.execute("PRAGMA synchronous").fetchone() == (2,)
    assert inbox._db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    inbox.claim()
    assert inbox._db.execute("PRAGMA synchronous").fetchone() == (1,)


def test_a_lease_that_is_not_renewed_lets_another_take_the_job(inbox: Inbox, clock: Clock) -> None:
    inbox.put(["e1"], job())
    first = inbox.claim()
    assert first is not None
    clock.now += LEASE_SECONDS - 1
    inbox.renew([first.id])
    clock.now += LEASE_SECONDS - 1
    assert inbox.claim() is None
    clock.now += 2
    second = inbox.claim()
    assert second is not None
    assert (second.id, second.attempts, second.crashes) == (first.id, 2, 1)
    assert not inbox.is_current(first)
    inbox.finish(first)  # It is not its own any more.
    assert inbox.is_current(second)


def test_what_is_given_back_for_later_is_not_due_before(inbox: Inbox, clock: Clock) -> None:
    inbox.put(["e1"], job())
    first = inbox.claim()
    assert first is not None
    inbox.give_back(first, 30)
    assert not inbox.has_due()
    assert inbox.claim() is None
    clock.now += 31
    assert inbox.has_due()
    second = inbox.claim()
    assert second is not None
    assert (second.attempts, second.crashes) == (2, 0)
    inbox.give_back(first)  # It is not its own any more.
    assert inbox.is_current(second)


def test_what_cannot_be_committed_leaves_no_transaction_open(inbox: Inbox) -> None:
    inbox._db.execute("PRAGMA max_page_count = 1")
    with pytest.raises(DataDirectoryError, match="full"):
        inbox.put(["e1"], job(body={"text": "x" * 200_000}))
    inbox._db.execute("PRAGMA max_page_count = 1000000")
    assert inbox.put(["e1"], job())


def test_a_thread_is_answered_one_question_at_a_time_and_commands_are_not_a_thread(inbox: Inbox) -> None:
    for i in range(2):
        inbox.put([f"e{i}"], job(f"{i}.0", thread="0.0"))
        inbox.put([f"c{i}"], job("", thread=""))
    claimed = [found for _ in range(4) if (found := inbox.claim())]
    assert sorted(found.thread for found in claimed) == ["", "", "0.0"]
    inbox.finish(next(found for found in claimed if found.thread))
    last = inbox.claim()
    assert last is not None
    assert last.ts == "1.0"


def test_nothing_that_was_asked_is_kept_once_it_is_answered(inbox: Inbox, path: Path, clock: Clock) -> None:
    inbox.put(["e1"], job())
    found = inbox.claim()
    assert found is not None
    inbox.finish(found)
    assert inbox.count("done") == 1
    columns = "text, body, user, attempts, received, finished"
    row = inbox._db.execute(f"SELECT {columns} FROM jobs").fetchone()
    assert row == (None, None, None, 1, clock.now, clock.now)
    inbox.close()
    assert SECRET.encode() not in everything_in(path)


def test_an_edit_changes_what_is_not_answered_and_is_noticed_by_who_answers(inbox: Inbox) -> None:
    inbox.put(["e1"], job())
    inbox.edit("T1", "C1", "1.1", "new?")
    found = inbox.claim()
    assert found is not None
    assert found.text == "new?"
    inbox.edit("T1", "C1", "1.1", "new?")  # Slack tells of a link's preview as of an edit.
    assert inbox.is_current(found)
    inbox.edit("T1", "C1", "1.1", "newer?")
    assert not inbox.is_current(found)
    inbox.give_back(found)
    again = inbox.claim()
    assert again is not None
    assert again.text == "newer?"
    inbox.finish(again)
    inbox.edit("T1", "C1", "1.1", "too late")
    assert inbox.claim() is None


def test_a_deletion_cancels_what_is_not_answered_even_if_it_comes_first(inbox: Inbox) -> None:
    inbox.put(["message:1.1"], job())
    found = inbox.claim()
    assert found is not None
    inbox.delete("T1", "C1", "1.1", ["message:1.1"])
    assert not inbox.is_current(found)
    inbox.give_back(found)
    assert inbox.claim() is None
    assert inbox.count("cancelled") == 1
    inbox.delete("T1", "C1", "2.2", ["message:2.2"])
    assert not inbox.put(["event:2", "message:2.2"], job("2.2"))


def test_jobs_and_keys_are_forgotten_after_a_week(inbox: Inbox, clock: Clock) -> None:
    for i in range(2):
        inbox.put([f"e{i}"], job(f"{i}.0"))
    found = inbox.claim()
    assert found is not None
    inbox.finish(found)
    clock.now += 6.9 * 86_400
    inbox.forget_old()
    assert not inbox.put(["e0"], job())
    clock.now += 0.2 * 86_400
    inbox.forget_old()
    assert inbox.count("done") == 0
    assert inbox.count("waiting") == 1
    assert inbox.put(["e0"], job())


def test_a_damaged_file_is_named(path: Path) -> None:
    path.write_bytes(b"not a database" * 1_000)
    with pytest.raises(CatalogDamaged, match=r"slack\.sqlite3"):
        Inbox(path)


def test_a_directory_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataDirectoryError, match="missing"):
        Inbox(tmp_path / "missing" / "slack.sqlite3")


def test_a_file_of_an_older_version_is_taken_over(path: Path) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.execute("CREATE TABLE deliveries (key TEXT PRIMARY KEY, at REAL NOT NULL)")
    with closing(Inbox(path)) as inbox:
        assert inbox.put(["e1"], job())
