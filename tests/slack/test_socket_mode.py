"""Socket Mode: `run_socket_mode` in a process of its own, against a WebSocket server."""

import json
import os
import queue
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any

import pytest
from pydantic import SecretStr
from websockets.exceptions import ConnectionClosed
from websockets.sync.server import ServerConnection

from bots.slack.settings import SlackSettings
from bots.slack.socket_mode import run_socket_mode
from index.exceptions import ConfigurationError
from index.settings import IndexSettings
from rag.settings import RagSettings
from tests.slack.bot import mention
from tests.slack.newsroom import QUESTION, quotations
from tests.slack.slack_server import WAIT_SECONDS, SlackServer

RUN = """
from bots.slack.settings import SlackSettings
from bots.slack.socket_mode import run_socket_mode
from index.settings import IndexSettings
from rag.settings import RagSettings
run_socket_mode(IndexSettings(), RagSettings(), SlackSettings())
"""


@contextmanager
def running_process(
    settings: SlackSettings, errors: IO[str] | int = subprocess.PIPE
) -> Iterator["subprocess.Popen[str]"]:
    """The bot as `maqal slack` runs it; INDEX_DATA_DIR is that of the test. A pipe that nobody reads holds 64 KB."""
    environment = {
        **os.environ,
        "SLACK_BOT_TOKEN": settings.bot_token.get_secret_value(),
        "SLACK_APP_TOKEN": settings.app_token.get_secret_value(),
        "SLACK_API_URL": settings.api_url,
        "SLACK_MESSAGE_INTERVAL": "0",
        "SLACK_USER_LIMIT": settings.user_limit,
        "SLACK_CHANNEL_LIMIT": settings.channel_limit,
        "PYTHONUNBUFFERED": "1",
    }
    with subprocess.Popen(
        [sys.executable, "-c", RUN], env=environment, text=True, stdout=subprocess.PIPE, stderr=errors
    ) as process:
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_an_event_is_acknowledged_answered_once_and_a_signal_ends_the_bot_cleanly(
    slack: SlackServer, settings: SlackSettings, index_settings: IndexSettings, number: signal.Signals
) -> None:
    received: queue.Queue[dict[str, Any]] = queue.Queue()
    event = {"type": "event_callback", "team_id": "T1", "event_id": "Ev1", "event": mention(QUESTION)}

    def session(connection: ServerConnection) -> None:
        connection.send(json.dumps({"type": "hello"}))
        for envelope in ("e1", "e2"):
            connection.send(
                json.dumps({"type": "events_api", "envelope_id": envelope, "payload": event, "retry_attempt": 0})
            )
        try:
            for message in connection:
                received.put(json.loads(message))
        except ConnectionClosed:
            pass

    with slack.sockets(session), running_process(settings) as process:
        acknowledged = [received.get(timeout=WAIT_SECONDS)["envelope_id"] for _ in range(2)]
        slack.wait_for("chat.postMessage")
        process.send_signal(number)
        out, err = process.communicate(timeout=WAIT_SECONDS)
    assert sorted(acknowledged) == ["e1", "e2"]
    (message,) = slack.calls("chat.postMessage")
    assert (message["channel"], message["thread_ts"]) == ("C1", "100.1")
    assert quotations(message)
    assert slack.tokens("apps.connections.open") == ["xapp-1"]
    assert (process.returncode, err) == (0, "")
    assert out == "The Slack bot is @maqal in Newsroom. Ctrl-C stops it.\n"


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("bot_token", "", "SLACK_BOT_TOKEN is not set."),
        ("app_token", "", "SLACK_APP_TOKEN is not set."),
        ("bot_token", "xapp-1-secret", "SLACK_BOT_TOKEN is not a token that begins with xoxb-: it begins with xapp-."),
        ("app_token", "xoxb-1-secret", "SLACK_APP_TOKEN is not a token that begins with xapp-: it begins with xoxb-."),
        (
            "bot_token",
            "secret",
            "SLACK_BOT_TOKEN is not a token that begins with xoxb-: it begins with something else.",
        ),
        ("bot_token", "xoxb-1 secret", "SLACK_BOT_TOKEN is not a token that begins with xoxb-: it begins with xoxb-."),
    ],
)
def test_a_missing_or_malformed_token_is_named(settings: SlackSettings, name: str, value: str, message: str) -> None:
    with pytest.raises(ConfigurationError) as error:
        run_socket_mode(IndexSettings(), RagSettings(), settings.model_copy(update={name: SecretStr(value)}))
    assert error.value.message == message
    assert "https://api.slack.com/apps" in error.value.fix
    assert "secret" not in error.value.fix


@pytest.mark.parametrize(
    ("method", "variable"), [("auth.test", "SLACK_BOT_TOKEN"), ("apps.connections.open", "SLACK_APP_TOKEN")]
)
def test_a_token_that_slack_refuses_is_named(
    slack: SlackServer, settings: SlackSettings, index_settings: IndexSettings, method: str, variable: str
) -> None:
    slack.answers[method] = [(200, {}, {"ok": False, "error": "invalid_auth"})]
    with pytest.raises(ConfigurationError) as error:
        run_socket_mode(index_settings, RagSettings(), settings)
    assert error.value.message == f"Slack refuses {variable}: invalid_auth."


def test_a_slack_that_is_not_there_is_told(settings: SlackSettings, index_settings: IndexSettings) -> None:
    nowhere = settings.model_copy(update={"api_url": "http://127.0.0.1:9/api"})
    with pytest.raises(ConfigurationError, match=r"Slack cannot be reached at http://127\.0\.0\.1:9/api") as error:
        run_socket_mode(index_settings, RagSettings(), nowhere)
    assert "SLACK_API_URL" in error.value.fix
