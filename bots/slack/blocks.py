"""Slack's blocks: text that is shown to the letter, buttons, menus and dialogs, inside Slack's limits.

Text of articles, people and models stands in `plain_text` only: in `mrkdwn`, and in the Markdown of a stream, a `*` or
`_` of the article would vanish, and `<!channel>` would call everyone. Slack still decodes `&amp; &lt; &gt;` in
`plain_text`, so these three are escaped.
"""

import html
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from rag.quotes import FIRST_STRONG_ISOLATE, POP_ISOLATE

Block = dict[str, Any]

# Slack's limits, from docs.slack.dev/reference/block-kit: characters of a text object, and of one in small text, blocks
# of a message. For a whole message it names no number and refuses long ones, so they are kept as short as a stream.
MAX_TEXT = 3_000
MAX_SMALL_TEXT = 2_000
MAX_BLOCKS = 50
MAX_LABEL = 75
MAX_VALUE = 2_000
_MAX_MESSAGE = 12_000
_MAX_TITLE = 24
_LONGEST_ENTITY = len("&amp;")
# A quotation is one unit, and so is a word with the white space after it. Every character is in some unit.
_UNIT = re.compile(
    f"{FIRST_STRONG_ISOLATE}[^{POP_ISOLATE}]*{POP_ISOLATE}|[^\\s{FIRST_STRONG_ISOLATE}]+\\s*|\\s+|{FIRST_STRONG_ISOLATE}"
)


@dataclass(frozen=True, slots=True)
class Message:
    """One Slack message: blocks, and the same text for notifications and screen readers."""

    text: str
    blocks: list[Block]


def prose(text: str) -> list[Block]:
    """A model's text, or the bot's own, a block for each 3,000 characters."""
    return [section(piece) for piece in split_text(text)]


def small_prose(text: str) -> list[Block]:
    """The same in small letters."""
    return [small_text(piece) for piece in split_text(text, MAX_SMALL_TEXT)]


def notice(text: str) -> Message:
    """A message of the bot itself."""
    return as_message(prose(text))


def as_message(blocks: list[Block]) -> Message:
    """Blocks that fit one message, with their text."""
    return Message("\n".join(filter(None, map(_text_of, blocks))), blocks)


def as_messages(groups: Iterable[list[Block]]) -> list[Message]:
    """Blocks as one message, or several where they exceed what Slack takes; a group of them stays together."""
    return [as_message(page) for page in _pages(groups)]


def split_text(text: str, limit: int = MAX_TEXT) -> list[str]:
    """The text in pieces of at most so many characters when they are escaped, cut between words, not in quotations.

    A quotation that is too long for one piece goes on in the next, each part in isolates of its own. But for
    these, the pieces joined are the text.
    """
    return [piece for piece in _pack(text, limit) if piece.strip()]


def section(text: str) -> Block:
    """A block of text, shown whole."""
    return {"type": "section", "expand": True, "text": plain_text(text)}


def small_text(text: str) -> Block:
    """A block of small text."""
    return {"type": "context", "elements": [plain_text(text)]}


def actions(elements: list[Block]) -> Block:
    """A row of buttons or menus, 25 at most."""
    return {"type": "actions", "elements": elements}


def button(text: str, action_id: str, value: str, *, style: str = "") -> Block:
    """A button; its text is cut at 75 characters, its value must not exceed 2,000."""
    made: Block = {"type": "button", "text": plain_text(shortened(text)), "action_id": action_id}
    return made | ({"value": value} if value else {}) | ({"style": style} if style else {})


def menu(placeholder: str, action_id: str, options: Sequence[tuple[str, str]], chosen: str) -> Block:
    """A menu of `(text, value)`, 100 at most; the option whose value is `chosen` is selected."""
    made = [{"text": plain_text(shortened(text)), "value": value} for text, value in options]
    selected = [option for option in made if option["value"] == chosen]
    initial = {"initial_option": selected[0]} if selected else {}
    element: Block = {"type": "static_select", "action_id": action_id, "options": made}
    return element | {"placeholder": plain_text(shortened(placeholder))} | initial


def modal(title: str, callback_id: str, blocks: list[Block], *, metadata: str = "", submit: str = "") -> Block:
    """A dialog; its title is cut at 24 characters."""
    view: Block = {"type": "modal", "callback_id": callback_id, "title": plain_text(shortened(title, _MAX_TITLE))}
    view |= {"blocks": blocks, "private_metadata": metadata}
    return view | ({"submit": plain_text(submit)} if submit else {})


def plain_text(text: str) -> Block:
    """A text object that shows these letters."""
    return {"type": "plain_text", "text": escaped(text), "emoji": False}


def shortened(text: str, limit: int = MAX_LABEL) -> str:
    """The text, or its beginning and an ellipsis, so that it has at most so many characters when it is escaped."""
    text = " ".join(text.split())
    if len(escaped(text)) <= limit:
        return text
    while len(escaped(text)) > limit - 1:
        text = text[:-1]
    return f"{text.rstrip()}…"


def escaped(text: str) -> str:
    """The text with `& < >` as Slack wants them."""
    return html.escape(text, quote=False)


def _pack(text: str, limit: int) -> list[str]:
    pieces: list[str] = []
    length = limit
    for unit in _units(text, limit):
        size = len(escaped(unit))
        if length + size > limit:
            pieces.append("")
            length = 0
        pieces[-1] += unit
        length += size
    return pieces


def _units(text: str, limit: int) -> Iterator[str]:
    for unit in _UNIT.findall(text):
        if len(escaped(unit)) <= limit:
            yield unit
        elif unit.startswith(FIRST_STRONG_ISOLATE):
            for piece in _pack(unit[1:-1], limit - 2):
                yield f"{FIRST_STRONG_ISOLATE}{piece}{POP_ISOLATE}"
        else:
            step = limit // _LONGEST_ENTITY
            yield from (unit[i : i + step] for i in range(0, len(unit), step))


def _pages(groups: Iterable[list[Block]]) -> Iterator[list[Block]]:
    page: list[Block] = []
    for group in groups:
        # What is too long for one message of its own is divided between its blocks.
        for part in [group] if fits_message(group) else [[block] for block in group]:
            if page and not fits_message([*page, *part]):
                yield page
                page = []
            page = [*page, *part]
    if page:
        yield page


def fits_message(blocks: Sequence[Block]) -> bool:
    """Whether Slack takes the blocks as one message."""
    return len(blocks) <= MAX_BLOCKS and sum(len(_text_of(block)) for block in blocks) <= _MAX_MESSAGE


def _text_of(block: Block) -> str:
    """The text of a section or a context; a row of buttons has none."""
    if block["type"] not in {"section", "context"}:
        return ""
    text: str = (block.get("text") or block["elements"][0])["text"]
    return text
