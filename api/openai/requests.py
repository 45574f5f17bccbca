"""What OpenAI's clients send, and the question and conversation in it.

Fields that are not here, such as `temperature`, are accepted and change nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, JsonValue

from api.openai.errors import UnsupportedRequest
from index.normalization import clean

_TEXT_PARTS = {"text", "input_text", "output_text"}

Name = Annotated[str, Field(max_length=300), AfterValidator(clean)]
Language = Annotated[
    str | None,
    Field(max_length=20, description="maqal's own: language of the answer, ISO 639-1"),
    AfterValidator(lambda v: clean(v) if v else v),
]


class Part(BaseModel):
    """A piece of a message: its text, or what maqal cannot read."""

    type: str
    text: str | None = None


class Message(BaseModel):
    """A message; of an assistant that called tools it may hold nothing."""

    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: str | list[Part] | None = None


class InputItem(BaseModel):
    """An item of a Responses request: a message, or what a model did between messages."""

    type: str = "message"
    role: Literal["system", "developer", "user", "assistant"] | None = None
    content: str | list[Part] | None = None


class StreamOptions(BaseModel):
    """What a stream holds beside the text."""

    include_usage: bool | None = None


class ChatRequest(BaseModel):
    """A conversation whose last user message is the question; system messages are not read."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"model": "maqal", "messages": [{"role": "user", "content": "Why did Tokayev call in the CSTO?"}]},
                {
                    "model": "maqal/kazakhstan-csto-2022.ar",
                    "messages": [
                        {"role": "user", "content": "When was the CSTO founded?"},
                        {"role": "assistant", "content": "The article says (§9): …"},
                        {"role": "user", "content": "And who belongs to it?"},
                    ],
                },
            ]
        }
    )

    model: Name = Field(description="`maqal`, or `maqal/ARTICLE` to ask one article")
    messages: list[Message] = Field(min_length=1)
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    language: Language = None
    n: int | None = Field(default=None, description="1: there is one answer")
    tools: list[JsonValue] | None = Field(default=None, description="none, unless `tool_choice` is none")
    tool_choice: JsonValue = None
    functions: list[JsonValue] | None = Field(default=None, description="none")
    response_format: dict[str, JsonValue] | None = Field(default=None, description="text")


class ResponsesRequest(BaseModel):
    """A question, or a conversation whose last user message is the question; `instructions` are not read."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"model": "maqal", "input": "Why did Tokayev call in the CSTO?"}]}
    )

    model: Name = Field(description="`maqal`, or `maqal/ARTICLE` to ask one article")
    input: str | list[InputItem]
    stream: bool | None = None
    previous_response_id: Name | None = Field(default=None, description="the response that this one goes on from")
    language: Language = None
    tools: list[JsonValue] | None = Field(default=None, description="none, unless `tool_choice` is none")
    tool_choice: JsonValue = None
    text: dict[str, Any] | None = Field(default=None, description="format: text")
    background: bool | None = Field(default=None, description="not true")
    conversation: JsonValue = Field(default=None, description="none: send the messages, or `previous_response_id`")


@dataclass(frozen=True, slots=True)
class Asked:
    """A question and the exchanges before it, `(question, answer)`, oldest first."""

    question: str
    exchanges: list[tuple[str, str]]


def asked_in_chat(request: ChatRequest) -> Asked:
    """What a chat request asks. Raises UnsupportedRequest."""
    _refuse_tools(request.tools, request.tool_choice)
    if request.functions:
        _refuse_tools(request.functions, None, "functions")
    if (request.n or 1) != 1:
        raise UnsupportedRequest(f"{request.n} answers were asked for; maqal gives one.", "Leave `n` out.", "n")
    _refuse_format((request.response_format or {}).get("type"), "response_format")
    return _asked(request.messages, "messages")


def asked_in_response(request: ResponsesRequest) -> Asked:
    """What a Responses request asks. Raises UnsupportedRequest."""
    _refuse_tools(request.tools, request.tool_choice)
    text_format = (request.text or {}).get("format")
    _refuse_format(text_format.get("type") if isinstance(text_format, dict) else None, "text")
    if request.background:
        raise UnsupportedRequest(
            "maqal makes no response in the background.", "Leave `background` out, or set `stream`.", "background"
        )
    if request.conversation:
        raise UnsupportedRequest(
            "maqal keeps no conversation for this route.",
            "Send the earlier messages in `input`, or `previous_response_id`.",
            "conversation",
        )
    if isinstance(request.input, str):
        return Asked(request.input, [])
    return _asked([item for item in request.input if item.type == "message"], "input")


def is_task_prompt(question: str) -> bool:
    """Whether Open WebUI asks not for its user but for itself: a title, tags, follow-ups or search words for a chat."""
    return question.lstrip().startswith("### Task:") and "<chat_history>" in question


def _asked(messages: Sequence[Message | InputItem], param: str) -> Asked:
    questions = [i for i, message in enumerate(messages) if message.role == "user"]
    if not questions:
        raise UnsupportedRequest(
            "No message is of the user, so there is no question.", "End with a message of the role `user`.", param
        )
    last = questions[-1]
    exchanges: list[tuple[str, str]] = []
    for message in messages[:last]:
        if message.role == "user":
            exchanges.append((_text_of(message), ""))
        elif message.role == "assistant" and exchanges:
            question, answer = exchanges[-1]
            exchanges[-1] = (question, f"{answer} {_text_of(message)}".strip())
    content = messages[last].content
    for part in content if isinstance(content, list) else []:
        if part.type not in _TEXT_PARTS:
            raise UnsupportedRequest(
                f"The question holds a part of the type {clean(part.type)[:60]!r}; maqal reads text only.",
                "Send text; articles are indexed with POST /v1/articles.",
                param,
            )
    return Asked(_text_of(messages[last]), exchanges)


def _text_of(message: Message | InputItem) -> str:
    if isinstance(message.content, list):
        return "\n".join(part.text for part in message.content if part.type in _TEXT_PARTS and part.text)
    return message.content or ""


def _refuse_tools(tools: list[JsonValue] | None, choice: JsonValue, param: str = "tools") -> None:
    if tools and choice != "none":
        raise UnsupportedRequest(
            "maqal calls no tools.", "Leave them out; to give maqal to a model as a tool, use MCP (/mcp).", param
        )


def _refuse_format(wanted: JsonValue, param: str) -> None:
    if wanted not in (None, "text"):
        raise UnsupportedRequest(
            f"The answer is text; it cannot be made as {str(wanted)[:60]!r}.",
            "Leave the format out; POST /v1/ask answers in JSON.",
            param,
        )
