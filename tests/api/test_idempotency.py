"""Idempotency keys are kept on the disk, for a day, and for one client each."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from api import idempotency
from api.exceptions import IdempotencyKeyReused
from api.idempotency import Attempt, IdempotencyStore, KeptResponse

ATTEMPT = Attempt("ann", "key", "hash")
RESPONSE = KeptResponse(201, '"1-x"', "/v1/articles/a", '{"id": "a"}')


@pytest.fixture
def store(tmp_path: Path) -> Iterator[IdempotencyStore]:
    with closing(IdempotencyStore(tmp_path)) as store:
        yield store


def test_a_response_is_found_after_a_restart(store: IdempotencyStore, tmp_path: Path) -> None:
    assert store.find(ATTEMPT) is None
    store.keep(ATTEMPT, RESPONSE)
    with closing(IdempotencyStore(tmp_path)) as reopened:
        assert reopened.find(ATTEMPT) == RESPONSE


def test_a_key_belongs_to_one_client(store: IdempotencyStore) -> None:
    store.keep(ATTEMPT, RESPONSE)
    assert store.find(Attempt("ben", "key", "other")) is None
    with pytest.raises(IdempotencyKeyReused):
        store.find(Attempt("ann", "key", "other"))


def test_it_is_forgotten_after_a_day(store: IdempotencyStore, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1_000_000.0
    monkeypatch.setattr(idempotency.time, "time", lambda: now)
    store.keep(ATTEMPT, RESPONSE)
    now += 86_399
    assert store.find(ATTEMPT) == RESPONSE
    now += 2
    assert store.find(ATTEMPT) is None
    store.keep(Attempt("ann", "another", "hash"), RESPONSE)
    now -= 3
    assert store.find(ATTEMPT) is None
