"""Socket Mode: the bot calls Slack, so that no public address is needed."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPException

from slack_bolt.adapter.socket_mode import SocketModeHandler
from slack_sdk.errors import SlackApiError, SlackClientError

from bots.slack.app import finish_answers, make_app
from bots.slack.deliveries import FILE_NAME, Deliveries
from bots.slack.settings import SlackSettings
from index.exceptions import ConfigurationError
from index.settings import IndexSettings
from rag.factory import open_engine
from rag.settings import RagSettings


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
    settings.require_bot_token()
    app_token = settings.require_app_token()
    with open_engine(index_settings, rag_settings) as engine, _stop_signal() as stop:
        app = make_app(engine, settings, Deliveries(index_settings.data_dir / FILE_NAME))
        with _clear_errors("SLACK_BOT_TOKEN", settings.api_url):
            identity = app.client.auth_test()
        with _clear_errors("SLACK_APP_TOKEN", settings.api_url):
            connection = app.client.apps_connections_open(app_token=app_token)
        handler = SocketModeHandler(app, app_token)
        # So that the handler does not ask again: Slack allows about one such call a minute.
        handler.client.wss_uri = connection["url"]
        try:
            handler.client.connect()
            report(f"The Slack bot is @{identity['user']} in {identity['team']}. Ctrl-C stops it.")
            stop.wait()
        finally:
            handler.client.close()
            finish_answers(app)


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
