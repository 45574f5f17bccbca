"""Replies as chat completions, whole or in chunks."""

import time
from collections.abc import AsyncIterator
from typing import Any, Literal

from fastapi.sse import format_sse_event
from pydantic import BaseModel, Field

from api.asking import HEARTBEAT
from api.errors import Problem
from api.openai.errors import error_body, status_of
from api.openai.replies import Citation, Piece, Reply, json_event


class UrlCitation(BaseModel):
    """`content[start_index:end_index]` is what the address proves."""

    start_index: int
    end_index: int
    title: str
    url: str


class Annotation(BaseModel):
    """A citation in a message."""

    type: Literal["url_citation"] = "url_citation"
    url_citation: UrlCitation

    @classmethod
    def of(cls, citation: Citation) -> "Annotation":
        """The annotation for a citation."""
        return cls(
            url_citation=UrlCitation(
                start_index=citation.start, end_index=citation.end, title=citation.title, url=citation.url
            )
        )


class AssistantMessage(BaseModel):
    """The answer."""

    role: Literal["assistant"] = "assistant"
    content: str
    refusal: None = None
    annotations: list[Annotation]


class Choice(BaseModel):
    """The one choice."""

    index: Literal[0] = 0
    message: AssistantMessage
    finish_reason: Literal["stop"] = "stop"
    logprobs: None = None


class Usage(BaseModel):
    """Tokens of the question as understood, and of the answer, counted with the encoder's tokenizer."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int

    @classmethod
    def of(cls, reply: Reply) -> "Usage":
        """The usage of a reply."""
        total = reply.question_tokens + reply.text_tokens
        return cls(prompt_tokens=reply.question_tokens, completion_tokens=reply.text_tokens, total_tokens=total)


class ChatCompletion(BaseModel):
    """An answer as a chat completion."""

    id: str = Field(description="`chatcmpl-` and the answer's id")
    object: Literal["chat.completion"] = "chat.completion"
    created: int = Field(description="seconds since 1970")
    model: str
    choices: list[Choice]
    usage: Usage


def completion(answer_id: str, model: str, reply: Reply) -> ChatCompletion:
    """The chat completion of a reply."""
    message = AssistantMessage(content=reply.text, annotations=[Annotation.of(each) for each in reply.citations])
    return ChatCompletion(
        id=f"chatcmpl-{answer_id}",
        created=int(time.time()),
        model=model,
        choices=[Choice(message=message)],
        usage=Usage.of(reply),
    )


class ChunkWriter:
    """Writes server-sent chunks of one chat completion; `[DONE]` ends them."""

    def __init__(self, answer_id: str, model: str, *, with_usage: bool) -> None:
        self._frame: dict[str, Any] = {
            "id": f"chatcmpl-{answer_id}",
            "object": "chat.completion.chunk",
            "created": int(time.time()),
            "model": model,
        }
        self._with_usage = with_usage

    async def events(self, pieces: AsyncIterator[Piece]) -> AsyncIterator[bytes]:
        """The chunks: the text as it comes, the annotations, the reason of the end, and the usage if it is wanted."""
        yield self._chunk({"role": "assistant", "content": ""})
        async for piece in pieces:
            if piece is None:
                yield HEARTBEAT
            elif isinstance(piece, str):
                yield self._chunk({"content": piece})
            elif isinstance(piece, Problem):
                message = f"{piece.detail} {piece.fix}"
                yield json_event(error_body(status_of(piece.status), piece.code, message).model_dump())
            else:
                if piece.citations:
                    yield self._chunk({"annotations": [Annotation.of(each).model_dump() for each in piece.citations]})
                yield self._chunk({}, finish_reason="stop")
                if self._with_usage:
                    yield json_event({**self._frame, "choices": [], "usage": Usage.of(piece).model_dump()})
        yield format_sse_event(data_str="[DONE]")

    def _chunk(self, delta: dict[str, Any], finish_reason: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "finish_reason": finish_reason, "logprobs": None}
        # With usage asked for, every other chunk says that it has none.
        return json_event({**self._frame, "choices": [choice], **({"usage": None} if self._with_usage else {})})
