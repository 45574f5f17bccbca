"""What the log says of a request, and what it never says."""

import json
import logging
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, nullcontext
from typing import Any

import httpx
import pytest

from api import logs
from api.keys import FILE_NAME, KeyStore
from api.settings import ApiSettings
from index.settings import IndexSettings
from rag.chat_engine import ChatEngine
from rag.settings import RagSettings
from tests.api.conftest import Start, assert_typed
from tests.llm_server import ScriptedLlm

SECRET = "zebra7"
QUESTION = {"question": f"When was the CSTO {SECRET} founded?"}
SERVE = """
from api.server import serve
from api.settings import ApiSettings
from index.settings import IndexSettings
from rag.settings import RagSettings
serve(IndexSettings(), RagSettings(), ApiSettings())
"""

Formatted = Callable[..., list[str]]
Service = Callable[..., tuple[httpx.Client, Callable[[], str]]]


@pytest.fixture
def service(index_settings: IndexSettings) -> Iterator[Service]:
    """Starts the service as a process: a client of it, and a function that ends it and returns its log."""
    started = []

    def start(**environment: str) -> tuple[httpx.Client, Callable[[], str]]:
        process = subprocess.Popen(
            [sys.executable, "-c", SERVE],
            env={**os.environ, "API_PORT": "0", **environment},
            stderr=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            text=True,
        )
        head = []
        for line in process.stderr:
            head.append(line)
            if "listens on" in line:
                break
        client = httpx.Client(base_url=re.search(r"http://[\d.]+:\d+", head[-1]).group(), timeout=60, trust_env=False)
        started.append((process, client))

        def end() -> str:
            process.send_signal(signal.SIGTERM)
            process.wait(60)
            return "".join(head) + process.stderr.read()

        return client, end

    yield start
    for process, client in started:
        client.close()
        process.kill()
        process.wait()
        process.stderr.close()


def requests(log: str) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in log.splitlines()]
    return [line for line in lines if line["event"] == "request"]


def test_a_line_for_each_request_as_json(service: Service, index_settings: IndexSettings) -> None:
    with closing(KeyStore(index_settings.data_dir / FILE_NAME)) as store:
        _, key = store.create("news desk", ["ask"])
    client, end = service(API_REQUIRE_KEY="true", API_LOG_FORMAT="json")
    headers = {"Authorization": f"Bearer {key}"}
    answered = client.post("/v1/ask", json=QUESTION, headers=headers | {"X-Request-ID": "desk-0001"})
    assert answered.status_code == 200
    client.get(f"/v1/articles/{SECRET}", params={"version": 1, "q": SECRET}, headers=headers)
    client.get(f"/{SECRET}", headers=headers)
    client.post("/v1/ask", json={SECRET: SECRET}, headers={"Authorization": f"Bearer {SECRET}"})
    client.post("/v1/ask", content=f'{{"question": "{SECRET}', headers=headers)
    client.get("/healthz", headers={"Host": f"{SECRET}.example"})
    client.get("/healthz")
    with socket.create_connection((client.base_url.host, client.base_url.port)) as connection:
        connection.sendall(f"{SECRET} {SECRET}\r\n\r\n".encode())
        assert b" 400 " in connection.makefile("rb").readline()
    log = end()
    # One object on each line, the library's included.
    assert all({"event", "level", "logger", "timestamp"} <= set(json.loads(line)) for line in log.splitlines())
    found = requests(log)
    assert [(line["client"], line["method"], line["route"], line["status"]) for line in found] == [
        ("news desk", "POST", "/v1/ask", 200),
        ("news desk", "GET", "/v1/articles/{article_id}", 404),
        ("-", "GET", "-", 404),
        ("-", "POST", "/v1/ask", 401),
        ("news desk", "POST", "/v1/ask", 422),
        ("-", "GET", "/healthz", 400),
    ]
    assert found[0]["request_id"] == answered.headers["x-request-id"] == "desk-0001"
    assert all(line["ms"] >= 0 for line in found)
    for unwanted in (SECRET, "CSTO", key, key.rpartition("_")[2], answered.json()["quotes"][0]["text"][:20]):
        assert unwanted not in log


@pytest.mark.parametrize("given", ["short", "a b c d e f", "x" * 101, "<script>", "", "naïve-id-1"])
def test_a_request_id_that_is_malformed_is_replaced(client: httpx.Client, given: str) -> None:
    response = client.get("/healthz", headers={"X-Request-ID": given.encode("latin-1")})
    assert re.fullmatch("[0-9a-f]{32}", response.headers["x-request-id"])


def test_every_request_has_an_id_of_its_own(client: httpx.Client) -> None:
    ids = {client.get("/nowhere").headers["x-request-id"] for _ in range(5)}
    assert len(ids) == 5


