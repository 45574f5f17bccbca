"""Anthropic's Messages API as a llama-index language model, over the official SDK."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, cast

from anthropic import Anthropic
from llama_index.core.base.llms.generic_utils import (
    chat_response_to_completion_response,
    prompt_to_messages,
    stream_chat_response_to_completion_response,
)
from llama_index.core.base.llms.types import ChatResponseGen, CompletionResponseGen
from llama_index.core.llms import ChatMessage, ChatResponse, CompletionResponse, CustomLLM, LLMMetadata, MessageRole
from pydantic import PrivateAttr

from rag.exceptions import LlmError

if TYPE_CHECKING:
    from anthropic.types import MessageParam

# Room for the thinking, too: models that think before they write count it.
_MOST_TOKENS = 16_000


class AnthropicLLM(CustomLLM):
    """A model behind the Messages API; `timeout` is the seconds of silence after which a call fails.

    Each call is tried once, and the SDK's tracing is off. Raises the SDK's errors, and LlmError for a reply that is
    refused or not whole.
    """

    model: str
    _client: Anthropic = PrivateAttr()

    def __init__(self, *, model: str, api_key: str, base_url: str, timeout: float) -> None:
        super().__init__(model=model)
        self._client = Anthropic(
            api_key=api_key, base_url=base_url, timeout=timeout, max_retries=0, open_telemetry=False
        )

    @property
    def metadata(self) -> LLMMetadata:
        """The model's name."""
        return LLMMetadata(model_name=self.model, is_chat_model=True)

    def stream_chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponseGen:
        """The reply to the messages, as it comes."""
        text = ""
        for delta in self._deltas(messages, **kwargs):
            text += delta
            yield ChatResponse(message=ChatMessage(role=MessageRole.ASSISTANT, content=text), delta=delta)

    def chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        """The whole reply to the messages."""
        text = "".join(self._deltas(messages, **kwargs))
        return ChatResponse(message=ChatMessage(role=MessageRole.ASSISTANT, content=text))

    def stream_complete(
        self,
        prompt: str,
        formatted: bool = False,  # noqa: ARG002, FBT001, FBT002 - the base class's
        **kwargs: Any,
    ) -> CompletionResponseGen:
        """The reply to a prompt, as it comes."""
        return stream_chat_response_to_completion_response(self.stream_chat(prompt_to_messages(prompt), **kwargs))

    def complete(
        self,
        prompt: str,
        formatted: bool = False,  # noqa: ARG002, FBT001, FBT002 - the base class's
        **kwargs: Any,
    ) -> CompletionResponse:
        """The whole reply to a prompt."""
        return chat_response_to_completion_response(self.chat(prompt_to_messages(prompt), **kwargs))

    def _deltas(self, messages: Sequence[ChatMessage], **kwargs: Any) -> Iterator[str]:
        why_it_stopped = None
        said = cast("list[MessageParam]", [{"role": m.role.value, "content": m.content or ""} for m in messages])
        with self._client.messages.create(
            model=self.model, max_tokens=_MOST_TOKENS, messages=said, stream=True, **kwargs
        ) as events:
            for event in events:
                if event.type == "content_block_delta" and event.delta.type == "text_delta":
                    yield event.delta.text
                elif event.type == "message_delta":
                    why_it_stopped = event.delta.stop_reason
        if why_it_stopped == "refusal":
            raise LlmError("it declined to answer", "")
        if why_it_stopped not in {"end_turn", "stop_sequence"}:
            raise LlmError("its reply broke off", "")
