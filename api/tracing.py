"""OpenTelemetry: a span for each request, and inside it one for the answer; no path, query, question or key in them."""

import os
import threading
from collections.abc import Iterator
from importlib.metadata import version
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from fastapi.telemetry import TelemetryConfig
from opentelemetry import context as contexts
from opentelemetry import trace

from api.streams import Ask
from index.exceptions import ConfigurationError
from rag.answers import Answer, Event, Status

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider

ENDPOINT_VARIABLES = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
"""Where spans are sent, by OTLP over gRPC; nothing is traced without one of them."""

_PROTOCOL_VARIABLES = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
_KEPT = frozenset({"http.request.method", "network.protocol.version", "url.scheme"})
_NOT_TRACED = frozenset({"/healthz", "/readyz", "/metrics"})
_LAST_SPANS = 2.0  # seconds to send them when the service ends


class Tracing:
    """The spans of one app; without an endpoint it does nothing.

    Raises ConfigurationError where the endpoint is none, or the extra `otel` is not installed.
    """

    def __init__(self) -> None:
        endpoint = _first_set(ENDPOINT_VARIABLES)
        self._provider = _make_provider(endpoint) if endpoint else None
        self._tracer = self._provider.get_tracer("maqal", version("maqal")) if self._provider else None

    @property
    def telemetry(self) -> TelemetryConfig:
        """What FastAPI is to trace; its own exporters and logs, which hold bodies, stay off."""
        return {
            "tracing": self._provider is not None,
            "tracer_provider": self._provider,
            "metrics": False,
            "logs": False,
            "operation_spans": False,
            "auto_configure": False,
            "exclude": lambda scope: scope["path"] in _NOT_TRACED,
        }

    def watch(self, ask: Ask) -> Ask:
        """The same question to the engine, with a span `answer` and, until the paragraphs are found, `retrieval`."""
        tracer = self._tracer
        if tracer is None:
            return ask
        request = contexts.get_current()

        def traced() -> Iterator[Event]:
            span = tracer.start_span("answer", request)
            retrieval = tracer.start_span("retrieval", trace.set_span_in_context(span))
            try:
                for event in ask():
                    if isinstance(event, Status):
                        retrieval.end()
                    elif isinstance(event, Answer):
                        span.set_attributes({"maqal.verdict": event.verdict, "maqal.language": event.language})
                    yield event
            except Exception as error:
                # Not its message: that may repeat the question.
                span.set_attribute("error.type", type(error).__qualname__)
                span.set_status(trace.StatusCode.ERROR)
                raise
            finally:
                if retrieval.is_recording():
                    retrieval.end()
                span.end()

        return traced

    def close(self) -> None:
        """Send the last spans, if that is done soon: a collector that is away holds up no end."""
        if self._provider:
            sending = threading.Thread(target=self._provider.shutdown, daemon=True)
            sending.start()
            sending.join(_LAST_SPANS)


def _make_provider(endpoint: str) -> "TracerProvider":
    protocol = _first_set(_PROTOCOL_VARIABLES) or "grpc"
    address = urlsplit(endpoint)
    if protocol != "grpc" or address.scheme not in {"http", "https"} or not address.hostname:
        raise ConfigurationError(
            f"Traces cannot be sent to {address.hostname or 'this address'!r} by {protocol!r}.",
            "Set OTEL_EXPORTER_OTLP_ENDPOINT to http://HOST:4317 of a collector, and the protocol, if at all, to grpc.",
        )
    try:
        from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor, TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError as error:
        raise ConfigurationError(
            f"OTEL_EXPORTER_OTLP_ENDPOINT is set, but OpenTelemetry is not installed ({error.name}).",
            "Install the extra: pip install 'maqal[otel]', or unset the variable.",
        ) from error

    class Redacting(SpanProcessor):
        """Takes out of a request's span what the client wrote into it: path, query, host, an unknown method."""

        def on_start(self, span: Span, parent_context: contexts.Context | None = None) -> None:  # noqa: ARG002
            for name in set(span.attributes or ()) - _KEPT:
                span.set_attribute(name, "REDACTED")

        def on_end(self, span: ReadableSpan) -> None:
            pass

    resource = Resource.create(
        {"service.name": os.environ.get("OTEL_SERVICE_NAME", "maqal"), "service.version": version("maqal")}
    )
    # Not the global one: no library adds spans of its own.
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    provider.add_span_processor(Redacting())
    options: dict[str, Any] = {"insecure": True} if address.scheme == "http" else {}
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=endpoint, **options)))
    return provider


def _first_set(names: tuple[str, ...]) -> str:
    return next((value for name in names if (value := os.environ.get(name, ""))), "")
