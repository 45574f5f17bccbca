"""A Word document to paragraphs, with python-docx."""

import io
import zipfile

import docx
from docx.document import Document
from docx.opc.exceptions import OpcError
from docx.oxml.ns import qn
from docx.table import Table
from docx.text.paragraph import Paragraph
from lxml import etree

from index.articles import Kind
from index.exceptions import ArticleTooLarge, UnreadableArticle
from index.readers.layout import Layout, first_words, join_blocks

_FIX = "Save it in Word as .docx again, or as text, and index that file."
_T, _BR = qn("w:t"), qn("w:br")
_TEXT = " | ".join(
    f".//w:{tag}[not(ancestor::w:moveFrom or ancestor::w:del or ancestor::w:txbxContent)]" for tag in ("t", "tab", "br")
)
_KINDS: dict[str, Kind] = {"heading": "heading", "title": "heading", "caption": "caption"}


def read_docx(data: bytes, name: str, max_bytes: int) -> Layout:
    """Headings, paragraphs, captions by their styles, and the cells of tables; deleted text is left out.

    `max_bytes` is for the document unpacked. Raises ArticleTooLarge, UnreadableArticle.
    """
    document = _opened(data, name, max_bytes)
    blocks: list[tuple[Kind, str]] = []
    for item in document.iter_inner_content():
        blocks += _blocks(item)
    joined, spans = join_blocks(blocks)
    properties = document.core_properties
    heading = next((text for kind, text in blocks if kind == "heading"), "")
    body = next((text for kind, text in blocks if kind == "body"), "")
    return Layout(joined, spans, title=properties.title.strip() or heading or first_words(body))


def _opened(data: bytes, name: str, max_bytes: int) -> Document:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            size = sum(member.file_size for member in archive.infolist() if member.filename.endswith((".xml", ".rels")))
        if size > max_bytes * 4:  # markup is several times its text
            raise ArticleTooLarge(
                f"{name} is larger than {max_bytes:,} bytes when it is unpacked.",
                "An article is seldom that long. Split the file, or raise INDEX_MAX_BYTES.",
            )
        return docx.Document(io.BytesIO(data))
    except (zipfile.BadZipFile, OpcError, KeyError, ValueError, etree.XMLSyntaxError, NotImplementedError) as error:
        raise UnreadableArticle(f"{name} is not a Word document that can be read.", _FIX) from error


def _blocks(item: Paragraph | Table) -> list[tuple[Kind, str]]:
    if isinstance(item, Table):
        # A merged cell is listed once for each column that it covers.
        cells = {id(cell._tc): cell for row in item.rows for cell in row.cells}  # noqa: SLF001 - its only identity
        return [block for cell in cells.values() for inner in cell.iter_inner_content() for block in _blocks(inner)]
    style = (item.style.name or "") if item.style else ""
    kind = _KINDS.get(style.split()[0].lower() if style else "", "body")
    return [(kind, " ".join(line.split())) for line in _text(item).split("\n")]


def _text(paragraph: Paragraph) -> str:
    """The paragraph as it reads with tracked changes accepted; python-docx's `text` leaves out what was inserted."""
    found = paragraph._p.xpath(_TEXT)  # noqa: SLF001 - the public way to the XML
    return "".join(e.text or "" if e.tag == _T else "\n" if e.tag == _BR else " " for e in found)
