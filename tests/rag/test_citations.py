"""Citations: the article's letters and where they are from, whole in plain text, inert in Markdown."""

import re
import unicodedata
from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from index.articles import Article, IndexedArticle, Paragraph
from index.readers import read_bundled, read_text
from rag.citations import Style, cite, quote_to_cite
from rag.exceptions import BadQuestion

BUNDLED = IndexedArticle("kazakhstan-csto-2022.ar", 3, "2026-01-07T00:00:00+00:00", read_bundled())
TEXT = BUNDLED.article.text
LETTERS = "أزمةً يمكن لموسكو أن تكون مفيدةً فيها"
START = TEXT.index(LETTERS)


def rendered(markdown: str) -> str:
    """As GitHub and most others show it: CommonMark with tables and strikethrough, HTML shown as it is written."""
    html: str = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"]).render(markdown)
    return html


def of_article(text: str, title: str = "Title", source: str = "Outlet") -> IndexedArticle:
    article = Article("/a", title, text, "en", (Paragraph("body", 1, 0, len(text)),), source=source)
    return IndexedArticle("a", 1, "2026-01-07T00:00:00+00:00", article)


class TestPlain:
    def test_all_of_it(self) -> None:
        entry = replace(BUNDLED, article=replace(BUNDLED.article, published=date(2022, 1, 8)))
        quote = quote_to_cite(entry, START, START + len(LETTERS))
        title = entry.article.title
        assert cite(quote, entry) == (
            f"\u2068“{LETTERS}”\u2069 — \u2068سوشكوف\u2069, \u2068{title}\u2069, \u2068عربي بوست\u2069, 2022-01-08, §7"
            f" (\u2068kazakhstan-csto-2022.ar\u2069, version 3, sha256 {entry.article.text_hash[:12]})"
        )

    def test_what_is_not_known_is_left_out(self) -> None:
        entry = of_article("Nobody signed it.", title="", source="")
        quote = quote_to_cite(entry, 0, 17)
        hash_ = entry.article.text_hash[:12]
        assert (
            cite(quote, entry)
            == f"\u2068“Nobody signed it.”\u2069 — undated, §1 (\u2068a\u2069, version 1, sha256 {hash_})"
        )

    def test_outside_isolates_nothing_is_written_from_right_to_left(self) -> None:
        for paragraph in BUNDLED.article.body:
            told = cite(quote_to_cite(BUNDLED, paragraph.start, paragraph.end), BUNDLED)
            outside = re.sub("\u2068[^\u2068\u2069]*\u2069", "", told)
            assert not {unicodedata.bidirectional(char) for char in outside} & {"R", "AL", "AN"}
            assert "\u2068" not in outside

    def test_over_paragraphs_each_line_has_its_isolate(self) -> None:
        first, second = BUNDLED.article.body[:2]
        told = cite(quote_to_cite(BUNDLED, first.start, second.end), BUNDLED)
        lines = told.split("\n")
        assert len(lines) == 2
        assert all(line.count("\u2068") == line.count("\u2069") for line in lines)
        assert "§1–2" in told

    def test_a_heading_is_called_one(self) -> None:
        heading = next(p for p in BUNDLED.article.paragraphs if p.kind == "heading")
        assert ", heading (" in cite(quote_to_cite(BUNDLED, heading.start, heading.end), BUNDLED)

    def test_what_is_put_as_uncertain(self) -> None:
        start = TEXT.index("تقول صحيفة The Guardian")
        quote = quote_to_cite(BUNDLED, start, TEXT.index("\n", start))
        assert quote.is_hedged
        assert ", put as uncertain, " in cite(quote, BUNDLED)


