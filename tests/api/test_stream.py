"""Answers as streams of server-sent events."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest

from index.exceptions import VectorStoreError
from index.settings import IndexSettings
from rag.answers import Event
from rag.chat_engine import ChatEngine
from rag.factory import open_engine
from rag.settings import RagSettings
from tests.api.conftest import Start, assert_problem, assert_typed, events
from tests.llm_server import ScriptedLlm, half_then_die, then_silent

PATH = "/v1/conversations/one/messages/stream"
QUESTION = {"question": "When was the CSTO founded?"}


class FailingEngine(ChatEngine):
    """Fails after its first event."""

    error: Exception

    def stream(self, *args: Any, **kwargs: Any) -> Iterator[Event]:
        started = super().stream(*args, **kwargs)

        def failing() -> Iterator[Event]:
            yield next(started)
            raise self.error

        return failing()


@contextmanager
def failing_engine(index_settings: IndexSettings, error: Exception) -> Iterator[ChatEngine]:
    with open_engine(index_settings, RagSettings(), writable=True) as engine:
        failing = FailingEngine(engine.index, engine.conversations, engine.answers, RagSettings())
        failing.error = error
        yield failing


def test_quotes_then_text_then_the_answer_then_the_end(client: httpx.Client) -> None:
    response = client.post("/v1/conversations/streamed/messages/stream", json=QUESTION)
    assert response.headers["content-type"].startswith("text/event-stream")
    got = events(response)
    names = [name for name, _ in got]
    quotes = [data for name, data in got if name == "quote"]
    assert names == ["status"] + ["quote"] * len(quotes) + ["token"] * names.count("token") + ["answer", "done"]
    answer = got[-2][1]
    assert quotes
    assert answer["quotes"] == quotes
    assert "".join(data["text"] for name, data in got if name == "token") == answer["text"]

    whole = client.post("/v1/ask", json=QUESTION).json()
    assert {**answer, "took_ms": 0, "id": ""} == {**whole, "took_ms": 0, "id": ""}
    assert answer["id"] == got[0][1]["answer_id"]
    (turn,) = client.get("/v1/conversations/streamed/messages").json()
    assert (turn["answer"], turn["answer_id"]) == (answer["text"], answer["id"])


def test_silence_is_streamed_too(client: httpx.Client) -> None:
    response = client.post(PATH, json={"question": "What is the recipe for apple pie?"})
    assert [name for name, _ in events(response)] == ["status", "token", "answer", "done"]


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"question": "?"}, 422, "bad_question"),
        ({"question": "x" * 20_000}, 422, "bad_question"),
        ({**QUESTION, "article_ids": ["nowhere"]}, 404, "unknown_article"),
        ({**QUESTION, "language": "xx"}, 422, "bad_question"),
        ({"quest": "Why?"}, 422, "invalid_request"),
    ],
)
def test_what_cannot_be_answered_has_its_status_and_no_stream(
    client: httpx.Client, body: str, status: int, code: str
) -> None:
    assert_typed(client.post(PATH, json=body), status, code)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (VectorStoreError("Chroma is gone.", "Start it."), "vector_store_error"),
        (RuntimeError("my secret"), "internal_error"),
    ],
)
def test_an_error_in_the_middle_is_an_event_and_the_stream_ends(
    start: Start, index_settings: IndexSettings, error: Exception, code: str
) -> None:
    client = start(engine=failing_engine(index_settings, error))
    response = client.post(PATH, json=QUESTION)
    assert response.status_code == 200
    got = events(response)
    assert [name for name, _ in got] == ["status", "error", "done"]
    assert_problem(got[1][1], code)
    assert "secret" not in response.text


def test_an_error_that_no_one_foresaw_is_a_typed_500(start: Start, index_settings: IndexSettings) -> None:
    client = start(engine=failing_engine(index_settings, RuntimeError("my secret")))
    response = client.post("/v1/ask", json=QUESTION)
    assert_typed(response, 500, "internal_error")
    assert "secret" not in response.text
    assert client.get("/healthz").status_code == 200


@pytest.mark.usefixtures("leaked_sockets")
def test_a_language_model_that_breaks_off_is_announced(start: Start) -> None:
    with ScriptedLlm(lambda _: half_then_die("It was founded in 1999 [1]. " * 4)) as llm:
        client = start(rag=RagSettings(llm="openai", llm_model="test", llm_url=f"{llm.url}/v1"))
        got = events(client.post(PATH, json=QUESTION))
    names = [name for name, _ in got]
    restart = names.index("restart")
    quotes = names.count("quote")
    assert names[: names.index("token")] == ["status", *["quote"] * (names.index("token") - 2), "status"]
    assert set(names[names.index("token") : restart]) == {"token"}
    assert quotes
    assert names[-2:] == ["answer", "done"]
    answer = got[-2][1]
    assert answer["model"] == "extractive"
    assert answer["notes"]
    assert "".join(data["text"] for name, data in got[restart:] if name == "token") == answer["text"]


@pytest.mark.usefixtures("leaked_sockets")
def test_a_client_that_leaves_holds_up_no_one(start: Start) -> None:
    release = threading.Event()
    with ScriptedLlm(lambda _: then_silent("It was founded in 1999 [1]. And ", release)) as llm:
        client = start(rag=RagSettings(llm="openai", llm_model="test", llm_url=f"{llm.url}/v1"), threads=2)
        with client.stream("POST", PATH, json=QUESTION) as response:
            assert next(response.iter_lines()) == "event: status"
        assert client.get("/readyz").status_code == 200
        assert client.get("/v1/articles").status_code == 200
        release.set()
