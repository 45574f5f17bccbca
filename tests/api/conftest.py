"""A real uvicorn on a free loopback port, in a thread, and clients for it."""

import json
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from api.app import create_app
from api.server import listen, make_server
from api.settings import ApiSettings
from index.settings import IndexSettings
from rag.chat_engine import ChatEngine
from rag.settings import RagSettings

Start = Callable[..., httpx.Client]


@contextmanager
def running(app: FastAPI, settings: ApiSettings) -> Iterator[httpx.Client]:
    """A client of the app while it runs."""
    with listen(settings) as listener:
        server = make_server(app, settings)
        thread = threading.Thread(target=server.run, args=([listener],))
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        thread.start()
        try:
            while not server.started:
                assert thread.is_alive(), "the server did not start"
                time.sleep(0.01)
            with httpx.Client(base_url=url, timeout=120, trust_env=False) as client:
                yield client
        finally:
            server.should_exit = True
            thread.join()


@pytest.fixture(scope="session")
def client(tmp_path_factory: pytest.TempPathFactory, indexed_data_dir: Path) -> Iterator[httpx.Client]:
    """A client of a shared service without a key over the bundled article; add and delete nothing with it."""
    data_dir = tmp_path_factory.mktemp("shared") / "data"
    shutil.copytree(indexed_data_dir, data_dir)
    settings = ApiSettings(host="127.0.0.1", port=0, key="")
    app = create_app(IndexSettings(data_dir=data_dir), RagSettings(llm=""), settings)
    with running(app, settings) as client:
        yield client


@pytest.fixture
def start(index_settings: IndexSettings) -> Iterator[Start]:
    """Starts a service of the test's own: `start(engine=…, rag=RagSettings(…), **api_settings)`."""
    with ExitStack() as stack:

        def start(
            *,
            engine: AbstractContextManager[ChatEngine] | None = None,
            index: IndexSettings = index_settings,
            rag: RagSettings | None = None,
            **settings: object,
        ) -> httpx.Client:
            api_settings = ApiSettings(port=0, **settings)
            app = create_app(index, rag or RagSettings(), api_settings, engine=engine)
            return stack.enter_context(running(app, api_settings))

        yield start


def events(response: httpx.Response) -> list[tuple[str, Any]]:
    """The server-sent events of a response, as `(event, data)`."""
    found = []
    for block in response.text.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines() if not line.startswith(":"))
        if fields:
            found.append((fields["event"], json.loads(fields["data"])))
    return found


def assert_typed(response: httpx.Response, status: int, code: str) -> None:
    """The response is the typed error, and nothing else is in it."""
    assert (response.status_code, response.headers["content-type"]) == (status, "application/problem+json"), (
        response.text
    )
    body = response.json()
    assert_problem(body, code)
    assert body["status"] == status
    assert "Traceback" not in response.text


def assert_problem(body: dict[str, Any], code: str) -> None:
    """The body is problem details with the code, and no member is empty."""
    assert set(body) == {"type", "title", "status", "detail", "code", "fix"}
    assert (body["code"], body["type"]) == (code, f"urn:maqal:problem:{code}"), body
    assert all(str(value).strip() for value in body.values()), body
