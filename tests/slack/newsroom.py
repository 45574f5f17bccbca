"""A newsroom: the bot over the bundled article, a Slack on loopback, and a person who asks, presses and reads."""

import html
import re
import sqlite3
import time
from collections.abc import Sequence
from contextlib import closing
from itertools import count
from typing import Any

import httpx

from bots.slack.inbox import FILE_NAME
from rag.chat_engine import ChatEngine
from tests.slack.block_limits import loaded, nested
from tests.slack.bot import Bot, direct_message, mention
from tests.slack.slack_server import WAIT_SECONDS, SlackServer

PAGE = "https://maqal.example.org"
QUESTION = "Why did Tokayev call in the CSTO?"
FSI, PDI = "\u2068", "\u2069"
Message = dict[str, Any]
_numbers = count(1)


class Newsroom:
    """Shared by the tests of a module; each has a channel and a person of its own."""

    def __init__(self, slack: SlackServer, bot: Bot, engine: ChatEngine) -> None:
        self.slack = slack
        self.bot = bot
        self.engine = engine
        self.enter()

    def enter(self) -> None:
        """Begin a test: in another channel, as another person, with no call made yet."""
        number = next(_numbers)
        self.channel, self.direct, self.user = f"C{number}", f"D{number}", f"U{number}"
        self.slack.forget()

    def leave(self) -> None:
        """End a test, when all that was asked is answered; what Slack would have refused fails it."""
        with closing(sqlite3.connect(self.engine.index.settings.data_dir / FILE_NAME)) as database:
            deadline = time.monotonic() + WAIT_SECONDS
            while database.execute("SELECT count(*) FROM jobs WHERE state IN ('waiting', 'working')").fetchone()[0]:
                assert time.monotonic() < deadline, "a question is still being answered"
                time.sleep(0.01)
        assert self.slack.violations == []

    def mention(self, question: str, **fields: Any) -> str:
        """Ask in the channel; the message's ts."""
        ts = f"{next(_numbers)}.1"
        assert self.bot.event(mention(question, ts, channel=self.channel, user=self.user, **fields)).status_code == 200
        return ts

    def write(self, text: str, **fields: Any) -> str:
        """Write to the bot; the message's ts."""
        ts = f"{next(_numbers)}.1"
        event = direct_message(text, ts, channel=self.direct, user=self.user, **fields)
        assert self.bot.event(event).status_code == 200
        return ts

    def ask(self, question: str = QUESTION) -> Message:
        """The first message of the answer to a question in the channel."""
        return self.slack.wait_for_reply(self.channel, self.mention(question))[0]

    def command(self, text: str, command: str = "/ask") -> httpx.Response:
        """Give a command in the channel."""
        response = self.bot.command(
            text, self.slack.response_url, command=command, channel_id=self.channel, user_id=self.user
        )
        assert response.status_code == 200
        return response

    def told(self, times: int = 1) -> Message:
        """What was told by the response URL last."""
        return self.slack.wait_for("respond", times)[-1]

    def press(
        self, message: Message, action_id: str, *, side: str = "", value: str = "", is_private: bool = False
    ) -> None:
        """Press a button under a message, or choose `value` in its menu."""
        element = element_of(message["blocks"], action_id)
        channel = message.get("channel") or self.channel
        container = {"type": "message", "channel_id": channel, "is_ephemeral": is_private, "message_ts": "1.1"}
        shown: dict[str, Any] = {}
        if not is_private:
            shown = {"message": message}
            container["message_ts"] = message["ts"]
        self.interact(
            type="block_actions",
            actions=[_pressed(element, side, value)],
            container=container,
            channel={"id": channel},
            response_url=self.slack.response_url,
            **shown,
        )

    def press_in_home(self, blocks: Sequence[Message], action_id: str, value: str = "") -> None:
        """Press a button in Home, or choose `value` in its menu."""
        self.interact(
            type="block_actions",
            actions=[_pressed(element_of(blocks, action_id), "", value)],
            container={"type": "view", "view_id": "V1"},
            view={"id": "V1", "type": "home"},
        )

    def submit(self, view: Message, values: dict[str, dict[str, Any]], **payload: Any) -> httpx.Response:
        """Send a dialog with what was entered: `values[block_id][action_id]`."""
        sent = {**view, "id": f"V{next(_numbers)}", "state": {"values": values}}
        return self.interact(type="view_submission", view=sent, **payload)

    def open_home(self) -> list[Message]:
        """Open Home; its blocks."""
        before = len(self.slack.calls("views.publish"))
        self.bot.event({"type": "app_home_opened", "user": self.user, "channel": self.direct, "tab": "home"})
        return self.home(before + 1)

    def home(self, times: int) -> list[Message]:
        """The blocks of Home when it was shown so many times."""
        view = loaded(self.slack.wait_for("views.publish", times)[-1]["view"])
        blocks: list[Message] = view["blocks"]
        return blocks

    def interact(self, **payload: Any) -> httpx.Response:
        """Deliver a button, a dialog or a shortcut of this person."""
        response = self.bot.interact(user={"id": self.user, "team_id": "T1"}, **payload)
        assert response.status_code == 200
        return response


def element_of(blocks: Sequence[Message], action_id: str) -> Message:
    """The button or menu with the action id."""
    (element,) = (each for each in nested(list(blocks)) if each.get("action_id") == action_id)
    return element


def action_ids(blocks: Sequence[Message]) -> list[str]:
    """The ids of all buttons and menus, in their order."""
    return [each["action_id"] for each in nested(list(blocks)) if "action_id" in each]


def texts(message: Message) -> list[str]:
    """What a reader sees of a message's text, a string for each block."""
    return [html.unescape(block["text"]["text"]) for block in loaded(message["blocks"]) if block["type"] == "section"]


def small_texts(message: Message) -> list[str]:
    """The same of its small text."""
    blocks = loaded(message["blocks"])
    return [html.unescape(block["elements"][0]["text"]) for block in blocks if block["type"] == "context"]


def quotations(message: Message) -> list[str]:
    """The quotes in a message, without their marks."""
    return re.findall(f"{FSI}[“«](.*?)[”»]{PDI}", "\n".join(texts(message)), re.DOTALL)


def labels(blocks: Sequence[Message]) -> list[str]:
    """What the buttons of a message say."""
    return [html.unescape(each["text"]["text"]) for each in nested(list(blocks)) if each.get("type") == "button"]


def _pressed(element: Message, side: str, value: str) -> Message:
    action = {"type": element["type"], "action_id": element["action_id"], "block_id": "b1"}
    if element["type"] == "static_select":
        (option,) = (option for option in element["options"] if option["value"] == value)
        return action | {"selected_option": option}
    if element["type"] == "feedback_buttons":
        return action | {"value": element[f"{side}_button"]["value"]}
    return action | ({"value": element["value"]} if "value" in element else {})
