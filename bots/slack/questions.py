"""Slack's message text as the plain question that a person typed, and whether it is one."""

import html
import re
from typing import Literal

from index.languages import detect_language
from rag.question_kinds import kind_of

# <@U1>, <#C1|name>, <!subteam^S1|@desk>, <https://…|label>: docs.slack.dev/messaging/formatting-message-text
_REFERENCE = re.compile(r"<([@#!]?)([^<>|]*)(?:\|([^<>]*))?>")
_QUESTION_MARK = re.compile("[?\u061f\uff1f\u037e\u055e]")
# Without a question mark, "when I am back" and "will do" are none.
_PLAIN_OPENINGS = frozenset({"why", "who", "where", "how_many", "how_long", "how_far", "how_much"})
_OPENING_WORDS = 2
_LEAST_WORDS = 3


def plain_question(text: str) -> str:
    """The text without mentions of people, with labels in place of links, and `& < >` as such."""
    return " ".join(html.unescape(_REFERENCE.sub(_spoken, text)).split())


def _spoken(match: re.Match[str]) -> str:
    kind, target, label = match[1], match[2], match[3] or ""
    if kind == "@":
        return " "
    if kind == "#":
        return f"#{label}" if label else " "
    return label or (" " if kind == "!" else target)


def mentions(text: str, user: str) -> bool:
    """Whether a text, in Slack's markup, mentions the user."""
    return any(match[1] == "@" and match[2] == user for match in _REFERENCE.finditer(text))


def mentions_another(text: str, user: str) -> bool:
    """Whether a text, in Slack's markup, mentions anyone, or any group, but the user."""
    return any(
        (match[1] == "@" and match[2] != user) or (match[1] == "!" and not match[2].startswith("date^"))
        for match in _REFERENCE.finditer(text)
    )


def links(text: str) -> list[str]:
    """The web addresses in a text in Slack's markup."""
    targets = [html.unescape(match[2]) for match in _REFERENCE.finditer(text) if not match[1]]
    return [target for target in targets if target.startswith(("http://", "https://"))]


def without_links(text: str) -> str:
    """The plain question without its web addresses."""
    return plain_question(_REFERENCE.sub(lambda match: match[0] if match[1] else " ", text))


def asks_something(question: str) -> bool:
    """Whether people talking among themselves would say that this is a question: by its mark, or by how it begins."""
    if _QUESTION_MARK.search(question):
        return True
    words = question.split()
    opening = " ".join(words[:_OPENING_WORDS])
    return len(words) >= _LEAST_WORDS and kind_of(opening, detect_language(question)) in _PLAIN_OPENINGS


def command_word(question: str) -> Literal["mute", "unmute"] | None:
    """The word with which people make the bot quiet in a thread, or talk again, where the text is only that."""
    word = question.casefold().strip(" .!")
    return "mute" if word == "mute" else "unmute" if word == "unmute" else None