class TestMarkdown:
    def test_all_of_it(self) -> None:
        told = cite(quote_to_cite(BUNDLED, START, START + len(LETTERS)), BUNDLED, "markdown")
        html = rendered(told)
        assert told.startswith(f"> \u2068“{LETTERS}”\u2069\n>\n> — ")
        assert re.findall("<[^>]+>", html) == [
            "<blockquote>",
            "<p>",
            "</p>",
            "<p>",
            "<em>",
            "</em>",
            "</p>",
            "</blockquote>",
        ]
        assert f"\u2068“{LETTERS}”\u2069" in html
        assert f"<em>\u2068{BUNDLED.article.title}\u2069</em>" in html

    @pytest.mark.parametrize(
        "text",
        ["*bold* _it_ **b** ~~gone~~", "[link](http://x.y) ![i](j)", "<b>html</b> &amp; <http://x.y>", "`code` ``two``",
         "one\n\n# heading", "one\n\n- item\n\n1. first\n\n2) second", "one\n\n    code", "one\n===", "| a | b |\n|---|---|",
         "one\n\n> quoted", "back\\slash \\* end", "[a]: http://x.y", "line  \nbreak", "+ plus", "![a][b]", "$x^2$"],
    )  # fmt: skip
    def test_nothing_of_the_article_formats_or_links(self, text: str) -> None:
        entry = of_article(text, title=text.replace("\n", " "), source=text.replace("\n", " "))
        self.assert_inert(entry)

    @given(st.text(alphabet="ab1 *_`~[]()<>#+-.!|&:@\\=^$\"'/w\n\tم", min_size=1, max_size=60))
    def test_whatever_the_article_holds(self, text: str) -> None:
        if any(char.isalnum() for char in text):
            self.assert_inert(of_article(text, title=text, source=text))

    @staticmethod
    def assert_inert(entry: IndexedArticle) -> None:
        """Rendered, the citation has only its own elements, and the letters are the article's."""
        quote = quote_to_cite(entry, 0, len(entry.article.text))
        html = rendered(cite(quote, entry, "markdown"))
        assert set(re.findall("</?([a-z0-9]+)", html)) <= {"blockquote", "p", "em"}, html
        assert html.count("<em>") == 1
        shown = re.sub("<[^>]+>", "", html)
        for entity, char in (("&lt;", "<"), ("&gt;", ">"), ("&quot;", '"'), ("&amp;", "&")):
            shown = shown.replace(entity, char)
        shown = re.sub("[\u2068\u2069]", "", shown)
        assert "".join(quote.text.split()) in "".join(shown.split())

    def test_www_does_not_link_itself(self) -> None:
        told = cite(
            quote_to_cite(of_article("See www.example.com now."), 0, 24),
            of_article("See www.example.com now."),
            "markdown",
        )
        assert "www\\.example" in told


class TestRefusals:
    @pytest.mark.parametrize("style", ["plain", "markdown"])
    def test_letters_that_are_not_there(self, style: Style) -> None:
        quote = quote_to_cite(BUNDLED, START, START + len(LETTERS))
        for wrong in ({"text": LETTERS + "x"}, {"start": START + 1}, {"text": "", "end": START}):
            with pytest.raises(BadQuestion, match="letters are not at"):
                cite(quote.model_copy(update=wrong), BUNDLED, style)
        with pytest.raises(BadQuestion, match=r"version 3 .* version 4"):
            cite(quote, replace(BUNDLED, version=4), style)
        with pytest.raises(BadQuestion, match="'other'"):
            cite(quote, replace(BUNDLED, id="other"), style)

    @pytest.mark.parametrize(("start", "end"), [(5, 5), (9, 3), (-3, 9), (0, 10**9), (9, 11)])
    def test_offsets_of_nothing(self, start: int, end: int) -> None:
        with pytest.raises(BadQuestion, match="nothing to quote"):
            quote_to_cite(BUNDLED, start, end)

    def test_cut_words(self) -> None:
        for start, end in ((START + 1, START + len(LETTERS)), (START, START + len(LETTERS) - 1)):
            with pytest.raises(BadQuestion, match="cuts a word"):
                quote_to_cite(BUNDLED, start, end)

    def test_white_space_around_is_left_out(self) -> None:
        quote = quote_to_cite(BUNDLED, TEXT.index("\n\n"), TEXT.index("\n\n", 20))
        assert quote.text == quote.text.strip() == BUNDLED.article.text_of(BUNDLED.article.body[0])

    def test_another_version(self) -> None:
        with pytest.raises(BadQuestion, match="version 2"):
            quote_to_cite(BUNDLED, START, START + len(LETTERS), version=2)

    def test_a_script_without_spaces_may_be_cut_anywhere(self) -> None:
        article = read_text("标题\n\n会议在星期一举行。他没有出席。", origin="/zh.txt")
        entry = IndexedArticle("zh", 1, "2026-01-07T00:00:00+00:00", article)
        start = article.text.index("星期一")
        assert quote_to_cite(entry, start, start + 3).text == "星期一"
