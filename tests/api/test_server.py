"""Health, starting and ending."""

import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator

import httpx
import pytest

from api.server import listen, serve
from api.settings import ApiSettings
from index.exceptions import ConfigurationError, DataDirectoryBusy
from index.settings import IndexSettings
from rag.factory import open_engine
from rag.settings import RagSettings
from tests.api.conftest import Start
from tests.llm_server import ScriptedLlm, then_silent

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

    def start(**environment: str) -> tuple[subprocess.Popen[str], str]:
        process = subprocess.Popen(
            [sys.executable, "-c", SERVE],
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
            assert next(response.iter_lines()) == "event: status"
            server.send_signal(ending)
            # The model stays silent for an hour: only the signal can end the process.
            server.wait(timeout=60)
        never.set()
    assert server.returncode == -ending
    log = server.stderr.read()
    assert "Application shutdown complete" in log
    assert "Traceback" not in log
    with open_engine(index_settings, RagSettings(), writable=True) as engine:
        assert engine.ask("When was the CSTO founded?").quotes
