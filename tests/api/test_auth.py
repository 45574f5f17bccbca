"""Who may ask."""

import httpx
import pytest
from fastapi import FastAPI

from api.app import create_app
from api.settings import ApiSettings
from index.exceptions import ConfigurationError
from index.settings import IndexSettings
from rag.settings import RagSettings
from tests.api.conftest import Start, assert_typed

KEY = "ключ-key"
WRONG = [
    {},
    {"Authorization": b"Bearer wrong"},
    {"Authorization": "Bearer кей".encode()},
    {"Authorization": b"Bearer \xff\xfe"},
    {"Authorization": b"Bearer"},
    {"Authorization": f"Basic {KEY}".encode()},
    {"Authorization": f"Bearer {KEY}x".encode()},
    {"Authorization": f"Bearer {KEY[:-1]}".encode()},
]


@pytest.fixture
def guarded(start: Start) -> httpx.Client:
    return start(key=KEY)


def test_every_route_of_v1_wants_the_key(guarded: httpx.Client) -> None:
    schema = guarded.get("/openapi.json").json()
    routes = [(method, path) for path, item in schema["paths"].items() for method in item]
    asked = 0
    for method, path in routes:
        response = guarded.request(method, path.replace("{", "").replace("}", ""), json={"question": "Why?"})
        if path.startswith("/v1"):
            assert_typed(response, 401, "unauthorized")
            assert response.headers["www-authenticate"] == "Bearer"
            asked += 1
        else:
            assert response.status_code == 200
    assert asked >= 10


def test_only_the_right_key_opens(guarded: httpx.Client) -> None:
    stream = "/v1/conversations/one/messages/stream"
    question = {"question": "When was the CSTO founded?"}
    for headers in WRONG:
        for path in ("/v1/ask", stream):
            assert_typed(guarded.post(path, json=question, headers=headers), 401, "unauthorized")
    right = {"Authorization": f"Bearer {KEY}".encode()}
    assert guarded.post("/v1/ask", json=question, headers=right).status_code == 200
    assert "event: done" in guarded.post(stream, json=question, headers=right).text


def test_health_is_open(guarded: httpx.Client) -> None:
    assert guarded.get("/healthz").status_code == guarded.get("/readyz").status_code == 200


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "", "192.168.1.5", "example.org"])
def test_an_address_that_others_reach_needs_a_key(host: str) -> None:
    def create(key: str) -> FastAPI:
        return create_app(IndexSettings(), RagSettings(), ApiSettings(host=host, key=key))

    with pytest.raises(ConfigurationError, match="API_KEY is empty") as caught:
        create("")
    assert "API_KEY" in caught.value.fix
    assert create("secret")


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "127.8.8.8"])
def test_loopback_needs_none(host: str) -> None:
    assert create_app(IndexSettings(), RagSettings(), ApiSettings(host=host))


def test_the_key_is_not_shown() -> None:
    assert "secret" not in repr(ApiSettings(key="secret"))
