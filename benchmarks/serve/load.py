"""What clients see: how long answers take, one client after the other and many at once."""

import asyncio
import itertools
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import aiohttp

_ALIVE_EVERY = 0.05  # seconds
_MEMORY_EVERY = 10.0  # seconds
_TIMEOUT = aiohttp.ClientTimeout(total=120)


@dataclass
class Crowd:
    """What many clients saw; seconds, MiB, and responses by status (0: no response)."""

    seconds: float
    answered: list[float] = field(default_factory=list)
    refused: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    alive: list[float] = field(default_factory=list)
    memory: list[float] = field(default_factory=list)


async def one_client(url: str, questions: Sequence[str], count: int) -> list[float]:
    """Seconds of each of `count` answers, asked one after the other, some before them not counted."""
    asked = itertools.cycle(questions)
    async with aiohttp.ClientSession(url, timeout=_TIMEOUT) as session:
        for _ in questions:
            await _ask(session, next(asked))
        return [(await _ask(session, next(asked)))[1] for _ in range(count)]


async def first_events(url: str, questions: Sequence[str], count: int) -> list[float]:
    """Seconds until the first event of each of `count` streams, which are read to their end."""
    found = []
    async with aiohttp.ClientSession(url, timeout=_TIMEOUT) as session:
        for question in itertools.islice(itertools.cycle(questions), count):
            began = time.perf_counter()
            async with session.post("/v1/ask/stream", json={"question": question}) as response:
                await response.content.readuntil(b"\n\n")
                found.append(time.perf_counter() - began)
                await response.read()
    return found


async def many_clients(
    url: str, questions: Sequence[str], clients: int, seconds: float, memory: Callable[[], float]
) -> Crowd:
    """`clients` that ask one question after the other; one that is refused waits for as long as it is told."""
    crowd = Crowd(seconds)
    end = time.perf_counter() + seconds
    asked = itertools.cycle(questions)
    connector = aiohttp.TCPConnector(limit=0)
    async with (
        aiohttp.ClientSession(url, timeout=_TIMEOUT, connector=connector) as session,
        # As a prober does, with a connection of its own for each request.
        aiohttp.ClientSession(url, timeout=_TIMEOUT, connector=aiohttp.TCPConnector(force_close=True)) as prober,
        asyncio.TaskGroup() as tasks,
    ):
        for _ in range(clients):
            tasks.create_task(_client(session, asked, crowd, end))
        tasks.create_task(_probe(prober, crowd, end))
        tasks.create_task(_watch(memory, crowd, end))
    return crowd


async def _client(session: aiohttp.ClientSession, questions: Iterator[str], crowd: Crowd, end: float) -> None:
    while time.perf_counter() < end:
        status, took, wait = await _ask(session, next(questions))
        crowd.statuses[status] += 1
        (crowd.answered if status == 200 else crowd.refused).append(took)
        if wait:
            await asyncio.sleep(min(wait, max(0.0, end - time.perf_counter())))


async def _ask(session: aiohttp.ClientSession, question: str) -> tuple[int, float, float]:
    """Status, seconds, and how many seconds the client shall wait."""
    began = time.perf_counter()
    try:
        async with session.post("/v1/ask", json={"question": question}) as response:
            await response.read()
            wait = float(response.headers.get("Retry-After", 0))
            return response.status, time.perf_counter() - began, wait
    except (aiohttp.ClientError, TimeoutError):
        return 0, time.perf_counter() - began, 1.0


async def _probe(session: aiohttp.ClientSession, crowd: Crowd, end: float) -> None:
    while time.perf_counter() < end:
        began = time.perf_counter()
        async with session.get("/healthz") as response:
            await response.read()
        crowd.alive.append(time.perf_counter() - began)
        await asyncio.sleep(_ALIVE_EVERY)


async def _watch(memory: Callable[[], float], crowd: Crowd, end: float) -> None:
    while True:
        crowd.memory.append(memory())
        left = end - time.perf_counter()
        if left <= 0:
            return
        await asyncio.sleep(min(_MEMORY_EVERY, left))
