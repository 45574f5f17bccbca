"""An answer as one text with the places in it that a link proves, for clients that know nothing of quotes."""

import json
import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass

from anyio import to_thread
from fastapi.sse import format_sse_event

from api.errors import Problem
from api.streams import Stream
from index.exceptions import UnknownArticle
from rag.answers import Answer, Restart, Token
from rag.chat_engine import ChatEngine

# Between a text that was sent already and is void, and what counts.
_RULE = "\n\n---\n\n"


@dataclass(frozen=True, slots=True)
class Citation:
    """`text[start:end]` of a reply is a quote, or names a paragraph, and `url` shows it in its article."""

    start: int
    end: int
    title: str
    url: str


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole reply; tokens are those of the encoder's tokenizer."""

    text: str
    citations: list[Citation]
    question_tokens: int
    text_tokens: int


Piece = str | Reply | Problem | None
"""A piece of the text, the whole reply, why there is none, or that nothing came for `heartbeat` seconds."""


def json_event(body: Mapping[str, object], name: str | None = None) -> bytes:
    """A server-sent event whose data is compact JSON."""
    data = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    return format_sse_event(data_str=data, event=name)


async def pieces(stream: Stream, engine: ChatEngine, base_url: str, heartbeat: float) -> AsyncIterator[Piece]:
    """The text of an answer as it comes, then its notes, and last the whole reply, or why there is none.

    What was sent cannot be taken back: where a language model fails after its first words, a rule divides them from the
    answer that counts, and only that has citations.
    """
    sent = ""
    begin = 0
    async for event in stream.read(heartbeat=heartbeat):
        if isinstance(event, Token):
            sent += event.text
            yield event.text
        elif isinstance(event, Restart) and sent:
            sent += _RULE
            begin = len(sent)
            yield _RULE
        elif isinstance(event, Answer):
            if event.notes:
                notes = "\n\n" + "\n".join(event.notes)
                sent += notes
                yield notes
            yield await to_thread.run_sync(_reply, sent, begin, event, engine, base_url)
        elif event is None or isinstance(event, Problem):
            yield event


async def task_pieces() -> AsyncIterator[Piece]:
    """What Open WebUI gets for its own prompts: an empty object, for which it uses its defaults."""
    yield "{}"
    yield Reply("{}", [], 0, 0)


def _reply(text: str, begin: int, answer: Answer, engine: ChatEngine, base_url: str) -> Reply:
    count = engine.index.encoder.count_tokens
    citations = _citations(text, begin, answer, engine, base_url)
    return Reply(text, citations, count(answer.understood_as), count(text))


def _citations(text: str, begin: int, answer: Answer, engine: ChatEngine, base_url: str) -> list[Citation]:
    """The quotes in the text, then the paragraphs that it names (§4) without quoting them."""
    url = f"{base_url.rstrip('/')}/a/{answer.id}"
    found: list[Citation] = []

    def cite(span: tuple[int, int], article_id: str, paragraph: int) -> None:
        title = f"{_title(engine, article_id)}, §{paragraph}"
        # A fragment of its own, for clients that show each address once.
        found.append(Citation(*span, title, f"{url}#quote-{len(found) + 1}"))

    for quote in answer.quotes:
        start = text.find(quote.text, begin)
        if start >= 0:
            cite((start, start + len(quote.text)), quote.article_id, quote.paragraph)
    quoted = {(quote.article_id, quote.paragraph) for quote in answer.quotes}
    for source in answer.sources:
        named = re.compile(rf"§{source.paragraph}(?!\d)").search(text, begin)
        if named and (source.article_id, source.paragraph) not in quoted:
            cite(named.span(), source.article_id, source.paragraph)
    return found


def _title(engine: ChatEngine, article_id: str) -> str:
    try:
        return engine.index.catalog.article(article_id).article.title or article_id
    except UnknownArticle:  # Deleted since it was read.
        return article_id
