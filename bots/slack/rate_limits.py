"""How much may be asked, and how quickly the bot writes: in one channel Slack takes about one message a second."""

import math
import threading
import time
from typing import Any

from limits import parse
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter
from slack_sdk import WebClient
from slack_sdk.web import SlackResponse

from bots.slack.inbox import Job
from bots.slack.settings import SlackSettings

_NEW_MESSAGES = frozenset({"chat.postMessage", "chat.startStream", "chat.postEphemeral"})
_MOST_CHANNELS = 10_000


class RateLimits:
    """Questions of a person and in a channel, counted in this process."""

    def __init__(self, settings: SlackSettings) -> None:
        self._user, self._channel = parse(settings.user_limit), parse(settings.channel_limit)
        self._limiter = MovingWindowRateLimiter(MemoryStorage())
        self._told = MovingWindowRateLimiter(MemoryStorage())
        self._lock = threading.Lock()

    def refusal(self, job: Job) -> str | None:
        """Count a question. None where it may be answered; else what to tell, empty where that was told already."""
        with self._lock:
            for limit, who, said in (
                (self._user, (job.team, job.user), "You have asked {} questions in a short time."),
                (self._channel, (job.team, job.channel), "{} questions were asked in this channel in a short time."),
            ):
                if not self._limiter.test(limit, *who):
                    wait = max(1, math.ceil(self._limiter.get_window_stats(limit, *who).reset_time - time.time()))
                    if not self._told.hit(parse(f"1/{limit.get_expiry()} second"), *who, job.thread):
                        return ""
                    return f"{said.format(limit.amount)} Please ask again in {wait} s; this one was not answered."
            self._limiter.hit(self._user, job.team, job.user)
            self._limiter.hit(self._channel, job.team, job.channel)
            return None


class Pace:
    """Keeps new messages in a channel an interval (seconds) apart."""

    def __init__(self, interval: float) -> None:
        self._interval = interval
        self._lock = threading.Lock()
        self._next: dict[tuple[str, str], float] = {}

    def wait(self, token: str, channel: str) -> None:
        """Return when the next message may be posted in the channel."""
        now = time.monotonic()
        with self._lock:
            if len(self._next) > _MOST_CHANNELS:
                self._next = {key: at for key, at in self._next.items() if at > now}
            at = max(now, self._next.get((token, channel), now))
            self._next[token, channel] = at + self._interval
        if at > now:
            time.sleep(at - now)


class PacedClient(WebClient):
    """A WebClient that waits before a new message where the last one in that channel was just posted."""

    def __init__(self, *args: Any, pace: Pace, **options: Any) -> None:
        super().__init__(*args, **options)
        self._pace = pace

    def api_call(self, api_method: str, **request: Any) -> SlackResponse:
        """Call a method of Slack's Web API. Raises SlackApiError, and what urllib raises."""
        if api_method in _NEW_MESSAGES:
            body = request.get("json") or request.get("data") or request.get("params") or {}
            self._pace.wait(self.token or "", body.get("channel") or "")
        return super().api_call(api_method, **request)
