"""Slack's message text as the plain question that a person typed."""

import html
import re

# <@U1>, <#C1|name>, <!subteam^S1|@desk>, <https://…|label>: docs.slack.dev/messaging/formatting-message-text
_REFERENCE = re.compile(r"<([@#!]?)([^<>|]*)(?:\|([^<>]*))?>")


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
