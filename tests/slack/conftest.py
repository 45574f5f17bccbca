"""Slack, the settings that lead to it, and the bot over the bundled article."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from bots.slack.settings import SlackSettings
from index.settings import IndexSettings
from rag.chat_engine import ChatEngine
from rag.factory import open_engine
from rag.settings import RagSettings
from tests.slack.bot import Bot, running_bot
from tests.slack.newsroom import PAGE, Newsroom
from tests.slack.slack_server import SlackServer

OpenRoom = Callable[..., Newsroom]


@pytest.fixture
def slack() -> Iterator[SlackServer]:
    """A Slack on a free loopback port."""
    server = SlackServer()
    yield server
    server.close()
    assert server.violations == []


@pytest.fixture
def settings(slack: SlackServer) -> SlackSettings:
    """Settings for that Slack."""
    return settings_for(slack)


@pytest.fixture
def bot(engine: ChatEngine, settings: SlackSettings) -> Iterator[Bot]:
    """The bot in HTTP mode."""
    with running_bot(engine, settings) as bot:
        yield bot


@pytest.fixture(scope="module")
def open_room(tmp_path_factory: pytest.TempPathFactory, indexed_data_dir: Path) -> Iterator[OpenRoom]:
    """Opens newsrooms for the tests of a module: settings of a language model, of the index, and of Slack."""
    with ExitStack() as stack:

        def room(llm_url: str = "", *, allow_urls: bool = False, **settings: Any) -> Newsroom:
            data_dir = tmp_path_factory.mktemp("room") / "data"
            shutil.copytree(indexed_data_dir, data_dir)
            slack = SlackServer()
            stack.callback(slack.close)
            llm = RagSettings(llm="openai" if llm_url else "", llm_model="m", llm_url=llm_url and f"{llm_url}/v1")
            index = IndexSettings(data_dir=data_dir, allow_urls=allow_urls)
            engine = stack.enter_context(open_engine(index, llm, writable=True))
            settings = {"page_url": PAGE, "editors": frozenset({"UEDITOR", "SEDITORS"}), **settings}
            bot = stack.enter_context(running_bot(engine, settings_for(slack, **settings)))
            return Newsroom(slack, bot, engine)

        yield room


@pytest.fixture(scope="module")
def shared_room(open_room: OpenRoom) -> Newsroom:
    """The newsroom that the tests of a module share; a module may have another."""
    return open_room()


@pytest.fixture
def room(shared_room: Newsroom) -> Iterator[Newsroom]:
    """The same, for one test."""
    shared_room.enter()
    yield shared_room
    shared_room.leave()


def settings_for(slack: SlackServer, **settings: Any) -> SlackSettings:
    """Settings that lead to that Slack."""
    defaults = {
        "bot_token": SecretStr("xoxb-1"), "app_token": SecretStr("xapp-1"), "message_interval": 0,
        "signing_secret": SecretStr("signing secret"), "user_limit": "1000/minute", "channel_limit": "1000/minute",
    }  # fmt: skip
    return SlackSettings(**{**defaults, "api_url": slack.api_url, **settings})
