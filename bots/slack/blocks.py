"""An answer as Slack messages: text that is shown to the letter, inside Slack's limits.

Text of articles, people and models stands in `plain_text` only: in `mrkdwn`, and in the Markdown of a stream, a `*` or
`_` of the article would vanish, and `<!channel>` would call everyone. Slack still decodes `&amp; &lt; &gt;` in
`plain_text`, so these three are escaped.
"""

import html
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from bots.slack.labels import label
from rag.answers import Answer, Quote, Source
from rag.quotes import FIRST_STRONG_ISOLATE, POP_ISOLATE, introduction, place, quotation, translation_line

Block = dict[str, Any]

# Slack takes 3,000 characters a text object and 50 blocks a message (docs.slack.dev/reference/block-kit/blocks);
# for the whole message it names no number and refuses long ones, so they are kept short. A stream takes 12,000.
MAX_TEXT = 3_000
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
_SENTENCE_END = re.compile(r"[.!?؟…。！？](?=\s)|\n")


@dataclass(frozen=True, slots=True)
class Message:
    """One Slack message: blocks, and the same text for notifications and screen readers."""

    text: str
    blocks: list[Block]


@dataclass(frozen=True, slots=True)
class Frame:
    """What stands around an answer in Slack.

    `page_url` is the web page's address, or empty; `question` is shown where nobody sees it in the conversation;
    `is_private` answers are seen by one person, who may share them.
    """

    page_url: str = ""
    question: str = ""
    suggestions: Sequence[str] = ()
    is_private: bool = False
    has_buttons: bool = True


def answer_messages(answer: Answer, frame: Frame | None = None, before: Sequence[Block] = ()) -> list[Message]:
    """The answer as one message, or several where it exceeds what Slack takes; no quote goes over two messages.

    The blocks `before` stand above it.
    """
    frame = frame or Frame()
    quotes = quote_groups(answer.quotes, answer.id, answer.language, frame)
    groups = [*([block] for block in before), *opening(frame), *quotes]
    if answer.verdict != "answered" or answer.model != "extractive":
        groups += [[section] for section in prose(answer.text)]
        groups += [_closest(source) for source in answer.closest]
    small = [piece for note in [*answer.notes, _cited(answer.quotes or answer.closest)] for piece in split_text(note)]
    groups += [[small_text(text)] for text in small]
    if frame.has_buttons:
        groups += _ending(answer, frame)
    return [_message(page) for page in _pages(groups)]


def opening(frame: Frame) -> list[list[Block]]:
    """The question that is answered, where it is to be shown."""
    pieces = split_text(f"{FIRST_STRONG_ISOLATE}{frame.question}{POP_ISOLATE}") if frame.question else []
    return [[small_text(piece)] for piece in pieces]


def quote_groups(quotes: Sequence[Quote], answer_id: str, language: str, frame: Frame) -> list[list[Block]]:
    """For each quote the blocks that stay together: who says it, where, its letters, a translation, and buttons."""
    groups = []
    for i, quote in enumerate(quotes):
        lead = introduction(quote, language, place(quote), is_first=i == 0)
        text = f"{lead}\n{quotation(quote)}{translation_line(quote, language)}"
        buttons = [button(label("copy", language), f"cite:{i}", f"{answer_id}:{i}")]
        if frame.page_url:
            shown = button(label("show", language), f"show:{i}", "")
            buttons.insert(0, shown | {"url": f"{frame.page_url.rstrip('/')}/a/{answer_id}"})
        blocks = [section(piece) for piece in split_text(text)]
        groups.append([*blocks, actions(buttons)] if frame.has_buttons else blocks)
    return groups


def prose(text: str) -> list[Block]:
    """A model's text, or the bot's own, a block for each 3,000 characters."""
    return [section(piece) for piece in split_text(text)]


def finished_sentences(text: str) -> list[str]:
    """The sentences of a text that is still being written which are complete; none ends inside a quotation."""
    sentences, begin = [], 0
    for match in _SENTENCE_END.finditer(text):
        before = text[: match.end()]
        if before.count(FIRST_STRONG_ISOLATE) == before.count(POP_ISOLATE):
            sentences.append(text[begin : match.end()])
            begin = match.end()
    return [sentence.strip() for sentence in sentences if sentence.strip()]


def notice(text: str) -> Message:
    """A message of the bot itself."""
    return as_message(prose(text))


def as_message(blocks: list[Block]) -> Message:
    """Blocks that fit one message, with their text."""
    return _message(blocks)


def with_plain_buttons(message: Message) -> Message:
    """The message with ordinary buttons in place of the feedback buttons that not every Slack knows."""
    return replace(message, blocks=[_plain(block) for block in message.blocks])


def split_text(text: str) -> list[str]:
    """The text in pieces that Slack takes when they are escaped, cut between words, and outside of quotations.

    A quotation that is too long for one piece goes on in the next, each part in isolates of its own. But for
    these, the pieces joined are the text.
    """
    return [piece for piece in _pack(text, MAX_TEXT) if piece.strip()]


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


def _ending(answer: Answer, frame: Frame) -> Iterator[list[Block]]:
    language = answer.language
    questions = [question for question in frame.suggestions if len(question) <= MAX_VALUE]
    if questions:
        asks = [button(question, f"ask:{i}", question) for i, question in enumerate(questions)]
        yield [small_text(label("next", language)), actions(asks)]
    more = []
    if frame.is_private:
        more.append(button(label("share", language), "share", answer.id))
    if answer.closest and frame.page_url:
        address = f"{frame.page_url.rstrip('/')}/a/{answer.id}"
        more.append(button(label("show", language), "show:answer", "") | {"url": address})
    if more:
        yield [actions(more)]
    choices = {"up": label("up", language), "down": label("down", language)}
    up, down = ({"text": plain_text(text), "value": f"{name}:{answer.id}"} for name, text in choices.items())
    rated = {"type": "feedback_buttons", "action_id": "feedback", "positive_button": up, "negative_button": down}
    block = {"type": "context_actions", "elements": [rated]}
    yield [_plain(block) if frame.is_private else block]


def _plain(block: Block) -> Block:
    if block["type"] != "context_actions":
        return block
    (rated,) = block["elements"]
    sides = {"up": rated["positive_button"], "down": rated["negative_button"]}
    return actions([{"type": "button", "action_id": f"feedback:{name}", **side} for name, side in sides.items()])


def _closest(source: Source) -> list[Block]:
    text = f"§{source.paragraph}\n{FIRST_STRONG_ISOLATE}{source.text}{POP_ISOLATE}"
    return [section(piece) for piece in split_text(text)]


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


def _pages(groups: list[list[Block]]) -> Iterator[list[Block]]:
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


def _message(blocks: list[Block]) -> Message:
    return Message("\n".join(filter(None, map(_text_of, blocks))), blocks)


def _text_of(block: Block) -> str:
    """The text of a section or a context; a row of buttons has none."""
    if block["type"] not in {"section", "context"}:
        return ""
    text: str = (block.get("text") or block["elements"][0])["text"]
    return text
