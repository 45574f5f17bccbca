"""A question of a request on its way to an answer: whole, or as server-sent events."""

from collections.abc import AsyncIterator, Iterator
from typing import Annotated

from anyio import to_thread
from fastapi import Depends, Request
from fastapi.responses import StreamingResponse
from fastapi.sse import format_sse_event
from pydantic import BaseModel

from api.dependencies import Engine
from api.errors import Problem
from api.schemas import MessageRequest
from api.streams import Ask, Stream, StreamEvent, Streams
from rag.answers import Answer, Event, Quote, Restart, Status, Token
from rag.chat_engine import ChatEngine

STREAM_HEADERS = {
    "Cache-Control": "no-cache",
    # nginx would hold the events back.
    "X-Accel-Buffering": "no",
}
HEARTBEAT = format_sse_event(comment="heartbeat")
"""What is sent of an answer that is silent."""


class EventStream(StreamingResponse):
    """Server-sent events; FastAPI's own class is for generators, and sends its heartbeats at a fixed time."""

    media_type = "text/event-stream"


class Asking:
    """Asks the engine in the background, for the client of the request."""

    def __init__(self, engine: ChatEngine, streams: Streams, client: str, heartbeat: float) -> None:
        self._engine = engine
        self._streams = streams
        self._client = client
        self._heartbeat = heartbeat

    async def whole(self, body: MessageRequest, conversation: str | None) -> Answer:
        """The answer."""
        return await self._streams.ask(self._ask(body, conversation))

    async def streamed(self, body: MessageRequest, conversation: str | None) -> EventStream:
        """The answer as it comes. What fails before the first event has its own status, unless a heartbeat is due."""
        stream = await self._streams.start(self._ask(body, conversation), patience=self._heartbeat)
        return EventStream(self._sent(stream, 0), headers=STREAM_HEADERS)

    async def resumed(self, answer_id: str, after: int) -> EventStream:
        """The events of an answer after the first `after`. Raises UnknownAnswer."""
        stream = self._streams.find(answer_id)
        if stream and (not stream.is_done or stream.error):
            return EventStream(self._sent(stream, after), headers=STREAM_HEADERS)
        # Read from the store also where the events are at hand: it may have been deleted.
        answer = await to_thread.run_sync(self._engine.answers.answer, answer_id)
        if stream:
            return EventStream(self._sent(stream, after), headers=STREAM_HEADERS)
        return EventStream(_told_again(answer, is_new=after == 0), headers=STREAM_HEADERS)

    def _ask(self, body: MessageRequest, conversation: str | None) -> Ask:
        def ask() -> Iterator[Event]:
            return self._engine.stream(
                body.question,
                conversation=conversation,
                article_ids=body.article_ids,
                language=body.language,
                client=self._client,
            )

        return ask

    async def _sent(self, stream: Stream, after: int) -> AsyncIterator[bytes]:
        number = after
        async for event in stream.read(after, self._heartbeat):
            if event is None:
                yield HEARTBEAT
            else:
                number += 1
                yield _event(event, stream.answer_id, number)
        yield _done(stream.answer_id, number + 1)


async def _asking(request: Request, engine: Engine) -> Asking:
    state = request.app.state
    return Asking(engine, state.streams, request.state.client.name, state.settings.heartbeat)


Questions = Annotated[Asking, Depends(_asking)]
"""Where a route's questions go."""


async def _told_again(answer: Answer, *, is_new: bool) -> AsyncIterator[bytes]:
    """The events of an answer whose own ones are forgotten; a client that had some of those is told to start anew."""
    text = Token(answer.text)
    events: list[Event] = [*([] if is_new else [Restart()]), *answer.quotes, text, answer]
    for number, event in enumerate(events, 1):
        yield _event(event, answer.id, number)
    yield _done(answer.id, len(events) + 1)


def _event(event: StreamEvent, answer_id: str, number: int) -> bytes:
    name, data = _rendered(event)
    return format_sse_event(event=name, data_str=data.model_dump_json(), id=_id(answer_id, number))


def _done(answer_id: str, number: int) -> bytes:
    return format_sse_event(event="done", data_str="{}", id=_id(answer_id, number))


def _id(answer_id: str, number: int) -> str | None:
    return f"{answer_id}:{number}" if answer_id else None


class _Text(BaseModel):
    text: str


class _Nothing(BaseModel):
    pass


def _rendered(event: StreamEvent) -> tuple[str, BaseModel]:
    match event:
        case Status():
            return "status", event
        case Quote():
            return "quote", event
        case Token():
            return "token", _Text(text=event.text)
        case Restart():
            return "restart", _Nothing()
        case Answer():
            return "answer", event
        case Problem():
            return "error", event
