"""Socket Mode: the bot calls Slack, so that no public address is needed."""

import json
import logging
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.client import HTTPException

from slack_bolt import App
from slack_bolt.adapter.socket_mode.internals import run_bolt_app, send_response
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
_ENDED = "ended"  # Slack ends each every few hours, and mostly says so before
_MOST_WAIT = 60.0  # seconds between two attempts to connect anew
_PING_SECONDS = 10.0
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


class _Client(SocketModeClient):
    """slack_sdk's client, which leaves it to the watchdog to connect anew.

    By itself it does so in whichever thread finds out that it must, also the one through which all deliveries go:
    while `apps.connections.open` is slow none would be acknowledged.
    """

    def __init__(self, app: App, app_token: str) -> None:
        self.wake = threading.Event()
        self.is_leaving = False
        super().__init__(app_token, app.logger, app.client, ping_interval=_PING_SECONDS, proxy=app.client.proxy)

    def disconnect(self) -> None:
        """Close the connection."""
        with suppress(AttributeError):  # Another thread has closed it at the same moment.
            super().disconnect()

    def connect_to_new_endpoint(self, force: bool = False) -> None:  # noqa: FBT001, FBT002 - as in the base class
        """Let the watchdog connect anew: the connection ended, or (`force`) Slack says that it will."""
        self.is_leaving = self.is_leaving or force
        self.wake.set()


class Socket:
    """The connection to Slack, with a watchdog that makes a new one when this one ends, or is silent.

    slack_sdk itself pings every ten seconds, and gives a connection up when the last pong is forty seconds old. It
    misses one on which no pong ever came (it has no "last" one to look at), and one that the far end's network keeps
    alive while Slack's application is gone: it brings no `hello`, or lives on long after Slack said it would end.
    """

    def __init__(self, app: App, app_token: str, silence: float) -> None:
        self._app = app
        self._client = _Client(app, app_token)
        self._client.socket_mode_request_listeners.append(self._handle)  # type: ignore[arg-type]
        self._client.on_message_listeners.append(self._on_message)
        self._silence = silence
        self._closing = threading.Event()
        self._watchdog = threading.Thread(target=self._watch, name="slack-socket-watchdog", daemon=True)
        self._session: object = None
        self._since = self._heard = time.time()
        self._greeted: object = None
        self._lifetime = float("inf")
        self._attempts, self._next_attempt = 0, 0.0

    def connect(self, url: str) -> None:
        """Connect to an address that `apps.connections.open` gave, and keep connected."""
        # So that the client does not ask again: Slack allows about one such call a minute.
        self._client.wss_uri = url
        self._client.connect()
        self._watchdog.start()

    def close(self) -> None:
        """Take no more messages."""
        self._closing.set()
        self._client.wake.set()
        self._client.close()
        if self._watchdog.is_alive():  # It may be waiting for Slack; then it ends with the process.
            self._watchdog.join(2 * _LOOK_SECONDS)

    def _handle(self, client: SocketModeClient, request: SocketModeRequest) -> None:
        started = time.time()
        try:
            send_response(client, request, run_bolt_app(self._app, request), started)
        except SlackClientNotConnectedError:
            _logger.warning("A delivery could not be acknowledged on a closed connection; Slack will repeat it.")

    def _on_message(self, text: str) -> None:
        self._heard = time.time()
        if '"hello"' in text and (message := json.loads(text)).get("type") == "hello":
            self._greeted = self._client.current_session
            seconds = (message.get("debug_info") or {}).get("approximate_connection_time")
            self._lifetime = float(seconds) + _LONGER_THAN_SLACK_SAYS if seconds else float("inf")
            self._attempts, self._next_attempt = 0, 0.0

    def _watch(self) -> None:
        while True:
            self._client.wake.wait(min(self._silence / 4, _LOOK_SECONDS))
            self._client.wake.clear()
            if self._closing.is_set():
                return
            if (reason := self._unusable_because()) is not None and time.time() >= self._next_attempt:
                if reason != _ENDED:
                    _logger.warning("The connection to Slack %s; making another.", reason)
                self._connect_anew()

    def _connect_anew(self) -> None:
        self._client.is_leaving = False
        self._attempts += 1
        try:
            opened = self._client.web_client.apps_connections_open(app_token=self._client.app_token)
            self._client.wss_uri = opened["url"]
            self._client.connect()
        except SlackApiError as error:
            _logger.warning("Slack refuses a new connection (%s); trying again.", error.response.get("error"))
        except Exception as error:  # noqa: BLE001 - whatever it was, the watchdog goes on
            # Not the error's words: Slack's address holds a ticket.
            _logger.warning("Slack cannot be reached (%s); trying again.", type(error).__name__)
        if self._closing.is_set():
            self._client.disconnect()
        if self._attempts:  # No hello has come yet.
            self._next_attempt = time.time() + min(2.0**self._attempts, _MOST_WAIT)

    def _unusable_because(self) -> str | None:
        now, session = time.time(), self._client.current_session
        if self._client.is_leaving or not self._client.is_connected():
            return _ENDED
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
