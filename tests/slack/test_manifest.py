"""The manifest asks for what the bot uses, and for no more."""

from importlib import resources
from typing import Any

import pytest
import yaml

from bots.slack.listeners import COMMAND


@pytest.fixture
def manifest() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(
        resources.files("bots").joinpath("slack/manifest.yaml").read_text(encoding="utf-8")
    )
    return loaded


def test_scopes_and_events_are_those_that_are_used(manifest: dict[str, Any]) -> None:
    assert set(manifest["oauth_config"]["scopes"]["bot"]) == {
        "app_mentions:read",
        "chat:write",
        "commands",
        "im:history",
    }
    assert manifest["settings"]["event_subscriptions"]["bot_events"] == ["app_mention", "message.im"]
    assert manifest["settings"]["socket_mode_enabled"] is True
    assert manifest["settings"]["token_rotation_enabled"] is False


def test_people_can_write_to_the_bot(manifest: dict[str, Any]) -> None:
    assert manifest["features"]["app_home"]["messages_tab_enabled"] is True
    assert manifest["features"]["app_home"]["messages_tab_read_only_enabled"] is False
    assert [command["command"] for command in manifest["features"]["slash_commands"]] == [COMMAND]
    assert manifest["features"]["bot_user"]["display_name"]


def test_slack_s_length_limits_are_kept(manifest: dict[str, Any]) -> None:
    assert len(manifest["display_information"]["name"]) <= 35
    assert len(manifest["display_information"]["description"]) <= 140
