"""Settings of the Slack bot: environment variables `SLACK_*`, or the same names in `.env`."""

import re

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from index.exceptions import ConfigurationError

_XOXB_FIX = "Copy the Bot User OAuth Token (xoxb-…) from OAuth & Permissions on https://api.slack.com/apps"
_XAPP_FIX = (
    "Make an app-level token (xapp-…) with the scope connections:write under Basic Information on "
    "https://api.slack.com/apps"
)


class SlackSettings(BaseSettings):
    """How the bot reaches Slack, and how Slack's requests are recognised."""

    model_config = SettingsConfigDict(env_prefix="SLACK_", env_file=".env", extra="ignore")

    bot_token: SecretStr = Field(default=SecretStr(""), description="xoxb-…, from OAuth & Permissions")
    app_token: SecretStr = Field(default=SecretStr(""), description="Socket Mode: xapp-…, from Basic Information")
    signing_secret: SecretStr = Field(default=SecretStr(""), description="HTTP mode: from Basic Information")
    answer_threads: int = Field(default=8, gt=0, description="questions that are answered at the same time")
    api_url: str = Field(default="https://slack.com/api/", description="base address of Slack's Web API")

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
