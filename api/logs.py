"""The service's log: one line for each request, errors by type and place; no question, quote or key in it."""

import logging
import re
import sys
import time
import traceback
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import structlog
from prometheus_fastapi_instrumentator.routing import get_route_name
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from structlog.typing import EventDict, Processor

from api.errors import response_of_status
from api.settings import ApiSettings

_log = logging.getLogger(__name__)
_OURS = ("api", "bots", "index", "rag", "uvicorn")
_FIELDS = ("client", "method", "route", "status", "ms", "body")
_REQUEST_ID = re.compile(r"[\w.:-]{8,100}", re.ASCII)
_PROBES = frozenset({"/healthz", "/readyz", "/metrics"})
_MOST_OF_A_BODY = 2000  # bytes


def configure(settings: ApiSettings) -> None:
    """Write every logger's lines to standard error, as text or as a JSON object each."""
    shown: list[Processor]
    if settings.log_format == "json":
        shown = [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(ensure_ascii=False)]
    else:
        plain = structlog.dev.plain_traceback
        shown = [structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=plain, pad_event_to=0)]
    handler = logging.StreamHandler()
    # Some libraries set their loggers to DEBUG themselves.
    handler.setLevel(logging.INFO)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[
                structlog.contextvars.merge_contextvars,
                structlog.stdlib.add_log_level,
                structlog.stdlib.add_logger_name,
                structlog.processors.TimeStamper(fmt="iso", utc=True),
                structlog.stdlib.ExtraAdder(allow=_FIELDS),
                *([] if settings.log_questions else [_without_contents]),
            ],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *shown],
        )
    )
    logging.basicConfig(handlers=[handler], level=logging.WARNING)
    for name in _OURS:
        logging.getLogger(name).setLevel(logging.INFO)


class RequestLog:
    """Logs each request with an id that the response repeats, and answers 500 for an error that no one foresaw.

    The id is the client's X-Request-ID where that is 8 to 100 letters, digits and `. _ : -`.
    """

    def __init__(self, app: ASGIApp, *, log_bodies: bool) -> None:
        self._app = app
        self._log_bodies = log_bodies

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve the request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        given = Headers(scope=scope).get("x-request-id", "")
        request_id = given if _REQUEST_ID.fullmatch(given) else uuid.uuid4().hex
        scope.setdefault("state", {})["request_id"] = request_id
        status = 0
        body = bytearray()

        async def receive_noting() -> Message:
            message = await receive()
            body.extend(message.get("body", b"")[: _MOST_OF_A_BODY - len(body)])
            return message

        async def send_noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)["X-Request-ID"] = request_id
            await send(message)

        with structlog.contextvars.bound_contextvars(request_id=request_id):
            try:
                await self._app(scope, receive_noting if self._log_bodies else receive, send_noting)
            except Exception:  # noqa: BLE001 - here is the last place that can answer
                _log.exception("An error that was not foreseen")
                # A response that has begun cannot be mended: uvicorn closes the connection of one without an end.
                if not status:
                    await response_of_status(Request(scope), 500)(scope, receive, send_noting)
            finally:
                fields = _described(scope, status, began)
                if body:
                    fields["body"] = body.decode("utf-8", "replace")
                is_quiet = status < 400 and fields["route"] in _PROBES
                _log.log(logging.DEBUG if is_quiet else logging.INFO, "request", extra=fields)


def _described(scope: Scope, status: int, began: float) -> dict[str, Any]:
    client = scope["state"].get("client")
    return {
        "client": client.name if client else "-",
        "method": scope["method"],
        # The template, not the path: that may hold ids, and in a 404 anything.
        "route": get_route_name(Request(scope), should_include_root_path=False) or "-",
        "status": status,
        "ms": round((time.perf_counter() - began) * 1000, 1),
    }


def _without_contents(_: object, __: str, event: EventDict) -> EventDict:
    """Errors and what libraries log by type and place: their texts may repeat a question, an article, or a secret."""
    record: logging.LogRecord = event["_record"]
    if record.name.partition(".")[0] not in _OURS:
        place = f"{Path(record.pathname).name}:{record.lineno}"
        event["event"] = f"{record.name} says something in {place}; API_LOG_QUESTIONS=true shows what"
    exc_info = event.pop("exc_info", None)
    if isinstance(exc_info, tuple) and exc_info[1] is not None:
        event["error"] = " <- ".join(_places(exc_info[1]))
    event.pop("stack_info", None)
    return event


def _places(error: BaseException | None) -> Iterator[str]:
    """Each error of the chain, the last raised first: its type, and where it comes from."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        if isinstance(error, BaseExceptionGroup):
            error = error.exceptions[0]
            continue
        yield f"{type(error).__module__}.{type(error).__qualname__} at {_place(error.__traceback__)}"
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def _place(trace: TracebackType | None) -> str:
    """The frames of this program, outermost first, and the one that raised."""
    frames: Sequence[traceback.FrameSummary] = traceback.extract_tb(trace)
    ours = [frame for frame in frames[:-1] if "site-packages" not in frame.filename]
    return " > ".join(f"{Path(f.filename).name}:{f.lineno} {f.name}" for f in [*ours[-4:], *frames[-1:]]) or "?"
