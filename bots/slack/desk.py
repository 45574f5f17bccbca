"""What the surfaces of one bot share, and what a button's or dialog's request says of where it was pressed."""

from dataclasses import dataclass
from typing import Any

from bots.slack.channels import Choices, is_direct, place_of
from bots.slack.inbox import Inbox, Job, new_job
from bots.slack.settings import SlackSettings
from rag.chat_engine import ChatEngine
from rag.phrases import languages
from rag.suggestions import Suggester

Body = dict[str, Any]
_IDENTITY = ("type", "team", "enterprise", "is_enterprise_install", "user", "api_app_id")


@dataclass(frozen=True, slots=True)
class Desk:
    """Given to every surface."""

    engine: ChatEngine
    settings: SlackSettings
    inbox: Inbox
    choices: Choices
    suggester: Suggester

    def article_ids(self, job: Job) -> list[str] | None:
        """The article that is asked where a job came from; none for all, also where it was removed since."""
        chosen = self.article(job.team, place_of(job))
        return [chosen] if chosen else None

    def article(self, team: str, place: str) -> str:
        """The id of the article that is asked in a place, if it is indexed; else empty."""
        chosen = self.choices.article(team, place)
        return chosen if chosen in self.engine.index.catalog.article_ids() else ""

    def examples(self, team: str, place: str, language: str) -> list[str]:
        """Questions to begin with, in the language, on the article of a place, or the first one."""
        entries = self.engine.index.articles()
        article_id = self.article(team, place) or (entries[0].id if entries else "")
        return self.suggestions(article_id, language)

    def suggestions(self, article_id: str, language: str) -> list[str]:
        """Questions that an article answers; none where it is not indexed, or not in this language."""
        known = article_id in self.engine.index.catalog.article_ids()
        return self.suggester.suggestions(article_id, language) if known and language in languages() else []

    def ask(
        self,
        body: Body,
        *,
        key: str,
        channel: str,
        thread: str,
        question: str,
        response_url: str = "",
        is_shown: bool = False,
    ) -> None:
        """Put a question into the inbox that was pressed or entered, rather than written.

        The answer begins with it unless it `is_shown` already.
        """
        kept = {name: body[name] for name in _IDENTITY if name in body}
        kept |= {} if is_shown else {"shown_question": question}
        kept |= {"response_url": response_url} if response_url else {}
        job = new_job(
            kind="question",
            team=team_of(body),
            channel=channel,
            thread=thread,
            user=body["user"]["id"],
            ts="",
            text=question,
            body=kept,
        )
        self.inbox.put([key], job)


def team_of(body: Body) -> str:
    """The workspace of an event's, command's, button's or dialog's request; of an organisation's, the organisation."""
    named = body.get("team") or body.get("enterprise") or {}
    return body.get("team_id") or named.get("id") or (body.get("user") or {}).get("team_id") or "-"


def reader_of(team: str, user: str) -> str:
    """A person, as feedback names readers."""
    return f"slack:{team}:{user}"


def place_pressed(body: Body) -> str:
    """The channel where a button was pressed, or the person who pressed it in the bot's own conversation or Home."""
    channel = channel_of(body)
    return body["user"]["id"] if not channel or is_direct(channel) else channel


def channel_of(body: Body) -> str:
    """The channel where a button was pressed; empty in Home and in a dialog."""
    return (body.get("channel") or {}).get("id") or (body.get("container") or {}).get("channel_id") or ""


def thread_of(body: Body) -> str:
    """The thread of the message under which a button was pressed."""
    message = body.get("message") or {}
    container = body.get("container") or {}
    return (
        message.get("thread_ts") or container.get("thread_ts") or message.get("ts") or container.get("message_ts") or ""
    )


def is_ephemeral(body: Body) -> bool:
    """Whether the message under which a button was pressed is seen by one person."""
    return bool((body.get("container") or {}).get("is_ephemeral"))
