"""An answer as Slack messages: quotes first, each with who says it, where, its own letters, and buttons."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from bots.slack.blocks import (
    MAX_VALUE,
    Block,
    Message,
    actions,
    as_messages,
    button,
    plain_text,
    prose,
    small_prose,
    small_text,
)
from bots.slack.labels import label
from rag.answers import Answer, Quote, Source
from rag.quotes import FIRST_STRONG_ISOLATE, POP_ISOLATE, introduction, place, quotation, translation_line

_MOST_SOURCES = 3
_SENTENCE_END = re.compile(r"[.!?؟…。！？](?=\s)|\n")


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


def answer_messages(answer: Answer, frame: Frame | None = None, before: Sequence[Block] = ()) -> list[Message]:
    """The answer as one message, or several where it exceeds what Slack takes; no quote goes over two messages.

    The blocks `before` stand above it. Where a model's text quotes nothing, the paragraphs that it cites stand first.
    """
    frame = frame or Frame()
    quotes = quote_groups(answer.quotes, answer.language)
    with_buttons = [[*blocks, _quote_buttons(i, answer, frame)] for i, blocks in enumerate(quotes)]
    groups = [*([block] for block in before), *opening(frame.question), *with_buttons]
    if answer.verdict != "answered" or answer.model != "extractive":
        if not answer.quotes:
            groups += [_paragraph(source) for source in answer.sources[:_MOST_SOURCES]]
        groups += [[section] for section in prose(answer.text)]
        groups += [_paragraph(source) for source in answer.closest]
    for note in [*answer.notes, _cited([*answer.quotes, *answer.sources, *answer.closest])]:
        groups += [[block] for block in small_prose(note)]
    return as_messages([*groups, *_ending(answer, frame)])


def opening(question: str) -> list[list[Block]]:
    """The question that is answered; nothing where it is empty."""
    if not question:
        return []
    return [[block] for block in small_prose(f"{FIRST_STRONG_ISOLATE}{question}{POP_ISOLATE}")]


def quote_groups(quotes: Sequence[Quote], language: str) -> list[list[Block]]:
    """For each quote the blocks that stay together: who says it, where, its letters, and a translation."""
    groups = []
    has_several_articles = len({quote.article_id for quote in quotes}) > 1
    for i, quote in enumerate(quotes):
        where = place(quote, name_article=has_several_articles)
        lead = introduction(quote, language, where, is_first=i == 0)
        groups.append(prose(f"{lead}\n{quotation(quote)}{translation_line(quote, language)}"))
    return groups


def finished_sentences(text: str) -> list[str]:
    """The sentences of a text that is still being written which are complete; none ends inside a quotation."""
    sentences, begin = [], 0
    for match in _SENTENCE_END.finditer(text):
        before = text[: match.end()]
        if before.count(FIRST_STRONG_ISOLATE) == before.count(POP_ISOLATE):
            sentences.append(text[begin : match.end()])
            begin = match.end()
    return [sentence.strip() for sentence in sentences if sentence.strip()]


def with_plain_buttons(message: Message) -> Message:
    """The message with ordinary buttons in place of the feedback buttons that not every Slack knows."""
    return replace(message, blocks=[_plain(block) for block in message.blocks])


def _quote_buttons(number: int, answer: Answer, frame: Frame) -> Block:
    buttons = [button(label("copy", answer.language), f"cite:{number}", f"{answer.id}:{number}")]
    if frame.page_url:
        buttons.insert(0, _link(f"show:{number}", answer, frame))
    return actions(buttons)


def _ending(answer: Answer, frame: Frame) -> Iterator[list[Block]]:
    language = answer.language
    questions = [question for question in frame.suggestions if len(question) <= MAX_VALUE]
    if questions:
        asks = [button(question, f"ask:{i}", question) for i, question in enumerate(questions)]
        yield [small_text(label("next", language)), actions(asks)]
    more = []
    if frame.is_private:
        more.append(button(label("share", language), "share", answer.id))
    if frame.page_url and not answer.quotes:
        more.append(_link("show:answer", answer, frame))
    if more:
        yield [actions(more)]
    choices = {"up": label("up", language), "down": label("down", language)}
    up, down = ({"text": plain_text(text), "value": f"{name}:{answer.id}"} for name, text in choices.items())
    rated = {"type": "feedback_buttons", "action_id": "feedback", "positive_button": up, "negative_button": down}
    block = {"type": "context_actions", "elements": [rated]}
    yield [_plain(block) if frame.is_private else block]


def _link(action_id: str, answer: Answer, frame: Frame) -> Block:
    """A button that opens the answer beside its article on the web page."""
    address = f"{frame.page_url.rstrip('/')}/a/{answer.id}"
    return button(label("show", answer.language), action_id, "") | {"url": address}


def _plain(block: Block) -> Block:
    if block["type"] != "context_actions":
        return block
    (rated,) = block["elements"]
    sides = {"up": rated["positive_button"], "down": rated["negative_button"]}
    return actions([{"type": "button", "action_id": f"feedback:{name}", **side} for name, side in sides.items()])


def _paragraph(source: Source) -> list[Block]:
    text = f"§{source.paragraph}\n{FIRST_STRONG_ISOLATE}{source.text}{POP_ISOLATE}"
    return prose(text)


def _cited(places: Sequence[Quote | Source]) -> str:
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
