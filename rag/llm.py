"""The configured language model, through llama-index's adapters."""

from llama_index.core.llms import LLM

from index.exceptions import ConfigurationError
from rag.settings import RagSettings

_CONTEXT_TOKENS = 8192
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
