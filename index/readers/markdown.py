"""Markdown to paragraphs, with markdown-it-py; the article's text is what a reader of the page sees."""

import re

from markdown_it import MarkdownIt
from markdown_it.token import Token

from index.articles import Kind
from index.readers.layout import Layout, first_words, join_blocks, parse_date

_FRONT_MATTER = re.compile(r"\A---\n(.*?)\n(?:---|\.\.\.)(?:\n|\Z)", re.DOTALL)
_FIELD = re.compile(r"""^(\w+):[ \t]*["']?(.+?)["']?[ \t]*$""", re.MULTILINE)


def read_markdown(text: str) -> Layout:
    """Headings, paragraphs, list items, quotations; an image's description is a caption.

    Front matter may name `title`, `source` and `published` (ISO 8601 date).
    """
    fields: dict[str, str] = {}
    if front := _FRONT_MATTER.match(text):
        fields = {name.lower(): value for name, value in _FIELD.findall(front.group(1))}
        text = text[front.end() :]
    blocks: list[tuple[Kind, str]] = []
    tokens = MarkdownIt("commonmark").enable("table").parse(text)
    for token, opener in zip(tokens[1:], tokens, strict=False):
        if token.type == "inline":
            blocks += _inline_blocks(token, "heading" if opener.type == "heading_open" else "body")
        elif token.type in {"fence", "code_block"}:
            blocks.append(("body", token.content))
    joined, spans = join_blocks(blocks)
    return Layout(
        joined,
        spans,
        title=fields.get("title") or _first_heading(blocks),
        source=fields.get("source") or fields.get("author"),
        published=parse_date(fields.get("published") or fields.get("date")),
    )


def _inline_blocks(token: Token, kind: Kind) -> list[tuple[Kind, str]]:
    """The text of an inline token without its markup; its images' descriptions as captions."""
    children = token.children or []
    captions: list[tuple[Kind, str]] = [("caption", c.content) for c in children if c.type == "image"]
    text = "".join(
        "\n" if child.type == "hardbreak" else " " if child.type == "softbreak" else child.content
        for child in children
        if child.type in {"text", "code_inline", "softbreak", "hardbreak"}
    )
    return [(kind, text), *captions]


def _first_heading(blocks: list[tuple[Kind, str]]) -> str:
    heading = next((text for kind, text in blocks if kind == "heading"), "")
    return heading or first_words(next((text for kind, text in blocks if kind == "body"), ""))
