"""People who ask in Slack, each the next question when the last one is answered, and the two ways to deliver it."""

import asyncio
import json
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Protocol

import httpx
from slack_sdk.signature import SignatureVerifier
from websockets.exceptions import ConnectionClosed
from websockets.sync.server import ServerConnection

from bots.slack.http_mode import PATH
from tests.slack.bot import mention
from tests.slack.slack_server import SlackServer

_PATIENCE = 60.0  # seconds


@dataclass(slots=True)
class Measured:
    """Seconds from each delivery to its acknowledgement, and from each question to its answer."""

    seconds: float
    asked: int = 0
    repeated: int = 0
    acknowledged: list[float] = field(default_factory=list)
    answered: list[float] = field(default_factory=list)


class Delivery(Protocol):
    """A way to deliver an event."""

    async def deliver(self, payload: dict[str, Any]) -> None:
        """Return when the bot has acknowledged it."""


class SocketDelivery:
    """Socket Mode: envelopes over one WebSocket."""

    def __init__(self) -> None:
        self.is_open = threading.Event()
        self._connection: ServerConnection | None = None
        self._waiting: dict[str, asyncio.Future[None]] = {}
        self._numbers = count()

    def session(self, connection: ServerConnection) -> None:
        """Handle the connection that the bot makes."""
        self._connection = connection
        connection.send(json.dumps({"type": "hello"}))
        self.is_open.set()
        with suppress(ConnectionClosed):
            for message in connection:
                waiting = self._waiting.pop(json.loads(message)["envelope_id"])
                waiting.get_loop().call_soon_threadsafe(waiting.set_result, None)

    async def deliver(self, payload: dict[str, Any]) -> None:
        """Return when the bot has acknowledged it."""
        assert self._connection is not None  # noqa: S101 - is_open was waited for
        envelope = str(next(self._numbers))
        self._waiting[envelope] = waiting = asyncio.get_running_loop().create_future()
        self._connection.send(json.dumps({"type": "events_api", "envelope_id": envelope, "payload": payload}))
        await asyncio.wait_for(waiting, _PATIENCE)


class HttpDelivery:
    """HTTP mode: signed requests, each on a connection of its own."""

    def __init__(self, url: str, secret: str) -> None:
        self._url = url + PATH
        self._verifier = SignatureVerifier(secret)
        self._client = httpx.AsyncClient(timeout=_PATIENCE, limits=httpx.Limits(max_keepalive_connections=0))

    async def deliver(self, payload: dict[str, Any]) -> None:
        """Return when the bot has acknowledged it."""
        body, now = json.dumps(payload), str(int(time.time()))
        signature = self._verifier.generate_signature(timestamp=now, body=body) or ""
        headers = {
            "Content-Type": "application/json",
            "X-Slack-Request-Timestamp": now,
            "X-Slack-Signature": signature,
        }
        response = await self._client.post(self._url, content=body, headers=headers)
        response.raise_for_status()


class People:
    """Those who ask; each question is a mention in a thread of its own, delivered as two events, as Slack does."""

    def __init__(self, slack: SlackServer, delivery: Delivery, questions: Sequence[str]) -> None:
        self._delivery = delivery
        self._questions = questions
        self._numbers = count()
        self._replies: dict[str, asyncio.Future[None]] = {}
        self._repeated = 0
        slack.on_post = self._replied

    async def ask(self, people: int, seconds: float) -> Measured:
        """Let so many people ask for so long, after one round of all questions that is not counted."""
        first = Measured(0)
        while first.asked < len(self._questions):
            await asyncio.gather(*(self._ask(f"C{i}", first) for i in range(people)))
        measured = Measured(seconds)
        deadline = time.perf_counter() + seconds
        await asyncio.gather(*(self._person(f"C{i}", deadline, measured) for i in range(people)))
        measured.seconds += time.perf_counter() - deadline
        measured.repeated = self._repeated
        return measured

    async def _person(self, channel: str, deadline: float, measured: Measured) -> None:
        while time.perf_counter() < deadline:
            await self._ask(channel, measured)

    async def _ask(self, channel: str, measured: Measured) -> None:
        number = next(self._numbers)
        ts = f"{100_000 + number}.1"
        self._replies[ts] = replied = asyncio.get_running_loop().create_future()
        asked = mention(self._questions[number % len(self._questions)], ts, channel=channel)
        as_message = {**asked, "type": "message", "channel_type": "channel"}
        began = time.perf_counter()
        measured.asked += 1
        await asyncio.gather(
            *(self._deliver(event, f"Ev{number}.{i}", measured) for i, event in enumerate((asked, as_message)))
        )
        with suppress(TimeoutError):
            await asyncio.wait_for(replied, _PATIENCE)
            measured.answered.append(time.perf_counter() - began)

    async def _deliver(self, event: dict[str, Any], event_id: str, measured: Measured) -> None:
        payload = {"type": "event_callback", "team_id": "T1", "event_id": event_id, "event": event}
        began = time.perf_counter()
        await self._delivery.deliver(payload)
        measured.acknowledged.append(time.perf_counter() - began)

    def _replied(self, body: dict[str, Any]) -> None:
        waiting = self._replies[body["thread_ts"]]
        waiting.get_loop().call_soon_threadsafe(self._resolve, waiting)

    def _resolve(self, waiting: asyncio.Future[None]) -> None:
        if waiting.done():
            self._repeated += 1
        else:
            waiting.set_result(None)
