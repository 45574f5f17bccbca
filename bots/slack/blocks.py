"""An answer as Slack messages: text that is shown to the letter, inside Slack's limits.

All text objects are `plain_text`: in `mrkdwn` a `*` or `_` of the article would vanish. Slack still decodes
`&amp; &lt; &gt;` in them, so these three are escaped, which also makes `<!channel>` harmless.
"""

import html
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from rag.answers import Answer, Quote, Source
from rag.quotes import FIRST_STRONG_ISOLATE, POP_ISOLATE, introduction, place, quotation, translation_line

Block = dict[str, Any]

# Slack takes 3,000 characters a text object and 50 blocks a message (docs.slack.dev/reference/block-kit/blocks);
# for the whole message it names no number and refuses long ones, so they are kept short.
MAX_TEXT = 3_000
MAX_BLOCKS = 50
_MAX_MESSAGE = 12_000
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


def answer_messages(answer: Answer) -> list[Message]:
    """The answer as one message, or several where it exceeds what Slack takes."""
    texts = [piece for part in _parts(answer) for piece in split_text(part)]
    small = [piece for note in [*answer.notes, _cited(answer.quotes or answer.closest)] for piece in split_text(note)]
    blocks = [_section(text) for text in texts] + [_context(text) for text in small]
    return [_message(page) for page in _pages(blocks)]


def notice(text: str) -> Message:
    """A message of the bot itself."""
    return _message([_section(piece) for piece in split_text(text)])


def split_text(text: str) -> list[str]:
    """The text in pieces that Slack takes when they are escaped, cut between words, and outside of quotations.

    A quotation that is too long for one piece goes on in the next, each part in isolates of its own. But for
    these, the pieces joined are the text.
    """
    return [piece for piece in _pack(text, MAX_TEXT) if piece.strip()]


def _parts(answer: Answer) -> Iterator[str]:
    """The texts that each begin a block of their own."""
    if answer.verdict == "answered" and answer.model == "extractive":
        for i, quote in enumerate(answer.quotes):
            lead = introduction(quote, answer.language, place(quote), is_first=i == 0)
            yield f"{lead}\n{quotation(quote)}{translation_line(quote, answer.language)}"
        return
    yield answer.text
    for source in answer.closest:
        yield f"§{source.paragraph}\n{FIRST_STRONG_ISOLATE}{source.text}{POP_ISOLATE}"


def _cited(places: Sequence[Quote] | Sequence[Source]) -> str:
    """Which paragraphs of which articles: `kazakhstan-csto-2022.ar §5 §7`."""
    numbers: dict[str, list[str]] = {}
    for cited in places:
        paragraphs = numbers.setdefault(cited.article_id, [])
        if f"§{cited.paragraph}" not in paragraphs:
            paragraphs.append(f"§{cited.paragraph}")
    return "\n".join(
        f"{FIRST_STRONG_ISOLATE}{article_id}{POP_ISOLATE} {' '.join(paragraphs)}"
        for article_id, paragraphs in numbers.items()
    )


def _pack(text: str, limit: int) -> list[str]:
    pieces: list[str] = []
    length = limit
    for unit in _units(text, limit):
        size = len(_escaped(unit))
        if length + size > limit:
            pieces.append("")
            length = 0
        pieces[-1] += unit
        length += size
    return pieces


def _units(text: str, limit: int) -> Iterator[str]:
    for unit in _UNIT.findall(text):
        if len(_escaped(unit)) <= limit:
            yield unit
        elif unit.startswith(FIRST_STRONG_ISOLATE):
            for piece in _pack(unit[1:-1], limit - 2):
                yield f"{FIRST_STRONG_ISOLATE}{piece}{POP_ISOLATE}"
        else:
            step = limit // _LONGEST_ENTITY
            yield from (unit[i : i + step] for i in range(0, len(unit), step))


def _pages(blocks: list[Block]) -> Iterator[list[Block]]:
    page: list[Block] = []
    for block in blocks:
        if page and (len(page) == MAX_BLOCKS or sum(len(_text_of(b)) for b in [*page, block]) > _MAX_MESSAGE):
            yield page
            page = []
        page.append(block)
    if page:
        yield page


def _message(blocks: list[Block]) -> Message:
    return Message("\n".join(_text_of(block) for block in blocks), blocks)


def _section(text: str) -> Block:
    return {"type": "section", "expand": True, "text": _plain_text(text)}


def _context(text: str) -> Block:
    return {"type": "context", "elements": [_plain_text(text)]}


def _plain_text(text: str) -> Block:
    return {"type": "plain_text", "text": _escaped(text), "emoji": False}


def _text_of(block: Block) -> str:
    text: str = (block.get("text") or block["elements"][0])["text"]
    return text


def _escaped(text: str) -> str:
    return html.escape(text, quote=False)
