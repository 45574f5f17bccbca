"""Settings of the REST service: environment variables `API_*`, or the same names in `.env`."""

import ipaddress
from typing import Literal

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class ApiSettings(BaseSettings):
    """Where the service listens and whom it answers."""

    model_config = SettingsConfigDict(env_prefix="API_", env_file=".env", extra="ignore")

    host: str = Field(default="127.0.0.1", description="address to listen on; 0.0.0.0 for every one of the machine")
    port: int = Field(default=8000, ge=0, le=65535, description="port to listen on; 0 for a free one")
    require_key: bool | None = Field(
        default=None, description="whether clients need a key (maqal keys); unset: unless the address is loopback"
    )
    hosts: str = Field(
        default="",
        description="names that clients call the service by, separated by commas, beside API_HOST and loopback",
    )
    rate_limit: str | None = Field(
        default=None,
        description="requests of a key, such as 60/minute; empty: no limit; unset: 120/minute where keys are required",
    )
    rate_limit_storage: SecretStr = Field(
        default=SecretStr(""), description="empty: counted by each process; else redis://host:port/db of a Redis server"
    )
    max_answers: int = Field(default=32, gt=0, description="answers in the making or waiting; more are refused")
    public_url: str = Field(
        default="",
        description="address under which readers reach the service, for links to answers; empty: the request's own",
    )
    max_body_bytes: int = Field(default=12_000_000, gt=0, description="largest request body accepted, in bytes")
    threads: int | None = Field(
        default=None,
        gt=0,
        description="questions that are worked on at the same time; unset: 2, with a language model (RAG_LLM) 16",
    )
    heartbeat: float = Field(default=15, gt=0, description="seconds of silence after which a stream says that it lives")
    shutdown_grace: int = Field(default=5, ge=0, description="seconds that open answers get when the service stops")

    log_format: Literal["console", "json"] = Field(default="console", description="how log lines are written")
    log_questions: bool = Field(default=False, description="write questions, bodies and whole tracebacks to the log")

    @property
    def keys_are_required(self) -> bool:
        """Whether a request to `/v1` needs a key."""
        return not is_loopback(self.host) if self.require_key is None else self.require_key


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches the address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
