"""A PDF to paragraphs, with PDFium: text of one column from left to right, of which the letters can be trusted."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pypdfium2
from pypdfium2 import PdfDocument, PdfiumError

from index.exceptions import ArticleTooLarge, UnreadableArticle
from index.readers.layout import Layout
from index.readers.plain_text import read_plain_text

_MOST_PAGES = 200
_GAP = 1.3  # in the distances of lines
_NEARLY = 0.98  # letters differ in width
_RIGHT_TO_LEFT = re.compile(r"[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufeff]")
_LETTER = re.compile(r"[^\W\d_]")
_PAGE_NUMBER = re.compile(r"\W*(?:\d+|[ivxlc]+)(?:\s*(?:/|of|von|sur|из|de)\s*\d+)?\W*", re.IGNORECASE)
_SENTENCE_END = re.compile(r"[.!?…。！？:]['\"”’»)]*$")
_TEXT_FIX = "Save the article's text as .txt, .md, .html or .docx and index that file."


def read_pdf(data: bytes, name: str) -> Layout:
    """The lines of all pages, joined to paragraphs; running heads and page numbers are left out.

    Refused are scans, which have no text, and right-to-left scripts: a PDF keeps the shapes of such a line from left
    to right, programs write them differently, and a quote of what is guessed from them could not be trusted.
    Raises ArticleTooLarge, UnreadableArticle.
    """
    pages = _pages(data, name)
    text = "\n\n".join(_paragraphs(list(_without_running_heads(pages))))
    letters = len(_LETTER.findall(text))
    if not letters:
        raise UnreadableArticle(f"{name} holds no text, perhaps a scan.", _TEXT_FIX)
    if len(_RIGHT_TO_LEFT.findall(text)) > letters // 20:
        raise UnreadableArticle(
            f"{name} is in a script that runs from right to left, whose letters a PDF does not keep in order.",
            _TEXT_FIX,
        )
    return read_plain_text(text)


@dataclass(frozen=True, slots=True)
class _Line:
    """A line of a page, and how far it stands below the one before, in points; None for the first of a column."""

    text: str
    drop: float | None


def _pages(data: bytes, name: str) -> list[list[_Line]]:
    """The lines of each page."""
    try:
        document = PdfDocument(data)
    except PdfiumError as error:
        raise UnreadableArticle(f"{name} cannot be opened: it is damaged, or needs a password.", _TEXT_FIX) from error
    try:
        if len(document) > _MOST_PAGES:
            raise ArticleTooLarge(
                f"{name} has {len(document)} pages; {_MOST_PAGES} are accepted.", "Index the article's pages only."
            )
        return [_lines(page) for page in document]
    except PdfiumError as error:
        raise UnreadableArticle(f"{name} cannot be read: a page of it is damaged.", _TEXT_FIX) from error
    finally:
        document.close()


def _lines(page: pypdfium2.PdfPage) -> list[_Line]:
    text_page = page.get_textpage()
    try:
        raw = text_page.get_text_range()
        lines: list[_Line] = []
        above: float | None = None
        for match in re.finditer(r"[^\r\n]+", raw):
            bottom = text_page.get_charbox(match.start(), loose=True)[1]
            if text := " ".join(match.group().split()):
                # The next column or box begins higher up.
                lines.append(_Line(text, above - bottom if above is not None and above > bottom else None))
                above = bottom
    finally:
        text_page.close()
        page.close()
    return lines


def _without_running_heads(pages: Sequence[Sequence[_Line]]) -> Iterator[_Line]:
    ends = Counter(line.text for page in pages for line in {*page[:1], *page[-1:]})
    for page in pages:
        for i, line in enumerate(page):
            is_at_end = i in {0, len(page) - 1}
            is_everywhere = len(pages) > 2 and ends[line.text] > len(pages) / 2
            if not (is_at_end and (_PAGE_NUMBER.fullmatch(line.text) or is_everywhere)):
                yield line


def _paragraphs(lines: Sequence[_Line]) -> Iterator[str]:
    """Lines joined until there is a gap; where the page has no gaps, until a sentence ends with room to spare."""
    drops = sorted(line.drop for line in lines if line.drop)
    gap = _GAP * drops[len(drops) // 4] if drops else 0.0
    has_gaps = any(drop > gap for drop in drops)
    lengths = sorted(len(line.text) for line in lines)
    # One line in twenty may be longer than the column, such as that of a table.
    full = lengths[-1 - len(lengths) // 20] if lengths else 0
    paragraph: list[str] = []
    for line in lines:
        if paragraph:
            has_room = len(paragraph[-1]) + 1 + len(line.text.split(" ", 1)[0]) < _NEARLY * full
            ends = has_room and (_SENTENCE_END.search(paragraph[-1]) or len(paragraph) == 1)
            if line.drop > gap if has_gaps and line.drop else ends:
                yield _joined(paragraph)
                paragraph = []
        paragraph.append(line.text)
    if paragraph:
        yield _joined(paragraph)


def _joined(lines: Sequence[str]) -> str:
    # PDFium marks a word that is hyphenated at the end of its line.
    return " ".join(lines).replace("\ufffe ", "").replace("\ufffe", "")
