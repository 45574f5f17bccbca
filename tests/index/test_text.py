"""Cleaning, folding, sentences, passages, stems, language: the text layer."""

import itertools
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.languages import detect_language
from index.normalization import clean, fold, fold_with_offsets
from index.passages import split_passages
from index.readers import read_bundled, read_text
from index.sentences import sentence_spans
from index.stemming import index_terms, query_terms, skeleton


class TestFolding:
    @pytest.mark.parametrize(
        ("one", "other"),
        [
            ("مُقرَّر", "مقرر"),
            ("الأمن", "الامن"),
            ("توكاييف ـــ", "توكاييف "),
            ("مهمة", "مهمه"),
            ("٢٥٠٠", "2500"),
            ("“quote”", '"QUOTE"'),
            ("Ｆｕｌｌ  \n width", "full width"),
            ("\u2068isolated\u2069", "isolated"),
            ("cafe\u0301", "café"),
            ("Ёлка", "елка"),
        ],
    )
    def test_equal_after_folding(self, one: str, other: str) -> None:
        assert fold(one) == fold(other)

    @given(st.text())
    def test_offsets_lead_back_and_folding_twice_changes_nothing(self, text: str) -> None:
        folded, offsets = fold_with_offsets(text)
        assert len(folded) == len(offsets)
        assert offsets == sorted(offsets)
        assert all(0 <= offset < len(text) for offset in offsets)
        assert folded == folded.strip(" ")

    @given(st.text())
    def test_clean_text_can_be_stored(self, text: str) -> None:
        cleaned = clean(text)
        cleaned.encode("utf-8")
        assert "\r" not in cleaned
        assert clean(cleaned) == cleaned


class TestSentences:
    def split(self, text: str) -> list[str]:
        return [text[start:end] for start, end in sentence_spans(text)]

    def test_arabic_comma_and_semicolon_end_nothing(self) -> None:
        assert self.split("قال كذا، ثم كذا؛ وذهب. هل عاد؟ نعم!") == ["قال كذا، ثم كذا؛ وذهب.", "هل عاد؟", "نعم!"]

    def test_two_dots_are_a_dash(self) -> None:
        assert len(self.split("روسيا.. أول عملية انتشار")) == 1

    def test_quotations_stay_whole(self) -> None:
        text = "يقول ترينين: “هذه مهمة حساسة. لقد تدخلت روسيا.” ثم سكت."
        assert self.split(text) == ["يقول ترينين: “هذه مهمة حساسة. لقد تدخلت روسيا.”", "ثم سكت."]

    @pytest.mark.parametrize(
        "text", ["Mr. Smith paid $2.5 million.", "The U.S. army came.", "Родился в 1999 г. в Алма-Ате."]
    )
    def test_abbreviations_end_nothing(self, text: str) -> None:
        assert self.split(text) == [text]

    def test_chinese(self) -> None:
        assert self.split("他来了。他走了！") == ["他来了。", "他走了！"]

    @given(st.text(alphabet=st.sampled_from("ab. !?؟“”«»\n،。1")))
    def test_spans_cover_all_but_white_space(self, text: str) -> None:
        spans = sentence_spans(text)
        assert re.sub(r"\s", "", "".join(text[s:e] for s, e in spans)) == re.sub(r"\s", "", text)
        assert all(a[1] <= b[0] for a, b in itertools.pairwise(spans))


