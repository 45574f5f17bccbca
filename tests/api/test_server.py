"""Health, starting and ending."""

import json
import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from api.server import listen, serve
from api.settings import ApiSettings
from index.exceptions import ConfigurationError, DataDirectoryBusy
from index.settings import IndexSettings
from rag.factory import open_engine
from rag.settings import RagSettings
from tests.api.conftest import Start, assert_problem
from tests.llm_server import ScriptedLlm, then_silent

MAQAL = str(Path(sys.executable).with_name("maqal"))
StartProcess = Callable[..., tuple[subprocess.Popen[str], str]]
SERVE = """
from api.server import serve
from api.settings import ApiSettings
from index.settings import IndexSettings
from rag.settings import RagSettings
serve(IndexSettings(), RagSettings(), ApiSettings())
"""


@pytest.fixture
def process(index_settings: IndexSettings) -> Iterator[StartProcess]:
    """Starts `serve` in a process of its own with the environment given; returns it and its address."""
    started = []

    def start(*command: str, **environment: str) -> tuple[subprocess.Popen[str], str]:
        process = subprocess.Popen(
            command or [sys.executable, "-c", SERVE],
            env={**os.environ, "API_PORT": "0", "NO_PROXY": "127.0.0.1", **environment},
            stderr=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            text=True,
        )
        started.append(process)
        line = next((line for line in process.stderr if "listens on" in line), "")
        assert line, "the server did not start"
        return process, re.search(r"http://[\d.]+:\d+", line).group()

    yield start
    for process in started:
        process.kill()
        process.wait()
        process.stderr.close()


def test_alive_and_ready(client: httpx.Client) -> None:
    assert client.get("/healthz").json() == {"status": "ok"}
    ready = client.get("/readyz")
    assert ready.status_code == 200
    assert ready.json() == {"status": "ready", "articles": 1, "passages": 20, "model": "extractive"}
    assert "server" not in ready.headers


def test_an_index_of_another_encoder_is_made_anew(start: Start, index_settings: IndexSettings) -> None:
    with sqlite3.connect(index_settings.data_dir / "catalog.sqlite3") as catalog:
        catalog.execute("UPDATE generation SET encoder_name = 'another'")
    catalog.close()
    client = start()
    assert client.get("/healthz").status_code == 200
    assert client.get("/readyz").json()["passages"] == 20
    assert client.post("/v1/ask", json={"question": "Why did Tokayev call in the CSTO?"}).json()["quotes"]


def test_a_port_that_is_taken(index_settings: IndexSettings) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ConfigurationError, match=f"port {port}: Address already in use") as caught:
            serve(index_settings, RagSettings(), ApiSettings(port=port))
    assert "API_PORT" in caught.value.fix


def test_a_host_that_is_none() -> None:
    with pytest.raises(ConfigurationError, match=r"no-such-host.invalid port 8000: .+"):
        listen(ApiSettings(host="no-such-host.invalid"))


def test_a_data_directory_that_another_process_holds(process: StartProcess, index_settings: IndexSettings) -> None:
    holder, _ = process()
    with pytest.raises(DataDirectoryBusy, match=f"pid {holder.pid}") as caught:
        serve(index_settings, RagSettings(), ApiSettings(port=0))
    assert "INDEX_CHROMA_URL" in caught.value.fix


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_with_a_stream_open(
    ending: signal.Signals, process: StartProcess, index_settings: IndexSettings
) -> None:
    never = threading.Event()
    with ScriptedLlm(lambda _: then_silent("It was founded in 1999 [1]. And ", never)) as llm:
        server, url = process(
            RAG_LLM="openai",
            RAG_LLM_MODEL="test",
            RAG_LLM_URL=f"{llm.url}/v1",
            RAG_LLM_TIMEOUT="3600",
            API_SHUTDOWN_GRACE="1",
        )
        question = {"question": "When was the CSTO founded?"}
        stream = httpx.stream(
            "POST", f"{url}/v1/conversations/one/messages/stream", json=question, timeout=120, trust_env=False
        )
        with stream as response:
            lines = response.iter_lines()
            assert next(lines) == "event: status"
            server.send_signal(ending)
            # The model stays silent for an hour: only the signal can end the stream, and then the process.
            rest = list(lines)
            server.wait(timeout=60)
        never.set()
    assert [line for line in rest if line.startswith("event: ")][-2:] == ["event: error", "event: done"]
    problem = json.loads(next(line for line in reversed(rest) if '"code"' in line).removeprefix("data: "))
    assert_problem(problem, "shutting_down")
    assert server.returncode == -ending
    log = server.stderr.read()
    assert "Application shutdown complete" in log
    assert "Traceback" not in log
    with open_engine(index_settings, RagSettings(), writable=True) as engine:
        assert engine.ask("When was the CSTO founded?").quotes


