"""Answers in the making: each in a thread of a bounded pool, its events kept for whoever reads them, then or later."""

import asyncio
import contextvars
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

from api.ceiling import Ceiling
from api.errors import Problem, problem_of, problem_of_status
from api.exceptions import ShuttingDown
from index.exceptions import MaqalError
from rag.answers import Answer, Event, Status, Token, last_answer

_log = logging.getLogger(__name__)
_MOST_EVENTS = 20_000
_KEPT = 200  # answers
_KEPT_FOR = 300.0  # seconds

StreamEvent = Event | Problem
Ask = Callable[[], Iterator[Event]]
"""Asks the engine: what the call raises is an error before the first event."""


class Stream:
    """The events of one answer, written and read on the event loop; any number of readers, each at its own pace."""

    def __init__(self) -> None:
        self.answer_id = ""
        self.events: list[StreamEvent] = []
        self.is_done = False
        self.error: Exception | None = None
        self._changed = asyncio.Event()

    async def read(self, after: int = 0, heartbeat: float | None = None) -> AsyncIterator[StreamEvent | None]:
        """The events after the first `after`, until the answer is done; None for `heartbeat` seconds without one."""
        while True:
            while after < len(self.events):
                yield self.events[after]
                after += 1
            if self.is_done:
                return
            if not await self.changes(heartbeat):
                yield None

    async def changes(self, within: float | None) -> bool:
        """Wait for the next event or the end; whether it came within so many seconds."""
        changed = self._changed
        with suppress(TimeoutError):
            async with asyncio.timeout(within):
                await changed.wait()
        return changed.is_set()

    def append(self, event: StreamEvent) -> None:
        """Tell the readers; not what comes after the end, nor the pieces of a text that never ends."""
        if self.is_done or (isinstance(event, Token) and len(self.events) >= _MOST_EVENTS):
            return
        self.events.append(event)
        self._wake()

    def end(self, error: Exception | None = None) -> None:
        """Nothing more comes; an error is the last event."""
        if self.is_done:
            return
        if error:
            self.error = error
            self.append(problem_of(error) if isinstance(error, MaqalError) else problem_of_status(500, "The answer"))
        self.is_done = True
        self._wake()

    def _wake(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()


class Streams:
    """Every answer that is being made, and those of the last minutes; used on one event loop.

    An answer is made to its end and stored, whether or not its client is still there. `watch` wraps each question to
    the engine, to measure it.
    """

    def __init__(self, threads: int, ceiling: Ceiling, watch: Callable[[Ask], Ask] = lambda ask: ask) -> None:
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="answer")
        self._ceiling = ceiling
        self._watch = watch
        self._running: set[Stream] = set()
        self._streams: dict[str, Stream] = {}
        self._is_closing = False

    async def start(self, ask: Ask, *, patience: float | None = None) -> Stream:
        """Begin an answer, and wait for its first event, at most `patience` seconds.

        Raises Busy, ShuttingDown, and what `ask` raises before the first event.
        """
        if self._is_closing:
            raise _shutting_down()
        self._ceiling.acquire()
        stream = Stream()
        self._running.add(stream)
        loop = asyncio.get_running_loop()
        # What the request has in its context, e.g. its id for the log, the thread has too.
        self._pool.submit(contextvars.copy_context().run, self._make, self._watch(ask), stream, loop)
        await stream.changes(patience)
        if stream.error and not stream.answer_id:
            raise stream.error
        return stream

    async def ask(self, ask: Ask) -> Answer:
        """The whole answer. Raises Busy, ShuttingDown, and what making it raises."""
        stream = await self.start(ask)
        while not stream.is_done:
            await stream.changes(None)
        if stream.error:
            raise stream.error
        return last_answer(event for event in stream.events if not isinstance(event, Problem))

    def abandon(self, stream: Stream) -> None:
        """Give up an answer that no client can come back for; its thread is free at its next event."""
        self._end(stream, None)

    def find(self, answer_id: str) -> Stream | None:
        """The stream of an answer that is being made or was made in the last minutes."""
        return self._streams.get(answer_id)

    async def close(self, grace: float = 0.0) -> None:
        """Take no more questions; what is not done after `grace` seconds ends with the error `shutting_down`."""
        self._is_closing = True
        with suppress(TimeoutError):
            async with asyncio.timeout(grace):
                while self._running:
                    await next(iter(self._running)).changes(None)
        for stream in list(self._running):
            self._end(stream, _shutting_down())
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _make(self, ask: Ask, stream: Stream, loop: asyncio.AbstractEventLoop) -> None:
        """In a thread of the pool. A loop that has ended has no readers."""
        with suppress(RuntimeError):
            failed: Exception | None = None
            try:
                # An answer may be given up while it waits for the thread.
                for event in () if stream.is_done else ask():
                    loop.call_soon_threadsafe(self._append, stream, event)
                    if stream.is_done:
                        return
            except Exception as error:  # noqa: BLE001 - it goes to the readers.
                failed = error
            loop.call_soon_threadsafe(self._end, stream, failed)

    def _append(self, stream: Stream, event: Event) -> None:
        if isinstance(event, Status) and not stream.answer_id:
            stream.answer_id = event.answer_id
            self._streams[event.answer_id] = stream
        stream.append(event)

    def _end(self, stream: Stream, error: Exception | None) -> None:
        if stream.is_done:
            return
        if error and stream.answer_id and not isinstance(error, ShuttingDown):
            _log.error("An answer failed", exc_info=error)
        stream.end(error)
        self._running.discard(stream)
        self._ceiling.release()
        asyncio.get_running_loop().call_later(_KEPT_FOR, self._streams.pop, stream.answer_id, None)
        while len(self._streams) > _KEPT + len(self._running):
            del self._streams[next(key for key, kept in self._streams.items() if kept.is_done)]


def _shutting_down() -> ShuttingDown:
    return ShuttingDown("The service is stopping.", "Ask again when it is back.", {"Retry-After": "5"})
