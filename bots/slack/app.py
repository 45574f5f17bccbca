"""The Bolt app: which listener gets what, and nothing else."""

import logging
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from slack_bolt import Ack, App, BoltContext, BoltResponse
from slack_bolt.authorization import AuthorizeResult

from bots.slack.channels import Choices
from bots.slack.desk import Desk
from bots.slack.inbox import FILE_NAME, Inbox
from bots.slack.listeners import COMMAND, Receiver
from bots.slack.settings import SlackSettings
from bots.slack.surfaces import register
from bots.slack.threads import Threads
from bots.slack.worker import Workers, log_error
from bots.slack.workspaces import Workspaces, logger, open_workspaces
from index.exceptions import MaqalError
from rag.chat_engine import ChatEngine
from rag.suggestions import Suggester

_INTERACTION_THREADS = 8

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Bot:
    """The bot while it runs: what Slack delivers goes to `app`; `workers` answer."""

    app: App
    workspaces: Workspaces
    inbox: Inbox


@contextmanager
def open_bot(engine: ChatEngine, settings: SlackSettings) -> Iterator[Bot]:
    """The bot over an open engine; at the end it answers what it took. Raises ConfigurationError, StoreError.

    Slack is first called when an event arrives, or when an earlier run left something unanswered.
    """
    path = engine.index.settings.data_dir / FILE_NAME
    workspaces = open_workspaces(settings)
    inbox, threads = Inbox(path), Threads(path)
    choices = Choices(path)
    desk = Desk(engine, settings, inbox, choices, Suggester(engine))
    workers = Workers(engine, settings, workspaces, inbox, threads=threads, desk=desk)
    app = make_app(settings, workspaces, Receiver(inbox, threads, settings, engine.index.settings.allow_urls))
    register(app, desk, workspaces)
    # What else Slack tells is acknowledged, or it would be told again.
    app.event(re.compile(""))(_nothing)
    workers.start()
    try:
        yield Bot(app, workspaces, inbox)
    finally:
        app.listener_runner.listener_executor.shutdown(wait=True)
        if workers.stop():
            inbox.close()
            threads.close()
            choices.close()
        workspaces.close()


def make_app(settings: SlackSettings, workspaces: Workspaces, receiver: Receiver) -> App:
    """The app, whose middleware puts into the inbox what needs an answer.

    Bolt acknowledges an event before its listener runs, but after its middleware, and answers 500 where that fails,
    so that Slack delivers again.
    """

    def reject_foreign(body: dict[str, Any], context: BoltContext, next_: Callable[[], None]) -> BoltResponse | None:
        if body.get("type") not in {"url_verification", "ssl_check"} and "ssl_check" not in body:
            authorized = workspaces.authorize(body)
            if authorized is None:
                return BoltResponse(
                    status=403, body="The app is not installed in this workspace, or not allowed there."
                )
            context["found"] = authorized
        next_()
        return None

    def authorize(context: BoltContext) -> AuthorizeResult:
        found: AuthorizeResult = context["found"]
        return found

    def on_event(ack: Ack, body: dict[str, Any], context: BoltContext) -> BoltResponse:
        receiver.event(body, _team(context), context.bot_user_id or "")
        return ack()

    def on_command(ack: Ack, body: dict[str, Any], context: BoltContext) -> BoltResponse:
        return ack(receiver.command(body, _team(context)) or "")

    def on_check_quote(ack: Ack, body: dict[str, Any], context: BoltContext) -> BoltResponse:
        receiver.shortcut(body, _team(context))
        return ack()

    def on_removal(ack: Ack, body: dict[str, Any]) -> BoltResponse:
        workspaces.forget(body)
        return ack()

    # It warns of the environment's SLACK_BOT_TOKEN, which is not its business here.
    logger.setLevel(logging.ERROR)
    app = App(
        name="maqal",
        logger=logger,
        client=workspaces.open_client(None),
        signing_secret=settings.signing_secret.get_secret_value().strip(),
        before_authorize=reject_foreign,
        authorize=authorize,
        process_before_response=False,
        listener_executor=ThreadPoolExecutor(_INTERACTION_THREADS, thread_name_prefix="slack-interaction"),
    )
    logger.setLevel(logging.WARNING)
    app.error(_say)
    app.event("app_mention", middleware=[on_event])(_nothing)
    app.event("message", middleware=[on_event])(_nothing)
    app.event("app_uninstalled", middleware=[on_removal])(_nothing)
    app.command(COMMAND, middleware=[on_command])(_nothing)
    app.shortcut({"type": "message_action", "callback_id": "check_quote"}, middleware=[on_check_quote])(_nothing)
    return app


def _team(context: BoltContext) -> str:
    # An organisation-wide installation may name no workspace.
    return context.team_id or context.enterprise_id or "-"


def _say(error: Exception) -> None:
    """Log what went wrong before Slack was answered, or in a button's listener; Slack is answered 500 then."""
    if isinstance(error, MaqalError):
        _logger.error("%s %s", error.message, error.fix)
    else:
        log_error(error)


def _nothing() -> None:
    """A listener whose middleware has done it all."""
