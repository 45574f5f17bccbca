"""The load script's parts, against a real service."""

import asyncio

import pytest

from benchmarks.serve.load import first_events, many_clients, one_client
from benchmarks.serve.malformed import HANGS, send_malformed
from tests.api.conftest import (
    Start,
    start,  # noqa: F401 - a fixture
)

QUESTIONS = ["Why did Tokayev call in the CSTO?", "كم عدد الجنود؟", "Кто такой Токаев?"]


# Starlette leaves the file of a multipart body without an end to the garbage collector.
@pytest.mark.filterwarnings("ignore:Exception ignored in.*SpooledTemporaryFile:pytest.PytestUnraisableExceptionWarning")
def test_malformed_requests_end_in_no_server_error(start: Start) -> None:  # noqa: F811
    client = start()
    found = asyncio.run(send_malformed(str(client.base_url), 400))
    assert found.total() == 400
    assert found[HANGS] == 0
    assert not [status for status in found if status.startswith("5")], found
    # They are of many kinds, and reach the routes.
    assert {"400", "404", "405", "413", "422"} <= set(found)
    assert client.get("/readyz").status_code == 200


def test_what_clients_see(start: Start) -> None:  # noqa: F811
    url = str(start(max_answers=2).base_url)
    assert len(asyncio.run(one_client(url, QUESTIONS, 4))) == 4
    assert len(asyncio.run(first_events(url, QUESTIONS, 4))) == 4
    crowd = asyncio.run(many_clients(url, QUESTIONS, 5, 1.0, lambda: 1.0))
    assert set(crowd.statuses) <= {200, 503}
    assert len(crowd.answered) == crowd.statuses[200] > 0
    assert len(crowd.refused) == crowd.statuses[503] > 0
    assert crowd.alive
    assert len(crowd.memory) >= 2
