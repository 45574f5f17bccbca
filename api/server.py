"""`maqal serve`: the app behind uvicorn, from an open socket to a clean end."""

import logging
import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from tempfile import TemporaryDirectory
from typing import Any

import uvicorn
from fastapi import FastAPI
from uvicorn.config import STARTUP_FAILURE
from uvicorn.supervisors import Multiprocess

from api import logs
from api.app import create_app
from api.keys import check_keys
from api.metrics import MULTIPROCESS_VARIABLE
from api.settings import ApiSettings, is_loopback
from index.exceptions import ConfigurationError
from index.settings import IndexSettings
from rag.chat_engine import ChatEngine
from rag.factory import open_engine
from rag.settings import RagSettings

_log = logging.getLogger(__name__)
_WORKER_WAIT = 30  # seconds; a worker that gives no sign of life for so long is replaced


def serve(
    index_settings: IndexSettings,
    rag_settings: RagSettings,
    api_settings: ApiSettings,
    extend: Callable[[FastAPI], None] | None = None,
) -> None:
    """Answer over HTTP until a signal ends the process; `extend` may add routes to the app.

    Raises ConfigurationError, and what opening the index raises.
    """
    logs.configure(api_settings)
    check_keys(index_settings, api_settings)
    if not api_settings.keys_are_required and not is_loopback(api_settings.host):
        _log.warning("API_REQUIRE_KEY is false: whoever reaches this address may read, write and delete articles.")
    with listen(api_settings) as listener, ExitStack() as opened:
        # Opened here and not by the app, so that its errors reach the caller instead of uvicorn's log.
        engine = opened.enter_context(open_engine(index_settings, rag_settings, writable=True))
        app = create_app(index_settings, rag_settings, api_settings, engine=_handed_over(engine, opened))
        if extend:
            extend(app)
        run(app, api_settings, listener)


def run(app: FastAPI, settings: ApiSettings, listener: socket.socket) -> None:
    """Run the app on the socket until a signal ends the process, the app closed before."""
    server = make_server(app, settings)
    _tell_address(listener)
    if threading.current_thread() is threading.main_thread():
        # When all is closed, uvicorn raises the signal again. Python's own answer to Ctrl+C would then wait for
        # threads in which a language model is silent.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    server.run([listener])


def serve_in_workers(
    factory: str,
    workers: int,
    index_settings: IndexSettings,
    rag_settings: RagSettings,
    api_settings: ApiSettings,
) -> None:
    """The same, in processes that share one Chroma server and one socket; `factory` names what makes each one's app.

    Raises ConfigurationError, and what opening the index raises.
    """
    if not index_settings.chroma_url:
        raise ConfigurationError(
            f"{workers} workers cannot share the embedded vector store, which is open to one process.",
            "Run a Chroma server (`chroma run --path DIR`) and set INDEX_CHROMA_URL, or leave --workers at 1.",
        )
    logs.configure(api_settings)
    check_keys(index_settings, api_settings)
    with listen(api_settings) as listener, TemporaryDirectory(prefix="maqal-metrics-") as numbers:
        # What keeps the workers from starting is told here, once.
        with open_engine(index_settings, rag_settings, writable=True):
            pass
        os.environ[MULTIPROCESS_VARIABLE] = numbers
        _tell_address(listener)
        config = uvicorn.Config(
            factory,
            factory=True,
            workers=workers,
            timeout_worker_healthcheck=_WORKER_WAIT,
            **_server_options(api_settings),
        )
        supervisor = Multiprocess(config, [listener])
        supervisor.run()
        if any(process.exitcode == STARTUP_FAILURE for process in supervisor.processes):
            raise ConfigurationError("A worker did not start.", "Mend what the log above says of it.")


def make_server(app: FastAPI, settings: ApiSettings) -> uvicorn.Server:
    """A server for the app. An open stream gets `shutdown_grace` seconds, else it would hold up the end for ever."""
    return uvicorn.Server(uvicorn.Config(app, **_server_options(settings)))


def _server_options(settings: ApiSettings) -> dict[str, Any]:
    return {
        "lifespan": "on",
        "ws": "none",
        "server_header": False,
        "timeout_graceful_shutdown": settings.shutdown_grace,
        # api.logs writes them all.
        "log_config": None,
        "access_log": False,
        # Rates are counted by the address that connects, not by one that its headers claim.
        "proxy_headers": False,
    }


def _tell_address(listener: socket.socket) -> None:
    host, port = listener.getsockname()[:2]
    logging.getLogger("uvicorn.error").info(
        "maqal listens on http://%s:%d (Ctrl+C ends it)", f"[{host}]" if ":" in host else host, port
    )


def listen(settings: ApiSettings) -> socket.socket:
    """A socket that listens on the configured address. Raises ConfigurationError, e.g. when the port is taken."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        return socket.create_server((settings.host, settings.port), family=family)
    except OSError as error:
        # A name that does not resolve has a number of its own kind, below zero.
        reason = os.strerror(error.errno) if error.errno and error.errno > 0 else error.strerror
        raise ConfigurationError(
            f"maqal cannot listen on {settings.host} port {settings.port}: {reason}.",
            "End the program that uses the port, or choose another address with API_HOST and API_PORT.",
        ) from error


@contextmanager
def _handed_over(engine: ChatEngine, opened: ExitStack) -> Iterator[ChatEngine]:
    """The engine, closed by the app's end: after a signal uvicorn ends the process without returning."""
    with opened.pop_all():
        yield engine
