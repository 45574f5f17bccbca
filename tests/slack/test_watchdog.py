"""The connection of Socket Mode is made anew whenever it ends or is silent, and meanwhile nothing is lost."""

import json
import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from slack_sdk.socket_mode.builtin import client
from slack_sdk.socket_mode.builtin.connection import Connection
from websockets.exceptions import ConnectionClosed
from websockets.sync.server import ServerConnection

from bots.slack import socket_mode
from bots.slack.app import Bot, open_bot
from bots.slack.socket_mode import Socket
from rag.chat_engine import ChatEngine
from tests.slack.bot import mention
from tests.slack.conftest import settings_for
from tests.slack.newsroom import QUESTION
from tests.slack.slack_server import WAIT_SECONDS, SlackServer

Session = Callable[[ServerConnection], None]
LONG = 60.0
FAILED = (500, {}, {"ok": False, "error": "internal_error"})


def send(connection: ServerConnection, **message: Any) -> None:
    connection.send(json.dumps(message))


def event(connection: ServerConnection, ts: str = "100.1", team: str = "T1", envelope: str = "e1") -> None:
    body = {"type": "event_callback", "team_id": team, "event_id": f"Ev{ts}", "event": mention(QUESTION, ts)}
    send(connection, type="events_api", envelope_id=envelope, payload=body, retry_attempt=0)


def greeting(connection: ServerConnection) -> None:
    send(connection, type="hello")


def greeting_with_event(connection: ServerConnection) -> None:
    greeting(connection)
    event(connection)


def leaving(reason: str) -> Session:
    """Says that it will end, and goes on."""

    def session(connection: ServerConnection) -> None:
        greeting(connection)
        send(connection, type="disconnect", reason=reason)

    return session


def ended(connection: ServerConnection) -> None:
    """Ends at once."""
    greeting(connection)
    connection.close()


def never_greeting(connection: ServerConnection) -> None:
    """Lives, and says no hello."""
    while True:
        send(connection, type="noise")
        threading.Event().wait(0.05)


def outliving(connection: ServerConnection) -> None:
    """Says that it will end soon, and lives on."""
    send(connection, type="hello", debug_info={"approximate_connection_time": 0.2})
    while True:
        send(connection, type="noise")
        threading.Event().wait(0.05)


class Line:
    """The connections that Slack takes, one after the other, each of its own kind; the last one stays as it is."""

    def __init__(self, *sessions: Session) -> None:
        self._sessions = list(sessions)
        self.acknowledged: queue.Queue[str] = queue.Queue()
        self.connections: queue.Queue[ServerConnection] = queue.Queue()

    def session(self, connection: ServerConnection) -> None:
        session = self._sessions.pop(0) if len(self._sessions) > 1 else self._sessions[0]
        self.connections.put(connection)
        try:
            session(connection)
            for message in connection:
                self.acknowledged.put(json.loads(message)["envelope_id"])
        except ConnectionClosed:
            pass


@contextmanager
def connected(
    engine: ChatEngine,
    slack: SlackServer,
    line: Line,
    silence: float = LONG,
    change: Callable[[Bot], None] = lambda _: None,
) -> Iterator[None]:
    with slack.sockets(line.session), open_bot(engine, settings_for(slack)) as bot:
        change(bot)
        socket = Socket(bot.app, "xapp-1", silence)
        socket.connect(slack.socket_url)
        try:
            yield
        finally:
            socket.close()


class PromptConnection(Connection):
    """slack_sdk closes a connection when its receiver lets go of it: every tenth of a second, not every three."""

    def connect(self) -> None:
        super().connect()
        if self.sock is not None:
            self.sock.settimeout(0.1)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket_mode, "_MOST_WAIT", 0.05)
    monkeypatch.setattr(socket_mode, "_LOOK_SECONDS", 0.05)
    monkeypatch.setattr(client, "Connection", PromptConnection)


