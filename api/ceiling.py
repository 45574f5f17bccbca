"""The ceiling on answers that are in the making at the same time."""

import threading

from prometheus_client import Gauge

from api.exceptions import Busy

_RETRY_AFTER = 2  # seconds


class Ceiling:
    """Counts answers that are worked on or wait in line, also on a gauge; safe for threads."""

    def __init__(self, most: int, gauge: Gauge | None = None) -> None:
        self.most = most
        self._lock = threading.Lock()
        self._count = 0
        self._gauge = gauge

    @property
    def count(self) -> int:
        """Answers in the making."""
        return self._count

    def acquire(self) -> None:
        """Begin an answer, which `release` ends. Raises Busy (503) where there are `most` already."""
        with self._lock:
            if self._count < self.most:
                self._count += 1
                if self._gauge:
                    self._gauge.inc()
                return
        raise Busy(
            f"{self.most} answers are in the making, as many as may be.",
            f"Ask again in {_RETRY_AFTER} seconds, or raise API_MAX_ANSWERS.",
            {"Retry-After": str(_RETRY_AFTER)},
        )

    def release(self) -> None:
        """End an answer."""
        with self._lock:
            self._count -= 1
            if self._gauge:
                self._gauge.dec()
