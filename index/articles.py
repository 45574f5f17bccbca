"""What an article is: one text, and paragraphs that are spans of it."""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Literal

Kind = Literal["section", "heading", "body", "caption", "byline"]


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A span `text[start:end]` of an article (character offsets) and its role there.

    `number` counts from 1 within the kind: body paragraph 5 is what answers cite as §5.
    """

    kind: Kind
    number: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Article:
    """An article as it was read: the text is exact and every quote is a slice of it."""

    origin: str
    title: str
    text: str
    language: str
    paragraphs: tuple[Paragraph, ...]
    source: str | None = None
    published: date | None = None

    @property
    def text_hash(self) -> str:
        """SHA-256 of the text, in hexadecimal."""
        return hash_text(self.text)

    @property
    def body(self) -> list[Paragraph]:
        """The paragraphs that can answer a question."""
        return [p for p in self.paragraphs if p.kind == "body"]

    def text_of(self, paragraph: Paragraph) -> str:
        """The paragraph's letters."""
        return self.text[paragraph.start : paragraph.end]

    def body_under_headings(self) -> Iterator[tuple[Paragraph, str]]:
        """Each body paragraph with the heading that it stands under, or an empty string."""
        heading = ""
        for paragraph in self.paragraphs:
            if paragraph.kind == "heading":
                heading = self.text_of(paragraph)
            elif paragraph.kind == "body":
                yield paragraph, heading


@dataclass(frozen=True, slots=True)
class IndexedArticle:
    """An article in the catalog: its id, its version (from 1), and when that was added (ISO 8601, UTC)."""

    id: str
    version: int
    added: str
    article: Article


def hash_text(text: str) -> str:
    """SHA-256 of a text, in hexadecimal."""
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def number_paragraphs(spans: Iterable[tuple[Kind, int, int]]) -> tuple[Paragraph, ...]:
    """Paragraphs from `(kind, start, end)` in reading order, each kind counted from 1."""
    counts: dict[Kind, int] = {}
    paragraphs = []
    for kind, start, end in spans:
        counts[kind] = counts.get(kind, 0) + 1
        paragraphs.append(Paragraph(kind, counts[kind], start, end))
    return tuple(paragraphs)
