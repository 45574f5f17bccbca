"""Readers: every paragraph is an exact span, and each kind of line is told apart."""

from datetime import date
from importlib import resources
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.articles import Article
from index.exceptions import ArticleTooLarge, EmptyArticle, MaqalError, NotAFile, SourceNotFound, UnreadableArticle
from index.readers import BUNDLED, read_bundled, read_bytes, read_file, read_text

SHARED_ARTICLE = Path(__file__).parents[3] / "shared" / "article" / BUNDLED
LIMIT = 10_000_000
BODY = "The river rose above its banks on Sunday and flooded the lower town before anybody had been warned."


def kinds(article: Article) -> list[tuple[str, str]]:
    return [(p.kind, article.text_of(p)) for p in article.paragraphs]


class TestBundledArticle:
    def test_is_the_commissioned_text_unchanged(self) -> None:
        if not SHARED_ARTICLE.exists():
            pytest.skip(f"{SHARED_ARTICLE} is not here")
        bundled = resources.files("index").joinpath("bundled", BUNDLED).read_bytes()
        assert bundled == SHARED_ARTICLE.read_bytes()
        assert read_bundled().text == bundled.decode()

    def test_every_line_has_its_kind(self) -> None:
        article = read_bundled()
        found = [(p.kind, p.number, article.text_of(p)) for p in article.paragraphs if p.kind != "body"]
        assert found == [
            ("section", 1, "السياسية:"),
            ("heading", 1, "“معاهدة الأمن الجماعي” بقيادة روسيا.. أول عملية انتشار عسكري منذ عام 1999"),
            ("caption", 1, "كازاخستان روسيا"),
            ("heading", 2, "لا توجد خدمات مجّانية يقدمها بوتين لحلفائه"),
            ("heading", 3, "بوتين وتحويل الأزمة في كازاخستان إلى فرصة"),
            ("byline", 1, "عربي بوست"),
        ]
        assert [p.number for p in article.body] == list(range(1, 21))
        assert article.source == "عربي بوست"
        assert article.language == "ar"

    def test_spans_cover_the_text_but_for_white_space(self) -> None:
        article = read_bundled()
        rest, end = "", 0
        for paragraph in article.paragraphs:
            rest += article.text[end : paragraph.start]
            end = paragraph.end
        assert not (rest + article.text[end:]).strip()

    def test_headings_stand_above_their_paragraphs(self) -> None:
        headings = {p.number: heading for p, heading in read_bundled().body_under_headings()}
        assert headings[1] == headings[2] == ""
        assert headings[3] == headings[7] != headings[8]
        assert headings[5].startswith("“معاهدة الأمن الجماعي”")
        assert headings[20] == "بوتين وتحويل الأزمة في كازاخستان إلى فرصة"