def test_workers_are_refused_where_they_cannot_share_the_vectors(index_settings: IndexSettings) -> None:
    done = subprocess.run([MAQAL, "serve", "--workers", "2"], capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 2
    assert done.stdout == ""
    assert "2 workers cannot share the embedded vector store" in done.stderr
    assert "INDEX_CHROMA_URL" in done.stderr
    assert "Traceback" not in done.stderr


def workers_of(server: subprocess.Popen[str]) -> list[int]:
    """The ids of the processes that serve, without Python's own resource tracker."""
    children = Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text().split()
    return [int(pid) for pid in children if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()]


@contextmanager
def only(worker: int, workers: list[int], url: str) -> Iterator[httpx.Client]:
    """A client that one of the workers answers: the others are stopped."""
    others = [pid for pid in workers if pid != worker]
    for pid in others:
        os.kill(pid, signal.SIGSTOP)
    try:
        with httpx.Client(base_url=url, timeout=120, trust_env=False) as client:
            yield client
    finally:
        for pid in others:
            os.kill(pid, signal.SIGCONT)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_workers_share_what_one_of_them_is_given(process: StartProcess, chroma_server: str) -> None:
    server, url = process(
        MAQAL, "serve", "--workers", "2", INDEX_CHROMA_URL=chroma_server, ANONYMIZED_TELEMETRY="False"
    )
    started = (line for line in server.stderr if "Application startup complete" in line)
    assert [next(started), next(started)]
    first, second = workers = workers_of(server)
    texts = {
        first: "The ferry to Lorne was cancelled on Tuesday because its engine failed.",
        second: "The library of Ardmore will open on Sundays from the first of May.",
    }
    for giver, taker in ((first, second), (second, first)):
        with only(giver, workers, url) as client:
            added = client.post("/v1/articles", json={"title": f"News of {giver}", "text": texts[giver]})
            assert added.status_code == 201, added.text
        for worker in (taker, giver):
            with only(worker, workers, url) as client:
                question = {"question": texts[giver], "article_ids": [added.json()["id"]]}
                (found,) = client.post("/v1/search", json=question).json()
                assert found["text"] == texts[giver]
                assert client.post("/v1/ask", json=question).json()["verdict"] == "answered"
    with httpx.Client(base_url=url, timeout=120, trust_env=False) as client:
        metrics = client.get("/metrics").text
    assert 'maqal_answers_total{language="en",verdict="answered",writer="extractive"} 4.0' in metrics
    assert 'route="/v1/articles",status="201"} 2.0' in metrics
    assert "maqal_answers_in_the_making 0.0" in metrics
    assert "maqal_index_articles 3.0" in metrics
    server.send_signal(signal.SIGTERM)
    log = server.stderr.read()
    assert server.wait(timeout=60) == 0
    assert log.count("Application shutdown complete") == 2
    assert "Traceback" not in log
    # Python's resource tracker warns of what ended processes left behind.
    assert "leaked" not in log
    assert not any(Path(f"/proc/{pid}").exists() for pid in workers)