@pytest.mark.parametrize(
    ("first", "silence", "reason"),
    [
        (ended, LONG, ""),
        (leaving("refresh_requested"), LONG, ""),
        (leaving("warning"), LONG, ""),
        (leaving("link_disabled"), LONG, ""),
        (greeting, 0.5, "gave no sign of life for 0.5 s"),
        (never_greeting, 0.5, "brought no hello in 0.5 s"),
        (outliving, LONG, "outlived its time"),
    ],
    ids=["ended", "refresh", "warning", "link_disabled", "silent", "no_hello", "outlived"],
)
def test_a_connection_is_replaced_by_one_on_which_events_are_answered(  # noqa: PLR0917
    engine: ChatEngine, slack: SlackServer, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch,
    first: Session, silence: float, reason: str,
) -> None:  # fmt: skip
    monkeypatch.setattr(socket_mode, "_LONGER_THAN_SLACK_SAYS", 0.2)
    line = Line(first, greeting_with_event)
    with connected(engine, slack, line, silence):
        assert line.acknowledged.get(timeout=WAIT_SECONDS) == "e1"
        slack.wait_for_reply("C1", "100.1")
    assert reason in caplog.text
    assert "Traceback" not in caplog.text
    assert "ticket" not in caplog.text


def test_an_address_that_slack_does_not_give_is_asked_for_again(
    engine: ChatEngine, slack: SlackServer, caplog: pytest.LogCaptureFixture
) -> None:
    slack.answers["apps.connections.open"] = [
        FAILED,
        (429, {"Retry-After": "0"}, {"ok": False, "error": "ratelimited"}),
        (200, {}, {"ok": False, "error": "link_disabled"}),
    ]
    line = Line(ended, greeting_with_event)
    with connected(engine, slack, line):
        assert line.acknowledged.get(timeout=WAIT_SECONDS) == "e1"
    assert "Slack refuses a new connection (link_disabled); trying again." in caplog.text
    assert "Traceback" not in caplog.text


def test_a_slack_that_is_gone_for_a_while_is_found_again(
    engine: ChatEngine, slack: SlackServer, caplog: pytest.LogCaptureFixture
) -> None:
    tried = threading.Event()

    def change(bot: Bot) -> None:
        open_address = bot.app.client.apps_connections_open
        attempts = iter(range(9))

        def refused(**options: Any) -> Any:
            if next(attempts) < 3:
                raise ConnectionRefusedError
            tried.set()
            return open_address(**options)

        bot.app.client.apps_connections_open = refused  # type: ignore[method-assign]

    line = Line(ended, greeting_with_event)
    with connected(engine, slack, line, change=change):
        assert line.acknowledged.get(timeout=WAIT_SECONDS) == "e1"
    assert tried.is_set()
    assert caplog.text.count("Slack cannot be reached (ConnectionRefusedError); trying again.") == 3


def test_while_a_new_address_is_slow_to_come_the_old_connection_is_answered(
    engine: ChatEngine, slack: SlackServer
) -> None:
    asked, release = threading.Event(), threading.Event()

    def change(bot: Bot) -> None:
        open_address = bot.app.client.apps_connections_open

        def slow(**options: Any) -> Any:
            asked.set()
            assert release.wait(WAIT_SECONDS)
            return open_address(**options)

        bot.app.client.apps_connections_open = slow  # type: ignore[method-assign]

    line = Line(leaving("warning"), greeting)
    with connected(engine, slack, line, change=change):
        old = line.connections.get(timeout=WAIT_SECONDS)
        assert asked.wait(WAIT_SECONDS)
        event(old)
        assert line.acknowledged.get(timeout=WAIT_SECONDS) == "e1"
        release.set()
        new = line.connections.get(timeout=WAIT_SECONDS)
        event(new, "100.2", envelope="e2")
        assert line.acknowledged.get(timeout=WAIT_SECONDS) == "e2"


def test_what_a_foreign_workspace_sends_is_neither_acknowledged_nor_answered(
    engine: ChatEngine, slack: SlackServer
) -> None:
    def session(connection: ServerConnection) -> None:
        greeting(connection)
        event(connection, "900.1", team="T9", envelope="foreign")
        for message in ({}, {"type": "events_api"}, {"type": "events_api", "envelope_id": "x", "payload": {}}):
            connection.send(json.dumps(message))
        connection.send("[1]")
        connection.send("what is no JSON")
        event(connection)

    line = Line(session)
    with connected(engine, slack, line):
        assert line.acknowledged.get(timeout=WAIT_SECONDS) == "e1"
        slack.wait_for_reply("C1", "100.1")
    assert line.acknowledged.empty()
    assert [message["thread_ts"] for message in slack.calls("chat.postMessage")] == ["100.1"]
