"""Word documents and PDFs are read as they look, or refused."""

import io
import zipfile
from pathlib import Path

import docx
import pytest
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from matplotlib.backends.backend_pdf import PdfPages
from matplotlib.figure import Figure

from index.articles import Article
from index.exceptions import ArticleTooLarge, EmptyArticle, UnreadableArticle
from index.readers import read_bytes, read_file

LIMIT = 1_000_000
PARAGRAPHS = (
    "The ferry Aurora left the harbour at noon on Friday with two hundred and fourteen passengers on board and a",
    "crew of nineteen. It reached the island four hours late, because the wind had turned at dawn.",
    "“Nobody was in danger,” said the captain, Lena Brandt.",
)


def read(data: bytes, name: str) -> Article:
    return read_bytes(data, name, origin=f"upload:{name}", max_bytes=LIMIT)


def kinds(article: Article) -> list[tuple[str, str]]:
    return [(p.kind, article.text_of(p)) for p in article.paragraphs]


def saved(document: "docx.document.Document") -> bytes:
    file = io.BytesIO()
    document.save(file)
    return file.getvalue()


class TestWord:
    def test_headings_paragraphs_captions_and_tables(self) -> None:
        document = docx.Document()
        document.add_heading("Ferry arrives late", 0)
        document.add_paragraph(PARAGRAPHS[1])
        document.add_heading("At sea", 2)
        document.add_paragraph(PARAGRAPHS[2])
        document.add_paragraph("The ferry Aurora", style="Caption")
        table = document.add_table(1, 2)
        table.cell(0, 0).text, table.cell(0, 1).text = "Passengers on board", "214"
        article = read(saved(document), "ferry.docx")
        assert article.title == "Ferry arrives late"
        assert kinds(article) == [
            ("heading", "Ferry arrives late"),
            ("body", PARAGRAPHS[1]),
            ("heading", "At sea"),
            ("body", PARAGRAPHS[2]),
            ("caption", "The ferry Aurora"),
            ("body", "Passengers on board"),
            ("body", "214"),
        ]

    def test_arabic_letters_are_kept(self) -> None:
        document = docx.Document()
        text = "قال الرئيس قاسم جومارت توكاييف: «لن نتراجع»، ووصل 2500 جندي إلى البلاد."
        document.add_paragraph(text)
        article = read(saved(document), "a.docx")
        assert (article.language, kinds(article)) == ("ar", [("body", text)])

    def test_tracked_changes_are_read_as_accepted(self) -> None:
        document = docx.Document()
        paragraph = document.add_paragraph("The mayor said ")
        for tag, inner, text in (("w:del", "w:delText", "no"), ("w:ins", "w:t", "yes"), ("w:moveFrom", "w:t", "maybe")):
            change, run, letters = OxmlElement(tag), OxmlElement("w:r"), OxmlElement(inner)
            letters.text = text
            run.append(letters)
            change.append(run)
            paragraph._p.append(change)
        link = OxmlElement("w:hyperlink")
        link.set(qn("w:anchor"), "top")
        link.append(paragraph.add_run(" twice.")._r)
        paragraph._p.append(link)
        assert kinds(read(saved(document), "a.docx")) == [("body", "The mayor said yes twice.")]

    @pytest.mark.parametrize("data", [b"PK\x03\x04", b"PK\x03\x04" + b"x" * 999, b"no zip at all", b"%PDF-1.7"])
    def test_what_is_no_word_document(self, data: bytes) -> None:
        with pytest.raises(UnreadableArticle, match="Word"):
            read(data, "a.docx")

    def test_a_zip_of_something_else(self) -> None:
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w") as archive:
            archive.writestr("hello.txt", "Hello.")
        with pytest.raises(UnreadableArticle, match="Word"):
            read(file.getvalue(), "a.docx")

    def test_a_bomb_is_refused_before_it_is_unpacked(self) -> None:
        data = io.BytesIO(saved(docx.Document()))
        with zipfile.ZipFile(data, "a", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("word/more.xml", b" " * 50_000_000)
        assert len(data.getvalue()) < LIMIT
        with pytest.raises(ArticleTooLarge, match="unpacked"):
            read(data.getvalue(), "a.docx")

    def test_empty(self) -> None:
        for data in (saved(docx.Document()), b"", b" \n"):
            with pytest.raises(EmptyArticle):
                read(data, "a.docx")


def pdf(*pages: list[str]) -> bytes:
    file = io.BytesIO()
    with PdfPages(file) as document:
        for lines in pages:
            figure = Figure(figsize=(8, 11))
            for i, line in enumerate(lines):
                figure.text(0.05, 0.95 - 0.03 * i, line, fontsize=9)
            document.savefig(figure)
    return file.getvalue()


class TestPdf:
    def test_lines_become_paragraphs(self) -> None:
        data = pdf(["Ferry arrives late", *PARAGRAPHS, "Daily Harbour News", "1"])
        article = read(data, "ferry.pdf")
        assert article.title == "Ferry arrives late"
        bodies = [text for kind, text in kinds(article) if kind == "body"]
        assert bodies[:2] == [f"{PARAGRAPHS[0]} {PARAGRAPHS[1]}", PARAGRAPHS[2]]

    def test_running_heads_and_page_numbers_are_left_out(self) -> None:
        pages = [["The Harbour Daily", f"{word} {PARAGRAPHS[0]}", PARAGRAPHS[1], f"{n} / 3"]
                 for n, word in enumerate(("First,", "Second,", "Third,"), 1)]  # fmt: skip
        text = read(pdf(*pages), "ferry.pdf").text
        assert "Harbour Daily" not in text
        assert " / 3" not in text
        assert all(word in text for word in ("First,", "Second,", "Third,"))

    def test_right_to_left_is_refused(self) -> None:
        with pytest.raises(UnreadableArticle, match="right to left"):
            read(pdf(["\u05e9\u05dc\u05d5\u05dd \u05e2\u05d5\u05dc\u05dd"] * 3), "a.pdf")

    def test_a_scan_is_refused(self) -> None:
        with pytest.raises(UnreadableArticle, match="scan"):
            read(pdf([]), "a.pdf")

    @pytest.mark.parametrize("data", [b"%PDF-1.7 \xff\xfe", b"%PDF-1.4\n" + b"1 0 obj <<>> endobj\n" * 9, b"hello"])
    def test_what_is_no_pdf(self, data: bytes) -> None:
        with pytest.raises(UnreadableArticle, match="cannot be opened"):
            read(data, "a.pdf")

    def test_too_many_pages(self) -> None:
        import pypdfium2

        document = pypdfium2.PdfDocument.new()
        for _ in range(201):
            document.new_page(100, 100).close()
        file = io.BytesIO()
        document.save(file)
        document.close()
        with pytest.raises(ArticleTooLarge, match="201 pages"):
            read(file.getvalue(), "a.pdf")


def test_files_are_told_by_their_suffix(tmp_path: Path) -> None:
    path = tmp_path / "Ferry.PDF"
    path.write_bytes(pdf([*PARAGRAPHS]))
    assert "Aurora" in read_file(path, LIMIT).text