class TestPassages:
    def split(self, text: str, max_tokens: int) -> list[str]:
        article = read_text(text, origin="a.txt")
        passages = split_passages(article, "a", 1, lambda t: len(t.split()), max_tokens)
        assert all(article.text[p.start : p.end] == p.text for p in passages)
        assert len({p.id for p in passages}) == len(passages)
        return [p.text for p in passages]

    def test_a_paragraph_that_fits_is_one_passage(self) -> None:
        article = read_bundled()
        passages = split_passages(article, "a", 1, len, 10_000)
        assert [p.text for p in passages] == [article.text_of(p) for p in article.body]

    def test_long_paragraphs_are_split_at_sentence_ends(self) -> None:
        assert self.split("One two three. Four five. Six seven eight nine.", 5) == [
            "One two three. Four five.",
            "Six seven eight nine.",
        ]

    def test_a_sentence_that_is_too_long_is_split_between_words(self) -> None:
        pieces = self.split("one two three four five six seven eight nine ten.", 4)
        assert all(len(piece.split()) <= 4 for piece in pieces)
        assert " ".join(pieces) == "one two three four five six seven eight nine ten."

    def test_text_without_spaces_is_split_too(self) -> None:
        text = "字" * 50 + "。"
        article = read_text(text, origin="a.txt")
        passages = split_passages(article, "a", 1, len, 20)
        assert "".join(p.text for p in passages) == text
        assert all(len(p.text) <= 20 for p in passages)

    def test_ids_follow_the_text(self) -> None:
        before = self.ids("One here.\n\nTwo here.")
        after = self.ids("New here.\n\nOne here.\n\nTwo here.\n\nTwo here.")
        assert after[1:3] == before
        assert len(set(after)) == 4

    @staticmethod
    def ids(text: str) -> list[str]:
        return [p.id for p in split_passages(read_text(text, origin="a.txt"), "a", 1, len, 1000)]

    @given(st.text(alphabet=st.sampled_from("ab. \n字。"), min_size=1), st.integers(1, 12))
    def test_nothing_is_lost(self, text: str, max_tokens: int) -> None:
        if not text.strip():
            return
        article = read_text(text, origin="a.txt")
        passages = split_passages(article, "a", 1, len, max_tokens)
        kept = "".join(p.text for p in passages)
        assert re.sub(r"\s", "", kept) == re.sub(r"\s", "", "".join(article.text_of(p) for p in article.body))


class TestTerms:
    @pytest.mark.parametrize("names", [("Tokayev", "Токаев", "توكاييف"), ("Sushkov", "Сушков", "سوشكوف"), ("Geneva", "جنيف"),
                                       ("Putin", "Poutine", "Путин", "بوتين"), ("Jomart", "Джомарт", "جومارت"), ("Lukashenko", "لوكاشينك", "لوكاشينكو")])  # fmt: skip
    def test_names_meet_across_scripts(self, names: tuple[str, ...]) -> None:
        assert len({skeleton(fold(name)) for name in names}) == 1

    @pytest.mark.parametrize(("one", "other"), [("الجامعات", "جامعات"), ("والكتاب", "كتاب"), ("قواته", "قوات")])
    def test_arabic_forms_meet(self, one: str, other: str) -> None:
        assert set(index_terms(one, "ar")) & set(query_terms(other, "ar"))

    def test_a_letter_that_belongs_to_the_word_stays(self) -> None:
        assert index_terms("في كازاخستان", "ar")[0].startswith("كازاخ")
        assert index_terms("سوشكوف", "ar")[0] == "سوشكوف"

    def test_numbers_meet_across_digits(self) -> None:
        assert set(index_terms("٢٥٠٠ جندي", "ar")) & set(query_terms("2500 soldiers", "en"))

    def test_stop_words_and_apostrophes(self) -> None:
        assert query_terms("What is the Tokayev's?", "en") == ["tokayev", "~tkf"]
        assert "l" not in query_terms("Pourquoi l'OTSC ?", "fr")

    def test_acronyms_and_common_words_are_no_names(self) -> None:
        assert not [t for t in query_terms("did the CSTO decide quickly", "en") if t.startswith("~")]

    def test_chinese_is_cut_in_pairs(self) -> None:
        assert index_terms("哈萨克斯坦", "zh") == ["哈萨", "萨克", "克斯", "斯坦"]


class TestLanguage:
    @pytest.mark.parametrize(
        ("text", "language"),
        [
            ("why did Tokayev call in the CSTO?", "en"),
            ("Who is Putin?", "en"),
            ("Pourquoi Tokaïev a-t-il appelé l'OTSC ?", "fr"),
            ("Tokayev neden KGAÖ'yü çağırdı?", "tr"),
            ("Warum rief Tokajew die OVKS?", "de"),
            ("¿Por qué Tokáyev llamó a la OTSC?", "es"),
            ("Зачем Токаев вызвал ОДКБ?", "ru"),
            ("Тоқаев неге күштерді шақырды?", "kk"),
            ("لماذا استدعى توكاييف القوات؟", "ar"),
            ("托卡耶夫为什么叫来军队？", "zh"),
            ("2500?", "en"),
        ],
    )
    def test_short_questions(self, text: str, language: str) -> None:
        assert detect_language(text) == language
