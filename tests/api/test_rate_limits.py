"""How much a client may send: requests in a time, and answers at a time."""

import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import httpx
import pytest
import redis

from api.app import create_app
from api.ceiling import Ceiling
from api.exceptions import Busy
from api.keys import FILE_NAME, KeyStore
from api.settings import ApiSettings
from index.exceptions import ConfigurationError
from index.settings import IndexSettings
from rag.settings import RagSettings
from tests.api.conftest import Start, assert_typed
from tests.llm_server import ScriptedLlm, then_silent

QUESTION = {"question": "When was the CSTO founded?"}


@contextmanager
def running_redis(folder: Path, port: int) -> Iterator[subprocess.Popen[bytes]]:
    """A real Redis server on a port, when it answers."""
    command = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        with redis.Redis(port=port) as asked:
            for _ in range(400):
                with suppress(redis.ConnectionError):
                    asked.ping()
                    break
                time.sleep(0.05)
        yield process
    finally:
        process.kill()
        process.wait()


@pytest.fixture
def redis_server(tmp_path: Path, free_port: int) -> Iterator[subprocess.Popen[bytes]]:
    """A real Redis server on free_port."""
    with running_redis(tmp_path, free_port) as process:
        yield process


def assert_limited(response: httpx.Response, amount: int) -> None:
    assert_typed(response, 429, "rate_limited")
    assert 1 <= int(response.headers["retry-after"]) <= 3600
    assert response.headers["ratelimit-policy"] == f'"default";q={amount};w=3600'
    assert response.headers["ratelimit"].startswith('"default";r=0;t=')
    assert f"More than {amount} requests" in response.json()["detail"]


def test_a_client_has_so_many_requests(start: Start) -> None:
    client = start(rate_limit="3/hour", require_key=False)
    for left in (2, 1, 0):
        response = client.get("/v1/articles")
        assert response.status_code == 200
        assert response.headers["ratelimit"].startswith(f'"default";r={left};t=')
        assert response.headers["ratelimit-policy"] == '"default";q=3;w=3600'
    for _ in range(2):
        assert_limited(client.get("/v1/articles"), 3)
    assert_limited(client.post("/v1/conversations/one/messages/stream", json=QUESTION), 3)
    # What is open to all is not counted, and what a header claims is not believed.
    for path in ("/healthz", "/readyz", "/"):
        response = client.get(path)
        assert response.status_code == 200
        assert "ratelimit" not in response.headers
    assert_limited(client.get("/v1/articles", headers={"X-Forwarded-For": "8.8.8.8"}), 3)


def test_a_failed_request_counts_as_well(start: Start) -> None:
    client = start(rate_limit="2/hour")
    response = client.get("/v1/articles/nowhere")
    assert_typed(response, 404, "unknown_article")
    assert response.headers["ratelimit"].startswith('"default";r=1;')
    assert_typed(client.post("/v1/ask", json={}), 422, "invalid_request")
    assert_limited(client.get("/v1/articles"), 2)


def test_each_key_has_its_own(start: Start, index_settings: IndexSettings) -> None:
    with closing(KeyStore(index_settings.data_dir / FILE_NAME)) as store:
        one, two = ({"Authorization": f"Bearer {store.create(name, ['ask'])[1]}"} for name in ("same", "same"))
    client = start(require_key=True, rate_limit="2/hour")
    for _ in range(2):
        assert client.get("/v1/articles", headers=one).status_code == 200
    assert_limited(client.get("/v1/articles", headers=one), 2)
    # Nobody uses up a key that is not theirs, and a key of the wrong scope is counted once.
    for _ in range(5):
        assert_typed(client.get("/v1/articles", headers={"Authorization": "Bearer wrong"}), 401, "unauthorized")
    assert_typed(client.get("/v1/usage", headers=two), 403, "forbidden")
    assert client.get("/v1/articles", headers=two).headers["ratelimit"].startswith('"default";r=0;')


@pytest.mark.parametrize("settings", [{}, {"rate_limit": ""}, {"rate_limit": " "}])
def test_no_limit(start: Start, settings: dict[str, str]) -> None:
    client = start(**settings)
    responses = [client.get("/v1/articles") for _ in range(130)]
    assert {response.status_code for response in responses} == {200}
    assert "ratelimit" not in responses[0].headers


def test_keys_bring_a_limit_with_them(start: Start, index_settings: IndexSettings) -> None:
    with closing(KeyStore(index_settings.data_dir / FILE_NAME)) as store:
        headers = {"Authorization": f"Bearer {store.create('one', ['ask'])[1]}"}
    response = start(require_key=True).get("/v1/articles", headers=headers)
    assert response.headers["ratelimit-policy"] == '"default";q=120;w=60'


@pytest.mark.parametrize("text", ["60", "many", "0/minute", "-1/minute", "60/fortnight"])
def test_a_rate_that_is_none(text: str) -> None:
    with pytest.raises(ConfigurationError, match="which is no rate") as caught:
        create_app(IndexSettings(), RagSettings(), ApiSettings(rate_limit=text))
    assert "60/minute" in caught.value.fix


