"""Slack, the settings that lead to it, and the bot over the bundled article."""

from collections.abc import Iterator

import pytest
from pydantic import SecretStr

from bots.slack.settings import SlackSettings
from rag.chat_engine import ChatEngine
from tests.slack.bot import Bot, running_bot
from tests.slack.slack_server import SlackServer


@pytest.fixture
def slack() -> Iterator[SlackServer]:
    """A Slack on a free loopback port."""
    server = SlackServer()
    yield server
    server.close()


@pytest.fixture
def settings(slack: SlackServer) -> SlackSettings:
    """Settings for that Slack."""
    return SlackSettings(
        bot_token=SecretStr("xoxb-1"),
        app_token=SecretStr("xapp-1"),
        signing_secret=SecretStr("signing secret"),
        api_url=slack.api_url,
    )


@pytest.fixture
def bot(engine: ChatEngine, settings: SlackSettings) -> Iterator[Bot]:
    """The bot in HTTP mode."""
    with running_bot(engine, settings) as bot:
        yield bot
