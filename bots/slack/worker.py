"""The workers: threads that take jobs from the inbox and see each through to one reply, whatever goes wrong."""

import logging
import threading
import time
import traceback
from http.client import HTTPException
from typing import Any

from slack_sdk.errors import SlackApiError, SlackClientError

from bots.slack import answering, files, shortcuts
from bots.slack.blocks import notice
from bots.slack.context import METADATA_TYPE, Context
from bots.slack.desk import Desk
from bots.slack.inbox import LEASE_SECONDS, Inbox, Job
from bots.slack.rate_limits import RateLimits
from bots.slack.settings import SlackSettings
from bots.slack.threads import Threads
from bots.slack.workspaces import NotInstalled, Workspaces
from index.exceptions import MaqalError
from rag.chat_engine import ChatEngine

APOLOGY = "Sorry, the question could not be answered: an error inside maqal. It has been logged; please try again."
TOO_LATE = "Sorry, I was not running when this was asked, and an answer would come too late. Please ask again."
MUTED = "I answer here only when I am mentioned. Write `unmute` to have follow-up questions answered again."
UNMUTED = "I hear follow-up questions in this thread again."

STALE_SECONDS = 600.0
_GIVEN_UP_SECONDS = 3600.0
_MOST_CRASHES = 3
_LONGEST_WAIT = 60.0  # seconds between two attempts
_POLL_SECONDS = 1.0
_GRACE_SECONDS = 30.0
_HOUSEKEEPING_SECONDS = 3600.0
_PAGES_LOOKED_THROUGH = 5
_PASSING = frozenset({
    *("fatal_error", "internal_error", "ratelimited", "request_timeout", "service_unavailable"),
    # A token can be mended; until then nothing that was asked is thrown away.
    *("account_inactive", "invalid_auth", "not_authed", "token_expired", "token_revoked"),
    "unreadable",
})  # fmt: skip
_SLACK_ERRORS = (SlackClientError, HTTPException, OSError)

_logger = logging.getLogger(__name__)


class Workers:
    """A pool of `answer_threads` threads over one inbox; any number of pools and processes may share it."""

    def __init__(
        self,
        engine: ChatEngine,
        settings: SlackSettings,
        workspaces: Workspaces,
        inbox: Inbox,
        *,
        threads: Threads,
        desk: Desk,
    ) -> None:
        self._engine = engine
        self._settings = settings
        self._workspaces = workspaces
        self._inbox = inbox
        self._threads = threads
        self._desk = desk
        self._limits = RateLimits(settings)
        self._stopping = threading.Event()
        self._is_over = threading.Event()
        self._working: set[str] = set()
        # Daemons: an answer that outlasts the grace at the end does not keep the process; it is taken up at start.
        self._pool = [
            threading.Thread(target=self._work, name=f"slack-answer-{i}", daemon=True)
            for i in range(settings.answer_threads)
        ]
        self._keeper = threading.Thread(target=self._keep, name="slack-leases", daemon=True)

    def start(self) -> None:
        """Begin, with what an earlier run left unfinished."""
        for thread in (*self._pool, self._keeper):
            thread.start()

    def stop(self) -> bool:
        """Answer what was taken, for half a minute at most; whether all is answered. The rest stays in the inbox."""
        self._stopping.set()
        self._inbox.wake()
        deadline = time.monotonic() + _GRACE_SECONDS
        for thread in (*self._pool, self._keeper):
            thread.join(max(0.0, deadline - time.monotonic()))
        self._is_over.set()
        return not any(thread.is_alive() for thread in self._pool)

    def _work(self) -> None:
        while not self._is_over.is_set():
            try:
                job = self._inbox.claim()
                has_more = job is not None or self._inbox.has_due()
            except MaqalError as error:
                _logger.error("%s %s", error.message, error.fix)  # noqa: TRY400 - its message says it all
                job, has_more = None, False
            if job is not None:
                self._working.add(job.id)
                try:
                    self._see_through(job)
                except Exception as error:  # noqa: BLE001 - a worker lives on
                    log_error(error)
                finally:
                    self._working.discard(job.id)
            elif not self._stopping.is_set():
                self._inbox.wait(_POLL_SECONDS)
            elif not has_more:
                return
            else:  # A job that waits for another one of its thread.
                time.sleep(0.05)

    def _keep(self) -> None:
        """Renew the leases of what is worked on, and forget what is old."""
        next_cleaning = 0.0
        while any(thread.is_alive() for thread in self._pool):
            try:
                self._inbox.renew(list(self._working))
                if time.monotonic() >= next_cleaning:
                    self._inbox.forget_old()
                    next_cleaning = time.monotonic() + _HOUSEKEEPING_SECONDS
            except MaqalError as error:
                _logger.error("%s %s", error.message, error.fix)  # noqa: TRY400 - its message says it all
            deadline = time.monotonic() + LEASE_SECONDS / 3
            while time.monotonic() < deadline and not (self._stopping.is_set() and not self._working):
                time.sleep(0.05)

    def _see_through(self, job: Job) -> None:
        was_cancelled = threading.Event()

        def is_cancelled() -> bool:
            if not self._inbox.is_current(job):
                was_cancelled.set()
            return was_cancelled.is_set()

        if job.crashes > _MOST_CRASHES:
            _logger.error("A question is given up: it ended its worker %d times, and so did the apology.", job.crashes)
            self._inbox.finish(job)
            return
        try:
            client = self._workspaces.client(job.body)
        except NotInstalled as error:
            _logger.warning("%s %s", error.message, error.fix)
            self._inbox.finish(job)
            return
        except Exception as error:  # noqa: BLE001 - what keeps the tokens is a file or any database
            log_error(error)
            self._try_later(job)
            return
        context = Context(self._engine, client, self._settings, self._inbox, is_cancelled, desk=self._desk)
        try:
            # Slack may have taken what it did not confirm.
            if not (job.attempts > 1 and _has_replied(job, context)):
                self._reply(job, context)
        except _SLACK_ERRORS as error:
            if _may_pass(error):
                _logger.warning("Slack did not take a reply (%s); it is tried again.", _reason(error))
                self._try_later(job)
                return
            self._refused(job, context, error)
        if was_cancelled.is_set():
            self._inbox.give_back(job)  # Nothing to do where it was deleted; else it is answered as it reads now.
        else:
            self._inbox.finish(job)

    def _try_later(self, job: Job) -> None:
        if time.time() - job.received < _GIVEN_UP_SECONDS:
            self._inbox.give_back(job, min(2.0**job.attempts, _LONGEST_WAIT))
        else:
            _logger.error("A question is given up: nothing could be replied for %.0f s.", _GIVEN_UP_SECONDS)
            self._inbox.finish(job)

    def _reply(self, job: Job, context: Context) -> None:
        if job.crashes == _MOST_CRASHES:
            context.say(job, notice(APOLOGY))  # It took the process down each time.
        elif time.time() - job.received > STALE_SECONDS:
            context.say(job, notice(TOO_LATE))
        elif job.attempts == 1 and job.kind == "question" and (text := self._limits.refusal(job)) is not None:
            if text:
                context.say(job, notice(text))
        else:
            try:
                self._answer(job, context)
            except MaqalError as error:
                context.say(job, notice(f"{error.message} {error.fix}"))
            except _SLACK_ERRORS:
                raise
            except Exception as error:  # noqa: BLE001 - whoever asked gets a reply, whatever went wrong
                log_error(error)
                context.say(job, notice(APOLOGY))

    def _answer(self, job: Job, context: Context) -> None:
        match job.kind:
            case "question":
                answering.answer(job, context)
            case "check_quote":
                shortcuts.check_quote(job, context)
            case "file" | "link":
                files.offer(job, context)
            case "mute" | "unmute":
                self._threads.mute(job.team, job.channel, job.thread, is_muted=job.kind == "mute")
                context.say(job, notice(MUTED if job.kind == "mute" else UNMUTED))

    def _refused(self, job: Job, context: Context, error: Exception) -> None:
        """Slack did not take a reply: say so in words that it takes, once."""
        _logger.error("Slack refused a reply: %s", _reason(error))
        try:
            context.say(job, notice(APOLOGY))
        except _SLACK_ERRORS as second:
            _logger.error("Slack refused the apology, too: %s", _reason(second))  # noqa: TRY400 - no question in logs


