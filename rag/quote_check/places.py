"""Where words that are said to be a quote stand in the articles, letter for letter or after folding."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from index.articles import IndexedArticle, Paragraph
from index.normalization import fold
from rag.answers import Quote
from rag.quote_check.edges import grown
from rag.quote_check.text import STOPS
from rag.quote_check.word_diff import same_numbers
from rag.quotes import Span, find_quote
from rag.speakers import attribute

_TRIES = 20  # occurrences in one paragraph, where one is cut off from a number or a negation


@dataclass(frozen=True, slots=True)
class FoldedArticle:
    """An article with its folded text, in which words are looked for first."""

    entry: IndexedArticle
    folded: str

    def may_hold(self, said: str) -> bool:
        """Whether the words stand in it after folding, be it in the middle of others."""
        wanted = fold(said).strip(STOPS)
        return bool(wanted) and wanted in self.folded


def is_cut(entry: IndexedArticle, quote: Quote) -> bool:
    """Whether a negation or the rest of a number stands right beside the quote."""
    article = entry.article
    return grown(article.text, quote.start, quote.end, article.language) != (quote.start, quote.end)


def paragraphs_of(entry: IndexedArticle, start: int, end: int) -> list[Paragraph]:
    """The paragraphs, of any kind, that hold `text[start:end]` of the article; at least one where it holds letters."""
    return [paragraph for paragraph in entry.article.paragraphs if paragraph.start < end and paragraph.end > start]


def quote_at(entry: IndexedArticle, start: int, end: int, score: float = 1.0) -> Quote:
    """The quote `article.text[start:end]`, with who says it; its paragraph is the first that it is in."""
    article = entry.article
    number = paragraphs_of(entry, start, end)[0].number
    said = attribute(article.text, start, end, article.language)
    quote = _span(entry, number, start, end).quote(0, end - start, score)
    return quote.model_copy(update={"speaker": said.speaker, "is_hedged": said.is_hedged})


def quotes_in(said: str, folded: FoldedArticle, after: int = 0) -> Iterator[Quote]:
    """The quotes in an article from an offset on: one for each paragraph, or the one that goes over ends of some.

    Of a paragraph it is the first one that is not cut off (`is_cut`), or else the first.
    """
    if not folded.may_hold(said):
        return
    entry = folded.entry
    is_found = False
    for paragraph in entry.article.paragraphs:
        if paragraph.end > after:
            span = _span(entry, paragraph.number, max(after, paragraph.start), paragraph.end)
            quote = _quote_in(said, span, entry)
            if quote:
                is_found = True
                yield quote
    if not is_found:
        quote = find_quote(said, [_span(entry, 1, after, len(entry.article.text))])
        if quote and _same_numbers(said, quote):
            yield quote.model_copy(update={"paragraph": paragraphs_of(entry, quote.start, quote.end)[0].number})


def in_order(said: Sequence[str], folded: FoldedArticle) -> list[Quote]:
    """The quotes of the pieces where all stand in the article, each after the one before; else none."""
    if not all(map(folded.may_hold, said)):
        return []
    found: list[Quote] = []
    for piece in said:
        after = found[-1].end if found else 0
        quote = next((q for q in quotes_in(piece, folded, after) if not is_cut(folded.entry, q)), None)
        if quote is None:
            return []
        found.append(quote)
    return found


def _quote_in(said: str, span: Span, entry: IndexedArticle) -> Quote | None:
    first: Quote | None = None
    for _ in range(_TRIES):
        quote = find_quote(said, [span])
        if quote is None:
            break
        if _same_numbers(said, quote):
            if not is_cut(entry, quote):
                return quote
            first = first or quote
        rest = quote.end - span.start
        span = Span(span.article_id, span.version, span.paragraph, quote.end, span.text[rest:])
    return first


def _same_numbers(said: str, quote: Quote) -> bool:
    return same_numbers(said.strip(STOPS), quote.text.strip(STOPS))


def _span(entry: IndexedArticle, paragraph: int, start: int, end: int) -> Span:
    return Span(entry.id, entry.version, paragraph, start, entry.article.text[start:end])