class Exploding(ChatEngine):
    """An engine whose search fails with the question in the error's text."""

    def search(self, question: str, **_: object) -> Any:
        try:
            {}[question]
        except KeyError as error:
            raise RuntimeError(f"could not find {question}") from error


@pytest.fixture
def formatted(request: pytest.FixtureRequest) -> Iterator[Formatted]:
    """Has the log written as the settings say; returns a function that reads its lines."""
    root = logging.getLogger()
    kept = root.handlers[:]
    levels = {name: logging.getLogger(name).level for name in ("", *logs._OURS)}
    lines: list[str] = []

    class Keeping(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(self.format(record))

    def start(**settings: object) -> list[str]:
        root.handlers = []
        logs.configure(ApiSettings(**settings))
        keeping = Keeping()
        keeping.setFormatter(root.handlers[0].formatter)
        root.handlers = [keeping]
        return lines

    yield start
    root.handlers = kept
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)


def test_as_text(start: Start, formatted: Formatted) -> None:
    lines = formatted()
    start().post("/v1/ask", json=QUESTION)
    (line,) = (line for line in lines if "/v1/ask" in line)
    assert {"client=local", "method=POST", "route=/v1/ask", "status=200"} <= set(line.split())
    assert "\x1b" not in line
    assert SECRET not in "".join(lines)


def test_questions_are_logged_where_asked_to(start: Start, formatted: Formatted) -> None:
    lines = formatted(log_format="json", log_questions=True)
    client = start(log_questions=True)
    client.post("/v1/ask", json=QUESTION, headers={"Authorization": "Bearer maqal_key"})
    client.post("/v1/search", json={"question": "x" * 5000})
    first, second = requests("\n".join(lines))
    assert json.loads(first["body"]) == QUESTION
    assert len(second["body"]) == 2000
    assert "maqal_key" not in "".join(lines)


def test_an_error_that_no_one_foresaw(start: Start, engine: ChatEngine, formatted: Formatted) -> None:
    lines = formatted(log_format="json")
    client = start(engine=nullcontext(engine))
    engine.__class__ = Exploding
    response = client.post("/v1/search", json=QUESTION)
    assert_typed(response, 500, "internal_error")
    assert response.headers["content-security-policy"]
    assert SECRET not in response.text
    told = [json.loads(line) for line in lines]
    error = next(line for line in told if line["level"] == "error")
    assert error["event"] == "An error that was not foreseen"
    assert re.search(
        r"builtins\.RuntimeError at .*search.* <- builtins\.KeyError at test_logs\.py:\d+ search", error["error"]
    )
    assert error["request_id"] == response.headers["x-request-id"]
    assert next(line for line in told if line["event"] == "request")["status"] == 500
    assert SECRET not in "".join(lines)
    # The connection lives on.
    assert client.get("/healthz").status_code == 200


def test_a_language_models_complaint_is_not_repeated(start: Start, formatted: Formatted) -> None:
    lines = formatted(log_format="json")
    with ScriptedLlm(lambda _: (400, f"I cannot say {SECRET}")) as llm:
        client = start(rag=RagSettings(llm="openai", llm_model="test", llm_url=f"{llm.url}/v1"))
        client.post("/v1/ask", json=QUESTION)
        client.post("/v1/ask/stream", json=QUESTION)
    assert SECRET not in "".join(lines)


def test_what_libraries_say_is_told_by_its_place(formatted: Formatted) -> None:
    lines = formatted(log_format="json")
    logging.getLogger("library.part").warning("Retrying after: %s", SECRET)
    logging.getLogger("library.part").info("Nothing of note")
    logging.getLogger("asyncio").error("Task failed\nfuture: %s", SECRET, exc_info=ValueError(SECRET))
    group = ExceptionGroup(SECRET, [ValueError(SECRET)])
    logging.getLogger("rag").error("Failed", exc_info=group, stack_info=True)
    assert SECRET not in "".join(lines)
    library, task, ours = (json.loads(line) for line in lines)
    assert re.fullmatch(
        r"library\.part says something in test_logs\.py:\d+; API_LOG_QUESTIONS=true .*", library["event"]
    )
    assert task["error"].startswith("builtins.ValueError at")
    assert (ours["event"], ours["error"].partition(" ")[0]) == ("Failed", "builtins.ValueError")


@pytest.mark.parametrize("format", ["json", "console"])
def test_everything_is_told_where_asked_to(formatted: Formatted, format: str) -> None:
    lines = formatted(log_format=format, log_questions=True)
    logging.getLogger("library.part").warning("Retrying after: %s", SECRET)
    local = "not shown"
    try:
        {}[SECRET]
    except KeyError:
        logging.getLogger("rag").exception("Failed")
    del local
    assert SECRET in lines[0]
    assert f"KeyError: '{SECRET}'" in lines[1].replace("\\", "")
    assert "not shown" not in lines[1].replace('local = "not shown"', "")
