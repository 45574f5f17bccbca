"""The bot in HTTP mode on a real uvicorn, and signed requests to it."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from itertools import count
from typing import Any
from urllib.parse import urlencode

import httpx
import uvicorn
from slack_sdk.signature import SignatureVerifier

from api.app import create_app
from api.settings import ApiSettings
from bots.slack.http_mode import PATH, mount
from bots.slack.settings import SlackSettings
from rag.chat_engine import ChatEngine
from rag.settings import RagSettings
from tests.slack.slack_server import BOT_USER, WAIT_SECONDS

_numbers = count(1)


class Bot:
    """Sends to the bot what Slack would send."""

    def __init__(self, address: str, signing_secret: str) -> None:
        self.address = address
        self._secret = signing_secret

    def event(self, event: dict[str, Any], event_id: str = "", **headers: str) -> httpx.Response:
        """Deliver an event of workspace T1."""
        body = {
            "type": "event_callback",
            "team_id": "T1",
            "event_id": event_id or f"Ev{next(_numbers)}",
            "event": event,
        }
        return self.deliver(body, **headers)

    def deliver(self, body: dict[str, Any], **headers: str) -> httpx.Response:
        """Deliver an event as it is, of any workspace."""
        return self.send(json.dumps(body), "application/json", **headers)

    def command(self, text: str, response_url: str, trigger_id: str = "", **fields: str) -> httpx.Response:
        """Deliver `/ask text`, or another command."""
        body = {
            "command": "/ask",
            "text": text,
            "team_id": "T1",
            "channel_id": "C1",
            "user_id": "U1",
            "response_url": response_url,
            "trigger_id": trigger_id or f"trigger{next(_numbers)}",
            **fields,
        }
        return self.send(urlencode(body), "application/x-www-form-urlencoded")

    def interact(self, **payload: Any) -> httpx.Response:
        """Deliver a button, a dialog or a shortcut."""
        body = {
            "team": {"id": "T1", "domain": "newsroom"},
            "user": {"id": "U1", "team_id": "T1"},
            "api_app_id": "A1",
            "trigger_id": f"trigger{next(_numbers)}",
            **payload,
        }
        return self.send(urlencode({"payload": json.dumps(body)}), "application/x-www-form-urlencoded")

    def send(
        self, body: str | bytes, content_type: str, *, timestamp: str = "", signature: str = "", **headers: str
    ) -> httpx.Response:
        """Deliver a body, signed unless a signature is given."""
        timestamp = timestamp or str(int(time.time()))
        signature = (
            signature or SignatureVerifier(self._secret).generate_signature(timestamp=timestamp, body=body) or ""
        )
        return httpx.post(
            self.address + PATH,
            content=body,
            headers={
                "Content-Type": content_type,
                "X-Slack-Request-Timestamp": timestamp,
                "X-Slack-Signature": signature,
                **{name.replace("_", "-"): value for name, value in headers.items()},
            },
            timeout=WAIT_SECONDS,
        )


@contextmanager
def running_bot(engine: ChatEngine, settings: SlackSettings) -> Iterator[Bot]:
    """The bot on the API's app and a server; at the end it has answered all that it took."""
    api = create_app(engine.index.settings, RagSettings(), ApiSettings(), engine=nullcontext(engine))
    mount(api, lambda: api.state.engine, settings)
    server = uvicorn.Server(uvicorn.Config(api, host="127.0.0.1", port=0, ws="none", log_level="warning"))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        deadline = time.monotonic() + WAIT_SECONDS
        while not server.started:
            assert thread.is_alive(), "the server did not start"
            assert time.monotonic() < deadline, "the server did not start in time"
            time.sleep(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        yield Bot(f"http://127.0.0.1:{port}", settings.signing_secret.get_secret_value())
    finally:
        server.should_exit = True
        thread.join()


def mention(question: str, ts: str = "100.1", **fields: Any) -> dict[str, Any]:
    """An app_mention event in channel C1."""
    return {
        "type": "app_mention",
        "user": "U1",
        "text": f"<@{BOT_USER}> {question}",
        "channel": "C1",
        "ts": ts,
        **fields,
    }


def direct_message(text: str, ts: str = "200.1", **fields: Any) -> dict[str, Any]:
    """A message event in the direct conversation D1."""
    return {"type": "message", "channel_type": "im", "user": "U1", "text": text, "channel": "D1", "ts": ts, **fields}
