"""Replies as responses of the Responses API, whole or as its events."""

import time
from collections.abc import AsyncIterator, Iterator
from typing import Literal

from pydantic import BaseModel, Field, JsonValue

from api.asking import HEARTBEAT
from api.errors import Problem
from api.openai.replies import Citation, Piece, Reply, json_event

_PREFIX = "resp_"


class UrlCitation(BaseModel):
    """`text[start_index:end_index]` is what the address proves."""

    type: Literal["url_citation"] = "url_citation"
    start_index: int
    end_index: int
    title: str
    url: str

    @classmethod
    def of(cls, citation: Citation) -> "UrlCitation":
        """The annotation for a citation."""
        return cls(start_index=citation.start, end_index=citation.end, title=citation.title, url=citation.url)


class OutputText(BaseModel):
    """The answer's text."""

    type: Literal["output_text"] = "output_text"
    text: str
    annotations: list[UrlCitation]
    logprobs: list[JsonValue] = []


class OutputMessage(BaseModel):
    """The one item of the output."""

    id: str
    type: Literal["message"] = "message"
    role: Literal["assistant"] = "assistant"
    status: Literal["in_progress", "completed"]
    content: list[OutputText]


class InputTokensDetails(BaseModel):
    """There is no cache."""

    cached_tokens: Literal[0] = 0
    cache_write_tokens: Literal[0] = 0


class OutputTokensDetails(BaseModel):
    """There is no reasoning."""

    reasoning_tokens: Literal[0] = 0


class ResponseUsage(BaseModel):
    """Tokens of the question as understood, and of the answer, counted with the encoder's tokenizer."""

    input_tokens: int
    input_tokens_details: InputTokensDetails = InputTokensDetails()
    output_tokens: int
    output_tokens_details: OutputTokensDetails = OutputTokensDetails()
    total_tokens: int


class ResponseFailure(BaseModel):
    """Why a response failed."""

    code: str
    message: str


class ModelResponse(BaseModel):
    """An answer as a response."""

    id: str = Field(description="`resp_` and the answer's id")
    object: Literal["response"] = "response"
    created_at: int = Field(description="seconds since 1970")
    status: Literal["in_progress", "completed", "failed"]
    model: str
    output: list[OutputMessage]
    usage: ResponseUsage | None = None
    error: ResponseFailure | None = None
    incomplete_details: None = None
    instructions: None = None
    metadata: dict[str, str] = {}
    parallel_tool_calls: Literal[False] = False
    previous_response_id: str | None = None
    temperature: None = None
    top_p: None = None
    tool_choice: Literal["none"] = "none"
    tools: list[JsonValue] = []


def answer_id_of(response_id: str) -> str:
    """The id of the answer that a response was."""
    return response_id.removeprefix(_PREFIX)


class ResponseWriter:
    """Writes one response, whole or as server-sent events."""

    def __init__(self, answer_id: str, model: str, previous_response_id: str | None) -> None:
        self._message_id = f"msg_{answer_id}"
        self._begun = ModelResponse(
            id=_PREFIX + answer_id,
            created_at=int(time.time()),
            status="in_progress",
            model=model,
            output=[],
            previous_response_id=previous_response_id,
        )
        self._number = -1

    def whole(self, reply: Reply) -> ModelResponse:
        """The response of a reply."""
        usage = ResponseUsage(
            input_tokens=reply.question_tokens,
            output_tokens=reply.text_tokens,
            total_tokens=reply.question_tokens + reply.text_tokens,
        )
        message = self._message("completed", [_part(reply)])
        return self._begun.model_copy(update={"status": "completed", "output": [message], "usage": usage})

    async def events(self, pieces: AsyncIterator[Piece]) -> AsyncIterator[bytes]:
        """The events: the text as it comes, its annotations, and last the whole response."""
        place: dict[str, object] = {"item_id": self._message_id, "output_index": 0, "content_index": 0}
        yield self._sent("response.created", response=self._begun)
        yield self._sent("response.in_progress", response=self._begun)
        yield self._sent("response.output_item.added", output_index=0, item=self._message("in_progress", []))
        yield self._sent("response.content_part.added", **place, part=OutputText(text="", annotations=[]))
        async for piece in pieces:
            if piece is None:
                yield HEARTBEAT
            elif isinstance(piece, str):
                yield self._sent("response.output_text.delta", **place, delta=piece, logprobs=[])
            elif isinstance(piece, Problem):
                yield self._sent("response.failed", response=self._failed(piece))
            else:
                for event in self._ends(piece, place):
                    yield event

    def _ends(self, reply: Reply, place: dict[str, object]) -> Iterator[bytes]:
        part = _part(reply)
        for i, annotation in enumerate(part.annotations):
            yield self._sent(
                "response.output_text.annotation.added", **place, annotation_index=i, annotation=annotation
            )
        yield self._sent("response.output_text.done", **place, text=reply.text, logprobs=[])
        yield self._sent("response.content_part.done", **place, part=part)
        yield self._sent("response.output_item.done", output_index=0, item=self._message("completed", [part]))
        yield self._sent("response.completed", response=self.whole(reply))

    def _failed(self, problem: Problem) -> ModelResponse:
        failure = ResponseFailure(code=problem.code, message=f"{problem.detail} {problem.fix}")
        return self._begun.model_copy(update={"status": "failed", "error": failure})

    def _message(self, status: Literal["in_progress", "completed"], content: list[OutputText]) -> OutputMessage:
        return OutputMessage(id=self._message_id, status=status, content=content)

    def _sent(self, event: str, **fields: object) -> bytes:
        self._number += 1
        plain = {name: value.model_dump() if isinstance(value, BaseModel) else value for name, value in fields.items()}
        body = {"type": event, "sequence_number": self._number, **plain}
        return json_event(body, event)


def _part(reply: Reply) -> OutputText:
    return OutputText(text=reply.text, annotations=[UrlCitation.of(each) for each in reply.citations])
