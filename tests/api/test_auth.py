"""Who may ask."""

import time
from collections.abc import Callable
from contextlib import closing

import httpx
import pytest
from fastapi import FastAPI

from api.app import create_app
from api.keys import FILE_NAME, KeyStore
from api.openai.errors import is_openai_path
from api.settings import ApiSettings
from index.exceptions import ConfigurationError
from index.settings import IndexSettings
from rag.settings import RagSettings
from tests.api.conftest import Start, assert_typed

QUESTION = {"question": "When was the CSTO founded?"}
MakeKey = Callable[..., dict[str, str]]


@pytest.fixture
def store(index_settings: IndexSettings) -> KeyStore:
    """The store that the service under test reads, opened a second time."""
    with closing(KeyStore(index_settings.data_dir / FILE_NAME)) as store:
        yield store


@pytest.fixture
def make_key(store: KeyStore) -> MakeKey:
    """Makes a key with the scopes and returns the header that shows it."""

    def make(*scopes: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {store.create(f'for {scopes}', scopes)[1]}"}

    return make


@pytest.fixture
def asker(make_key: MakeKey) -> dict[str, str]:
    return make_key("ask")


@pytest.fixture
def guarded(start: Start, asker: dict[str, str]) -> httpx.Client:
    return start(require_key=True)


def test_every_route_of_v1_wants_a_key(guarded: httpx.Client) -> None:
    schema = guarded.get("/openapi.json").json()
    routes = [(method, path) for path, item in schema["paths"].items() for method in item]
    asked = 0
    for method, path in routes:
        response = guarded.request(method, path.replace("{", "").replace("}", ""), json=QUESTION)
        if path.startswith("/v1") or path == "/metrics":
            if is_openai_path(path):
                assert (response.status_code, response.json()["error"]["code"]) == (401, "unauthorized")
            else:
                assert_typed(response, 401, "unauthorized")
            assert response.headers["www-authenticate"] == "Bearer"
            asked += 1
        else:
            assert response.status_code == 200, path
    assert asked >= 20


def test_only_a_key_of_the_store_opens(guarded: httpx.Client, asker: dict[str, str]) -> None:
    stream = "/v1/conversations/one/messages/stream"
    right = asker["Authorization"]
    wrong: list[str | bytes] = [
        "",
        "Bearer",
        "Bearer wrong",
        "Bearer maqal_000000000000_wrong",
        "Bearer кей".encode(),
        b"Bearer \xff\xfe",
        right.replace("Bearer", "Basic"),
        right.removeprefix("Bearer "),
        f"{right}x",
        right[:-1],
        right.replace("Bearer ", "Bearer Bearer "),
    ]
    for value in wrong:
        for path in ("/v1/ask", stream):
            response = guarded.post(path, json=QUESTION, headers={"Authorization": value})
            assert_typed(response, 401, "unauthorized")
    assert_typed(guarded.post("/v1/ask", json=QUESTION, params={"key": right}), 401, "unauthorized")
    assert guarded.post("/v1/ask", json=QUESTION, headers=asker).status_code == 200
    lower = {"authorization": right.replace("Bearer", "bearer")}
    assert "event: done" in guarded.post(stream, json=QUESTION, headers=lower).text


def test_a_bad_body_is_not_looked_at_before_the_key(guarded: httpx.Client) -> None:
    assert_typed(guarded.post("/v1/ask", json={"question": 5}), 401, "unauthorized")
    assert_typed(guarded.get("/v1/articles/nowhere"), 401, "unauthorized")


def test_health_and_the_page_are_open(guarded: httpx.Client) -> None:
    for path in ("/healthz", "/readyz", "/", "/openapi.json"):
        assert guarded.get(path).status_code == 200, path


ARTICLE = {"text": "The bridge was closed on Monday. It will open again in March, the mayor said.", "name": "bridge"}
NEEDS = [
    ("POST", "/v1/ask", QUESTION, {"ask"}),
    ("POST", "/v1/ask/stream", QUESTION, {"ask"}),
    ("POST", "/v1/search", QUESTION, {"ask"}),
    ("POST", "/v1/quotes/check", {"text": "x y z"}, {"ask"}),
    ("POST", "/v1/conversations", None, {"ask"}),
    ("GET", "/v1/articles", None, {"ask", "ingest"}),
    ("POST", "/v1/articles", ARTICLE, {"ingest"}),
    ("DELETE", "/v1/articles/nowhere", None, {"ingest"}),
    ("GET", "/v1/feedback", None, set()),
    ("GET", "/v1/usage", None, set()),
    ("GET", "/v1/models", None, {"ask"}),
]


def test_a_key_does_what_its_scopes_say(start: Start, make_key: MakeKey) -> None:
    given = {scope: make_key(scope) for scope in ("ask", "ingest", "admin")}
    client = start(require_key=True)
    for method, path, body, scopes in NEEDS:
        for scope, headers in given.items():
            response = client.request(method, path, json=body, headers=headers)
            if scope in scopes | {"admin"}:
                assert response.status_code in {200, 201, 404}, (method, path, scope, response.text)
            elif path == "/v1/models":
                assert response.status_code == 403, (method, path, scope)
            else:
                assert_typed(response, 403, "forbidden")
                assert "www-authenticate" not in response.headers
    told = client.get("/v1/usage", headers=given["ask"]).json()
    assert "this needs admin" in told["detail"]
    assert "--scope admin" in told["fix"]


def test_a_key_of_two_scopes(start: Start, make_key: MakeKey) -> None:
    both = make_key("ask", "ingest")
    client = start(require_key=True)
    assert client.post("/v1/articles", json=ARTICLE, headers=both).status_code == 201
    assert client.post("/v1/ask", json=QUESTION, headers=both).status_code == 200
    assert_typed(client.get("/v1/usage", headers=both), 403, "forbidden")


def test_keys_are_made_and_revoked_while_it_runs(start: Start, store: KeyStore, asker: dict[str, str]) -> None:
    client = start(require_key=True)
    key, secret = store.create("later", ["ask"])
    later = {"Authorization": f"Bearer {secret}"}
    before = time.time()
    assert client.get("/v1/articles", headers=later).status_code == 200
    used = next(known for known in store.list_keys() if known.id == key.id).last_used
    assert used is not None
    assert used >= before
    assert [known.last_used for known in store.list_keys() if known.id != key.id] == [None]
    store.revoke(key.id)
    assert_typed(client.get("/v1/articles", headers=later), 401, "unauthorized")
    assert client.get("/v1/articles", headers=asker).status_code == 200


def test_without_keys_everything_is_open_on_loopback(start: Start) -> None:
    client = start()
    assert client.post("/v1/ask", json=QUESTION).status_code == 200
    assert client.get("/v1/usage").status_code == 200
    # What a client sends for another service is not looked at.
    assert client.get("/v1/articles", headers={"Authorization": "Bearer any"}).status_code == 200


@pytest.mark.parametrize("name", ["X-Forwarded-For", "Forwarded", "Via"])
def test_what_a_proxy_lets_in_is_not_local(start: Start, name: str) -> None:
    proxied = {name: "1.2.3.4"}
    client = start()
    response = client.post("/v1/ask", json=QUESTION, headers=proxied)
    assert_typed(response, 401, "unauthorized")
    assert "API_REQUIRE_KEY=true" in response.json()["fix"]
    assert client.get("/healthz", headers=proxied).status_code == 200


def test_a_proxy_lets_others_in_where_that_is_wanted(start: Start) -> None:
    client = start(require_key=False)
    assert client.post("/v1/ask", json=QUESTION, headers={"X-Forwarded-For": "1.2.3.4"}).status_code == 200


def create(host: str, **settings: object) -> FastAPI:
    return create_app(IndexSettings(), RagSettings(), ApiSettings(host=host, **settings))


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "", "192.168.1.5", "example.org"])
def test_an_address_that_others_reach_needs_a_key(host: str) -> None:
    with pytest.raises(ConfigurationError, match="clients need a key, and there is none") as caught:
        create(host)
    assert "maqal keys create" in caught.value.fix
    with closing(KeyStore(IndexSettings().data_dir / FILE_NAME)) as keys:
        key, _ = keys.create("one", ["ask"])
        assert create(host)
        keys.revoke(key.id)
        with pytest.raises(ConfigurationError, match="there is none"):
            create(host)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "127.8.8.8"])
def test_loopback_needs_none_unless_told(host: str) -> None:
    assert create(host)
    with pytest.raises(ConfigurationError, match="API_REQUIRE_KEY is true"):
        create(host, require_key=True)


def test_it_can_be_opened_on_purpose() -> None:
    assert create("0.0.0.0", require_key=False)
