"""`maqal serve`: the app behind uvicorn, from an open socket to a clean end."""

import logging
import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import uvicorn
from fastapi import FastAPI

from api.app import create_app
from api.settings import ApiSettings
from index.exceptions import ConfigurationError
from index.settings import IndexSettings
from rag.chat_engine import ChatEngine
from rag.factory import open_engine
from rag.settings import RagSettings


def serve(
    index_settings: IndexSettings,
    rag_settings: RagSettings,
    api_settings: ApiSettings,
    extend: Callable[[FastAPI], None] | None = None,
) -> None:
    """Answer over HTTP until a signal ends the process; `extend` may add routes to the app.

    Raises ConfigurationError, and what opening the index raises.
    """
    api_settings.check()
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
    host, port = listener.getsockname()[:2]
    logging.getLogger("uvicorn.error").info(
        "maqal listens on http://%s:%d (Ctrl+C ends it)", f"[{host}]" if ":" in host else host, port
    )
    if threading.current_thread() is threading.main_thread():
        # When all is closed, uvicorn raises the signal again. Python's own answer to Ctrl+C would then wait for
        # threads in which a language model is silent.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    server.run([listener])


def make_server(app: FastAPI, settings: ApiSettings) -> uvicorn.Server:
    """A server for the app. An open stream gets `shutdown_grace` seconds, else it would hold up the end for ever."""
    return uvicorn.Server(
        uvicorn.Config(
            app, lifespan="on", ws="none", server_header=False, timeout_graceful_shutdown=settings.shutdown_grace
        )
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
