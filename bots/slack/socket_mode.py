"""Socket Mode: the bot calls Slack, so that no public address is needed."""

import json
import logging
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPException

from slack_bolt import App
from slack_bolt.adapter.socket_mode import SocketModeHandler
from slack_sdk.errors import SlackApiError, SlackClientError, SlackClientNotConnectedError
from slack_sdk.socket_mode.builtin import SocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest

from bots.slack.app import open_bot
from bots.slack.settings import SlackSettings
from bots.slack.workspaces import OneWorkspace
from index.exceptions import ConfigurationError
from index.settings import IndexSettings
from rag.factory import open_engine
from rag.settings import RagSettings

_LOOK_SECONDS = 1.0
_CLOSED = "was closed"  # by Slack, as it does every few hours
_MOST_WAIT = 60.0  # seconds between two attempts to connect again
_LONGER_THAN_SLACK_SAYS = 300.0  # seconds

_logger = logging.getLogger(__name__)


def run_socket_mode(
    index_settings: IndexSettings,
    rag_settings: RagSettings,
    settings: SlackSettings,
    *,
    report: Callable[[str], object] = print,
) -> None:
    """Answer in Slack until Ctrl-C or SIGTERM; questions that were taken are answered first. Main thread only.

    `report` gets one line for the person at the terminal when the bot is up. Raises ConfigurationError
    where a token is missing, malformed or refused, or Slack is not reached, and what `open_engine` raises.
    """
    app_token = settings.require_app_token()
    if not settings.has_many_workspaces:
        settings.require_bot_token()
    with (
        open_engine(index_settings, rag_settings) as engine,
        _stop_signal() as stop,
        open_bot(engine, settings) as bot,
    ):
        who = "listens to the workspaces that installed it"
        if isinstance(bot.workspaces, OneWorkspace):
            with _clear_errors("SLACK_BOT_TOKEN", settings.api_url):
                identity = bot.workspaces.identity()
            who = f"is @{identity['user']} in {identity['team']}"
        with _clear_errors("SLACK_APP_TOKEN", settings.api_url):
            connection = bot.app.client.apps_connections_open(app_token=app_token)
        socket = Socket(bot.app, app_token, settings.socket_silence)
        try:
            socket.connect(connection["url"])
            report(f"The Slack bot {who}. Ctrl-C stops it.")
            stop.wait()
        finally:
            socket.close()


class _Handler(SocketModeHandler):
    """Bolt's handler, which says in one line what slack_sdk says with a traceback."""

    def handle(self, client: SocketModeClient, req: SocketModeRequest) -> None:  # type: ignore[override]
        try:
            super().handle(client, req)
        except SlackClientNotConnectedError:
            _logger.warning("A delivery could not be acknowledged on a closed connection; Slack will repeat it.")


class Socket:
    """The connection to Slack, with a watchdog.

    slack_sdk itself pings every ten seconds, and connects anew when the last pong is forty seconds old. It misses
    a connection on which no pong ever came (it has no "last" one to look at), one that the far end's network keeps
    alive while Slack's application is gone (no `hello`, or no new connection asked for long after Slack said it
    would), and a failed attempt during which its own check raised. All these end here in a new connection.
    """

    def __init__(self, app: App, app_token: str, silence: float) -> None:
        self._handler = _Handler(app, app_token)
        self._client = self._handler.client
        self._client.on_message_listeners.append(self._on_message)
        self._silence = silence
        self._closing = threading.Event()
        self._watchdog = threading.Thread(target=self._watch, name="slack-socket-watchdog", daemon=True)
        self._session: object = None
        self._since = self._heard = time.time()
        self._greeted: object = None
        self._lifetime = float("inf")

    def connect(self, url: str) -> None:
        """Connect to an address that `apps.connections.open` gave, and keep connected."""
        # So that the client does not ask again: Slack allows about one such call a minute.
        self._client.wss_uri = url
        self._client.connect()
        self._watchdog.start()

    def close(self) -> None:
        """Take no more messages."""
        self._closing.set()
        self._client.close()
        if self._watchdog.is_alive():
            self._watchdog.join(_MOST_WAIT)

    def _on_message(self, text: str) -> None:
        self._heard = time.time()
        if '"hello"' in text and (message := json.loads(text)).get("type") == "hello":
            self._greeted = self._client.current_session
            seconds = (message.get("debug_info") or {}).get("approximate_connection_time")
            self._lifetime = float(seconds) + _LONGER_THAN_SLACK_SAYS if seconds else float("inf")

    def _watch(self) -> None:
        failures = 0
        while not self._closing.wait(_backoff(failures) if failures else min(self._silence / 4, _LOOK_SECONDS)):
            if (reason := self._silent_because()) is None:
                failures = 0
                continue
            if reason != _CLOSED:
                _logger.warning("The connection to Slack %s; making another.", reason)
            try:
                self._client.connect_to_new_endpoint(force=reason != _CLOSED)
            except (OSError, HTTPException, SlackClientError) as error:
                failures += 1
                # Not the error's words: Slack's address holds a ticket.
                _logger.warning("Slack cannot be reached (%s); trying again.", type(error).__name__)

    def _silent_because(self) -> str | None:
        now, session = time.time(), self._client.current_session
        if not self._client.is_connected():
            return _CLOSED
        if session is not self._session:
            self._session, self._since = session, now
            return None
        pong = (session.last_ping_pong_time or 0.0) if session else 0.0
        if now - max(self._since, self._heard, pong) > self._silence:
            return f"gave no sign of life for {self._silence:g} s"
        if self._greeted is not session and now - self._since > self._silence:
            return f"brought no hello in {self._silence:g} s"
        if self._greeted is session and now - self._since > self._lifetime:
            return "outlived its time"
        return None


def _backoff(failures: int) -> float:
    return float(min(2**failures, _MOST_WAIT))


@contextmanager
def _stop_signal() -> Iterator[threading.Event]:
    """An event that Ctrl-C and SIGTERM set, instead of what they do otherwise."""
    stop = threading.Event()
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    for number in before:
        signal.signal(number, lambda *_: stop.set())
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _clear_errors(variable: str, api_url: str) -> Iterator[None]:
    try:
        yield
    except SlackApiError as error:
        raise ConfigurationError(
            f"Slack refuses {variable}: {error.response.get('error', 'it gives no reason')}.",
            "Copy the token again from https://api.slack.com/apps, and reinstall the app if it was revoked.",
        ) from error
    except (OSError, HTTPException, SlackClientError) as error:  # no network, no Slack there
        raise ConfigurationError(
            f"Slack cannot be reached at {api_url}: {error}.", "Check the network, HTTPS_PROXY and SLACK_API_URL."
        ) from error
