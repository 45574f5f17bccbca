"""A reply that grows while its answer is made: as a stream, else as a message that is edited, else posted whole.

What grows is blocks, also in the stream: its chunks may be blocks, in which article letters stay as they are, while
`markdown_text` would read them as Markdown. Whatever was shown on the way, the reply ends as the answer's own messages,
whose buttons need an answer that is kept.
"""

import logging
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from slack_sdk.errors import SlackApiError

from bots.slack.answer_blocks import with_plain_buttons
from bots.slack.blocks import MAX_BLOCKS, Block, Message, as_message, fits_message, notice
from bots.slack.context import Context, reply_metadata
from bots.slack.inbox import Job

if TYPE_CHECKING:
    from slack_sdk.web.chat_stream import ChatStream

_logger = logging.getLogger(__name__)


class Reply:
    """One job's reply, in the thread where it was asked."""

    def __init__(self, job: Job, context: Context) -> None:
        self._job = job
        self._context = context
        self._mode: Literal["stream", "edit", "whole"] = "whole" if job.reply_to.response_url else "stream"
        self._stream: ChatStream | None = None
        self._ts = ""
        self._shown: list[Block] = []
        self._next = 0.0

    def show(self, blocks: Sequence[Block]) -> None:
        """Show what there is so far, at most once in SLACK_MESSAGE_INTERVAL; what is skipped comes with the next."""
        added = list(blocks[len(self._shown) :])
        is_more = added and list(blocks[: len(self._shown)]) == self._shown
        if self._mode == "whole" or not is_more or not fits_message(blocks) or time.monotonic() < self._next:
            return
        if self._mode == "stream":
            self._try_stream(added)
        if self._mode == "edit":
            self._try_edit(list(blocks))
        if self._ts:
            self._shown = list(blocks)
        self._next = time.monotonic() + self._context.settings.message_interval

    def finish(self, messages: Sequence[Message]) -> None:
        """End as these messages. Raises SlackApiError, SlackClientError."""
        first, *others = messages
        if not self._finish_shown(first):
            self._say(first)
        for message in others:
            self._say(message)

    def stop(self, text: str) -> None:
        """End with what is shown so far and a word that this is all. Raises SlackApiError, SlackClientError."""
        self.finish([as_message([*self._shown[: MAX_BLOCKS - 1], *notice(text).blocks])])

    def withdraw(self) -> None:
        """Remove what was shown; nothing is replied."""
        self._end_stream()
        if self._ts:
            try:
                self._context.client.chat_delete(channel=self._job.channel, ts=self._ts)
            except SlackApiError as error:
                _logger.warning("A reply could not be removed: %s", error.response.get("error"))

    def _try_stream(self, added: list[Block]) -> None:
        job, client = self._job, self._context.client
        if self._stream is None:
            self._stream = client.chat_stream(
                channel=job.channel, thread_ts=job.thread, recipient_team_id=job.team, recipient_user_id=job.user
            )
        try:
            self._stream.append(chunks=[{"type": "blocks", "blocks": added}])
        except SlackApiError as error:
            # This workspace, channel or person cannot be streamed to, or Slack ended the stream.
            _logger.info("A stream was refused (%s); the message is edited.", error.response.get("error"))
            self._end_stream()
            self._mode = "edit"
        else:
            self._note(self._stream.ts or "")

    def _try_edit(self, blocks: list[Block]) -> None:
        message = as_message(blocks)
        client, channel = self._context.client, self._job.channel
        try:
            if self._ts:
                client.chat_update(channel=channel, ts=self._ts, text=message.text, blocks=blocks)
            else:
                posted = client.chat_postMessage(
                    channel=channel, thread_ts=self._job.thread, text=message.text, blocks=blocks,
                    unfurl_links=False, unfurl_media=False, mrkdwn=False,
                )  # fmt: skip
                self._note(str(posted["ts"]))
        except SlackApiError as error:
            _logger.info("A reply cannot grow: %s", error.response.get("error"))
            self._mode = "whole"

    def _note(self, ts: str) -> None:
        if ts and not self._ts:
            self._ts = ts
            self._context.note_reply(self._job, ts)

    def _finish_shown(self, message: Message) -> bool:
        """Make what is shown the whole message; False where nothing is, or Slack does not let it be changed."""
        self._end_stream()
        if not self._ts:
            return False
        for variant in (message, with_plain_buttons(message)):
            try:
                self._context.client.chat_update(
                    channel=self._job.channel, ts=self._ts, text=variant.text, blocks=variant.blocks,
                    metadata=reply_metadata(self._job),
                )  # fmt: skip
            except SlackApiError as error:
                _logger.info("A reply cannot be edited: %s", error.response.get("error"))
            else:
                return True
        self.withdraw()
        return False

    def _end_stream(self) -> None:
        """Let a message that is being streamed be one like others; Slack takes no change of it before."""
        stream, self._stream = self._stream, None
        if stream is not None and stream.ts:
            try:
                stream.stop()
            except SlackApiError as error:
                # A long stream ends by itself, and so does one that a person stopped.
                _logger.info("A stream could not be ended: %s", error.response.get("error"))

    def _say(self, message: Message) -> None:
        try:
            self._context.say(self._job, message)
        except SlackApiError as error:
            if error.response.get("error") != "invalid_blocks":
                raise
            self._context.say(self._job, with_plain_buttons(message))
