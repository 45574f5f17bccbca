"""A small Slack on a loopback port: its Web API, response URLs, and Socket Mode."""

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl

from websockets.sync.server import ServerConnection, serve

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
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                raw = self.rfile.read(int(self.headers["Content-Length"] or 0)).decode()
                body = json.loads(raw) if raw.startswith("{") else dict(parse_qsl(raw))
                method = self.path.rsplit("/", 1)[-1]
                token = self.headers["Authorization"] or ""
                status, headers, answer = server._answer(Call(method, body, token.removeprefix("Bearer ")))
                data = json.dumps(answer).encode()
                self.send_response(status)
                for name, value in {"Content-Type": "application/json", **headers}.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_: object) -> None:
                pass

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._http.serve_forever)
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

    def _answer(self, call: Call) -> tuple[int, Mapping[str, str], dict[str, Any]]:
        with self._changed:
            prepared = self.answers.get(call.method)
            if prepared:
                return prepared.pop(0)
            self._calls.append(call)
            self._changed.notify_all()
        match call.method:
            case "auth.test":
                answer = {"user_id": BOT_USER, "bot_id": BOT_ID, "team_id": "T1", "user": "maqal", "team": "Newsroom"}
            case "apps.connections.open":
                answer = {"url": self.socket_url}
            case _:
                answer = {"ts": "9.9", "channel": call.body.get("channel", "")}
        return 200, {}, {"ok": True, **answer}
