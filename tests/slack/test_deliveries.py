"""A delivery is claimed once: among threads, objects and processes, for a week."""

import multiprocessing
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from bots.slack.deliveries import Deliveries
from index.exceptions import CatalogDamaged, DataDirectoryError


def claim(path: Path) -> bool:
    return Deliveries(path).claim("event:T1:Ev1", "message:T1:C1:1.1")


def test_either_key_is_enough_to_be_known(tmp_path: Path) -> None:
    deliveries = Deliveries(tmp_path / "slack.sqlite3")
    assert deliveries.claim("event:T1:Ev1", "message:T1:C1:1.1")
    assert not deliveries.claim("event:T1:Ev1", "message:T1:C1:2.2")
    assert not deliveries.claim("event:T1:Ev2", "message:T1:C1:1.1")
    assert deliveries.claim("event:T2:Ev1", "message:T2:C1:1.1")


def test_one_thread_gets_it(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(claim, [tmp_path / "slack.sqlite3"] * 40)) == 1


def test_one_process_gets_it(tmp_path: Path) -> None:
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        assert sum(pool.map(claim, [tmp_path / "slack.sqlite3"] * 8)) == 1


def test_old_deliveries_are_forgotten(tmp_path: Path) -> None:
    path = tmp_path / "slack.sqlite3"
    deliveries = Deliveries(path)
    deliveries.claim("event:T1:old")
    with sqlite3.connect(path) as db:
        db.execute("UPDATE deliveries SET at = at - 8 * 86400")
    db.close()
    deliveries.claim("event:T1:new")
    db = sqlite3.connect(path)
    assert db.execute("SELECT key FROM deliveries").fetchall() == [("event:T1:new",)]
    db.close()


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "slack.sqlite3"
    path.write_bytes(b"not a database" * 1_000)
    with pytest.raises(CatalogDamaged, match=r"slack\.sqlite3"):
        Deliveries(path)


def test_a_directory_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataDirectoryError, match="missing"):
        Deliveries(tmp_path / "missing" / "slack.sqlite3")
