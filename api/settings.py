"""Settings of the REST service: environment variables `API_*`, or the same names in `.env`."""

import ipaddress

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from index.exceptions import ConfigurationError


class ApiSettings(BaseSettings):
    """Where the service listens and whom it answers."""

    model_config = SettingsConfigDict(env_prefix="API_", env_file=".env", extra="ignore")

    host: str = Field(default="127.0.0.1", description="address to listen on; 0.0.0.0 for every one of the machine")
    port: int = Field(default=8000, ge=0, le=65535, description="port to listen on; 0 for a free one")
    key: SecretStr = Field(
        default=SecretStr(""), description="bearer key that clients send; empty: none is asked, on loopback only"
    )
    max_body_bytes: int = Field(default=12_000_000, gt=0, description="largest request body accepted, in bytes")
    threads: int = Field(default=4, gt=0, description="questions that are worked on at the same time")
    shutdown_grace: int = Field(default=5, ge=0, description="seconds that open answers get when the service stops")

    def check(self) -> None:
        """Refuse to answer strangers: an address that others reach needs a key. Raises ConfigurationError."""
        if not self.key.get_secret_value() and not _is_loopback(self.host):
            raise ConfigurationError(
                f"API_HOST is {self.host!r}, which other machines reach, and API_KEY is empty.",
                "Set API_KEY to a secret that clients send as `Authorization: Bearer …`, or set API_HOST=127.0.0.1.",
            )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
