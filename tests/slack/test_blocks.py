"""Answers as blocks: to the letter, inside Slack's limits, and safe."""

import html
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bots.slack.answer_blocks import answer_messages
from bots.slack.blocks import MAX_BLOCKS, MAX_TEXT, Message, notice, split_text
from rag.answers import Answer, Quote, Source

FSI, PDI = "\u2068", "\u2069"


def quote(text: str, paragraph: int = 1) -> Quote:
    return Quote(text=text, article_id="a", version=1, paragraph=paragraph, start=0, end=len(text), score=1.0)


def source(text: str, paragraph: int = 1) -> Source:
    return Source(article_id="a", version=1, paragraph=paragraph, heading="", text=text, score=1.0)


def answer(**fields: Any) -> Answer:
    defaults = {
        "id": "1", "question": "q", "understood_as": "q", "language": "en", "verdict": "answered", "text": "", "quotes": [],
        "sources": [], "closest": [], "model": "extractive", "confidence": 0.9, "took_ms": 1.0,
    }  # fmt: skip
    return Answer(**{**defaults, **fields})


def raw_texts(message: Message, kind: str) -> list[str]:
    return [(b.get("text") or b["elements"][0])["text"] for b in message.blocks if b["type"] == kind]


def read(messages: list[Message], kind: str = "section") -> list[str]:
    return [html.unescape(text) for message in messages for text in raw_texts(message, kind)]


def assert_inside_limits(messages: list[Message]) -> None:
    for message in messages:
        assert 1 <= len(message.blocks) <= MAX_BLOCKS
        assert all(1 <= len(text) <= MAX_TEXT for kind in ("section", "context") for text in raw_texts(message, kind))


def test_each_quote_has_its_own_block_with_its_paragraph() -> None:
    messages = answer_messages(answer(quotes=[quote("First.", 5), quote("Second.", 7)], notes=["A note."]))
    assert read(messages) == [
        f"The article says (§5):\n{FSI}“First.”{PDI}",
        f"Also (§7):\n{FSI}“Second.”{PDI}",
    ]
    assert read(messages, "context") == ["A note.", f"{FSI}a{PDI} §5 §7"]


def test_quotes_of_several_articles_name_theirs() -> None:
    other = quote("Second.", 7).model_copy(update={"article_id": "b"})
    messages = answer_messages(answer(quotes=[quote("First.", 5), other]))
    assert [text.split("\n")[0] for text in read(messages)] == [
        f"The article says (§5 {FSI}a{PDI}):",
        f"Also (§7 {FSI}b{PDI}):",
    ]


def test_a_refusal_shows_the_closest_paragraphs() -> None:
    refusal = answer(verdict="not_in_article", text="The article does not say.", closest=[source("Nearest.", 3)])
    assert read(answer_messages(refusal)) == ["The article does not say.", f"§3\n{FSI}Nearest.{PDI}"]


def test_a_model_s_text_is_shown_as_it_is() -> None:
    written = answer(model="m", text=f"It <!here> & says {FSI}“Yes”{PDI} (§1).", quotes=[quote("Yes")])
    (message,) = answer_messages(written)
    _, text = raw_texts(message, "section")  # The quotes come first.
    assert text == f"It &lt;!here&gt; &amp; says {FSI}“Yes”{PDI} (§1)."


@pytest.mark.parametrize("word", ["كلمة ", "R&D ", "x"])
def test_no_letter_of_a_very_long_quote_is_lost(word: str) -> None:
    text = (word * 20_000).strip()
    messages = answer_messages(answer(quotes=[quote(text)]))
    assert_inside_limits(messages)
    shown = "".join(read(messages)).replace(FSI, "").replace(PDI, "")
    assert shown == f"The article says (§1):\n“{text}”"
    for piece in read(messages)[1:]:
        assert piece.count(FSI) == piece.count(PDI) == 1


def test_a_quotation_inside_a_long_text_stays_in_one_block() -> None:
    quotation = f"{FSI}“{'word ' * 300}end”{PDI}"
    pieces = split_text("before " * 300 + quotation + " after" * 300)
    assert len(pieces) > 1
    assert sum(quotation in piece for piece in pieces) == 1


def test_an_answer_of_too_many_blocks_becomes_several_messages() -> None:
    messages = answer_messages(answer(model="m", text="Yes.", notes=[f"note {i}" for i in range(120)]))
    assert len(messages) == 3
    assert_inside_limits(messages)
    assert read(messages, "context") == [f"note {i}" for i in range(120)]


def test_a_notice_is_escaped() -> None:
    assert notice("<!channel> & co").text == "&lt;!channel&gt; &amp; co"


@given(
    st.lists(st.sampled_from(["a", "&", "<", " ", "\n", "é", FSI, PDI, "word " * 50, "&" * 900, "x" * 2_999])).map(
        "".join
    )
)
def test_pieces_joined_are_the_text(text: str) -> None:
    pieces = split_text(text)
    assert all(0 < len(html.escape(piece, quote=False)) <= MAX_TEXT for piece in pieces)
    if text.strip():
        bare = str.maketrans("", "", f"{FSI}{PDI} \n")
        assert "".join(pieces).translate(bare) == text.translate(bare)
