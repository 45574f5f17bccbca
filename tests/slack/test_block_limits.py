"""The validator of blocks refuses what Slack refuses, so that the other tests can rely on it."""

from typing import Any

import pytest

from bots.slack import blocks
from tests.slack.block_limits import Surface, violations, violations_of_call

BUTTON = blocks.button("Press", "press", "v")
FEEDBACK = {
    "type": "feedback_buttons",
    "action_id": "feedback",
    "positive_button": {"text": blocks.plain_text("Yes"), "value": "up"},
    "negative_button": {"text": blocks.plain_text("No"), "value": "down"},
}
INPUT = {
    "type": "input",
    "block_id": "i",
    "label": blocks.plain_text("Text"),
    "element": {"type": "plain_text_input", "action_id": "text", "max_length": 3000},
}
MODAL = blocks.modal("Title", "callback", [INPUT], submit="Send")


def menu(count: int, length: int = 5) -> dict[str, Any]:
    options = [{"text": blocks.plain_text(f"Option {i}"), "value": "v" * length} for i in range(count)]
    return {"type": "static_select", "action_id": "m", "options": options, "placeholder": blocks.plain_text("Choose")}


def section(text: str) -> dict[str, Any]:
    return {"type": "section", "text": {"type": "plain_text", "text": text}}


@pytest.mark.parametrize(
    ("made", "surface"),
    [
        ([section("a" * 3000)], "message"),
        ([blocks.small_text("a" * 2000)], "message"),
        ([section("a")] * 50, "message"),
        ([section("a")] * 100, "home"),
        ([blocks.actions([blocks.button("a", str(i), "v") for i in range(25)])], "message"),
        ([blocks.actions([menu(100, 150)])], "home"),
        ([{"type": "context_actions", "elements": [FEEDBACK]}], "message"),
        ([{"type": "divider"}, {"type": "header", "text": blocks.plain_text("a" * 150)}], "message"),
        ([INPUT], "modal"),
    ],
)
def test_what_slack_takes_passes(made: list[dict[str, Any]], surface: Surface) -> None:
    assert violations(made, surface) == []


@pytest.mark.parametrize(
    ("made", "surface", "problem"),
    [
        ([], "message", "0 blocks"),
        ([section("a")] * 51, "message", "51 blocks"),
        ([section("a")] * 101, "home", "101 blocks"),
        ([section("")], "message", "0 characters of 3000"),
        ([section("a" * 3001)], "message", "3001 characters"),
        ([{"type": "section"}], "message", "neither text nor fields"),
        ([blocks.small_text("a" * 2001)], "message", "2001 characters"),
        ([{"type": "context", "elements": [blocks.plain_text("a")] * 11}], "message", "11 elements"),
        ([{"type": "header", "text": blocks.plain_text("a" * 151)}], "message", "151 characters"),
        ([{"type": "header", "text": {"type": "mrkdwn", "text": "a"}}], "message", "no text object"),
        ([{"type": "marquee"}], "message", "no block of a message"),
        ([{"type": "context_actions", "elements": [FEEDBACK]}], "modal", "no block of a modal"),
        ([{"type": "context_actions", "elements": [BUTTON]}], "message", "no button element"),
        ([blocks.actions([FEEDBACK])], "message", "no feedback_buttons element"),
        ([blocks.actions([])], "message", "0 elements"),
        ([blocks.actions([blocks.button("a", str(i), "v") for i in range(26)])], "message", "26 elements"),
        ([blocks.actions([BUTTON, BUTTON])], "message", "action_id 'press' is there twice"),
        ([blocks.actions([BUTTON]), blocks.actions([BUTTON])], "message", "action_id 'press' is there twice"),
        ([INPUT, INPUT], "modal", "block_id 'i' is there twice"),
        ([blocks.actions([BUTTON | {"text": blocks.plain_text("a" * 76)}])], "message", "76 characters"),
        ([blocks.actions([BUTTON | {"value": "a" * 2001}])], "message", "2001 characters"),
        ([blocks.actions([BUTTON | {"url": "https://a.b/" + "c" * 3000}])], "message", "3012 characters"),
        ([blocks.actions([BUTTON | {"url": "javascript:alert(1)"}])], "message", "url: javascript"),
        ([blocks.actions([BUTTON | {"action_id": "a" * 256}])], "message", "action_id of 256 characters"),
        ([blocks.actions([menu(101)])], "home", "101 options"),
        ([blocks.actions([menu(1, 151)])], "home", "151 characters of 150"),
        ([blocks.actions([menu(1) | {"placeholder": blocks.plain_text("a" * 151)}])], "home", "151 characters"),
        ([blocks.actions([menu(1) | {"initial_option": {"value": "other"}}])], "home", "none of the options"),
        ([{**INPUT, "element": {"type": "plain_text_input", "max_length": 3001}}], "modal", "max_length: 3001"),
        ([{"type": "image", "image_url": "https://a.b/c.png", "alt_text": ""}], "message", "alt_text"),
    ],
)
def test_what_slack_refuses_is_found(made: list[dict[str, Any]], surface: Surface, problem: str) -> None:
    assert any(problem in found for found in violations(made, surface))


@pytest.mark.parametrize(
    ("method", "body", "problem"),
    [
        ("chat.postMessage", {"channel": "C1"}, "no_text"),
        ("chat.update", {"blocks": [section("a")], "text": "a" * 40_001}, "40001 characters"),
        ("respond", {"blocks": "[]"}, "0 blocks"),
        ("views.open", {"view": {**MODAL, "title": blocks.plain_text("a" * 25)}}, "25 characters of 24"),
        ("views.open", {"view": blocks.modal("a", "b", [INPUT])}, "an input without submit"),
        ("views.open", {"view": {**MODAL, "private_metadata": "a" * 3001}}, "3001 characters"),
        ("views.publish", {"view": {"type": "home", "blocks": [section("")]}}, "0 characters"),
        ("chat.startStream", {"chunks": [{"type": "blocks", "blocks": [section("")]}]}, "0 characters"),
        ("chat.appendStream", {"chunks": [{"type": "markdown_text", "text": "a" * 12_001}]}, "12001 characters"),
        ("assistant.threads.setSuggestedPrompts", {"prompts": [{"title": "a", "message": "b"}] * 5}, "prompts: 5"),
        ("assistant.threads.setSuggestedPrompts", {"prompts": '[{"title": "", "message": "b"}]'}, "without title"),
        ("agents.sessions.setStatus", {"status": "busy"}, "status: busy"),
        ("agents.sessions.setStatus", {"status": "active", "title": "a" * 201}, "201 characters"),
    ],
)
def test_calls_are_looked_into(method: str, body: dict[str, Any], problem: str) -> None:
    assert any(problem in found for found in violations_of_call(method, body))


def test_a_dialog_and_a_home_that_slack_takes_pass() -> None:
    assert violations_of_call("views.open", {"view": MODAL}) == []
    assert violations_of_call("views.publish", {"view": {"type": "home", "blocks": [section("a")]}}) == []
