"""Citations to print or paste: a quote with its speaker, title, outlet, date, paragraph and the text it is from."""

import re
from typing import Literal

from index.articles import IndexedArticle
from rag.answers import Quote
from rag.exceptions import BadQuestion
from rag.quote_check.places import paragraphs_of, quote_at
from rag.quotes import FIRST_STRONG_ISOLATE, POP_ISOLATE, quotation

Style = Literal["plain", "markdown"]

_HASH_LENGTH = 12
# What formats, links or begins a block in CommonMark and GitHub's Markdown; a stop or bracket does after a digit.
_MARKDOWN = re.compile(r"[\\`*_{}\[\]<>#+\-!|~&:@$=^]|(?i:(?<=www)\.)|(?<=\d)[.)](?=\s|$)")


def cite(quote: Quote, entry: IndexedArticle, style: Style = "plain") -> str:
    """The quote's citation: one line (plain), or a block quotation and a line under it (markdown).

    `entry` is the article that the quote is from, in the quote's version; in another one the letters at its offsets
    may be others. Raises BadQuestion where they are, or the article is another.
    """
    article = entry.article
    _check_version(entry, quote.article_id, quote.version)
    if not quote.text.strip() or article.text[quote.start : quote.end] != quote.text:
        raise BadQuestion(
            f"The quote's letters are not at {quote.start}:{quote.end} of {entry.id!r}.",
            "Cite a quote as maqal gave it.",
        )
    is_markdown = style == "markdown"
    title = _isolated(article.title, style)
    facts = [
        _isolated(quote.speaker, style) if quote.speaker else "",
        "put as uncertain" if quote.is_hedged else "",
        f"*{title}*" if is_markdown and title else title,
        _isolated(article.source or "", style),
        article.published.isoformat() if article.published else "undated",
        _where(entry, quote),
    ]
    origin = f"{_isolated(entry.id, style)}, version {entry.version}, sha256 {article.text_hash[:_HASH_LENGTH]}"
    told = f"— {', '.join(filter(None, facts))} ({origin})"
    letters = _escaped(quote.text) if is_markdown else quote.text
    # An isolate ends with its line, so that each line of a quote that goes over paragraphs has one of its own.
    line_end = POP_ISOLATE + ("\n>\n> " if is_markdown else "\n") + FIRST_STRONG_ISOLATE
    said = re.sub(r"[^\S\n]*\n\s*", line_end, quotation(quote.model_copy(update={"text": letters})))
    return f"> {said}\n>\n> {told}" if is_markdown else f"{said} {told}"


def quote_to_cite(entry: IndexedArticle, start: int, end: int, version: int | None = None) -> Quote:
    """The verified quote `article.text[start:end]` with its speaker. Raises BadQuestion where that is no quote.

    It is whole words with no white space around them; `version` is refused where the article has another one now.
    """
    _check_version(entry, entry.id, version or entry.version)
    text = entry.article.text
    letters = text[start:end]
    if not (0 <= start < end <= len(text)) or not any(char.isalnum() for char in letters):
        raise BadQuestion(
            f"There is nothing to quote at {start}:{end} of {entry.id!r}, which has {len(text):,} characters.",
            "Give `start` and `end` of a quote.",
        )
    start += len(letters) - len(letters.lstrip())
    end -= len(letters) - len(letters.rstrip())
    if _cuts_word(text, start) or _cuts_word(text, end):
        raise BadQuestion(f"{start}:{end} of {entry.id!r} cuts a word.", "Move `start` and `end` to the words' ends.")
    return quote_at(entry, start, end)


def _check_version(entry: IndexedArticle, article_id: str, version: int) -> None:
    if (article_id, version) != (entry.id, entry.version):
        raise BadQuestion(
            f"The quote is from version {version} of {article_id!r}; what is indexed now is version {entry.version}"
            f" of {entry.id!r}.",
            "Ask again, and cite the new answer's quotes.",
        )


def _where(entry: IndexedArticle, quote: Quote) -> str:
    """`§7`, `§7–8`, or the kind of paragraph where it is not of the body."""
    held = paragraphs_of(entry, quote.start, quote.end)
    numbers = [paragraph.number for paragraph in held if paragraph.kind == "body"]
    if not numbers:
        return held[0].kind
    return f"§{numbers[0]}" if len(numbers) == 1 else f"§{numbers[0]}–{numbers[-1]}"


def _isolated(text: str, style: Style) -> str:
    text = " ".join(text.split())
    if not text:
        return ""
    return f"{FIRST_STRONG_ISOLATE}{_escaped(text) if style == 'markdown' else text}{POP_ISOLATE}"


def _escaped(text: str) -> str:
    return _MARKDOWN.sub(lambda match: "\\" + match.group(), text)


def _cuts_word(text: str, offset: int) -> bool:
    """Whether letters or digits of one word stand on both sides; scripts without spaces have no such words."""
    around = text[max(0, offset - 1) : offset + 1]
    return (
        len(around) == 2 and offset > 0 and around.isalnum() and not re.search("[\u3040-\u30ff\u3400-\u9fff]", around)
    )
