"""Socket Mode as Slack does it: envelopes that are not acknowledged are sent again, on whichever connection there is."""

import json
import random
import threading
import time
from collections import deque
from typing import Any

from websockets.exceptions import ConnectionClosed
from websockets.sync.server import ServerConnection

from tests.slack.slack_server import WAIT_SECONDS

_MOST_OPEN = 50


class Delivery:
    """Sends each event one to four times, in any order, and breaks the connection now and then."""

    def __init__(
        self, events: list[dict[str, Any]], *, copies: int = 4, per_connection: int = 0, seed: int = 1
    ) -> None:
        dice = random.Random(seed)
        payloads = [event for event in events for _ in range(dice.randint(1, copies))]
        dice.shuffle(payloads)
        self._waiting = deque((f"e{i}", payload) for i, payload in enumerate(payloads))
        self._open: dict[str, tuple[dict[str, Any], float]] = {}
        self._per_connection = per_connection
        self._changed = threading.Condition()
        self.deliveries = len(payloads)
        self.connections = 0
        self.ack_seconds: list[float] = []

    def session(self, connection: ServerConnection) -> None:
        """Handle one connection."""
        with self._changed:
            self.connections += 1
        sent: set[str] = set()
        count = 0
        try:
            connection.send(json.dumps({"type": "hello"}))
            while not (self._per_connection and count >= self._per_connection):
                with self._changed:
                    window = [self._waiting.popleft() for _ in range(min(_MOST_OPEN - len(sent), len(self._waiting)))]
                    now = time.monotonic()
                    self._open.update({envelope: (payload, now) for envelope, payload in window})
                sent |= {envelope for envelope, _ in window}
                for envelope, payload in window:
                    message = {"type": "events_api", "envelope_id": envelope, "payload": payload, "retry_attempt": 0}
                    connection.send(json.dumps(message))
                    count += 1
                try:
                    envelope = json.loads(connection.recv(timeout=0.05))["envelope_id"]
                except TimeoutError:
                    continue
                with self._changed:
                    # One of a connection that broke meanwhile counts for nothing: it is sent again.
                    if envelope in sent:
                        sent.discard(envelope)
                        self.ack_seconds.append(time.monotonic() - self._open.pop(envelope)[1])
                        self._changed.notify_all()
        except ConnectionClosed:
            pass
        finally:
            with self._changed:
                self._waiting.extend((envelope, self._open.pop(envelope)[0]) for envelope in sent)

    def wait_for_acks(self, count: int = 0, seconds: float = WAIT_SECONDS) -> None:
        """Return when so many deliveries, or all, are acknowledged."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.ack_seconds) >= (count or self.deliveries), seconds), (
                f"{len(self.ack_seconds)} of {self.deliveries} deliveries were acknowledged"
            )