class TestPlainText:
    def test_title_byline_and_headings_between_empty_lines(self) -> None:
        article = read_text(
            "Fire in Almaty\n\nBy Aru Bek\n\nA fire broke out on Monday.\n\nThe night\n\nTwo died. One lived.\n\nThe Post",
            origin="a.txt",
        )
        assert [kind for kind, _ in kinds(article)] == ["heading", "byline", "body", "heading", "body", "byline"]
        assert article.title == "Fire in Almaty"
        assert article.source == "The Post"

    def test_hard_wrapped_lines_are_one_paragraph(self) -> None:
        text = "The fire that broke out on Monday in\nthe old town of Almaty killed two\npeople.\n\nNobody knows why it\nbegan.\n"
        article = read_text(text, origin="a.txt")
        assert kinds(article) == [
            ("body", "The fire that broke out on Monday in\nthe old town of Almaty killed two\npeople."),
            ("body", "Nobody knows why it\nbegan."),
        ]

    @pytest.mark.parametrize(
        ("heading", "gap"),
        [
            ("Who will pay for it?", "\n\n"),
            ("Who will pay for it?", "\n"),
            ("من سيدفع ثمن ذلك؟", "\n\n"),
            ("谁来付钱？", "\n\n"),
        ],
    )
    def test_a_short_question_above_a_paragraph_is_a_heading(self, heading: str, gap: str) -> None:
        article = read_text(f"Flood in Haddon\n\n{BODY}\n\n{BODY}\n\n{heading}{gap}{BODY}\n\n{BODY}", origin="a.txt")
        assert [kind for kind, _ in kinds(article)] == ["heading", "body", "body", "heading", "body", "body"]
        assert [heading_ for _, heading_ in article.body_under_headings()][2:] == [heading, heading]

    def test_a_title_may_ask(self) -> None:
        article = read_text(f"Who will pay?\n\n{BODY}\n\n{BODY}", origin="a.txt")
        assert (article.title, len(article.body)) == ("Who will pay?", 2)

    def test_an_explainer_may_ask_in_every_heading(self) -> None:
        parts = [f"{question}\n\n{BODY}\n\n{BODY}" for question in ("What broke?", "Who knew?", "What next?")]
        assert len(read_text("\n\n".join(parts), origin="a.txt").body) == 6

    @pytest.mark.parametrize(
        "text",
        [
            "\n\n".join(f"{question}\n\n{BODY}" for question in ("What broke?", "Who knew?", "What next?")),
            "\n".join(f"{question}\n{BODY}" for question in ("ما الذي انهار؟", "من كان يعلم؟")),
            f"{BODY}\n\nWhat did you see?\n\n{BODY}\n\n{BODY}\n\n{BODY}",
            f"{BODY}\n\n“Who will pay for it?”\n\n{BODY}\n\n{BODY}",
            f"{BODY}\n\n— Who will pay for it?\n\n{BODY}\n\n{BODY}",
            f"{BODY}\n\nNobody knows. Who will pay?\n\n{BODY}\n\n{BODY}",
            f"{BODY}\n\nAnd who, in a town that had no money even before the flood, will pay for it?\n\n{BODY}\n\n{BODY}",
            f"{BODY}\n\n{BODY}\n\nWho will pay for it?",
        ],
        ids=["turns", "attached turns", "you", "quotation", "dialogue", "two sentences", "long", "last line"],
    )
    def test_a_question_that_somebody_asks_is_text(self, text: str) -> None:
        assert {kind for kind, _ in kinds(read_text(text, origin="a.txt"))} == {"body"}

    def test_one_line_is_an_article(self) -> None:
        assert kinds(read_text("Fire in Almaty", origin="a.txt")) == [("body", "Fire in Almaty")]

    def test_lines_without_punctuation_are_all_body(self) -> None:
        assert {kind for kind, _ in kinds(read_text("one\n\ntwo\n\nthree", origin="a.txt"))} == {"body"}

    @given(st.text())
    def test_any_text_is_read_or_refused(self, text: str) -> None:
        try:
            article = read_text(text, origin="a.txt")
        except EmptyArticle:
            return
        previous_end = 0
        for p in article.paragraphs:
            assert previous_end <= p.start < p.end <= len(article.text)
            assert article.text_of(p) == article.text_of(p).strip()
            previous_end = p.end
        assert article.body
        article.text.encode("utf-8")
        assert "\0" not in article.text


class TestMarkdown:
    TEXT = (
        "---\ntitle: Fire\nsource: 'The Post'\npublished: 2024-05-01\n---\n# Fire in Almaty\n\nBy Aru Bek\n\n"
        "A *fire* **broke** out in [Almaty](https://example.org).\nIt `killed` two.\n\n- one item\n\n> We saw it.\n\n"
        "![Smoke](a.png)\n\n## Next\nMore.\n"
    )

    def test_text_is_what_a_reader_sees(self) -> None:
        article = read_text(self.TEXT, origin="a.md", format="markdown")
        assert kinds(article) == [
            ("heading", "Fire in Almaty"),
            ("byline", "By Aru Bek"),
            ("body", "A fire broke out in Almaty. It killed two."),
            ("body", "one item"),
            ("body", "We saw it."),
            ("caption", "Smoke"),
            ("heading", "Next"),
            ("body", "More."),
        ]

    def test_front_matter_describes_it(self) -> None:
        article = read_text(self.TEXT, origin="a.md", format="markdown")
        assert (article.title, article.source, article.published) == ("Fire", "The Post", date(2024, 5, 1))

    def test_named_fields_win(self) -> None:
        article = read_text(self.TEXT, origin="a.md", format="markdown", title="T", published=date(2000, 1, 1))
        assert (article.title, article.source, article.published) == ("T", "The Post", date(2000, 1, 1))


