"""What Prometheus reads at `GET /metrics`: answers, how long their stages take, what waits, how much is indexed."""

import os
import time
from collections.abc import Iterator, Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest, multiprocess
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from prometheus_fastapi_instrumentator.metrics import Info

from api.streams import Ask
from rag.answers import Answer, Event, Status, Token
from rag.chat_engine import ChatEngine

MULTIPROCESS_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
"""The folder in which the workers of one service add their numbers up; unset with one process."""

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120)
_SHARES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1)


class Metrics:
    """The numbers of one app, in a registry of its own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._requests = Histogram(
            "maqal_http_request_seconds",
            "Seconds of a request until its response is sent whole, by route and status.",
            ("method", "route", "status"),
            buckets=_SECONDS,
            registry=self.registry,
        )
        self._answers = Counter(
            "maqal_answers",
            "Answers, by verdict, language of the answer, and who wrote the text.",
            ("verdict", "language", "writer"),
            registry=self.registry,
        )
        self._failures = Counter("maqal_answer_failures", "Answers that failed, by type of error.", ("error",),
                                 registry=self.registry)  # fmt: skip
        self._stages = Histogram(
            "maqal_answer_stage_seconds",
            "Seconds of an answer: waiting for a thread, until the paragraphs are found (retrieval),"
            " from there to the first letters (first_text), from the beginning of the work to its end (whole).",
            ("stage",),
            buckets=_SECONDS,
            registry=self.registry,
        )
        self._scores = Histogram(
            "maqal_answer_confidence",
            "The calibrated probability that the articles answer a question.",
            buckets=_SHARES,
            registry=self.registry,
        )
        self.open_answers = Gauge(
            "maqal_answers_in_the_making", "Answers that are worked on or wait for a thread.",
            multiprocess_mode="livesum", registry=self.registry,
        )  # fmt: skip

    def watch(self, ask: Ask) -> Ask:
        """The same question to the engine, measured from now on, when it begins to wait for a thread."""
        asked = time.perf_counter()

        def watched() -> Iterator[Event]:
            began = time.perf_counter()
            self._stages.labels("waiting").observe(began - asked)
            try:
                yield from self._timed(ask(), began)
            except Exception as error:
                self._failures.labels(type(error).__name__).inc()
                raise

        return watched

    def note_request(self, info: Info) -> None:
        """Count a request, as prometheus-fastapi-instrumentator describes it."""
        self._requests.labels(info.method, info.modified_handler, info.modified_status).observe(info.modified_duration)

    def close(self) -> None:
        """Take this process out of the numbers of what goes on at the moment."""
        if MULTIPROCESS_VARIABLE in os.environ:
            multiprocess.mark_process_dead(os.getpid())  # type: ignore[no-untyped-call]

    def text(self, engine: ChatEngine) -> bytes:
        """All numbers in Prometheus' text format, with the index's size as it is now."""
        size = CollectorRegistry()
        size.register(_IndexSize(engine))
        counted = self.registry
        if MULTIPROCESS_VARIABLE in os.environ:
            counted = CollectorRegistry()
            multiprocess.MultiProcessCollector(counted)  # type: ignore[no-untyped-call]
        return generate_latest(counted) + generate_latest(size)

    def _timed(self, events: Iterator[Event], began: float) -> Iterator[Event]:
        found = has_text = None
        for event in events:
            now = time.perf_counter()
            if isinstance(event, Status) and found is None:
                found = now
                self._stages.labels("retrieval").observe(now - began)
            elif isinstance(event, Token) and not has_text:
                has_text = True
                self._stages.labels("first_text").observe(now - (found or began))
            elif isinstance(event, Answer):
                self._stages.labels("whole").observe(now - began)
                self._scores.observe(event.confidence)
                writer = "extractive" if event.model == "extractive" else "llm"
                self._answers.labels(event.verdict, event.language, writer).inc()
            yield event


class _IndexSize(Collector):
    """How much is indexed, counted when it is asked."""

    def __init__(self, engine: ChatEngine) -> None:
        self._engine = engine

    def collect(self) -> Sequence[GaugeMetricFamily]:
        index = self._engine.index
        return [
            GaugeMetricFamily("maqal_index_articles", "Indexed articles.", len(index.catalog.article_ids())),
            GaugeMetricFamily("maqal_index_paragraphs", "Indexed paragraphs.", len(index.passages())),
        ]
