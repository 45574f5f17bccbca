"""What is done when a signal asks the process to end, before the server has closed its connections."""

import asyncio
import signal
import threading
from collections.abc import Callable, Coroutine
from types import FrameType
from typing import Any

_SIGNALS = (signal.SIGTERM, signal.SIGINT)


def on_signal(begin: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run `begin` on the running loop at the first signal, beside the server's own handler.

    uvicorn waits for open connections before it tells the app, so that a stream could not say that it ends.
    Without effect outside of the main thread, where no signal arrives.
    """
    if threading.current_thread() is not threading.main_thread():
        return
    loop = asyncio.get_running_loop()
    begun: list[asyncio.Task[None]] = []

    def start() -> None:
        if not begun:
            begun.append(loop.create_task(begin()))

    for number in _SIGNALS:
        servers_own = signal.getsignal(number)

        def handle(number: int, frame: FrameType | None, servers_own: Any = servers_own) -> None:
            loop.call_soon_threadsafe(start)
            if callable(servers_own):
                servers_own(number, frame)

        signal.signal(number, handle)
