"""The manifest asks for what the bot uses, and for no more; what it uses is read from the code."""

import ast
import inspect
import re
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
import yaml
from slack_bolt import App
from slack_sdk import WebClient

import bots.slack
import bots.slack.app
from bots.slack.app import open_bot
from bots.slack.scopes import APP_METHOD_SCOPES, EVENT_SCOPES, LOST_WITHOUT, METHOD_SCOPES, known_scopes, needed_scopes
from bots.slack.settings import SlackSettings
from bots.slack.workspaces import manifest_scopes
from rag.chat_engine import ChatEngine

# Slack sends it to apps that still have `assistant_view`; they keep their own subscription.
NOT_SUBSCRIBED = {"assistant_thread_started"}
KINDS_OF_MESSAGES = {"message.channels", "message.groups", "message.im", "message.mpim"}


def text(name: str) -> str:
    return resources.files("bots").joinpath(name).read_text(encoding="utf-8")


@pytest.fixture
def manifest() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(text("slack/manifest.yaml"))
    return loaded


class Recording(App):
    """An app that notes what it is registered for."""

    made: "Recording"

    def __init__(self, *args: Any, **options: Any) -> None:
        self.registered: dict[str, list[Any]] = {"event": [], "command": [], "shortcut": []}
        Recording.made = self
        super().__init__(*args, **options)

    def event(self, event: Any, *args: Any, **options: Any) -> Any:
        self.registered["event"].append(event)
        return super().event(event, *args, **options)

    def command(self, command: Any, *args: Any, **options: Any) -> Any:
        self.registered["command"].append(command)
        return super().command(command, *args, **options)

    def shortcut(self, constraints: Any, *args: Any, **options: Any) -> Any:
        self.registered["shortcut"].append(constraints)
        return super().shortcut(constraints, *args, **options)


@pytest.fixture
def registered(
    engine: ChatEngine, settings: SlackSettings, monkeypatch: pytest.MonkeyPatch
) -> Iterator[dict[str, list[Any]]]:
    """What the bot's own app listens to."""
    monkeypatch.setattr(bots.slack.app, "App", Recording)
    with open_bot(engine, settings):
        yield Recording.made.registered


def called_methods() -> set[str]:
    """The methods of Slack's Web API that the bot's modules call."""
    names = {
        name: re.findall(r'api_call\(\s*"([A-Za-z.]+)"', inspect.getsource(function))
        for name, function in inspect.getmembers(WebClient, inspect.isfunction)
    }
    names["chat_stream"] = ["chat.startStream", "chat.appendStream", "chat.stopStream"]
    called: set[str] = set()
    for path in Path(bots.slack.__file__).parent.glob("*.py"):
        if path.name == "check.py":  # It looks up what scopes allow, and needs none of its own.
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute) and node.attr in names:
                called.update(names[node.attr])
    return called


def test_every_method_that_is_called_has_its_scopes() -> None:
    assert called_methods() == set(METHOD_SCOPES) | set(APP_METHOD_SCOPES)


def test_events_are_those_that_are_listened_to(manifest: dict[str, Any], registered: dict[str, list[Any]]) -> None:
    # A pattern takes what else Slack sends, so that it is acknowledged.
    listened = {event for event in registered["event"] if isinstance(event, str)} - NOT_SUBSCRIBED
    subscribed = manifest["settings"]["event_subscriptions"]["bot_events"]
    assert "message" in listened
    assert sorted(subscribed) == sorted(listened - {"message"} | KINDS_OF_MESSAGES)
    assert set(subscribed) == set(EVENT_SCOPES)


def test_scopes_are_those_that_are_used(manifest: dict[str, Any]) -> None:
    scopes = manifest["oauth_config"]["scopes"]
    assert set(scopes) == {"bot"}
    assert len(scopes["bot"]) == len(set(scopes["bot"]))
    assert set(scopes["bot"]) == known_scopes() == set(LOST_WITHOUT)
    assert manifest_scopes() == scopes["bot"]


