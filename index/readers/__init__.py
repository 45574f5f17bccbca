"""Files and texts in, `Article` out: plain text, Markdown, HTML, Word and PDF."""

import os
from dataclasses import replace
from datetime import date
from importlib import resources
from pathlib import Path

from index.articles import Article, number_paragraphs
from index.exceptions import ArticleTooLarge, EmptyArticle, NotAFile, SourceNotFound, UnreadableArticle
from index.languages import detect_language
from index.normalization import clean
from index.readers.decoding import decode
from index.readers.layout import Layout
from index.readers.plain_text import read_plain_text

SUFFIXES = {".txt": "text", ".text": "text", ".md": "markdown", ".markdown": "markdown",
            ".html": "html", ".htm": "html", ".xhtml": "html", ".docx": "docx", ".pdf": "pdf"}  # fmt: skip
BUNDLED = "kazakhstan-csto-2022.ar.txt"


def read_file(path: Path, max_bytes: int) -> Article:
    """The article in a file with one of the SUFFIXES.

    Raises SourceNotFound, NotAFile, ArticleTooLarge, UnreadableArticle or EmptyArticle.
    """
    if not path.exists():
        raise SourceNotFound(f"There is no file at {path}.", "Check the path; quote it if it holds spaces.")
    if path.is_dir():
        raise NotAFile(f"{path} is a directory.", f"Name the articles in it, for example: maqal index {path}/*.txt")
    if not path.is_file():
        raise NotAFile(
            f"{path} is not a regular file.", "Save the article as a text file or a document and index that."
        )
    if path.suffix.casefold() not in SUFFIXES:
        raise UnreadableArticle(
            f"{path.name} has no suffix that maqal reads.",
            f"Save the article as one of {', '.join(SUFFIXES)} and index that file.",
        )
    try:
        # Size is checked on what is read, not on what the file system says: a pipe or a growing file has none.
        with path.open("rb") as file:
            data = file.read(max_bytes + 1)
    except OSError as error:
        raise UnreadableArticle(
            f"{path} cannot be read: {os.strerror(error.errno or 0)}.", "Check the file's permissions."
        ) from error
    return read_bytes(data, path.name, origin=str(path.resolve()), max_bytes=max_bytes)


def read_bytes(data: bytes, name: str, *, origin: str, max_bytes: int) -> Article:
    """The article in the bytes of a file called `name`, whose suffix tells the format (plain text if none does)."""
    if len(data) > max_bytes:
        raise ArticleTooLarge(
            f"{name} is larger than {max_bytes:,} bytes.",
            "An article is seldom that long. Split the file, or raise INDEX_MAX_BYTES.",
        )
    kind = SUFFIXES.get(Path(name).suffix.casefold(), "text")
    if kind == "docx" and data.strip():
        from index.readers.docx import read_docx

        return _article(read_docx(data, name, max_bytes), origin)
    if kind == "pdf" and data.strip():
        from index.readers.pdf import read_pdf

        return _article(read_pdf(data, name), origin)
    return read_text(decode(data, name), origin=origin, format=kind)


def read_text(
    text: str,
    *,
    origin: str,
    format: str = "text",
    title: str | None = None,
    source: str | None = None,
    published: date | None = None,
) -> Article:
    """The article in a text of the format `text`, `markdown` or `html`; named fields win over what is found.

    `origin` is a file's path, or `kind:name`. Raises EmptyArticle.
    """
    text = clean(text)
    layout = _layout(text, format) if text.strip() else None
    return with_metadata(_article(layout, origin), title=title, source=source, published=published)


def _article(layout: Layout | None, origin: str) -> Article:
    if layout is None or not any(kind == "body" for kind, _, _ in layout.spans):
        where = f" in {Path(origin).name}" if Path(origin).is_absolute() else ""
        raise EmptyArticle(f"No paragraph was found{where}.", "Give the article's text, not only its headline.")
    return Article(
        origin=clean(origin),
        title=layout.title,
        text=layout.text,
        language=detect_language(layout.text),
        paragraphs=number_paragraphs(layout.spans),
        source=layout.source,
        published=layout.published,
    )


def with_metadata(
    article: Article, *, title: str | None = None, source: str | None = None, published: date | None = None
) -> Article:
    """The article with those of the fields that are given."""
    return replace(
        article,
        title=clean(title or "").strip() or article.title,
        source=clean(source or "").strip() or article.source,
        published=published or article.published,
    )


def read_bundled() -> Article:
    """The Arabic article that maqal was made for, from the installed package."""
    text = resources.files("index").joinpath("bundled", BUNDLED).read_text(encoding="utf-8")
    return read_text(text, origin=f"bundled:{BUNDLED}")


def _layout(text: str, format: str) -> Layout:
    if format == "html":
        from index.readers.html import read_html

        return read_html(text)
    if format == "markdown":
        from index.readers.markdown import read_markdown

        return read_markdown(text)
    return read_plain_text(text)