class TestHtml:
    PAGE = """<html lang="en"><head><title>Fire in Almaty | The Post</title>
        <meta property="og:site_name" content="The Post">
        <meta property="article:published_time" content="2024-05-01T10:00:00Z"></head>
        <body><nav><a href="/">Home</a> <a href="/b">Subscribe now</a></nav><article><h1>Fire in Almaty</h1>
        <p>A <b>fire</b> broke out in <a href="x">Almaty</a> on Monday, killing two people, officials said.</p>
        <script>alert("no")</script><h2>The night</h2>
        <p>Neighbours carried water from the river until the morning came and the roof fell in.</p>
        </article><footer>Copyright The Post</footer></body></html>"""

    def test_article_without_navigation(self) -> None:
        article = read_text(self.PAGE, origin="a.html", format="html")
        assert [text for kind, text in kinds(article) if kind == "body"] == [
            "A fire broke out in Almaty on Monday, killing two people, officials said.",
            "Neighbours carried water from the river until the morning came and the roof fell in.",
        ]
        assert [heading for _, heading in article.body_under_headings()] == ["Fire in Almaty", "The night"]
        assert "Subscribe" not in article.text
        assert (article.title, article.published) == ("Fire in Almaty", date(2024, 5, 1))
        assert article.source == "The Post"

    def test_page_without_an_article(self) -> None:
        with pytest.raises(EmptyArticle):
            read_text("<html><body><nav><a href='/'>Home</a></nav></body></html>", origin="a.html", format="html")


class TestFiles:
    def test_missing(self, tmp_path: Path) -> None:
        with pytest.raises(SourceNotFound, match="no file"):
            read_file(tmp_path / "nothing.txt", LIMIT)

    def test_directory(self, tmp_path: Path) -> None:
        with pytest.raises(NotAFile):
            read_file(tmp_path, LIMIT)

    def test_unknown_suffix(self, tmp_path: Path) -> None:
        (tmp_path / "a.odt").write_bytes(b"PK\x03\x04")
        with pytest.raises(UnreadableArticle, match="suffix"):
            read_file(tmp_path / "a.odt", LIMIT)

    def test_fifty_megabytes(self, tmp_path: Path) -> None:
        (tmp_path / "a.txt").write_bytes(b"word " * 10_000_000)
        with pytest.raises(ArticleTooLarge, match="10,000,000"):
            read_file(tmp_path / "a.txt", LIMIT)

    def test_origin_is_the_whole_path(self, tmp_path: Path) -> None:
        (tmp_path / "a.txt").write_text("A fire broke out.")
        assert read_file(tmp_path / "a.txt", LIMIT).origin == str((tmp_path / "a.txt").resolve())


class TestBytes:
    ARABIC = "اندلع حريق كبير في المدينة القديمة يوم الاثنين، وقال المسؤولون إن شخصين لقيا حتفهما في الحادث."
    RUSSIAN = "В понедельник в старом городе вспыхнул большой пожар, и чиновники сообщили о двух погибших в этом доме."

    @pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
    def test_unicode(self, encoding: str) -> None:
        assert self.read(self.ARABIC.encode(encoding)).text == self.ARABIC

    @pytest.mark.parametrize(("text", "encoding"), [(ARABIC, "cp1256"), (RUSSIAN, "cp1251"), (RUSSIAN, "koi8-r")])
    def test_old_encodings_are_converted(self, text: str, encoding: str) -> None:
        assert self.read(f"{text}\n\n{text}".encode(encoding)).text == f"{text}\n\n{text}"

    def test_an_encoding_that_cannot_be_told_is_refused(self) -> None:
        turkish = "Pazartesi günü eski şehirde büyük bir yangın çıktı ve yetkililer iki kişinin öldüğünü söyledi."
        for data in (turkish.encode("cp1254"), b"\xfe\xed\xfa\xce" * 3):
            with pytest.raises(UnreadableArticle, match="UTF-8"):
                self.read(data)

    @pytest.mark.parametrize("data", [b"", b"  \n\t ", b"\0\0\0", "\ufeff".encode()])
    def test_empty(self, data: bytes) -> None:
        with pytest.raises(EmptyArticle):
            self.read(data)

    @pytest.mark.parametrize(
        "data",
        [
            b"%PDF-1.7 \xff\xfe",
            b"\x89PNG\r\n\x1a\n" + bytes(range(256)),
            bytes(range(256)) * 40,
            b"\x7fELF" + b"a" * 99,
        ],
        ids=["pdf", "png", "bytes", "elf"],
    )
    def test_binary(self, data: bytes) -> None:
        with pytest.raises(UnreadableArticle):
            self.read(data)

    def test_nul_and_lone_surrogates_are_dropped(self) -> None:
        assert read_text("A fire\0 broke\ud800 out.", origin="a").text == "A fire broke out."

    @given(st.binary(max_size=2000))
    def test_any_bytes_are_read_or_refused(self, data: bytes) -> None:
        try:
            self.read(data).text.encode("utf-8")
        except MaqalError as error:
            assert error.message
            assert error.fix

    @staticmethod
    def read(data: bytes) -> Article:
        return read_bytes(data, "a.txt", origin="a.txt", max_bytes=LIMIT)
