"""Settings of the Slack bot: environment variables `SLACK_*`, or the same names in `.env`."""

import re
from typing import Annotated

from limits import parse
from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from index.exceptions import ConfigurationError

_XOXB_FIX = "Copy the Bot User OAuth Token (xoxb-…) from OAuth & Permissions on https://api.slack.com/apps"
_XAPP_FIX = (
    "Make an app-level token (xapp-…) with the scope connections:write under Basic Information on "
    "https://api.slack.com/apps"
)

Names = Annotated[frozenset[str], NoDecode]


class SlackSettings(BaseSettings):
    """How the bot reaches Slack, and how Slack's requests are recognised."""

    model_config = SettingsConfigDict(env_prefix="SLACK_", env_file=".env", extra="ignore")

    bot_token: SecretStr = Field(default=SecretStr(""), description="xoxb-…, from OAuth & Permissions")
    app_token: SecretStr = Field(default=SecretStr(""), description="Socket Mode: xapp-…, from Basic Information")
    signing_secret: SecretStr = Field(default=SecretStr(""), description="HTTP mode: from Basic Information")
    client_id: str = Field(default="", description="many workspaces: Client ID, from Basic Information")
    client_secret: SecretStr = Field(default=SecretStr(""), description="many workspaces: Client Secret")
    installations: SecretStr = Field(
        default=SecretStr(""), description="many workspaces: where tokens are kept, a directory or an SQLAlchemy URL"
    )
    teams: Names = Field(default=frozenset(), description="the only workspaces (T…) that are answered; empty: any")
    enterprises: Names = Field(default=frozenset(), description="the only organisations (E…); empty: any")
    channels: Names = Field(default=frozenset(), description="the only channels (C…, D…); empty: any")
    user_limit: str = Field(default="10/minute", description="questions that one person may ask")
    channel_limit: str = Field(default="30/minute", description="questions that may be asked in one channel")
    message_interval: float = Field(default=1.0, ge=0, description="seconds between two messages in one channel")
    answer_threads: int = Field(default=8, gt=0, description="questions that are answered at the same time")
    page_url: str = Field(default="", description="where readers reach the web page of `maqal serve`, for links to it")
    editors: Names = Field(
        default=frozenset(), description="people (U…) and user groups (S…) who may add articles; empty: nobody"
    )
    socket_silence: float = Field(
        default=60.0, gt=0, description="Socket Mode: seconds without a sign of life before a new connection"
    )
    api_url: str = Field(default="https://slack.com/api/", description="base address of Slack's Web API")

    @field_validator("teams", "enterprises", "channels", "editors", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return frozenset(re.split(r"[\s,]+", value.strip())) - {""} if isinstance(value, str) else value

    @field_validator("user_limit", "channel_limit")
    @classmethod
    def _is_rate(cls, value: str) -> str:
        try:
            is_rate = parse(value).amount > 0
        except ValueError:
            is_rate = False
        if not is_rate:
            raise ValueError("it is no rate; write it like 10/minute")
        return value

    @field_validator("page_url")
    @classmethod
    def _is_web_address(cls, value: str) -> str:
        if value and not re.fullmatch(r"https?://[^\s/]\S*", value):
            raise ValueError("it is no web address; write it like https://maqal.example.org")
        return value

    @property
    def has_many_workspaces(self) -> bool:
        """Whether the app is installed by OAuth, in any number of workspaces."""
        return bool(self.installations.get_secret_value().strip())

    def answers_in(self, channel: str) -> bool:
        """Whether the bot answers in a channel, or in a conversation with one person."""
        return not self.channels or channel in self.channels

    def require_client(self) -> tuple[str, str]:
        """The app's client id and secret. Raises ConfigurationError when one is missing."""
        client = self.client_id.strip(), self.client_secret.get_secret_value().strip()
        if not all(client):
            raise ConfigurationError(
                f"SLACK_INSTALLATIONS is set, and SLACK_CLIENT_{'SECRET' if client[0] else 'ID'} is not.",
                "Copy the Client ID and the Client Secret from Basic Information on https://api.slack.com/apps",
            )
        return client

    def require_bot_token(self) -> str:
        """The bot token. Raises ConfigurationError when it is missing or malformed."""
        return _token("SLACK_BOT_TOKEN", self.bot_token, "xoxb-", _XOXB_FIX)

    def require_app_token(self) -> str:
        """The app-level token. Raises ConfigurationError when it is missing or malformed."""
        return _token("SLACK_APP_TOKEN", self.app_token, "xapp-", _XAPP_FIX)

    def require_signing_secret(self) -> str:
        """The signing secret. Raises ConfigurationError when it is missing."""
        secret = self.signing_secret.get_secret_value().strip()
        if not secret:
            raise ConfigurationError(
                "SLACK_SIGNING_SECRET is not set.",
                "Copy the Signing Secret from Basic Information on https://api.slack.com/apps",
            )
        return secret


def _token(name: str, secret: SecretStr, prefix: str, fix: str) -> str:
    """The token's letters; the error tells how it begins, never what it is."""
    token = secret.get_secret_value().strip()
    if not token:
        raise ConfigurationError(f"{name} is not set.", fix)
    if not re.fullmatch(rf"{prefix}[A-Za-z0-9-]+", token):
        begins = token[:5] if token.startswith(("xoxb-", "xapp-", "xoxp-", "xoxe-", "xoxe.")) else "something else"
        raise ConfigurationError(f"{name} is not a token that begins with {prefix}: it begins with {begins}.", fix)
    return token