def _has_replied(job: Job, context: Context) -> bool:
    """Whether an attempt that ended without a note of it had replied; what it left half-written is removed.

    A reply is known by the job's id in its metadata. To a command nobody can look up whether it was replied to.
    """
    to = job.reply_to
    if to.response_url or not to.thread:
        return False
    cursor = ""
    for _ in range(_PAGES_LOOKED_THROUGH):
        try:
            page = context.client.conversations_replies(
                channel=to.channel, ts=to.thread, oldest=job.ts or to.thread, limit=200, cursor=cursor or None,
                include_all_metadata=True,
            )  # fmt: skip
        except SlackApiError as error:
            if _may_pass(error):
                raise
            # Without the scope, or with the thread gone, nothing can be found out.
            _logger.warning("Slack does not show a thread's replies: %s", _reason(error))
            return False
        if any(_is_reply(message, job) for message in page["messages"]):
            return True
        cursor = (page.get("response_metadata") or {}).get("next_cursor") or ""
        if not cursor:
            break
    if job.reply_ts:
        try:
            context.client.chat_delete(channel=to.channel, ts=job.reply_ts)
        except SlackApiError as error:
            _logger.warning("A reply that was half-written could not be removed: %s", _reason(error))
    return False


def _is_reply(message: dict[str, Any], job: Job) -> bool:
    metadata = message.get("metadata") or {}
    return metadata.get("event_type") == METADATA_TYPE and (metadata.get("event_payload") or {}).get("job") == job.id


def _may_pass(error: Exception) -> bool:
    """Whether the same call may succeed later: Slack was not reached, or failed, or is busy, or knows no token."""
    if not isinstance(error, SlackApiError):
        return True
    status = getattr(error.response, "status_code", 0)
    return status == 429 or status >= 500 or _reason(error) in _PASSING


def _reason(error: Exception) -> str:
    """Slack's word for why it refused; never what was sent."""
    if not isinstance(error, SlackApiError):
        return type(error).__name__
    word = str(error.response.get("error"))
    # Where it is no JSON, something between here and Slack has answered, and slack_sdk puts its words there.
    return word if word.isidentifier() else "unreadable"


def log_error(error: BaseException, where: str = "while answering in Slack") -> None:
    """Log an error by its type and place: its own words may hold the question."""
    trace = "".join(traceback.format_tb(error.__traceback__))
    _logger.error("%s %s, at:\n%s", type(error).__name__, where, trace)
