"""A language model for tests: a scripted one that speaks the real OpenAI and Ollama protocols on loopback."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

PING = "\x00ping"
"""A piece of a script that is no text: it only keeps the connection from falling silent."""
Script = Callable[[str], str | Iterator[str]]


class ScriptedLlm:
    """Answers each prompt with what `script(prompt)` returns, piece by piece; an exception cuts the connection."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.prompts: list[str] = []
        llm = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body: dict[str, Any] = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                prompt = body["messages"][-1]["content"]
                llm.prompts.append(prompt)
                try:
                    pieces = llm.script(prompt)
                except PermissionError:
                    self.send_error(401)
                    return
                is_ollama = self.path == "/api/chat"
                self.send_response(200)
                self.send_header("Content-Type", "application/x-ndjson" if is_ollama else "text/event-stream")
                self.send_header("Transfer-Encoding", "chunked")
                self.end_headers()
                try:
                    for piece in (
                        [pieces[i : i + 7] for i in range(0, len(pieces), 7)] if isinstance(pieces, str) else pieces
                    ):
                        self.send_chunk(_piece(piece, body["model"], is_ollama=is_ollama))
                    self.send_chunk(_end(body["model"], is_ollama=is_ollama))
                    self.send_chunk(b"")
                except (ConnectionError, RuntimeError):
                    self.close_connection = True

            def send_chunk(self, data: bytes) -> None:
                self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
                self.wfile.flush()

            def log_message(self, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._server.handle_error = lambda *_: None  # type: ignore[method-assign]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def half_then_die(text: str) -> Iterator[str]:
    """Half of a text, then a broken connection."""
    yield text[: len(text) // 2]
    raise RuntimeError


def then_silent(text: str, until: threading.Event) -> Iterator[str]:
    """A text, then nothing until the event."""
    yield text
    until.wait()


def slow(text: str, seconds: float) -> Iterator[str]:
    """A text after a long silence."""
    time.sleep(seconds)
    yield text


def _piece(piece: str, model: str, *, is_ollama: bool) -> bytes:
    if piece == PING and not is_ollama:
        return b": ping\n\n"
    if is_ollama:
        message = {"role": "assistant", "content": "" if piece == PING else piece}
        return (
            json.dumps(
                {"model": model, "created_at": "2026-01-01T00:00:00Z", "message": message, "done": False}
            ).encode()
            + b"\n"
        )
    choice = {"index": 0, "delta": {"role": "assistant", "content": piece}, "finish_reason": None}
    event = {"id": "1", "object": "chat.completion.chunk", "created": 0, "model": model, "choices": [choice]}
    return b"data: " + json.dumps(event).encode() + b"\n\n"


def _end(model: str, *, is_ollama: bool) -> bytes:
    if is_ollama:
        message = {"role": "assistant", "content": ""}
        return (
            json.dumps(
                {"model": model, "created_at": "2026-01-01T00:00:00Z", "message": message, "done": True}
            ).encode()
            + b"\n"
        )
    return b"data: [DONE]\n\n"
