"""The configured language model, through llama-index's adapters, and reading what it writes within a time."""

import queue
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

from llama_index.core.llms import LLM, ChatMessage, MessageRole

from index.exceptions import ConfigurationError
from rag.exceptions import LlmError
from rag.settings import RagSettings

_CONTEXT_TOKENS = 8192
_MOST_CHARACTERS = 20_000
_ADDRESSES = {"ollama": "http://127.0.0.1:11434", "anthropic": "https://api.anthropic.com"}
_EXTRAS = {"openai": "llm", "ollama": "llm", "anthropic": "anthropic"}


def make_llm(settings: RagSettings) -> LLM | None:
    """The model of `RAG_LLM`, or None when none is configured. Raises ConfigurationError."""
    if not settings.llm:
        return None
    if not settings.llm_model:
        raise ConfigurationError("RAG_LLM is set, RAG_LLM_MODEL is not.", "Name the model: RAG_LLM_MODEL=…")
    key = settings.llm_key.get_secret_value()
    if not (key.isascii() and key.isprintable()) or " " in key:
        raise ConfigurationError("RAG_LLM_KEY holds white space or letters that no key has.", "Copy the key again.")
    make = {"openai": _openai_compatible, "ollama": _ollama, "anthropic": _anthropic}[settings.llm]
    try:
        return make(settings, llm_url(settings), key)
    except ImportError as error:
        raise ConfigurationError(
            f"RAG_LLM={settings.llm} needs a library that is not installed.",
            f"Run: pip install 'maqal[{_EXTRAS[settings.llm]}]'."
            " Or unset RAG_LLM: maqal answers without a language model.",
        ) from error


def llm_url(settings: RagSettings) -> str:
    """Base address of the server of `RAG_LLM`. Raises ConfigurationError."""
    url = settings.llm_url or _ADDRESSES.get(settings.llm, "")
    if not url:
        raise ConfigurationError(
            f"RAG_LLM={settings.llm} needs RAG_LLM_URL.",
            "Give the server's base address, e.g. http://127.0.0.1:8080/v1",
        )
    with suppress(ValueError):
        parts = urlsplit(url)
        if parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0:
            return url
    raise ConfigurationError(
        f"RAG_LLM_URL={url} is no address of a server.", "It begins with http:// or https://, then the host."
    )


def read_reply(llm: LLM, prompt: str, seconds: float) -> Iterator[str]:
    """Pieces of the model's reply to a prompt, as they come. Raises LlmError.

    `seconds` are for the whole reply. The adapter's own time-out is for silence on the connection only: a server
    that drips tokens, or keeps the connection warm while it thinks, never runs into it. So another thread reads,
    and is left to itself when the time is over; it ends with the next thing that it hears.
    """
    deadline = time.monotonic() + seconds
    heard: queue.SimpleQueue[str | Exception | None] = queue.SimpleQueue()
    given_up = threading.Event()
    threading.Thread(target=_listen, args=(llm, prompt, heard, given_up), name="llm-reply", daemon=True).start()
    try:
        while True:
            try:
                piece = heard.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                raise LlmError("it took too long", "") from None
            if piece is None:
                return
            if isinstance(piece, LlmError):
                raise piece
            if isinstance(piece, Exception):
                raise LlmError(_reason(piece), "") from piece
            yield piece
            if time.monotonic() > deadline:
                raise LlmError("it took too long", "")
    finally:
        given_up.set()


def _listen(
    llm: LLM, prompt: str, heard: "queue.SimpleQueue[str | Exception | None]", given_up: threading.Event
) -> None:
    length = 0
    response = None
    try:
        for response in llm.stream_chat([ChatMessage(role=MessageRole.USER, content=prompt)]):
            delta = response.delta or ""
            length += len(delta)
            if given_up.is_set():
                return
            if length > _MOST_CHARACTERS:
                heard.put(LlmError("it did not stop", ""))
                return
            heard.put(delta)
        if response and _is_cut_off(response.raw):
            heard.put(LlmError("its reply broke off", ""))
        else:
            heard.put(None if length else LlmError("it said nothing", ""))
    except Exception as error:  # noqa: BLE001 - each adapter raises its own library's errors; all mean: no answer from it
        heard.put(error)


def _is_cut_off(last: Any) -> bool:
    """Whether the last thing heard, as OpenAI's or Ollama's protocol has it, says that there was no room for more."""
    if isinstance(last, dict):
        return last.get("done_reason") == "length"
    return any(choice.finish_reason == "length" for choice in getattr(last, "choices", None) or [])


def _reason(error: Exception) -> str:
    """Why a model failed, in a few words that hold no key and no address."""
    name = type(error).__name__
    if "timeout" in name.lower():
        return "it took too long"
    if "connect" in name.lower():
        return "its server cannot be reached"
    if "protocol" in name.lower() or name == "ReadError":
        return "its reply broke off"
    if isinstance(error, (ValueError, TypeError, LookupError, AttributeError)):  # what adapters trip over
        return "its server's reply cannot be read"
    status = getattr(error, "status_code", None)
    # An error that comes after the reply has begun has the status of the reply, or none.
    return _refusal(status, str(error)) if isinstance(status, int) and status >= 400 else "its server failed"


def _refusal(status: int, text: str) -> str:
    if status in {401, 403}:
        return f"its server refuses the key, status {status}"
    if status == 404:
        return (
            "its server does not know the model" if "model" in text.lower() else "its address leads nowhere, status 404"
        )
    if status == 429:
        return "its server allows no more requests now, status 429"
    return (
        f"its server failed, status {status}" if status >= 500 else f"its server refuses the request, status {status}"
    )


def _openai_compatible(settings: RagSettings, url: str, key: str) -> LLM:
    from llama_index.llms.openai_like import OpenAILike

    llm: LLM = OpenAILike(
        model=settings.llm_model,
        api_base=url,
        api_key=key or "none",
        is_chat_model=True,
        timeout=settings.llm_timeout,
        max_retries=0,
        temperature=0.0,
    )
    return llm


def _ollama(settings: RagSettings, url: str, key: str) -> LLM:
    from llama_index.llms.ollama import Ollama

    llm: LLM = Ollama(
        model=settings.llm_model,
        base_url=url,
        request_timeout=settings.llm_timeout,
        headers={"Authorization": f"Bearer {key}"} if key else None,
        # Else the adapter asks for the model's longest context, and the server reserves memory for it.
        context_window=_CONTEXT_TOKENS,
        temperature=0.0,
    )
    return llm


def _anthropic(settings: RagSettings, url: str, key: str) -> LLM:
    from rag.anthropic_llm import AnthropicLLM

    if not key:
        raise ConfigurationError("RAG_LLM=anthropic needs RAG_LLM_KEY.", "Give the API key: RAG_LLM_KEY=…")
    return AnthropicLLM(model=settings.llm_model, api_key=key, base_url=url, timeout=settings.llm_timeout)
