"""What Slack delivers becomes jobs in the inbox, before Slack is told that it arrived; nothing is answered here."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from bots.slack.inbox import Inbox, Kind, new_job
from bots.slack.questions import (
    asks_something,
    command_word,
    links,
    mentions,
    mentions_another,
    plain_question,
    without_links,
)
from bots.slack.settings import SlackSettings
from bots.slack.threads import Threads

COMMAND = "/ask"
NOT_HERE = "maqal does not answer in this channel."
USAGE = f"Write the question after the command, for example: {COMMAND} Why did Tokayev call in the CSTO?"

# A message with a file, or a thread reply also sent to the channel, is a person's; other subtypes are joins and bots.
_SUBTYPES_OF_PEOPLE = (None, "file_share", "thread_broadcast")
_OFFERS: tuple[Kind, ...] = ("file", "link")


@dataclass(frozen=True, slots=True)
class Receiver:
    """Puts what a workspace's people write into the inbox."""

    inbox: Inbox
    threads: Threads
    settings: SlackSettings
    urls_allowed: bool

    def event(self, body: dict[str, Any], team: str, bot_user: str) -> None:
        """Take a mention or a message; an edit or a deletion changes what is not answered yet."""
        event = body["event"]
        channel = event.get("channel") or ""
        if self._is_foreign(body, event, team) or not self.settings.answers_in(channel):
            return
        subtype = event.get("subtype")
        if subtype == "message_deleted":
            self._delete(team, channel, event["deleted_ts"])
        elif subtype == "message_changed":
            message = event["message"]
            # A message that has replies is not removed when it is deleted: it becomes a tombstone.
            if message.get("subtype") == "tombstone":
                self._delete(team, channel, message["ts"])
            else:
                self.inbox.edit(team, channel, message["ts"], plain_question(message.get("text") or ""))
        elif subtype in _SUBTYPES_OF_PEOPLE and not event.get("bot_id"):  # Two bots would never stop.
            thread = event.get("thread_ts") or event["ts"]
            for kind in self._kinds(event, team, thread, bot_user):
                keys = [
                    f"event:{team}:{body['event_id']}{_suffix(kind)}",
                    _message_key(team, channel, event["ts"], kind),
                ]
                job = new_job(
                    kind=kind,
                    team=team,
                    channel=channel,
                    thread=thread,
                    user=event.get("user") or "",
                    ts=event["ts"],
                    text=plain_question(event.get("text") or ""),
                    body=body,
                )
                self.inbox.put(keys, job)

    def command(self, body: dict[str, Any], team: str) -> str | None:
        """Take `/ask`; what is to be told at once, where there is no question, or the channel is not answered."""
        if not self.settings.answers_in(body["channel_id"]):
            return NOT_HERE
        text = plain_question(body.get("text") or "")
        if not text:
            return USAGE
        key = f"command:{team}:{body['trigger_id']}"
        channel, user = body["channel_id"], body["user_id"]
        job = new_job(kind="question", team=team, channel=channel, thread="", user=user, ts="", text=text, body=body)
        self.inbox.put([key], job)
        return None

    def shortcut(self, body: dict[str, Any], team: str) -> None:
        """Take "Check this quote", chosen on a message."""
        message = body["message"]
        job = new_job(
            kind="check_quote",
            team=team,
            channel=body["channel"]["id"],
            thread=message.get("thread_ts") or message["ts"],
            user=body["user"]["id"],
            ts=message["ts"],
            text=plain_question(message.get("text") or ""),
            body=body,
        )
        self.inbox.put([f"shortcut:{team}:{body['trigger_id']}"], job)

    def _kinds(self, event: dict[str, Any], team: str, thread: str, bot_user: str) -> Iterator[Kind]:
        """As what a person's message is taken; as nothing where it is not for the bot."""
        raw, channel = event.get("text") or "", event["channel"]
        is_direct = event.get("channel_type") == "im"
        is_mention = event["type"] == "app_mention" or mentions(raw, bot_user)
        if not (is_direct or is_mention):
            if (kind := self._unprompted(event, team, thread, bot_user)) is not None:
                yield kind
            return
        word = command_word(plain_question(raw))
        if word and not is_direct:
            yield word
            return
        if not is_direct:
            self.threads.listen(team, channel, thread)
        offers = [kind for kind in _OFFERS if (event.get("files") if kind == "file" else self._has_links(raw))]
        yield from offers
        if not offers or without_links(raw):
            yield "question"

    def _unprompted(self, event: dict[str, Any], team: str, thread: str, bot_user: str) -> Kind | None:
        """As what a message is taken that neither mentions the bot nor is written to it."""
        raw = event.get("text") or ""
        if "thread_ts" not in event or mentions_another(raw, bot_user):
            return None
        is_muted = self.threads.is_muted(team, event["channel"], thread)
        if is_muted is None and event.get("parent_user_id") != bot_user:
            return None
        if word := command_word(plain_question(raw)):
            return word
        return "question" if not is_muted and asks_something(without_links(raw)) else None

    def _has_links(self, raw: str) -> bool:
        return self.urls_allowed and bool(links(raw))

    def _delete(self, team: str, channel: str, ts: str) -> None:
        # Deliveries have no order: the message itself may still be on its way.
        keys = [_message_key(team, channel, ts, kind) for kind in ("question", *_OFFERS)]
        self.inbox.delete(team, channel, ts, keys)

    def _is_foreign(self, body: dict[str, Any], event: dict[str, Any], team: str) -> bool:
        """Whether a person of another company asks, in a channel that is shared with it."""
        own = event.get("user_team") or event.get("team") or team
        return bool(body.get("is_ext_shared_channel")) and own != team and own not in self.settings.teams


def _message_key(team: str, channel: str, ts: str, kind: Kind) -> str:
    """A mention arrives as app_mention and as message, with two event ids and one ts."""
    return f"message:{team}:{channel}:{ts}{_suffix(kind)}"


def _suffix(kind: Kind) -> str:
    """A message with a file or a link is an offer to index it, and may be a question besides."""
    return f":{kind}" if kind in _OFFERS else ""
