"""Traces as a real OTLP collector receives them."""

import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest
from opentelemetry import trace
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2_grpc import (
    TraceServiceServicer,
    add_TraceServiceServicer_to_server,
)
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from api.app import create_app
from api.settings import ApiSettings
from api.tracing import ENDPOINT_VARIABLES
from index.exceptions import ConfigurationError
from index.settings import IndexSettings
from rag.settings import RagSettings
from tests.api.conftest import running
from tests.api.test_stream import failing_engine

QUESTION = {"question": "Why did Tokayev call in the CSTO?"}


class Collector(TraceServiceServicer):
    """Keeps what is exported to it."""

    def __init__(self) -> None:
        self.received: list[ExportTraceServiceRequest] = []

    def Export(self, request: ExportTraceServiceRequest, context: object) -> ExportTraceServiceResponse:  # noqa: N802
        self.received.append(request)
        return ExportTraceServiceResponse()

    @property
    def spans(self) -> list[Span]:
        return [
            span
            for request in self.received
            for resource in request.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]


@pytest.fixture(autouse=True)
def no_exporter_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ENDPOINT_VARIABLES:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    """A collector that the standard variable names."""
    with ThreadPoolExecutor(1) as pool:
        server, collector = grpc.server(pool), Collector()
        add_TraceServiceServicer_to_server(collector, server)
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{port}")
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        yield collector
        server.stop(None).wait()


def attributes(span: Span) -> dict[str, str | int]:
    return {a.key: a.value.string_value or a.value.int_value for a in span.attributes}


def test_a_request_its_answer_and_the_retrieval(collector: Collector, index_settings: IndexSettings) -> None:
    settings = ApiSettings(port=0)
    parent = {"traceparent": f"00-{'a' * 32}-{'b' * 16}-01"}
    with running(create_app(index_settings, RagSettings(), settings), settings) as client:
        assert client.post("/v1/ask", json=QUESTION, headers=parent).status_code == 200
        client.get("/healthz")
    request, answer, retrieval = sorted(collector.spans, key=lambda span: span.start_time_unix_nano)
    assert (request.name, answer.name, retrieval.name) == ("POST /v1/ask", "answer", "retrieval")
    assert request.trace_id == answer.trace_id == retrieval.trace_id == bytes.fromhex("a" * 32)
    assert (request.parent_span_id, answer.parent_span_id, retrieval.parent_span_id) == (
        bytes.fromhex("b" * 16),
        request.span_id,
        answer.span_id,
    )
    assert attributes(request)["http.route"] == "/v1/ask"
    assert attributes(request)["http.response.status_code"] == 200
    assert attributes(answer) == {"maqal.verdict": "answered", "maqal.language": "en"}
    assert retrieval.end_time_unix_nano <= answer.end_time_unix_nano
    (resource,) = {r.resource.SerializeToString() for each in collector.received for r in each.resource_spans}
    assert b"maqal" in resource


def test_spans_hold_nothing_that_clients_wrote(collector: Collector, index_settings: IndexSettings) -> None:
    settings = ApiSettings(port=0)
    with running(create_app(index_settings, RagSettings(), settings), settings) as client:
        secret = {"Authorization": "Bearer secretkey", "User-Agent": "secretagent", "baggage": "a=secretbaggage"}
        asked = client.post("/v1/ask?q=secretquery", json={"question": "Who is Secretperson?"}, headers=secret).json()
        client.post("/v1/articles", json={"text": "Secrettext is here.\n\nAnd there.", "title": "Secrettitle"})
        client.get("/v1/articles/secretarticle?version=secretversion")
        client.get(f"/v1/answers/{asked['id']}")
        client.get("/secretpath")
        client.post("/v1/ask", json={"question": 1, "secretfield": "secretvalue"})
    assert len(collector.spans) == 8
    sent = b"".join(request.SerializeToString() for request in collector.received).lower()
    assert b"secret" not in sent
    assert asked["id"].encode() not in sent
    assert b"/v1/articles/{article_id}" in sent


def test_an_answer_that_fails(collector: Collector, index_settings: IndexSettings) -> None:
    settings = ApiSettings(port=0)
    engine = failing_engine(index_settings, RuntimeError("secret"))
    with running(create_app(index_settings, RagSettings(), settings, engine=engine), settings) as client:
        assert client.post("/v1/ask", json=QUESTION).status_code == 500
    request, answer, _ = sorted(collector.spans, key=lambda span: span.start_time_unix_nano)
    assert answer.status.code == request.status.code == Status.STATUS_CODE_ERROR
    assert attributes(answer) == {"error.type": "RuntimeError"}
    assert b"secret" not in b"".join(request.SerializeToString() for request in collector.received)


def test_nothing_is_traced_unless_asked(index_settings: IndexSettings) -> None:
    settings = ApiSettings(port=0)
    app = create_app(index_settings, RagSettings(), settings)
    with running(app, settings) as client:
        client.post("/v1/ask", json=QUESTION)
    # Neither maqal nor Chroma, which brings OpenTelemetry along, has set up a provider for the process.
    assert isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider)


def test_chroma_sends_nothing_to_the_collector(collector: Collector, index_settings: IndexSettings) -> None:
    settings = ApiSettings(port=0)
    with running(create_app(index_settings, RagSettings(), settings), settings) as client:
        client.post("/v1/articles", json={"text": "A text with a paragraph.", "title": "A title"})
    scopes = {s.scope.name for each in collector.received for r in each.resource_spans for s in r.scope_spans}
    assert scopes == {"fastapi"}
    assert isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4317"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "ftp://collector"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"),
    ],
)
def test_an_address_that_cannot_be_used(
    variable: str, value: str, monkeypatch: pytest.MonkeyPatch, index_settings: IndexSettings
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4317")
    monkeypatch.setenv(variable, value)
    with pytest.raises(ConfigurationError, match="Traces cannot be sent") as caught:
        create_app(index_settings, RagSettings(), ApiSettings())
    assert "4317" in caught.value.fix


def test_an_extra_that_is_not_installed(monkeypatch: pytest.MonkeyPatch, index_settings: IndexSettings) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4317")
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.grpc.trace_exporter", None)
    with pytest.raises(ConfigurationError, match="OpenTelemetry is not installed") as caught:
        create_app(index_settings, RagSettings(), ApiSettings())
    assert "maqal[otel]" in caught.value.fix


def test_a_collector_that_is_away_holds_nothing_up(
    monkeypatch: pytest.MonkeyPatch, free_port: int, index_settings: IndexSettings
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{free_port}")
    settings = ApiSettings(port=0)
    with running(create_app(index_settings, RagSettings(), settings), settings) as client:
        assert client.post("/v1/ask", json=QUESTION).json()["verdict"] == "answered"
