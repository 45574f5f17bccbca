"""How many requests a key, or an address without keys, may send: counted by `limits`, in memory or in Redis."""

import logging
import math
import time
from typing import TYPE_CHECKING

from limits import RateLimitItem, parse
from limits.aio.storage import MemoryStorage, RedisStorage
from limits.aio.strategies import SlidingWindowCounterRateLimiter
from limits.errors import StorageError
from starlette.requests import HTTPConnection

from api.exceptions import RateLimited
from api.settings import ApiSettings
from index.exceptions import ConfigurationError

if TYPE_CHECKING:
    from redis.asyncio import ConnectionPool

_log = logging.getLogger(__name__)
DEFAULT = "120/minute"
_REDIS_TIMEOUT = 0.5  # seconds
_REDIS_FIX = "Write it like redis://host:6379/0, or leave it empty."
_REDIS_PAUSE = 10.0  # seconds without asking a Redis server that failed


class RateLimits:
    """Counts requests in a sliding window. While Redis does not answer, each process counts its own."""

    def __init__(self, settings: ApiSettings) -> None:
        """Raises ConfigurationError."""
        text = settings.rate_limit
        if text is None:
            text = DEFAULT if settings.keys_are_required else ""
        self._limit = _parse(text) if text.strip() else None
        self._here = SlidingWindowCounterRateLimiter(MemoryStorage(wrap_exceptions=True))
        url = settings.rate_limit_storage.get_secret_value()
        self._pool = _redis_pool(url) if url and self._limit else None
        self._redis = SlidingWindowCounterRateLimiter(_redis_storage(url, self._pool)) if self._pool else None
        self._redis_paused_until = 0.0

    async def count(self, request: HTTPConnection, who: str) -> None:
        """Count a request; what is left is told in its response's headers. Raises RateLimited (429)."""
        if self._limit is None:
            return
        allowed, left, wait = await self._hit(self._limit, who)
        seconds = self._limit.get_expiry()
        headers = {
            "RateLimit-Policy": f'"default";q={self._limit.amount};w={seconds}',
            "RateLimit": f'"default";r={left};t={wait}',
        }
        if not allowed:
            raise RateLimited(
                f"More than {self._limit.amount} requests came within {seconds} seconds.",
                f"Wait {wait} seconds, or have API_RATE_LIMIT raised.",
                {"Retry-After": str(wait), **headers},
            )
        request.state.response_headers = headers

    async def close(self) -> None:
        """Close the connections to Redis."""
        if self._pool is not None:
            await self._pool.aclose()

    async def _hit(self, limit: RateLimitItem, who: str) -> tuple[bool, int, int]:
        if self._redis is not None and time.monotonic() >= self._redis_paused_until:
            try:
                return await _hit(self._redis, limit, who)
            except StorageError:
                self._redis_paused_until = time.monotonic() + _REDIS_PAUSE
                _log.warning("The Redis server of API_RATE_LIMIT_STORAGE does not answer; each process counts its own.")
        return await _hit(self._here, limit, who)


async def _hit(limiter: SlidingWindowCounterRateLimiter, limit: RateLimitItem, who: str) -> tuple[bool, int, int]:
    """Whether it is allowed, how many are left, seconds until more are."""
    allowed = await limiter.hit(limit, who)
    stats = await limiter.get_window_stats(limit, who)
    return allowed, max(0, stats.remaining), max(1, math.ceil(stats.reset_time - time.time()))


def _parse(text: str) -> RateLimitItem:
    try:
        limit = parse(text)
    except ValueError:
        limit = None
    if limit is None or limit.amount < 1:
        raise ConfigurationError(
            f"API_RATE_LIMIT is {text!r}, which is no rate.", "Write it like 60/minute, or 1000 per 2 hours."
        )
    return limit


def _redis_pool(url: str) -> "ConnectionPool":
    if not url.startswith(("redis://", "rediss://")):
        # The whole address may hold a password.
        raise ConfigurationError(
            f"API_RATE_LIMIT_STORAGE begins with {url.partition(':')[0][:20]!r}, which is no Redis server.", _REDIS_FIX
        )
    try:
        from redis.asyncio import ConnectionPool
    except ImportError as error:
        raise ConfigurationError(
            "API_RATE_LIMIT_STORAGE names a Redis server, and the library for it is not installed.",
            "Install it with `pip install 'maqal[redis]'`.",
        ) from error
    try:
        return ConnectionPool.from_url(url, socket_timeout=_REDIS_TIMEOUT, socket_connect_timeout=_REDIS_TIMEOUT)
    except ValueError as error:
        raise ConfigurationError("API_RATE_LIMIT_STORAGE is not the address of a Redis server.", _REDIS_FIX) from error


def _redis_storage(url: str, pool: "ConnectionPool") -> RedisStorage:
    return RedisStorage(
        f"async+{url}",
        wrap_exceptions=True,
        implementation="redispy",
        key_prefix="maqal",
        connection_pool=pool,  # type: ignore[arg-type]  # documented, and missing in the annotation
    )
