"""Passages: the pieces of an article that are embedded and found, one per body paragraph where it fits."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

from index.articles import Article, Paragraph, hash_text
from index.sentences import sentence_spans


@dataclass(frozen=True, slots=True)
class Passage:
    """`text`, at `start:end` of version `version` of the article; `id` is a hash of where and what it is."""

    id: str
    article_id: str
    version: int
    paragraph: int
    start: int
    end: int
    heading: str
    text: str

    @property
    def text_hash(self) -> str:
        """SHA-256 of the passage's text: the key of its vector."""
        return hash_text(self.text)


def split_passages(
    article: Article, article_id: str, version: int, count_tokens: Callable[[str], int], max_tokens: int
) -> list[Passage]:
    """The body paragraphs as passages; one that exceeds `max_tokens` is split at sentence ends.

    A single sentence that exceeds it is split between words, or anywhere in a text without spaces.
    Ids stay the same while the article's id and the paragraph's text do.
    """
    passages: list[Passage] = []
    seen: dict[str, int] = {}
    for paragraph, heading in article.body_under_headings():
        for start, end in _pieces(article.text, paragraph, count_tokens, max_tokens):
            text = article.text[start:end]
            nth = seen[text] = seen.get(text, -1) + 1
            digest = hashlib.sha256(f"{article_id}\0{nth}\0{text}".encode()).hexdigest()[:32]
            passages.append(Passage(digest, article_id, version, paragraph.number, start, end, heading, text))
    return passages


def _pieces(
    text: str, paragraph: Paragraph, count_tokens: Callable[[str], int], max_tokens: int
) -> list[tuple[int, int]]:
    whole = (paragraph.start, paragraph.end)

    def fits(start: int, end: int) -> bool:
        return count_tokens(text[start:end]) <= max_tokens

    if fits(*whole):
        return [whole]
    sentences = [(paragraph.start + s, paragraph.start + e) for s, e in sentence_spans(text[slice(*whole)])]
    units = [piece for s, e in sentences for piece in ([(s, e)] if fits(s, e) else _cut(text, s, e, fits))]
    packed = [units[0]]
    for start, end in units[1:]:
        if fits(packed[-1][0], end):
            packed[-1] = (packed[-1][0], end)
        else:
            packed.append((start, end))
    return packed


def _cut(text: str, start: int, end: int, fits: Callable[[int, int], bool]) -> list[tuple[int, int]]:
    """Halves until each fits, at the space nearest the middle where there is one."""
    if end - start < 2 or fits(start, end):
        return [(start, end)]
    middle = (start + end) // 2
    space = max(text.rfind(" ", start + 1, middle), -1)
    if space < 0:
        space = text.find(" ", middle, end - 1)
    left_end, right_start = (middle, middle) if space < 0 else (space, space + 1)
    while right_start < end - 1 and text[right_start].isspace():
        right_start += 1
    return _cut(text, start, left_end, fits) + _cut(text, right_start, end, fits)
