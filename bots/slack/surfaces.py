"""Which function is called by which button, dialog, shortcut, command and event."""

import logging
import re
from collections.abc import Callable

from slack_bolt import Ack, App
from slack_sdk import WebClient
from slack_sdk.errors import SlackClientError

from bots.slack import actions, articles, files, home, shortcuts
from bots.slack.blocks import notice
from bots.slack.desk import Body, Desk
from bots.slack.worker import log_error
from bots.slack.workspaces import Workspaces
from index.exceptions import MaqalError

APOLOGY = "Sorry, this did not work: an error inside maqal. It has been logged; please try again."

Surface = Callable[[Ack, Body, WebClient, Desk], None]
_logger = logging.getLogger(__name__)


def register(app: App, desk: Desk, workspaces: Workspaces) -> None:
    """Add all that needs no durable job; what does goes through the inbox."""

    def on(surface: Surface) -> Callable[[Ack, Body], None]:
        def listener(ack: Ack, body: Body) -> None:
            # Not Bolt's own client: the token that it was authorized with may have expired.
            client = workspaces.client(body)
            try:
                surface(ack, body, client, desk)
            except Exception as error:  # noqa: BLE001 - who pressed something is told, whatever went wrong
                _tell(client, body, error)
            finally:
                if ack.response is None:
                    ack()

        return listener

    app.action(re.compile(r"^feedback(:\w+)?$"))(on(actions.rate))
    app.action(re.compile(r"^cite:\d+$"))(on(actions.cite))
    app.action(re.compile(r"^show:\w+$"))(on(actions.do_nothing))
    app.action(re.compile(r"^ask:\d+$"))(on(actions.ask_next))
    app.action("share")(on(actions.share))
    app.action(re.compile(r"^choose_article(:\w+)?$"))(on(home.choose_article))
    app.action("choose_language")(on(home.choose_language))
    app.action(re.compile(r"^index_file:\d+$"))(on(files.index_file))
    app.action(re.compile(r"^index_link:\d+$"))(on(files.index_link))
    app.view("reason")(on(actions.keep_reason))
    app.view("ask")(on(shortcuts.ask))
    app.shortcut({"type": "shortcut", "callback_id": "ask"})(on(shortcuts.open_dialog))
    app.command(articles.COMMAND)(on(articles.list_articles))
    app.event("app_home_opened")(on(home.opened))
    app.event("assistant_thread_started")(on(home.thread_started))
    app.event("agent_session_stopped")(on(actions.stop))


def _tell(client: WebClient, body: Body, error: Exception) -> None:
    """Tell who pressed something that it did not work; an event that nobody waits for is only logged."""
    told = f"{error.message} {error.fix}" if isinstance(error, MaqalError) else APOLOGY
    if told == APOLOGY or "event" in body:
        log_error(error, "at a button, dialog, shortcut or command")
    if "event" in body:
        return
    try:
        actions.whisper(client, body, notice(told))
    except (SlackClientError, OSError) as second:
        _logger.error("Slack refused to tell it: %s", type(second).__name__)  # noqa: TRY400 - as above