@pytest.mark.parametrize("url", ["http://u:secret@localhost", "secret", "redis://u:secret@localhost:port"])
def test_a_store_that_is_none_keeps_its_password(url: str) -> None:
    with pytest.raises(ConfigurationError, match="API_RATE_LIMIT_STORAGE") as caught:
        create_app(IndexSettings(), RagSettings(), ApiSettings(rate_limit="1/day", rate_limit_storage=url))
    assert "secret" not in caught.value.message.replace("'secret'", "") + caught.value.fix
    assert "u:secret" not in repr(ApiSettings(rate_limit_storage=url))


# Redis.


def test_services_share_a_count_in_redis(
    start: Start, redis_server: subprocess.Popen[bytes], free_port: int, index_settings: IndexSettings, tmp_path: Path
) -> None:
    del redis_server
    settings = {"rate_limit": "3/hour", "rate_limit_storage": f"redis://127.0.0.1:{free_port}/0"}
    one = start(**settings)
    other = start(index=IndexSettings(data_dir=tmp_path / "other"), **settings)
    for client, left in ((one, 2), (other, 1), (one, 0)):
        assert client.get("/v1/articles").headers["ratelimit"].startswith(f'"default";r={left};t=')
    for client in (one, other):
        assert_limited(client.get("/v1/articles"), 3)


def test_without_redis_each_service_counts_its_own(
    start: Start, redis_server: subprocess.Popen[bytes], free_port: int, caplog: pytest.LogCaptureFixture
) -> None:
    with redis.Redis(port=free_port) as asked:
        asked.config_set("requirepass", "another")
    client = start(rate_limit="2/hour", rate_limit_storage=f"redis://:pass@127.0.0.1:{free_port}/0")
    # A server that refuses the password is as good as none.
    assert client.get("/v1/articles").status_code == 200
    redis_server.kill()
    redis_server.wait()
    assert client.get("/v1/articles").status_code == 200
    assert_limited(client.get("/v1/articles"), 2)
    # It is not asked again for each request.
    assert [record.message for record in caplog.records if record.name == "api.rate_limits"] == [
        "The Redis server of API_RATE_LIMIT_STORAGE does not answer; each process counts its own."
    ]


def test_a_redis_server_that_dies_and_comes_back(
    start: Start,
    redis_server: subprocess.Popen[bytes],
    free_port: int,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setattr("api.rate_limits._REDIS_PAUSE", 0.0)
    client = start(rate_limit="3/hour", rate_limit_storage=f"redis://127.0.0.1:{free_port}/0")
    assert client.get("/v1/articles").headers["ratelimit"].startswith('"default";r=2;')
    redis_server.kill()
    redis_server.wait()
    assert client.get("/v1/articles").headers["ratelimit"].startswith('"default";r=2;')
    with running_redis(tmp_path, free_port), redis.Redis(port=free_port) as asked:
        assert client.get("/v1/articles").headers["ratelimit"].startswith('"default";r=2;')
        assert asked.keys("maqal*")


# The ceiling.


def test_the_ceiling_counts() -> None:
    ceiling = Ceiling(2)
    ceiling.acquire()
    ceiling.acquire()
    with pytest.raises(Busy) as caught:
        ceiling.acquire()
    assert caught.value.headers == {"Retry-After": "2"}
    assert "API_MAX_ANSWERS" in caught.value.fix
    ceiling.release()
    ceiling.acquire()
    assert ceiling.count == 2


def test_more_answers_than_may_be_are_refused_and_health_is_not(start: Start) -> None:
    asked = threading.Semaphore(0)
    never = threading.Event()

    def silent(_: object) -> Iterator[str]:
        asked.release()
        return then_silent("It was founded in 1999 [1].", never)

    with ScriptedLlm(silent) as llm:
        rag = RagSettings(llm="openai", llm_model="test", llm_url=f"{llm.url}/v1", llm_timeout=60)
        client = start(rag=rag, max_answers=2)
        waiting = [
            threading.Thread(target=lambda: client.post("/v1/ask", json=QUESTION)),
            threading.Thread(target=lambda: client.post("/v1/ask/stream", json=QUESTION)),
        ]
        for thread in waiting:
            thread.start()
            assert asked.acquire(timeout=30)
        for path in ("/v1/ask", "/v1/ask/stream", "/v1/conversations/one/messages"):
            response = client.post(path, json=QUESTION)
            assert_typed(response, 503, "busy")
            assert response.headers["retry-after"] == "2"
        for path in ("/healthz", "/readyz", "/v1/articles"):
            assert client.get(path).status_code == 200
        never.set()
        for thread in waiting:
            thread.join()
        assert client.post("/v1/search", json=QUESTION).status_code == 200
        answers = client.post("/v1/ask", json={"question": "ok"})
        assert answers.status_code != 503
