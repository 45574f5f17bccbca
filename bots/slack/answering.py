"""A question's answer, in the thread where it was asked, or for the eyes of whoever gave the command.

Without a language model an answer is there at once, and is posted whole: one call, which no crash can leave half-done.
With one it streams: first the quotes, then the model's sentences as they are finished.
"""

import logging
from collections.abc import Callable
from contextlib import closing

from slack_sdk.errors import SlackApiError

from bots.slack.answer_blocks import Frame, answer_messages, finished_sentences, opening, quote_groups
from bots.slack.blocks import Block, prose
from bots.slack.channels import is_direct
from bots.slack.context import Context
from bots.slack.inbox import Job
from bots.slack.labels import label
from bots.slack.replies import Reply
from index.languages import detect_language
from rag.answers import Answer, Quote, Restart, Source, Status, Token

_CLIENT = "slack"
_MOST_SUGGESTIONS = 3
_LONGEST_TITLE = 200
_SHOWN_PLACES = 3
_logger = logging.getLogger(__name__)


def answer(job: Job, context: Context) -> None:
    """Ask the engine and reply. Raises what the engine raises, and SlackClientError."""
    desk = context.desk
    wanted = desk.choices.language(job.team, job.user)
    events = context.engine.stream(
        job.text,
        conversation=job.conversation,
        article_ids=desk.article_ids(job),
        language=wanted or None,
        client=_CLIENT,
    )
    growing = _Growing(job, context, wanted or detect_language(job.text))
    session = _Session(job, context)
    with closing(events), closing(session):  # type: ignore[type-var]
        for event in events:
            if context.is_cancelled():
                growing.end_early()
                session.clear()
                return
            if isinstance(event, Status):
                session.tell(event, growing.language)
            elif isinstance(event, Answer):
                growing.reply.finish(answer_messages(event, _frame(job, context, event)))
            else:
                growing.take(event)


class _Growing:
    """What is known of an answer before it is whole, as blocks."""

    def __init__(self, job: Job, context: Context, language: str) -> None:
        self.language = language
        self.reply = Reply(job, context)
        self._job = job
        self._context = context
        self._quotes: list[Quote] = []
        self._text = ""

    def take(self, event: Quote | Token | Restart) -> None:
        """Show what an event adds."""
        if isinstance(event, Restart):
            self._quotes, self._text = [], ""
        elif isinstance(event, Quote):
            # A quote that comes after the text has its place above it: at the end.
            self._quotes += [] if self._text else [event]
        else:
            self._text += event.text
        if _takes_time(self._context):
            self.reply.show(self._blocks())

    def end_early(self) -> None:
        """The question was edited or deleted, and nothing is replied; or the answer was stopped, and that is said."""
        if self._context.inbox.was_stopped(self._job.id):
            self.reply.stop(label("stopped", self.language))
        else:
            self.reply.withdraw()

    def _blocks(self) -> list[Block]:
        groups = [*opening(_shown_question(self._job)), *quote_groups(self._quotes, self.language)]
        shown = [block for group in groups for block in group]
        return shown + [block for sentence in finished_sentences(self._text) for block in prose(sentence)]


class _Session:
    """Slack's own signs that an agent works: the thread's title, a status, and the button that stops it.

    They are shown in the agent pane, and wherever an answer takes its time. Where Slack does not take them, nothing
    is lost.
    """

    def __init__(self, job: Job, context: Context) -> None:
        self._job = job
        self._client = context.client
        is_wanted = _takes_time(context) or is_direct(job.channel)
        self._is_shown = bool(job.thread) and not job.reply_to.response_url and is_wanted
        self._is_begun = False

    def tell(self, status: Status, language: str) -> None:
        """Show what is being done."""
        if not self._is_shown:
            return
        channel, thread = self._job.channel, self._job.thread
        if not self._is_begun:
            self._is_begun = True
            title = " ".join(self._job.text.split())[:_LONGEST_TITLE]
            self._try(
                lambda: self._client.agents_sessions_setStatus(
                    channel_id=channel, thread_ts=thread, status="processing", title=title
                )
            )
        places = " ".join(dict.fromkeys(f"§{place.paragraph}" for place in status.places[:_SHOWN_PLACES]))
        text = label(status.stage, language, places=places)
        self._try(lambda: self._client.assistant_threads_setStatus(channel_id=channel, thread_ts=thread, status=text))

    def clear(self) -> None:
        """Take the status away, which else stands until there is a reply."""
        if self._is_begun:
            channel, thread = self._job.channel, self._job.thread
            self._try(lambda: self._client.assistant_threads_setStatus(channel_id=channel, thread_ts=thread, status=""))

    def close(self) -> None:
        """Nothing is being done any more."""
        if self._is_begun:
            self._try(
                lambda: self._client.agents_sessions_setStatus(
                    channel_id=self._job.channel, thread_ts=self._job.thread, status="active"
                )
            )

    def _try(self, call: Callable[[], object]) -> None:
        try:
            call()
        except (SlackApiError, OSError) as error:
            self._is_shown = False
            _logger.info("Slack shows no status: %s", type(error).__name__)


def _takes_time(context: Context) -> bool:
    return context.engine.model != "extractive"


def _shown_question(job: Job) -> str:
    # Slack shows nobody what was written after a command, or pressed.
    return job.body.get("shown_question") or (job.text if job.reply_to.response_url else "")


def _frame(job: Job, context: Context, found: Answer) -> Frame:
    places: list[Quote | Source] = [*found.quotes, *found.sources, *found.closest]
    asked = {found.question.casefold(), found.understood_as.casefold()}
    suggested = context.desk.suggestions(places[0].article_id, found.language) if places else []
    return Frame(
        page_url=context.settings.page_url,
        question=_shown_question(job),
        suggestions=[question for question in suggested if question.casefold() not in asked][:_MOST_SUGGESTIONS],
        is_private=bool(job.reply_to.response_url),
    )
