"""Quotes: made only from an article's own letters, and checked against them."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from index.normalization import fold, fold_with_offsets
from rag.answers import Quote, Source
from rag.phrases import phrase

# What a language model may put around words that it claims to quote, and what closes it.
_CLOSERS = {
    "“": "”",
    "«": "»",
    "„": "“”",
    "‚": "‘’",
    "‘": "’'",
    "’": "’'",
    "‹": "›",
    "「": "」",
    "『": "』",
    '"': '"',
    "'": "'’",
}
_APOSTROPHES = "'’"
_MARKS = frozenset('“”«»„‟‘‚‹›「」『』"')
_LONGEST_QUOTATION = 2000
_DEEPEST = 5
_TRAILING_CITATION = re.compile(r"\s*(?:\[[\d,\s]+\]\s*)+$")
_ELLIPSIS_OR_STOP = " .…,،;؛:"
FIRST_STRONG_ISOLATE, POP_ISOLATE = "\u2068", "\u2069"


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of an article's text that is at hand: `text` is `article.text[start:start + len(text)]`."""

    article_id: str
    version: int
    paragraph: int
    start: int
    text: str

    @classmethod
    def of_metadata(cls, metadata: dict[str, Any], text: str) -> "Span":
        """The span of a retrieved node."""
        return cls(metadata["article_id"], metadata["version"], metadata["paragraph"], metadata["start"], text)

    def quote(self, start: int, end: int, score: float) -> Quote:
        """The quote of `text[start:end]`."""
        return Quote(
            text=self.text[start:end],
            article_id=self.article_id,
            version=self.version,
            paragraph=self.paragraph,
            start=self.start + start,
            end=self.start + end,
            score=round(score, 4),
        )


@dataclass(frozen=True, slots=True)
class CheckedText:
    """A text whose quotations are verified, the quotes in it, and what lost its quotation marks."""

    text: str
    quotes: list[Quote]
    rejected: list[str]


def find_quote(claimed: str, spans: Sequence[Span], score: float = 1.0) -> Quote | None:
    """The article's letters for a claimed quote: whole words, exact or equal after folding; else None.

    Folding ignores tashkeel, tatweel, letter forms, case, kinds of quotation marks and white space.
    """
    for span in spans:
        start = _find_words(span.text, claimed)
        if start >= 0:
            return span.quote(start, start + len(claimed), score)
    folded_claim = fold(claimed).strip(_ELLIPSIS_OR_STOP)
    for span in spans:
        folded, offsets = _folded(span.text)
        start = _find_words(folded, folded_claim)
        if start >= 0:
            last = offsets[start + len(folded_claim) - 1]
            return span.quote(offsets[start], _end_of_character(span.text, last), score)
    return None


def check_quotations(text: str, spans: Sequence[Span], *, depth: int = 0) -> CheckedText:
    """The text with each quotation replaced by the article's letters, or without marks where none has them.

    Of quotations inside one another the outermost that stands in the article counts. A mark without a partner
    is dropped, so that every mark left is of a verified quote, which stands in isolates. Quotations more than five
    deep are not looked into.
    """
    text = text.replace(FIRST_STRONG_ISOLATE, "").replace(POP_ISOLATE, "")
    checked = CheckedText("", [], [])
    pieces: list[str] = []
    position = 0
    while position < len(text):
        end = _closing_mark(text, position)
        if end < 0:
            pieces.append("" if _is_mark(text, position) else text[position])
            position += 1
            continue
        content = text[position + 1 : end]
        citation = _TRAILING_CITATION.search(content)
        claimed = (content[: citation.start()] if citation else content).strip()
        quote = find_quote(claimed, spans)
        if quote:
            checked.quotes.append(quote)
            pieces.append(quotation(quote) + (citation.group() if citation else ""))
        else:
            inner = (
                check_quotations(content, spans, depth=depth + 1)
                if depth < _DEEPEST
                else CheckedText(_without_marks(content), [], [])
            )
            checked.quotes.extend(inner.quotes)
            if claimed:
                checked.rejected.append(_without_marks(claimed))
            pieces.append(inner.text)
        position = end + 1
    return replace(checked, text="".join(pieces))


def place(cited: Quote | Source, *, name_article: bool = False) -> str:
    """Where a quote or source stands, for a reader: `§5`, with the article's id where there are several."""
    name = f" {FIRST_STRONG_ISOLATE}{cited.article_id}{POP_ISOLATE}" if name_article else ""
    return f"§{cited.paragraph}{name}"


def introduction(quote: Quote, language: str, where: str, *, is_first: bool = True) -> str:
    """The line before a quotation: who says it, where it stands, and whether it is put as uncertain."""
    if quote.is_hedged:
        where = f"{where}, {phrase('hedged', language)}"
    if quote.speaker:
        return phrase("reported", language, speaker=f"{FIRST_STRONG_ISOLATE}{quote.speaker}{POP_ISOLATE}", place=where)
    return phrase("says" if is_first else "also", language, place=where)


def quotation(quote: Quote) -> str:
    """The quote between quotation marks, isolated from the direction of the text around it."""
    opening, closing = ("«", "»") if re.search("[“”]", quote.text) else ("“", "”")
    return f"{FIRST_STRONG_ISOLATE}{opening}{quote.text}{closing}{POP_ISOLATE}"


def translation_line(quote: Quote, language: str) -> str:
    """What follows a quotation with an unofficial translation: a line break and that line; else nothing."""
    return "\n" + phrase("translation", language, text=quote.translation) if quote.translation else ""


def _without_marks(text: str) -> str:
    return "".join(char for i, char in enumerate(text) if not _is_mark(text, i))


def _is_mark(text: str, position: int) -> bool:
    """Whether a quotation mark stands there; an apostrophe is none after a letter: Tokayev's, the soldiers' camp."""
    char = text[position]
    return char in _MARKS or (char in _APOSTROPHES and not text[position - 1 : position].isalnum())


@lru_cache(maxsize=256)
def _folded(text: str) -> tuple[str, list[int]]:
    """A passage folded, kept: each quotation of an answer is looked for in the same few passages."""
    return fold_with_offsets(text)


def _closing_mark(text: str, opening: int) -> int:
    """Offset of the mark that closes the quotation opened at `opening`; -1 where none is opened there or closed."""
    mark = text[opening]
    closers = _CLOSERS.get(mark)
    if closers is None or (mark in _APOSTROPHES and text[opening - 1 : opening].isalnum()):
        return -1
    depth = 1
    for i in range(opening + 1, min(len(text), opening + _LONGEST_QUOTATION)):
        char = text[i]
        if char in closers:
            is_apostrophe = char in _APOSTROPHES and text[i + 1 : i + 2].isalnum()
            depth -= not is_apostrophe
            if depth == 0:
                return i
        elif char == mark:
            depth += 1
    return -1


def _find_words(text: str, claimed: str) -> int:
    """Offset of the claimed letters where they begin and end with whole words; -1 where they do not stand."""
    start = text.find(claimed) if claimed else -1
    while start >= 0:
        end = start + len(claimed)
        cuts_first = text[start - 1 : start].isalnum() and text[start].isalnum()
        cuts_last = text[end : end + 1].isalnum() and text[end - 1].isalnum()
        if not (cuts_first or cuts_last):
            return start
        start = text.find(claimed, start + 1)
    return -1


def _end_of_character(text: str, offset: int) -> int:
    """The offset after the character at `offset` and the marks on it."""
    end = offset + 1
    while end < len(text) and not fold(text[end]) and not text[end].isspace():
        end += 1
    return end
