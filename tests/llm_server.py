"""A language model for tests: a scripted one that speaks the OpenAI, Ollama and Anthropic protocols on loopback."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

PING = "\x00ping"
"""A piece of a script that is no text: it only keeps the connection from falling silent."""
FULL = "\x00full"
"""The last piece of a script that has no room for more."""
END = b""
"""Ends the response."""
Piece = str | bytes
"""Text, or bytes that are sent as they are."""
Script = Callable[[str], str | Iterator[Piece]]


class Refused(Exception):
    """What a script raises to have the request refused with a status and a reason."""

    def __init__(self, status: int, reason: str = "") -> None:
        super().__init__(status, reason)
        self.status = status
        self.reason = reason


class ScriptedLlm:
    """Answers each prompt with what `script(prompt)` returns, piece by piece; an exception cuts the connection."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.prompts: list[str] = []
        self.keys: list[str] = []
        llm = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body: dict[str, Any] = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                protocol = {"/api/chat": Ollama, "/v1/messages": Anthropic}.get(self.path, OpenAI)(body["model"])
                prompt = body["messages"][-1]["content"]
                llm.prompts.append(prompt)
                llm.keys.append(self.headers["x-api-key"] or self.headers["Authorization"] or "")
                try:
                    pieces = llm.script(prompt)
                except Refused as error:
                    self.send_whole(error.status, protocol.refusal(error.reason))
                    return
                self.send_response(200)
                self.send_header("Content-Type", protocol.content_type)
                self.send_header("Transfer-Encoding", "chunked")
                self.end_headers()
                is_full = False
                try:
                    if start := protocol.start():
                        self.send_chunk(start)
                    for piece in (
                        [pieces[i : i + 7] for i in range(0, len(pieces), 7)] if isinstance(pieces, str) else pieces
                    ):
                        if piece == FULL:
                            is_full = True
                        else:
                            self.send_chunk(piece if isinstance(piece, bytes) else protocol.piece(piece))
                    self.send_chunk(protocol.end(is_full=is_full))
                    self.send_chunk(END)
                except (ConnectionError, RuntimeError):
                    self.close_connection = True

            def send_whole(self, status: int, body: object) -> None:
                data = json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

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


def ends_early(text: str) -> Iterator[Piece]:
    """A text, then the end of the response, but not of the protocol's reply."""
    yield text
    yield END
    raise RuntimeError


def then_silent(text: str, until: threading.Event) -> Iterator[str]:
    """A text, then nothing until the event."""
    yield text
    until.wait()


def slow(text: str, seconds: float) -> Iterator[str]:
    """A text after a long silence."""
    time.sleep(seconds)
    yield text


class OpenAI:
    """Chat completions of OpenAI-compatible servers, as server-sent events."""

    content_type = "text/event-stream"

    def __init__(self, model: str) -> None:
        self.model = model

    def refusal(self, reason: str) -> object:
        return {"error": {"message": reason, "type": "error", "code": None}}

    def start(self) -> bytes:
        return b""

    def piece(self, text: str) -> bytes:
        return b": ping\n\n" if text == PING else self._chunk({"role": "assistant", "content": text}, None)

    def end(self, *, is_full: bool) -> bytes:
        return self._chunk({}, "length" if is_full else "stop") + b"data: [DONE]\n\n"

    def _chunk(self, delta: dict[str, str], finish_reason: str | None) -> bytes:
        choice = {"index": 0, "delta": delta, "finish_reason": finish_reason}
        event = {"id": "1", "object": "chat.completion.chunk", "created": 0, "model": self.model, "choices": [choice]}
        return f"data: {json.dumps(event)}\n\n".encode()


class Ollama:
    """Ollama's chat, as lines of JSON."""

    content_type = "application/x-ndjson"

    def __init__(self, model: str) -> None:
        self.model = model

    def refusal(self, reason: str) -> object:
        return {"error": reason}

    def start(self) -> bytes:
        return b""

    def piece(self, text: str) -> bytes:
        return self._line("" if text == PING else text, {"done": False})

    def end(self, *, is_full: bool) -> bytes:
        return self._line("", {"done": True, "done_reason": "length" if is_full else "stop"})

    def _line(self, text: str, more: dict[str, object]) -> bytes:
        message = {"role": "assistant", "content": text}
        line = {"model": self.model, "created_at": "2026-01-01T00:00:00Z", "message": message, **more}
        return json.dumps(line).encode() + b"\n"


class Anthropic:
    """Anthropic's messages, as server-sent events; the model thinks before it writes."""

    content_type = "text/event-stream; charset=utf-8"

    def __init__(self, model: str) -> None:
        self.model = model

    def refusal(self, reason: str) -> object:
        return {"type": "error", "error": {"type": "error", "message": reason}}

    def start(self) -> bytes:
        usage = {"input_tokens": 1, "output_tokens": 1}
        message = {"id": "msg_1", "type": "message", "role": "assistant", "model": self.model, "content": []}
        thought = {"type": "thinking_delta", "thinking": "What is asked?"}
        return (
            self._event("message_start", message={**message, "stop_reason": None, "usage": usage})
            + self._event("content_block_start", index=0, content_block={"type": "thinking", "thinking": ""})
            + self._event("content_block_delta", index=0, delta=thought)
            + self._event("content_block_stop", index=0)
            + self._event("content_block_start", index=1, content_block={"type": "text", "text": ""})
        )

    def piece(self, text: str) -> bytes:
        if text == PING:
            return self._event("ping")
        return self._event("content_block_delta", index=1, delta={"type": "text_delta", "text": text})

    def end(self, *, is_full: bool) -> bytes:
        return self._event("content_block_stop", index=1) + self.stop("max_tokens" if is_full else "end_turn")

    def stop(self, reason: str) -> bytes:
        delta = {"stop_reason": reason, "stop_sequence": None}
        return self._event("message_delta", delta=delta, usage={"output_tokens": 1}) + self._event("message_stop")

    def error(self, kind: str, reason: str) -> bytes:
        return self._event("error", error={"type": kind, "message": reason})

    def _event(self, type_: str, **data: object) -> bytes:
        return f"event: {type_}\ndata: {json.dumps({'type': type_, **data})}\n\n".encode()
