"""Answers as streams of server-sent events."""

import asyncio
import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any

import httpx
import pytest

from api import streams as streams_module
from api.ceiling import Ceiling
from api.exceptions import ShuttingDown
from api.streams import Streams
from index.exceptions import VectorStoreError
from index.settings import IndexSettings
from rag.answers import Event, Restart, Status, Token
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


@contextmanager
def silent_llm(start: Start, **settings: object) -> Iterator[tuple[httpx.Client, threading.Event]]:
    """A service whose language model begins, and goes on when the event is set."""
    release = threading.Event()
    with ScriptedLlm(lambda _: then_silent("It was founded in 1999 [1]. And ", release)) as llm:
        rag = RagSettings(llm="openai", llm_model="test", llm_url=f"{llm.url}/v1")
        try:
            yield start(rag=rag, **settings), release
        finally:
            release.set()


def first_id(response: httpx.Response) -> str:
    """The answer's id, from the stream's first event."""
    lines = response.iter_lines()
    assert next(lines) == "event: status"
    return json.loads(next(lines).removeprefix("data: "))["answer_id"]


def finished(client: httpx.Client, answer_id: str) -> dict[str, Any]:
    """The answer, when it is there."""
    with client.stream("GET", f"/v1/answers/{answer_id}/events") as response:
        response.read()
    response = client.get(f"/v1/answers/{answer_id}")
    assert response.status_code == 200
    return response.json()


@pytest.mark.usefixtures("leaked_sockets")
class TestClientsThatLeave:
    def test_hold_up_no_one(self, start: Start) -> None:
        with silent_llm(start, threads=2) as (client, _):
            for _ in range(2):
                with client.stream("POST", PATH, json=QUESTION) as response:
                    first_id(response)
            assert client.get("/readyz").status_code == 200
            assert client.get("/v1/articles").status_code == 200

    def test_find_their_answer_when_they_come_back(self, start: Start) -> None:
        with silent_llm(start) as (client, release):
            with client.stream("POST", PATH, json=QUESTION) as response:
                answer_id = first_id(response)
            assert_typed(client.get(f"/v1/answers/{answer_id}"), 404, "unknown_answer")
            release.set()
            answer = finished(client, answer_id)
            (turn,) = client.get("/v1/conversations/one/messages").json()
            assert (turn["answer_id"], turn["answer"]) == (answer_id, answer["text"])

    def test_go_on_where_the_connection_broke(self, start: Start) -> None:
        with silent_llm(start) as (client, release):
            with client.stream("POST", PATH, json=QUESTION) as response:
                answer_id = first_id(response)
            where = {"Last-Event-ID": f"{answer_id}:1"}
            with client.stream("GET", f"/v1/answers/{answer_id}/events", headers=where) as rest:
                lines = rest.iter_lines()
                assert next(lines) == "event: quote"
                release.set()
                for _ in lines:
                    pass
            whole = client.get(f"/v1/answers/{answer_id}/events")
            rest = client.get(f"/v1/answers/{answer_id}/events", headers=where)
            assert events(rest) == events(whole)[1:]
            assert events(whole)[-2][1] == client.get(f"/v1/answers/{answer_id}").json()

    def test_any_number_may_follow(self, start: Start) -> None:
        with silent_llm(start) as (client, release), ThreadPoolExecutor(4) as pool:
            with client.stream("POST", PATH, json=QUESTION) as response:
                answer_id = first_id(response)
            following = [pool.submit(client.get, f"/v1/answers/{answer_id}/events") for _ in range(4)]
            release.set()
            assert len({future.result().text for future in following}) == 1

    def test_a_slow_one_holds_up_no_thread(self, start: Start) -> None:
        with silent_llm(start, threads=1) as (client, release), ExitStack() as stack:
            # None of them reads on, and one thread makes all the answers.
            slow = [stack.enter_context(client.stream("POST", PATH, json=QUESTION)) for _ in range(1)]
            release.set()
            answer_id = first_id(slow[0])
            assert finished(client, answer_id)["text"]
            assert client.post("/v1/ask", json=QUESTION).status_code == 200


@pytest.mark.usefixtures("leaked_sockets")
def test_a_silent_stream_says_that_it_lives(start: Start) -> None:
    with (
        silent_llm(start, heartbeat=0.05) as (client, release),
        client.stream("POST", "/v1/ask/stream", json=QUESTION) as response,
    ):
        lines = response.iter_lines()
        assert ": heartbeat" in lines
        release.set()
        assert "event: done" in lines


@pytest.mark.usefixtures("leaked_sockets")
def test_as_many_answers_are_made_as_may_be(start: Start) -> None:
    with silent_llm(start, max_answers=2, threads=1) as (client, release), ThreadPoolExecutor(2) as pool:
        with client.stream("POST", PATH, json=QUESTION) as response:
            first = first_id(response)
        # The client of the first is gone, its answer still counts; one of two others waits for the thread.
        others = [pool.submit(client.post, "/v1/ask", json=QUESTION) for _ in range(2)]
        refused = next(as_completed(others)).result()
        assert_typed(refused, 503, "busy")
        assert int(refused.headers["retry-after"]) > 0
        release.set()
        assert sorted(future.result().status_code for future in others) == [200, 503]
        assert finished(client, first)
        assert client.post("/v1/ask", json=QUESTION).status_code == 200


