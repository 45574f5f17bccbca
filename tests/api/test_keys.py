"""Keys: made, kept as hashes, found, revoked, by several processes at a time."""

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from api import keys
from api.exceptions import UnknownKey
from api.keys import KeyStore
from index.exceptions import CatalogDamaged, ConfigurationError, DataDirectoryError


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / keys.FILE_NAME


@pytest.fixture
def store(path: Path) -> Iterator[KeyStore]:
    with closing(KeyStore(path)) as store:
        yield store


def test_a_key_is_256_random_bits_after_its_id(store: KeyStore) -> None:
    key, secret = store.create("news desk", ["ask"])
    assert re.fullmatch(rf"maqal_{key.id}_[\w-]{{43}}", secret)
    assert len({store.create("one", ["ask"])[1] for _ in range(20)}) == 20


def test_only_a_hash_is_kept_in_a_file_of_ones_own(store: KeyStore, path: Path) -> None:
    _, secret = store.create("news desk", ["ask"])
    assert path.stat().st_mode & 0o077 == 0
    kept = b"".join(file.read_bytes() for file in path.parent.iterdir())
    assert b"news desk" in kept
    assert secret.encode() not in kept
    assert secret.rpartition("_")[2].encode() not in kept


def test_a_key_is_found_by_its_secret_and_by_nothing_else(store: KeyStore) -> None:
    key, secret = store.create("one", ["ask", "ingest"])
    other, other_secret = store.create("two", ["admin"])
    assert store.find(secret) == key
    assert store.find(other_secret) == other
    swapped = f"maqal_{key.id}_{other_secret.removeprefix(f'maqal_{other.id}_')}"
    for wrong in ("", key.id, f"maqal_{key.id}_", secret[:-1], f"{secret}x", secret.upper(), swapped, "ключ", "\udcff"):
        assert store.find(wrong) is None
    assert store.find(secret) == key


def test_a_key_that_does_not_exist_costs_what_one_that_does(store: KeyStore, monkeypatch: pytest.MonkeyPatch) -> None:
    key, secret = store.create("one", ["ask"])
    steps: list[str] = []
    compare, digest = keys.secrets.compare_digest, keys._hash

    def noting_compare(a: bytes, b: bytes) -> bool:
        steps.append(f"compare {len(a)} {len(b)}")
        return compare(a, b)

    def noting_hash(text: str) -> bytes:
        steps.append("hash")
        return digest(text)

    monkeypatch.setattr(keys.secrets, "compare_digest", noting_compare)
    monkeypatch.setattr(keys, "_hash", noting_hash)
    store._db.set_trace_callback(lambda sql: steps.append(sql.partition("WHERE")[0]))
    seen = []
    for asked in (secret, f"maqal_{key.id}_wrong", "maqal_000000000000_wrong"):
        steps.clear()
        store.find(asked)
        seen.append(list(steps))
    assert seen[0] == seen[1] == seen[2]
    assert len(seen[0]) == 3


def test_a_revoked_key_is_none(store: KeyStore) -> None:
    key, secret = store.create("one", ["ask"])
    kept, kept_secret = store.create("two", ["ask"])
    assert store.revoke(key.id) == key
    assert store.find(secret) is None
    assert store.list_keys() == [kept]
    assert store.find(kept_secret) == kept
    with pytest.raises(UnknownKey, match="There is no key") as caught:
        store.revoke(key.id)
    assert "maqal keys list" in caught.value.fix


def test_another_process_sees_a_change_at_once(store: KeyStore, path: Path) -> None:
    with closing(KeyStore(path)) as other:
        key, secret = other.create("one", ["ask"])
        assert store.find(secret) == key
        other.revoke(key.id)
        assert store.find(secret) is None


def test_the_last_use_is_noted_unless_the_file_is_busy(
    store: KeyStore, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, secret = store.create("one", ["ask"])
    monkeypatch.setattr(keys, "_NOTE_WAIT", 0.01)
    with closing(sqlite3.connect(path, isolation_level=None)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        store.note_use(key)
        assert store.find(secret) == key
        writer.execute("ROLLBACK")
    store.note_use(key)
    found = store.find(secret)
    assert found
    assert found.last_used
    assert found.last_used >= key.created


@pytest.mark.parametrize("name", ["", " ", "x" * 101, "a\u202eb"])
def test_a_name_that_names_nothing(store: KeyStore, name: str) -> None:
    with pytest.raises(ConfigurationError, match="cannot name a key"):
        store.create(name, ["ask"])


@pytest.mark.parametrize("scopes", [[], ["root"], ["ask", "Admin"], ["ask ingest"]])
def test_a_scope_that_is_none(store: KeyStore, scopes: list[str]) -> None:
    with pytest.raises(ConfigurationError, match="no scope") as caught:
        store.create("one", scopes)
    assert "admin" in caught.value.fix
    assert store.list_keys() == []


def test_a_damaged_file_and_one_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "damaged").write_bytes(b"not SQLite, " * 1000)
    with pytest.raises(CatalogDamaged, match="The keys in"):
        KeyStore(tmp_path / "damaged")
    with pytest.raises(DataDirectoryError, match="cannot be written"):
        KeyStore(tmp_path / "damaged" / "keys")
