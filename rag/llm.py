"""The configured language model, through llama-index's adapters, and reading what it writes within a time."""

import queue
import threading
import time
from collections.abc import Iterator

from llama_index.core.llms import LLM, ChatMessage, MessageRole

from index.exceptions import ConfigurationError
from rag.exceptions import LlmError
from rag.settings import RagSettings

_CONTEXT_TOKENS = 8192
_MOST_CHARACTERS = 20_000
_INSTALL = "Run: pip install 'maqal[llm]'. Or unset RAG_LLM: maqal answers without a language model."


def make_llm(settings: RagSettings) -> LLM | None:
    """The model of `RAG_LLM`, or None when none is configured. Raises ConfigurationError."""
    if not settings.llm:
        return None
    if not settings.llm_model:
        raise ConfigurationError("RAG_LLM is set, RAG_LLM_MODEL is not.", "Name the model: RAG_LLM_MODEL=…")
    try:
        return _openai_compatible(settings) if settings.llm == "openai" else _ollama(settings)
    except ImportError as error:
        raise ConfigurationError(f"RAG_LLM={settings.llm} needs a library that is not installed.", _INSTALL) from error


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
        heard.put(None)
    except Exception as error:  # noqa: BLE001 - each adapter raises its own library's errors; all mean: no answer from it
        heard.put(error)


def _reason(error: Exception) -> str:
    """Why a model failed, in a few words that hold no key and no address."""
    name = type(error).__name__
    if "timeout" in name.lower():
        return "it took too long"
    if "connect" in name.lower():
        return "its server cannot be reached"
    status = getattr(error, "status_code", None)
    return f"its server answered {status}" if isinstance(status, int) and status > 0 else name


def _openai_compatible(settings: RagSettings) -> LLM:
    from llama_index.llms.openai_like import OpenAILike

    if not settings.llm_url:
        raise ConfigurationError(
            "RAG_LLM=openai needs RAG_LLM_URL.", "Give the server's base address, e.g. http://127.0.0.1:8080/v1"
        )
    llm: LLM = OpenAILike(
        model=settings.llm_model,
        api_base=settings.llm_url,
        api_key=settings.llm_key.get_secret_value() or "none",
        is_chat_model=True,
        timeout=settings.llm_timeout,
        max_retries=0,
        temperature=0.0,
    )
    return llm


def _ollama(settings: RagSettings) -> LLM:
    from llama_index.llms.ollama import Ollama

    llm: LLM = Ollama(
        model=settings.llm_model,
        base_url=settings.llm_url or "http://127.0.0.1:11434",
        request_timeout=settings.llm_timeout,
        # Else the adapter asks for the model's longest context, and the server reserves memory for it.
        context_window=_CONTEXT_TOKENS,
        temperature=0.0,
    )
    return llm
