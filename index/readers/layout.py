"""What every reader returns: a text, the spans of its paragraphs, and what is known about it."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from index.articles import Kind

TITLE_WORDS = 12
_BYLINE = re.compile(r"(by|von|par|por|yazan|автор|بقلم|كتب|كتبت|إعداد)\b[\s:]+\S.{0,80}$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Layout:
    """A text and its paragraphs as `(kind, start, end)` in reading order."""

    text: str
    spans: list[tuple[Kind, int, int]]
    title: str
    source: str | None = None
    published: date | None = None


def join_blocks(blocks: Iterable[tuple[Kind, str]]) -> tuple[str, list[tuple[Kind, int, int]]]:
    """One text of the blocks, an empty line between two, and their spans in it."""
    text = ""
    spans: list[tuple[Kind, int, int]] = []
    for kind, block in blocks:
        if block := block.strip():
            start = len(text) + 2 if text else 0
            text = f"{text}\n\n{block}" if text else block
            role: Kind = "byline" if kind == "body" and is_byline(block) else kind
            spans.append((role, start, start + len(block)))
    return text, spans


def is_byline(line: str) -> bool:
    """Whether a line names the author and says nothing else."""
    return bool(_BYLINE.match(line)) and not line.endswith((".", "!", "?", "؟"))


def parse_date(value: str | None) -> date | None:
    """The date that an ISO 8601 date or time begins with."""
    try:
        return date.fromisoformat(value[:10]) if value else None
    except ValueError:
        return None


def first_words(text: str) -> str:
    """The beginning of a text, to call an article by that has no title."""
    words = text.split()
    return " ".join(words[:TITLE_WORDS]) + ("…" if len(words) > TITLE_WORDS else "")