class TestEventIds:
    def test_each_event_has_one(self, client: httpx.Client) -> None:
        response = client.post("/v1/ask/stream", json=QUESTION)
        ids = [line.removeprefix("id: ") for line in response.text.splitlines() if line.startswith("id: ")]
        got = events(response)
        answer_id = got[0][1]["answer_id"]
        assert ids == [f"{answer_id}:{number}" for number in range(1, len(got) + 1)]
        for number in (1, 2, len(got) - 1):
            rest = client.get(f"/v1/answers/{answer_id}/events", headers={"Last-Event-ID": f"{answer_id}:{number}"})
            assert events(rest) == got[number:]
        last = client.get(f"/v1/answers/{answer_id}/events", headers={"Last-Event-ID": f"{answer_id}:{len(got)}"})
        assert [name for name, _ in events(last)] == ["done"]

    def test_an_id_of_another_answer_means_nothing(self, client: httpx.Client) -> None:
        response = client.post("/v1/ask/stream", json=QUESTION)
        answer_id = events(response)[0][1]["answer_id"]
        other = client.get(f"/v1/answers/{answer_id}/events", headers={"Last-Event-ID": f"{'0' * 32}:3"})
        assert events(other) == events(response)

    @pytest.mark.parametrize("last", ["", "x", "a:1", f"{'0' * 32}:-1", f"{'0' * 32}:{'1' * 10}", f"{'0' * 32}:٣"])
    def test_what_is_none(self, client: httpx.Client, last: str) -> None:
        headers = {"Last-Event-ID": last.encode()}
        assert_typed(client.get(f"/v1/answers/{'0' * 32}/events", headers=headers), 422, "invalid_request")

    def test_an_answer_that_is_not_there(self, client: httpx.Client) -> None:
        for answer_id in ("0" * 32, "nothing", "%00"):
            assert_typed(client.get(f"/v1/answers/{answer_id}/events"), 404, "unknown_answer")

    def test_an_answer_of_before_the_restart_is_told_anew(self, start: Start, index_settings: IndexSettings) -> None:
        with open_engine(index_settings, RagSettings(), writable=True) as engine:
            answer = engine.ask(QUESTION["question"])
        client = start()
        path = f"/v1/answers/{answer.id}/events"
        anew = ["quote"] * len(answer.quotes) + ["token", "answer", "done"]
        assert [name for name, _ in events(client.get(path))] == anew
        got = events(client.get(path, headers={"Last-Event-ID": f"{answer.id}:2"}))
        assert [name for name, _ in got] == ["restart", *anew]
        assert got[-2][1] == answer.model_dump(mode="json")

    def test_a_deleted_answer_is_not_told_from_memory(self, start: Start) -> None:
        client = start()
        answer_id = events(client.post(PATH, json=QUESTION))[0][1]["answer_id"]
        assert client.delete("/v1/conversations/one").status_code == 204
        assert_typed(client.get(f"/v1/answers/{answer_id}/events"), 404, "unknown_answer")


@pytest.mark.usefixtures("leaked_sockets")
def test_a_stop_ends_open_streams_and_questions(index_settings: IndexSettings) -> None:
    release = threading.Event()
    started = threading.Event()

    def ask() -> Iterator[Event]:
        yield Status(answer_id="1", stage="reading", places=[])
        started.set()
        release.wait()

    async def stop() -> None:
        streams = Streams(1, Ceiling(9))
        stream = await streams.start(ask)
        waiting = asyncio.create_task(streams.ask(ask))
        await asyncio.sleep(0)
        await streams.close(grace=0.01)
        names = [type(event).__name__ async for event in stream.read()]
        assert names == ["Status", "Problem"]
        assert stream.events[-1].code == "shutting_down"
        with pytest.raises(ShuttingDown):
            await waiting
        with pytest.raises(ShuttingDown):
            await streams.start(ask)
        release.set()

    asyncio.run(stop())


def test_a_stop_waits_for_what_is_nearly_done() -> None:
    def ask() -> Iterator[Event]:
        yield Status(answer_id="1", stage="reading", places=[])
        yield Token("text")

    async def stop() -> None:
        streams = Streams(1, Ceiling(9))
        stream = await streams.start(ask)
        await streams.close(grace=60)
        assert [type(event).__name__ async for event in stream.read()] == ["Status", "Token"]

    asyncio.run(stop())


def test_few_answers_are_kept_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams_module, "_KEPT", 2)
    monkeypatch.setattr(streams_module, "_MOST_EVENTS", 3)

    def ask(answer_id: str) -> Iterator[Event]:
        yield Status(answer_id=answer_id, stage="reading", places=[])
        yield from [Token("text")] * 100
        yield Restart()

    async def several() -> None:
        ceiling = Ceiling(9)
        streams = Streams(1, ceiling)
        for n in range(5):
            stream = await streams.start(partial(ask, str(n)))
            assert [type(e).__name__ async for e in stream.read()] == ["Status", "Token", "Token", "Restart"]
        assert [n for n in range(5) if streams.find(str(n))] == [3, 4]
        assert ceiling.count == 0
        await streams.close()

    asyncio.run(several())
