"""A proxy that drops connections, as a train does in a tunnel."""

import socket
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress


class Proxy:
    """Passes bytes on to a port of loopback; `hold` makes it fall silent, `drop` ends the silent connection."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._holds_after = b""
        self._held = threading.Event()
        self._dropped = threading.Event()

    def hold(self, after: bytes) -> None:
        """Fall silent on the next connection that gets these bytes, right after them."""
        self._held.clear()
        self._dropped.clear()
        self._holds_after = after

    def wait_until_held(self) -> None:
        assert self._held.wait(60)

    def drop(self) -> None:
        """End the connection that was held."""
        self.wait_until_held()
        self._dropped.set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def close(self) -> None:
        self._dropped.set()
        # Whoever waits in `accept` is woken.
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def run(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with closing(client), closing(socket.create_connection(("127.0.0.1", self._target))) as server:
            upward = threading.Thread(target=_pass_on, args=(client, server), daemon=True)
            upward.start()
            seen = b""
            with suppress(OSError):
                while data := server.recv(65536):
                    seen += data
                    place = seen.find(self._holds_after) if self._holds_after else -1
                    if place >= 0:
                        kept = len(data) - (len(seen) - place - len(self._holds_after))
                        client.sendall(data[: max(kept, 0)])
                        self._holds_after = b""
                        self._held.set()
                        self._dropped.wait()
                        break
                    client.sendall(data)
            for end in (client, server):
                with suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)
            upward.join()


def _pass_on(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)


@contextmanager
def proxy_to(port: int) -> Iterator[Proxy]:
    """A proxy that runs in a thread."""
    proxy = Proxy(port)
    thread = threading.Thread(target=proxy.run)
    thread.start()
    try:
        yield proxy
    finally:
        proxy.close()
        thread.join()
