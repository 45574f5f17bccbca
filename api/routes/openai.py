"""maqal as a model for OpenAI's clients: models, chat completions, responses."""

import uuid
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import StreamingResponse

from api.asking import STREAM_HEADERS
from api.dependencies import Engine
from api.openai.chat import ChatCompletion, ChunkWriter, completion
from api.openai.errors import OpenAIError
from api.openai.models import Model, ModelList, article_ids_of, model, models
from api.openai.replies import Piece, Reply, pieces, task_pieces
from api.openai.requests import (
    Asked,
    ChatRequest,
    ResponsesRequest,
    asked_in_chat,
    asked_in_response,
    is_task_prompt,
)
from api.openai.responses import ModelResponse, ResponseWriter, answer_id_of
from api.streams import Stream, Streams
from rag.answers import Event
from rag.chat_engine import ChatEngine
from rag.follow_ups import turns_of
from rag.memory import Turn

router = APIRouter(
    tags=["openai"],
    responses={
        "4XX": {"model": OpenAIError, "description": "The request is to blame"},
        "5XX": {"model": OpenAIError, "description": "The service is"},
    },
)
_STREAMED: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/event-stream": {}}, "description": "The answer; with `stream`, its events"}
}


@dataclass(frozen=True, slots=True)
class _Begun:
    """An answer's id, its text in pieces, and the stream that they are read from."""

    answer_id: str
    pieces: AsyncIterator[Piece]
    stream: Stream | None

    async def whole(self) -> Reply:
        """The reply, when it is whole. Raises what making it raises."""
        async for piece in self.pieces:
            if isinstance(piece, Reply):
                return piece
        assert self.stream  # noqa: S101 - what has none has a reply
        raise self.stream.error or RuntimeError("A stream ended without an answer.")


async def _begun(asked: Asked, before: str | None, body: ChatRequest | ResponsesRequest, request: Request) -> _Begun:
    """An answer whose paragraphs are found: an error still has its own status."""
    state = request.app.state
    engine: ChatEngine = state.engine
    if is_task_prompt(asked.question):
        return _Begun(uuid.uuid4().hex, task_pieces(), None)

    def ask() -> Iterator[Event]:
        article_ids = article_ids_of(engine, body.model)
        turns = [*_turns_before(before, engine), *turns_of(asked.exchanges)]
        return engine.stream(
            asked.question,
            turns=turns,
            article_ids=article_ids,
            language=body.language,
            client=request.state.client.name,
        )

    stream = await state.streams.start(ask)
    base_url = state.settings.public_url or str(request.base_url)
    return _Begun(stream.answer_id, pieces(stream, engine, base_url, state.settings.heartbeat), stream)


@router.get("/models", summary="List maqal's models")
def list_models(engine: Engine) -> ModelList:
    """`maqal`, which asks all articles, and `maqal/ARTICLE` for each."""
    return ModelList(data=models(engine))


@router.get("/models/{name:path}", summary="Describe a model")
def get_model(name: str, engine: Engine) -> Model:
    """A model by its name."""
    return model(engine, name)


@router.post(
    "/chat/completions",
    summary="Ask as a chat completion",
    response_model=ChatCompletion,
    responses=_STREAMED,
)
async def chat_completions(body: ChatRequest, request: Request) -> ChatCompletion | StreamingResponse:
    """Answer the last user message from what the articles say; a follow-up is understood from those before it."""
    begun = await _begun(asked_in_chat(body), None, body, request)
    if not body.stream:
        return completion(begun.answer_id, body.model, await begun.whole())
    with_usage = bool(body.stream_options and body.stream_options.include_usage)
    writer = ChunkWriter(begun.answer_id, body.model, with_usage=with_usage)
    return _streamed(writer.events(begun.pieces), begun.stream, request)


@router.post(
    "/responses",
    summary="Ask as a response",
    response_model=ModelResponse,
    responses=_STREAMED,
)
async def responses(body: ResponsesRequest, request: Request) -> ModelResponse | StreamingResponse:
    """Answer the last user message of the input; a follow-up is understood from the response or messages before it."""
    begun = await _begun(asked_in_response(body), body.previous_response_id, body, request)
    writer = ResponseWriter(begun.answer_id, body.model, body.previous_response_id)
    if not body.stream:
        return writer.whole(await begun.whole())
    return _streamed(writer.events(begun.pieces), begun.stream, request)


def _turns_before(response_id: str | None, engine: ChatEngine) -> list[Turn]:
    """The turn that a response was. Raises UnknownAnswer."""
    if not response_id:
        return []
    answer = engine.answers.answer(answer_id_of(response_id))
    # As it was understood, it stands alone: what came before it is in it.
    return [Turn(answer.understood_as, answer.understood_as, answer.text, answer.id)]


def _streamed(events: AsyncIterator[bytes], stream: Stream | None, request: Request) -> StreamingResponse:
    streams: Streams = request.app.state.streams

    async def sent() -> AsyncIterator[bytes]:
        try:
            async for event in events:
                yield event
        finally:
            # These clients do not come back for the rest.
            if stream:
                streams.abandon(stream)

    return StreamingResponse(sent(), media_type="text/event-stream", headers=STREAM_HEADERS)
