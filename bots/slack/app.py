"""The Bolt app: which listener gets what, and nothing else."""

import logging
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from slack_bolt import App, Respond
from slack_sdk import WebClient
from slack_sdk.http_retry.builtin_handlers import RateLimitErrorRetryHandler

from bots.slack.deliveries import Deliveries
from bots.slack.listeners import COMMAND, acknowledge, answer_command, answer_event
from bots.slack.settings import SlackSettings
from index.exceptions import ConfigurationError
from rag.chat_engine import ChatEngine


def make_app(engine: ChatEngine, settings: SlackSettings, deliveries: Deliveries) -> App:
    """The bot over an open engine; Slack is first called when an event arrives. Raises ConfigurationError.

    Close it with `finish_answers`.
    """
    # At INFO, Bolt logs the body of a request with a wrong signature: somebody's question.
    logger = logging.getLogger("bots.slack.bolt")
    logger.setLevel(logging.WARNING)
    app = App(
        logger=logger,
        token=settings.require_bot_token(),
        signing_secret=settings.signing_secret.get_secret_value().strip(),
        token_verification_enabled=False,
        process_before_response=False,
        listener_executor=ThreadPoolExecutor(settings.answer_threads, thread_name_prefix="slack-answer"),
    )
    if app.oauth_flow:
        raise ConfigurationError(
            "SLACK_CLIENT_ID and SLACK_CLIENT_SECRET are set, which makes Bolt ignore SLACK_BOT_TOKEN.",
            "Unset both: maqal is installed in one workspace, by its bot token.",
        )
    app.client.base_url = settings.api_url.rstrip("/") + "/"
    # Slack takes about one message a second in a channel; a retry handler waits as long as Slack says.
    app.client.retry_handlers.append(RateLimitErrorRetryHandler(max_retry_count=3))

    def on_event(body: dict[str, Any], client: WebClient) -> None:
        answer_event(engine, deliveries, client, body)

    def on_command(body: dict[str, Any], respond: Respond) -> None:
        answer_command(engine, deliveries, respond, body)

    app.event("app_mention")(on_event)
    app.event("message")(on_event)
    app.command(COMMAND, middleware=[acknowledge])(on_command)
    return app


def finish_answers(app: App) -> None:
    """Wait until every question that was acknowledged is answered; the app takes no more."""
    app.listener_runner.listener_executor.shutdown(wait=True)
