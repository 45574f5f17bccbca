"""What the bot does when Slack delivers something: find the question, answer it once, never stay silent."""

import logging
import traceback
from collections.abc import Callable
from typing import Any

from slack_bolt import Ack, Respond
from slack_sdk import WebClient

from bots.slack.blocks import Message, answer_messages, notice
from bots.slack.deliveries import Deliveries
from bots.slack.questions import plain_question
from index.exceptions import MaqalError
from rag.chat_engine import ChatEngine

COMMAND = "/ask"
USAGE = f"Write the question after the command, for example: {COMMAND} Why did Tokayev call in the CSTO?"
APOLOGY = "Sorry, the question could not be answered: an error inside maqal. It has been logged; please try again."

# A message with a file, or a thread reply also sent to the channel, is a person's; other subtypes are
# edits, deletions, joins and bots.
_SUBTYPES_OF_PEOPLE = (None, "file_share", "thread_broadcast")

_logger = logging.getLogger(__name__)


def answer_event(engine: ChatEngine, deliveries: Deliveries, client: WebClient, body: dict[str, Any]) -> None:
    """Answer a mention or a direct message in its thread; Bolt has acknowledged it already."""
    event = body["event"]
    if not _is_for_bot(event):
        return
    team, channel, ts = _team(body), event["channel"], event["ts"]
    thread = event.get("thread_ts") or ts

    def answer() -> None:
        # A mention arrives as app_mention and as message, with two event ids and one ts.
        if deliveries.claim(f"event:{team}:{body['event_id']}", f"message:{team}:{channel}:{ts}"):
            question = plain_question(event.get("text") or "")
            for message in answer_messages(engine.ask(question, conversation=f"slack:{team}:{channel}:{thread}")):
                post(message)

    def post(message: Message) -> None:
        client.chat_postMessage(
            channel=channel,
            thread_ts=thread,
            text=message.text,
            blocks=message.blocks,
            unfurl_links=False,
            unfurl_media=False,
        )

    _with_apology(answer, post)


def answer_command(engine: ChatEngine, deliveries: Deliveries, respond: Respond, body: dict[str, Any]) -> None:
    """Answer `/ask` so that only the person who asked sees it; outside of any conversation."""

    def answer() -> None:
        if deliveries.claim(f"command:{_team(body)}:{body['trigger_id']}"):
            question = plain_question(body.get("text") or "")
            for message in answer_messages(engine.ask(question)) if question else [notice(USAGE)]:
                post(message)

    def post(message: Message) -> None:
        response = respond(
            text=message.text,
            blocks=message.blocks,
            response_type="ephemeral",
            unfurl_links=False,
            unfurl_media=False,
        )
        if response.status_code != 200:
            _logger.error("Slack refused the answer to %s: status %s", COMMAND, response.status_code)

    _with_apology(answer, post)


def acknowledge(ack: Ack, next_: Callable[[], None]) -> None:
    """Listener middleware: acknowledge a command before it waits for a free thread, where Slack gives up after 3 s."""
    ack()
    next_()


def _is_for_bot(event: dict[str, Any]) -> bool:
    # Bots are not answered: two of them would never stop.
    if event.get("bot_id") or event.get("subtype") not in _SUBTYPES_OF_PEOPLE:
        return False
    return event["type"] == "app_mention" or event.get("channel_type") == "im"


def _team(body: dict[str, Any]) -> str:
    # An organisation-wide installation may name no workspace.
    return body.get("team_id") or body.get("enterprise_id") or "-"


def _with_apology(answer: Callable[[], None], post: Callable[[Message], None]) -> None:
    try:
        answer()
    except MaqalError as error:
        post(notice(f"{error.message} {error.fix}"))
    except Exception as error:  # noqa: BLE001 Whoever asked gets a reply, whatever went wrong.
        # The error's own words may hold the question, so that only its type and place are logged.
        trace = "".join(traceback.format_tb(error.__traceback__))
        _logger.error("%s while answering in Slack, at:\n%s", type(error).__name__, trace)  # noqa: TRY400
        post(notice(APOLOGY))
