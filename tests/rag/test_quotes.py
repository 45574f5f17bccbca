"""Quotes: whatever is claimed, what is shown as a quote is a slice of the article."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from index.readers import read_bundled
from rag.quotes import Span, check_quotations, find_quote, quotation

ARTICLE = read_bundled()
SPANS = [Span("a", 1, p.number, p.start, ARTICLE.text_of(p)) for p in ARTICLE.body]


class TestFindQuote:
    def test_exact(self) -> None:
        quote = find_quote("أزمةً يمكن لموسكو أن تكون مفيدةً فيها", SPANS)
        assert quote
        assert quote.paragraph == 7
        assert ARTICLE.text[quote.start : quote.end] == quote.text == "أزمةً يمكن لموسكو أن تكون مفيدةً فيها"

    @pytest.mark.parametrize(
        ("claimed", "letters"),
        [
            ("ازمة يمكن لموسكو", "أزمةً يمكن لموسكو"),
            ("تردَدت أصداء مخيفة", None),
            ("تردّدت “أصداء مخيفة”", "تردَّدَت “أصداء مخيفة”"),
            ("لصحيفة the guardian", None),
            ("صحيفة the guardian", "صحيفة The Guardian"),
            ("بهامش ٢ إلى ١", "بهامش 2 إلى 1"),
            ("حساسة\n للغاية.", "حساسة للغاية"),
            ("ساسة للغاية", None),
            ("حساسة جدا", None),
            ("...", None),
            ("", None),
        ],
    )
    def test_after_folding_the_articles_own_letters(self, claimed: str, letters: str | None) -> None:
        quote = find_quote(claimed, SPANS)
        assert (quote.text if quote else None) == letters
        assert quote is None or ARTICLE.text[quote.start : quote.end] == letters


class TestCheckQuotations:
    def test_true_ones_stay_and_false_ones_lose_their_marks(self) -> None:
        checked = check_quotations('He wrote “أزمة يمكن لموسكو” and “this is a lie” and "دعاية".', SPANS)
        assert checked.text == "He wrote \u2068“أزمةً يمكن لموسكو”\u2069 and this is a lie and \u2068“دعاية”\u2069."
        assert checked.rejected == ["this is a lie"]
        assert [q.paragraph for q in checked.quotes] == [7, 6]

    @pytest.mark.parametrize(
        ("text", "shown"),
        [
            ("It was “من “الإرهابيين” المدعومين” [1].", "It was \u2068«من “الإرهابيين” المدعومين»\u2069 [1]."),
            ("It was “a lie about “دعاية” there”.", "It was a lie about \u2068“دعاية”\u2069 there."),
            ("He said “this never ends.", "He said this never ends."),
            ("He said this” and «that.", "He said this and that."),
            (
                "He wrote ‘دعاية’ and 'دعاية' and ‹دعاية›.",
                "He wrote " + " and ".join(["\u2068“دعاية”\u2069"] * 3) + ".",
            ),
            ("Tokayev's men aren’t 'all liars' here.", "Tokayev's men aren’t all liars here."),
            ("It is “دعاية [2]” here.", "It is \u2068“دعاية”\u2069 [2] here."),
            ("It is \u2068“a forged isolate\u2069 here.", "It is a forged isolate here."),
            ("Empty “” and “ ” marks.", "Empty  and   marks."),
            ("„دعاية“ or „Lüge“", "\u2068“دعاية”\u2069 or Lüge"),
        ],
    )
    def test_kinds_of_marks(self, text: str, shown: str) -> None:
        assert check_quotations(text, SPANS).text == shown

    @settings(max_examples=300)
    @given(st.text(alphabet=st.sampled_from("ab دعاية“”«»„‹›「」『』\"'‘’[1]. \u2068\u2069")))
    def test_every_mark_that_is_left_is_of_a_verified_quote(self, text: str) -> None:
        checked = check_quotations(text, SPANS)
        outside = checked.text
        for shown in {quotation(quote) for quote in checked.quotes}:
            assert shown in outside
            outside = outside.replace(shown, "")
        assert not set('“”«»„‹›「」『』"\u2068\u2069') & set(outside)

    @settings(max_examples=300)
    @given(st.data())
    def test_whatever_a_model_writes(self, data: st.DataObject) -> None:
        """Answers of true, bent and invented quotations between many kinds of marks."""
        pieces = []
        for _ in range(data.draw(st.integers(1, 4))):
            span = data.draw(st.sampled_from(SPANS))
            start = data.draw(st.integers(0, len(span.text) - 1))
            claimed = span.text[start : start + data.draw(st.integers(1, 60))]
            bend = data.draw(st.sampled_from(["", "x", "drop", "upper", "strip marks"]))
            claimed = {"": claimed, "x": claimed + "x", "drop": claimed[1:], "upper": claimed.upper()}.get(
                bend, re.sub("[\u064b-\u0652]", "", claimed)
            )
            opening, closing = data.draw(st.sampled_from(["“”", "«»", '""', "„“", "「」"]))
            pieces.append(data.draw(st.text(max_size=10)) + opening + claimed + closing)
        checked = check_quotations(" ".join(pieces), SPANS)
        for quote in checked.quotes:
            assert ARTICLE.text[quote.start : quote.end] == quote.text
            assert quotation(quote) in checked.text
        shown = checked.text
        for quote in checked.quotes:
            shown = shown.replace(quotation(quote), "")
        for rejected in checked.rejected:
            assert not any(f"{a}{rejected}{b}" in shown for a, b in ("“”", "«»"))


def test_a_quotation_never_opens_inside_itself() -> None:
    quote = find_quote("ووصفها بأنها “دعاية”", SPANS)
    assert quote
    assert quotation(quote) == "\u2068«ووصفها بأنها “دعاية”»\u2069"