def test_every_scope_has_its_reason_beside_it() -> None:
    lines = text("slack/manifest.yaml").splitlines()
    begin, end = lines.index("    bot:") + 1, lines.index("settings:")
    assert lines[begin].lstrip().startswith("#")
    for above, line in zip(lines[begin:end], lines[begin + 1 : end], strict=False):
        # Those that stand together share one reason.
        is_history = line.endswith(("groups:history", "mpim:history"))
        assert line.lstrip().startswith("#") or above.lstrip().startswith("#") or is_history, line


def test_what_is_not_configured_needs_no_scope(settings: SlackSettings) -> None:
    def needed(*editors: str) -> frozenset[str]:
        return needed_scopes(settings.model_copy(update={"editors": frozenset(editors)}))

    assert known_scopes() - needed() == {"files:read", "usergroups:read"}
    assert known_scopes() - needed("U1") == {"usergroups:read"}
    assert needed("U1", "S1") == known_scopes()


def test_commands_and_shortcuts_are_those_that_are_listened_to(
    manifest: dict[str, Any], registered: dict[str, list[Any]]
) -> None:
    features = manifest["features"]
    assert sorted(command["command"] for command in features["slash_commands"]) == sorted(registered["command"])
    types = {"message": "message_action", "global": "shortcut"}
    offered = [{"type": types[each["type"]], "callback_id": each["callback_id"]} for each in features["shortcuts"]]
    assert sorted(offered, key=str) == sorted(registered["shortcut"], key=str)
    assert manifest["settings"]["interactivity"]["is_enabled"] is True


def test_people_can_write_to_the_bot(manifest: dict[str, Any]) -> None:
    assert manifest["features"]["app_home"] == {
        "home_tab_enabled": True,
        "messages_tab_enabled": True,
        "messages_tab_read_only_enabled": False,
    }
    assert manifest["features"]["bot_user"]["display_name"]
    assert "assistant_view" not in manifest["features"]  # Slack takes only one of the two.
    assert manifest["features"]["agent_view"]["agent_description"]
    assert manifest["settings"]["socket_mode_enabled"] is True
    assert manifest["settings"]["token_rotation_enabled"] is False


# github.com/slackapi/manifest-schema
LENGTHS = {"name": (1, 35), "description": (1, 140), "long_description": (175, 4_000)}
SHORTCUT_LENGTHS = {"name": (1, 24), "callback_id": (1, 255), "description": (1, 150)}
COMMAND_LENGTHS = {"command": (2, 32), "description": (1, 2_000), "usage_hint": (1, 1_000)}


def test_slack_s_length_limits_are_kept(manifest: dict[str, Any]) -> None:
    features = manifest["features"]
    checked = [(manifest["display_information"], LENGTHS)]
    checked += [(each, SHORTCUT_LENGTHS) for each in features["shortcuts"]]
    checked += [(each, COMMAND_LENGTHS) for each in features["slash_commands"]]
    for fields, limits in checked:
        for name, (least, most) in limits.items():
            assert least <= len(fields[name]) <= most, (name, fields)
    assert len(features["bot_user"]["display_name"]) <= 80
    assert len(features["shortcuts"]) <= 10
    assert len(features["slash_commands"]) <= 50


def test_the_variant_for_http_mode_is_documented(manifest: dict[str, Any]) -> None:
    """The snippet in docs/slack.md, laid over the manifest, turns Socket Mode off and gives every address."""
    docs = Path(__file__).parents[2] / "docs" / "slack.md"
    (snippet,) = re.findall(r"```yaml\n(.*?)```", docs.read_text(encoding="utf-8"), re.DOTALL)
    variant = yaml.safe_load(snippet)
    address = "https://maqal.example.org/slack/events"
    assert {each["command"]: each["url"] for each in variant["features"]["slash_commands"]} == {
        each["command"]: address for each in manifest["features"]["slash_commands"]
    }
    settings = variant["settings"]
    assert settings["socket_mode_enabled"] is False
    assert settings["event_subscriptions"]["request_url"] == settings["interactivity"]["request_url"] == address
    assert set(settings) <= set(manifest["settings"])
