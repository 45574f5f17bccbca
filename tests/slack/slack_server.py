"""A small Slack on a loopback port: its Web API, response URLs, and Socket Mode."""

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from copy import deepcopy
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from typing import Any
from urllib.parse import parse_qsl

from websockets.sync.server import ServerConnection, serve

from bots.slack.workspaces import manifest_scopes
from tests.slack.block_limits import loaded, violations_of_call

WAIT_SECONDS = 60
BOT_USER = "UBOT"
BOT_ID = "BBOT"


@dataclass(frozen=True)
class Call:
    """One call that the bot made: `chat.postMessage` or another method, or `respond` for a response URL."""

    method: str
    body: dict[str, Any]
    token: str


class SlackServer:
    """Answers as Slack does and records what it is asked."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._calls: list[Call] = []
        self.answers: dict[str, list[tuple[int, Mapping[str, str], dict[str, Any]]]] = {}
        self.socket_url = ""
        self.scopes = ",".join(manifest_scopes())
        self.clock_skew = 0
        self.files: dict[str, bytes | str] = {}  # what lies at a path, or the address that it leads on to
        self.identity = {"user_id": BOT_USER, "bot_id": BOT_ID, "team_id": "T1", "user": "maqal", "team": "Newsroom"}
        self.violations: list[str] = []
        self.on_post: Callable[[dict[str, Any]], None] = lambda _: None
        self.on_oauth: Callable[[dict[str, Any]], dict[str, Any]] = lambda _: {"ok": False, "error": "invalid_code"}
        self._messages: dict[tuple[str, str], dict[str, Any]] = {}
        self._numbers = count(1)
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                length = int(self.headers["Content-Length"] or 0)
                raw = self.rfile.read(length).decode()
                if len(raw.encode()) < length:  # The bot was killed while it wrote.
                    return
                body = json.loads(raw) if raw.startswith("{") else dict(parse_qsl(raw))
                method = self.path.rsplit("/", 1)[-1]
                token = self.headers["Authorization"] or ""
                status, headers, answer = server._answer(Call(method, body, token.removeprefix("Bearer ")))
                data = json.dumps(answer).encode()
                self.send_response(status)
                for name, value in {"Content-Type": "application/json", **headers}.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(data)))
                # A bot that was killed does not read its answer.
                with suppress(BrokenPipeError, ConnectionResetError):
                    self.end_headers()
                    self.wfile.write(data)

            def do_GET(self) -> None:
                token = (self.headers["Authorization"] or "").removeprefix("Bearer ")
                with server._changed:
                    server._calls.append(Call("download", {"path": self.path}, token))
                found = server.files.get(self.path)
                data = found if isinstance(found, bytes) else b""
                self.send_response(404 if found is None else 200 if isinstance(found, bytes) else 302)
                if isinstance(found, str):
                    self.send_header("Location", found)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def date_time_string(self, timestamp: float | None = None) -> str:
                return super().date_time_string((timestamp or time.time()) - server.clock_skew)

            def log_message(self, *_: object) -> None:
                pass

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,))
        self._thread.start()
        self.api_url = f"http://127.0.0.1:{self._http.server_port}/api/"
        self.response_url = f"http://127.0.0.1:{self._http.server_port}/response/respond"

    def close(self) -> None:
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()

    def calls(self, method: str) -> list[dict[str, Any]]:
        """Bodies of the calls of a method so far."""
        with self._changed:
            return [call.body for call in self._calls if call.method == method]

    def forget(self) -> None:
        """Forget the calls so far; messages stay."""
        with self._changed:
            self._calls.clear()

    def wait_for_reply(self, channel: str, ts: str, count: int = 1) -> list[dict[str, Any]]:
        """The messages in a thread that are replies to the end, when there are `count` of them."""

        def replies() -> list[dict[str, Any]]:
            return [message for message in self.thread(channel, ts) if message.get("metadata")]

        with self._changed:
            assert self._changed.wait_for(lambda: len(replies()) >= count, WAIT_SECONDS), self.thread(channel, ts)
            return replies()

    def end_streams(self) -> None:
        """Let no message be streamed any more, as when a person presses Slack's stop button."""
        with self._changed:
            for message in self._messages.values():
                message["is_streaming"] = False

    def tokens(self, method: str) -> list[str]:
        with self._changed:
            return [call.token for call in self._calls if call.method == method]

    def wait_for(self, method: str, count: int = 1) -> list[dict[str, Any]]:
        """The same, when there are `count` of them."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.calls(method)) >= count, WAIT_SECONDS), (
                f"{method}: {len(self.calls(method))} calls of {count}"
            )
            return self.calls(method)

    def wait_for_threads(self, count: int, seconds: float = WAIT_SECONDS) -> None:
        """Return when there are messages in that many threads."""
        with self._changed:
            assert self._changed.wait_for(
                lambda: len({(where, m["thread_ts"]) for (where, _), m in self._messages.items()}) >= count, seconds
            ), f"{len(self._messages)} messages, {count} threads were to come"

    @contextmanager
    def sockets(self, session: Callable[[ServerConnection], None]) -> Iterator[None]:
        """Take Socket Mode connections, each handled by `session`."""
        with serve(session, "127.0.0.1", 0) as server:
            self.socket_url = f"ws://127.0.0.1:{server.socket.getsockname()[1]}/link?ticket=1"
            thread = threading.Thread(target=server.serve_forever)
            thread.start()
            try:
                yield
            finally:
                server.shutdown()
                thread.join()

    def thread(self, channel: str, ts: str) -> list[dict[str, Any]]:
        """The bot's messages in a thread, but for those that it deleted."""
        with self._changed:
            return [
                deepcopy(message)
                for (where, _), message in self._messages.items()
                if where == channel and ts in {message["thread_ts"], message["ts"]}
            ]

    def _add_message(self, body: dict[str, Any]) -> str:
        with self._changed:
            ts = f"9.{next(self._numbers)}"
            message = {"thread_ts": "", "bot_id": BOT_ID, **body, "ts": ts}
            if isinstance(message.get("metadata"), str):
                message["metadata"] = json.loads(message["metadata"])
            self._messages[body["channel"], ts] = message
            self._changed.notify_all()
        return ts

    def _answer(self, call: Call) -> tuple[int, Mapping[str, str], dict[str, Any]]:
        refused = violations_of_call(call.method, call.body)
        with self._changed:
            self.violations += [f"{call.method}: {each}" for each in refused]
            prepared = self.answers.get(call.method)
            if prepared:
                return prepared.pop(0)
            self._calls.append(call)
            self._changed.notify_all()
        if refused:
            details = [f"[ERROR] {each}" for each in refused]
            status = 400 if call.method == "respond" else 200
            return status, {}, {"ok": False, "error": "invalid_blocks", "response_metadata": {"messages": details}}
        answer: dict[str, Any] = {}
        match call.method:
            case "auth.test":
                return 200, {"x-oauth-scopes": self.scopes}, {"ok": True, **self.identity}
            case "apps.connections.open":
                answer = {"url": self.socket_url}
            case "chat.postMessage":
                answer = {"ts": self._add_message(call.body), "channel": call.body["channel"]}
                self.on_post(call.body)  # It is in the channel now, and the bot does not know yet.
            case "chat.startStream":
                shown = {**call.body, "is_streaming": True, "blocks": _blocks_in(call.body)}
                answer = {"ts": self._add_message(shown), "channel": call.body["channel"]}
            case "chat.appendStream" | "chat.stopStream" | "chat.update" | "chat.delete":
                error = self._change_message(call.method, call.body)
                answer = {"ok": False, "error": error} if error else {"ts": call.body["ts"]}
            case "conversations.replies":
                answer = {"messages": self.thread(call.body["channel"], call.body["ts"]), "has_more": False}
            case "oauth.v2.access":
                answer = self.on_oauth(call.body)
            case _:
                answer = {"ts": "9.9", "channel": call.body.get("channel", "")}
        return 200, {}, {"ok": True, **answer}

    def _change_message(self, method: str, body: dict[str, Any]) -> str:
        """Change a message; Slack's word for why it cannot be."""
        with self._changed:
            message = self._messages.get((body["channel"], body["ts"]))
            if message is None:
                return "message_not_found"
            is_streaming = message.get("is_streaming", False)
            if method in {"chat.appendStream", "chat.stopStream"}:
                if not is_streaming:
                    return "message_not_in_streaming_state"
                message["blocks"] += _blocks_in(body)
                message["is_streaming"] = method == "chat.appendStream"
            elif is_streaming:
                return "streaming_state_conflict"
            elif method == "chat.delete":
                del self._messages[body["channel"], body["ts"]]
            else:
                message["blocks"] = loaded(body.get("blocks")) or []
                message["text"] = body.get("text") or ""
            if body.get("metadata"):
                message["metadata"] = loaded(body["metadata"])
            self._changed.notify_all()
        return ""


def _blocks_in(body: dict[str, Any]) -> list[dict[str, Any]]:
    """The blocks that a call of a stream adds, in their order."""
    chunks = [chunk["blocks"] for chunk in loaded(body.get("chunks")) or [] if chunk["type"] == "blocks"]
    return [block for blocks in (*chunks, loaded(body.get("blocks")) or []) for block in blocks]
