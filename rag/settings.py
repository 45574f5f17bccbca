"""Settings of answering: environment variables `RAG_*`, or the same names in `.env`."""

from typing import Literal

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class RagSettings(BaseSettings):
    """How answers are made."""

    model_config = SettingsConfigDict(env_prefix="RAG_", env_file=".env", extra="ignore")

    llm: Literal["", "openai", "ollama", "anthropic"] = Field(
        default="",
        description="empty: the article's own sentences; openai: any OpenAI-compatible server; ollama; anthropic",
    )
    llm_model: str = Field(default="", description="model name that the LLM server knows")
    llm_url: str = Field(default="", description="the LLM server, e.g. http://127.0.0.1:11434 or https://host/v1")
    llm_key: SecretStr = Field(default=SecretStr(""), description="API key of the LLM server")
    llm_timeout: float = Field(default=30.0, gt=0, description="seconds until an LLM that is silent is given up")
    llm_deadline: float = Field(
        default=120.0, gt=0, description="seconds until an LLM that has not finished a reply is given up"
    )
    translator: str = Field(
        default="", description="folder or hub name of a Marian model that translates quotes; empty: none"
    )
    max_question: int = Field(default=2000, gt=0, description="longest question, in characters")
    max_quote: int = Field(default=10_000, gt=0, description="longest quote to check, in characters")
    max_turns: int = Field(default=50, gt=0, description="turns of a conversation that are remembered")
    conversation_days: int = Field(
        default=30, gt=0, description="days after which a silent conversation, and an answer, is forgotten"
    )
