"""A web page to paragraphs, with trafilatura: the article without navigation, comments and advertisements."""

import re

import trafilatura
from lxml import etree
from trafilatura.settings import Document

from index.articles import Kind
from index.exceptions import EmptyArticle
from index.readers.layout import Layout, first_words, join_blocks, parse_date

# A page in a string is not in the encoding that it declares, and trafilatura then finds less in it.
_XML_DECLARATION = re.compile(r"\A\s*<\?xml[^>]*\?>")
_KINDS: dict[str, Kind] = {
    "head": "heading",
    "p": "body",
    "item": "body",
    "quote": "body",
    "ab": "body",
    "cell": "body",
}


def read_html(text: str) -> Layout:
    """Headings, paragraphs, list items and quotations of the page's main text, and what its header says of it."""
    document = trafilatura.bare_extraction(
        _XML_DECLARATION.sub("", text),
        include_comments=False,
        include_tables=True,
        include_images=True,
        with_metadata=True,
        favor_recall=True,
    )
    if not isinstance(document, Document) or document.body is None:
        raise EmptyArticle(
            "No article text was found in the page.", "Save the article's text as .txt or .md and index that file."
        )
    blocks: list[tuple[Kind, str]] = []
    _collect(document.body, blocks)
    if document.title and not any(kind == "heading" and document.title in block for kind, block in blocks):
        blocks.insert(0, ("heading", document.title))
    joined, spans = join_blocks(blocks)
    body_text = next((block for kind, block in blocks if kind == "body"), "")
    return Layout(
        joined,
        spans,
        title=document.title or first_words(body_text),
        source=document.sitename or document.author or None,
        published=parse_date(document.date),
    )


def _collect(element: etree._Element, blocks: list[tuple[Kind, str]]) -> None:
    for child in element:
        kind = _KINDS.get(str(child.tag))
        inner = [c for c in child.iterdescendants() if str(c.tag) in _KINDS]
        if child.tag == "graphic":
            blocks.append(("caption", child.get("alt") or child.get("title") or ""))
        elif kind and not inner:
            blocks.append((kind, _text(child)))
        else:
            _collect(child, blocks)


def _text(element: etree._Element) -> str:
    return " ".join("".join(str(piece) for piece in element.itertext()).split())
