"""What an answer is made with: the engine, a client of the workspace that asks, the settings, the inbox."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.webhook import WebhookClient

from bots.slack.blocks import Message
from bots.slack.desk import Desk
from bots.slack.inbox import Inbox, Job
from bots.slack.settings import SlackSettings
from rag.chat_engine import ChatEngine

if TYPE_CHECKING:
    from slack_sdk.http_retry import RetryHandler

METADATA_TYPE = "maqal_answer"


@dataclass(frozen=True, slots=True)
class Context:
    """Given to whatever answers one job."""

    engine: ChatEngine
    client: WebClient
    settings: SlackSettings
    inbox: Inbox
    is_cancelled: Callable[[], bool]  # the question was edited or deleted, or its answer stopped
    desk: Desk

    def note_reply(self, job: Job, ts: str) -> None:
        """Call it as soon as a message exists that is still being written: after a crash it is found and removed."""
        self.inbox.note_reply(job.id, ts)

    def say(self, job: Job, message: Message) -> None:
        """Post one message where the job came from; only the person who gave a command sees the reply to it.

        Raises SlackApiError, SlackClientError.
        """
        to = job.reply_to
        if to.response_url:
            handlers: list[RetryHandler] = self.client.retry_handlers
            webhook = WebhookClient(to.response_url, logger=self.client.logger, retry_handlers=handlers)
            response = webhook.send(
                text=message.text,
                blocks=message.blocks,
                response_type="ephemeral",
                unfurl_links=False,
                unfurl_media=False,
            )
            status = response.status_code
            if status == 429 or status >= 500:
                raise SlackClientError(f"Slack did not take a reply to a command: status {status}.")
            if status != 200:  # The address is good for half an hour, and five replies.
                refusal = {"ok": False, "error": f"status_{status}"}
                raise SlackApiError("Slack refused a reply to a command.", refusal)  # type: ignore[no-untyped-call]
            return
        self.client.chat_postMessage(
            channel=to.channel,
            thread_ts=to.thread,
            text=message.text,
            blocks=message.blocks,
            unfurl_links=False,
            unfurl_media=False,
            mrkdwn=False,
            metadata=reply_metadata(job),
        )


def reply_metadata(job: Job) -> dict[str, Any]:
    """What a reply carries so that it is found again: the job's id."""
    return {"event_type": METADATA_TYPE, "event_payload": {"job": job.id}}
