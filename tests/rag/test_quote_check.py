"""Quotes that are said to be in an article: exact, altered, translated, absent, and how well the thresholds tell them."""

import random
import time
from collections.abc import Iterator

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from index.article_index import ArticleIndex
from index.embedding import Encoder
from index.exceptions import UnknownArticle
from index.ingestion import add_article, remove_article
from index.readers import read_bundled, read_text
from index.sentences import sentence_spans
from index.settings import IndexSettings
from rag.chat_engine import ChatEngine
from rag.exceptions import BadQuestion, NothingIndexed
from rag.quote_check import _ALTERED_FROM, _NEAR, Place, QuoteCheck, QuoteChecker
from rag.quote_check.text import bare, pieces
from rag.quote_check.word_diff import align, diff, differences, tokens
from tests.conftest import BUNDLED_ID

ARTICLE = read_bundled()
SENTENCES = [
    ARTICLE.text[p.start + a : p.start + b] for p in ARTICLE.body for a, b in sentence_spans(ARTICLE.text_of(p))
]
LETTERS = "أزمةً يمكن لموسكو أن تكون مفيدةً فيها"  # §7

TRANSLATED = [
    "It used to be said of the Soviet-led Warsaw Pact that it was the only military alliance that ever attacked itself.",
    "Russian paratroopers landed in Kazakhstan’s largest city on Thursday to help put down the biggest uprising in the history of the former Soviet republic.",
    "The Collective Security Treaty Organization, meant to be a mutual defence pact, had carried out no joint deployments since it was founded in 1999.",
    "Kazakhstan’s president, Kassym-Jomart Tokayev, claimed that the rebellion was inspired by foreign-backed “terrorists”.",
    "The peacekeeping force will number about 2,500 in total and can be reinforced if necessary.",
    "The events in Kazakhstan are a crisis in which Moscow can be useful.",
    "It was Vladimir Putin who took the final decision.",
    "Putin may hope that a quick mission will restore order fast and leave Kazakhstan grateful and indebted to Moscow.",
    "We should certainly help, but we also need to set some conditions.",
    "Russia’s limited deployment of troops in Kazakhstan is unlikely to affect military planning on the Ukrainian border.",
    "For Russia this is a very delicate mission, in which it has intervened in a domestic crisis of an important neighbour.",
    "Putin can turn the crisis into an opportunity.",
    "Раньше о Варшавском договоре говорили, что это единственный военный союз, который напал сам на себя.",
    "В четверг российские десантники высадились в крупнейшем городе Казахстана, чтобы помочь подавить самое большое восстание в истории бывшей советской республики.",
    "ОДКБ не проводила никаких совместных развёртываний с момента своего основания в 1999 году.",
    "Президент Казахстана Касым-Жомарт Токаев заявил, что мятеж был вдохновлён «террористами», которых поддерживают из-за рубежа.",
    "Общая численность миротворческих сил составит около 2500 человек и при необходимости может быть увеличена.",
    "События в Казахстане — это кризис, в котором Москва может оказаться полезной.",
    "Окончательное решение принял Владимир Путин.",
    "Путин, возможно, надеется, что быстрая операция восстановит порядок и сделает Казахстан благодарным и обязанным Москве.",
    "Мы, конечно, должны помочь, но нам нужно поставить и некоторые условия.",
    "Переговоры по безопасности между американскими и российскими чиновниками начнутся 10 января в Женеве.",
    "Для России это очень деликатная миссия.",
    "Путин может превратить кризис в возможность.",
]
PARAPHRASED = [
    "من الممكن زيادة عدد أفراد قوات حفظ السلام، البالغ نحو ألفين وخمسمئة، عند الحاجة",
    "صاحب الكلمة الأخيرة في قرار إرسال القوات كان الرئيس الروسي بوتين",
    "هبطت قوات روسية محمولة جواً في كبرى المدن الكازاخية يوم الخميس لإخماد الانتفاضة",
    "تنطلق مباحثات الأمن بين واشنطن وموسكو في العاشر من يناير بمدينة جنيف السويسرية",
    "بإمكان الرئيس الروسي أن يجعل من هذه الأزمة مكسباً له",
    "لعل الرئيس الروسي يتمنى أن تعيد عملية خاطفة الهدوء وأن تشعر أستانا بالامتنان نحوه",
]
# Not in the article; most are on its subject.
ABSENT = [
    "The troops will stay in Kazakhstan until the end of March, the defence ministry said.",
    "Protesters burned the mayor’s office in Almaty, and 164 people were killed.",
    "The United Nations called on all sides to hold an inquiry into the deaths.",
    "Fuel prices doubled on New Year’s Day, which set off the first protests in Zhanaozen.",
    "China offered Kazakhstan a loan of three billion dollars.",
    "Nazarbayev left the country with his family, his spokesman confirmed.",
    "The striker scored twice in the second half to win the cup for his team.",
    "Scientists found water under the ice of one of Saturn’s moons.",
    "The central bank raised interest rates by half a point.",
    "Войска останутся в Казахстане до конца марта, сообщили в министерстве обороны.",
    "Протестующие подожгли здание мэрии в Алма-Ате, погибли 164 человека.",
    "Цены на газ выросли вдвое, и это вызвало первые протесты в Жанаозене.",
    "Китай предложил Казахстану кредит в три миллиарда долларов.",
    "Нападающий забил два гола во втором тайме и принёс команде кубок.",
    "Учёные нашли воду подо льдом одного из спутников Сатурна.",
    "Центральный банк поднял ставку на полпроцента.",
    "ستبقى القوات في كازاخستان حتى نهاية مارس بحسب وزارة الدفاع",
    "أحرق المحتجون مبنى البلدية في ألماتي وقُتل 164 شخصاً",
    "تضاعفت أسعار الغاز في رأس السنة فاندلعت أولى الاحتجاجات في جاناوزن",
    "عرضت الصين على الحكومة قرضاً بثلاثة مليارات دولار",
    "غادر الرئيس السابق البلاد مع عائلته وفق ما أكده المتحدث باسمه",
    "سجل المهاجم هدفين في الشوط الثاني ومنح فريقه الكأس",
    "اكتشف العلماء ماءً تحت جليد أحد أقمار زحل",
    "رفع البنك المركزي سعر الفائدة نصف نقطة",
]
ENGLISH = (
    "Storm over the island\n\n"
    "The governor, Maria Lopez, said: “We did not close the harbour, and 2,500 people left in time.” She spoke on Monday.\n\n"
    "Losses rose by 7.5 percent. It was -5 degrees. The damage was $40 million. The harbour master refused.\n\n"
    "The fleet could not sail before noon. The fleet could sail after noon. The island has 10² wells.\n"
)


def add(engine: ChatEngine, text: str, origin: str = "/storm.txt") -> str:
    return add_article(engine.index, read_text(text, origin=origin)).entry.id


def changed(check: QuoteCheck) -> list[tuple[str, str, str]]:
    return [(c.op, c.said.strip(), c.article.strip()) for c in check.diff if c.op != "equal"]


def assert_letters(engine: ChatEngine, check: QuoteCheck) -> None:
    """Every place is the article's letters, and the diff leads from what was said to them."""
    for place in check.places:
        article = engine.index.catalog.article(place.quote.article_id).article
        assert article.text[place.quote.start : place.quote.end] == place.quote.text
        assert place.quote.text in place.passage
    if check.diff:
        assert "".join(change.said for change in check.diff) == check.text
        assert "".join(change.article for change in check.diff) == check.places[0].quote.text
    for piece in check.pieces:
        assert_letters(engine, piece)


@pytest.fixture
def check(engine: ChatEngine) -> "Check":
    return Check(engine)


class Check:
    """Checks a quote and, each time, that what comes back is the article's own letters."""

    def __init__(self, engine: ChatEngine) -> None:
        self.engine = engine

    def __call__(self, text: str, article_ids: list[str] | None = None) -> QuoteCheck:
        found = self.engine.check_quote(text, article_ids=article_ids)
        assert_letters(self.engine, found)
        return found


class TestExact:
    @pytest.mark.parametrize(
        "text",
        [LETTERS, f"“{LETTERS}”", f"«{LETTERS}»", f'"{LETTERS}."', f"\u2068“{LETTERS}”\u2069\n", f"“{LETTERS}…”", f"…{LETTERS}”"],
    )  # fmt: skip
    def test_marks_around_it_do_not_count(self, check: Check, text: str) -> None:
        found = check(text)
        assert (found.verdict, found.diff, found.closest) == ("exact", [], [])
        (place,) = found.places
        assert place.quote.text == LETTERS
        assert (place.quote.paragraph, place.quote.speaker, place.kind) == (7, "سوشكوف", "body")
        assert place.passage == ARTICLE.text_of(ARTICLE.body[6])

    @pytest.mark.parametrize(
        ("text", "differs_in"),
        [
            ("أزمة يمكن لموسكو أن تكون مفيدة فيها", ["marks"]),
            ("ازمة يمكن لموسكو ان تكون مفيدة فيها", ["letter_forms", "marks"]),
            ("صحيفة the guardian", ["case"]),
            ("بهامش ٢ إلى ١", ["digits"]),
            ("ووصفها بأنها «دعاية»", ["punctuation"]),
            ("ووصفها بأنها  “دعاية”", ["white_space"]),
            ("لم تقم منظمة معاهدة الأمن الجماعي المقصود بها أن تكون اتفاقية دفاع مُتبادَل", ["punctuation"]),
        ],
    )
    def test_what_differs_is_named(self, check: Check, text: str, differs_in: list[str]) -> None:
        found = check(text)
        assert (found.verdict, found.places[0].differs_in) == ("normalised", differs_in)
        assert differs_in[0].replace("_", " ") in found.explanation

    def test_every_place_in_every_article(self, engine: ChatEngine, check: Check) -> None:
        again = add(
            engine, f"عنوان آخر\n\nقال الكاتب إنها أزمة يمكن لموسكو أن تكون مفيدة فيها.\n\nوهي {LETTERS}.", "/again.txt"
        )
        found = check(LETTERS)
        assert [(p.quote.article_id, p.quote.paragraph) for p in found.places] == [
            (BUNDLED_ID, 7),
            (again, 2),
            (again, 1),
        ]
        assert [bool(p.differs_in) for p in found.places] == [False, False, True]
        assert {p.quote.article_id for p in check(LETTERS, [again]).places} == {again}
        remove_article(engine.index, BUNDLED_ID)
        assert {p.quote.article_id for p in check(LETTERS).places} == {again}

    def test_headings_are_found_and_told_apart(self, check: Check) -> None:
        (place,) = check("لا توجد خدمات مجّانية يقدمها بوتين لحلفائه").places
        assert (place.kind, place.quote.paragraph) == ("heading", 2)

    def test_over_the_end_of_a_paragraph(self, check: Check) -> None:
        found = check("إلى كازاخستان.\nكازاخستان روسيا\nصرَّح الأمين العام")
        assert found.verdict == "normalised"
        assert (found.places[0].quote.paragraph, found.places[0].differs_in) == (4, ["white_space"])

    @settings(max_examples=60, deadline=None)
    @given(st.data())
    def test_any_run_of_words(self, shared: ArticleIndex, data: st.DataObject) -> None:
        paragraph = data.draw(st.sampled_from(ARTICLE.body))
        words = ARTICLE.text_of(paragraph).split(" ")
        start = data.draw(st.integers(0, len(words) - 1))
        said = " ".join(words[start : start + data.draw(st.integers(1, 20))])
        found = QuoteChecker(shared, 10_000).check(said)
        # A run that begins behind a negation is told as altered, and nothing else may be.
        assert found.verdict == "exact" or [c.op for c in found.diff if c.op != "equal"] == ["insert"]


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory, encoder: Encoder) -> Iterator[ArticleIndex]:
    """An index of the bundled article that no test writes to."""
    settings = IndexSettings(data_dir=tmp_path_factory.mktemp("shared") / "data")
    with ArticleIndex(settings, writable=True, encoder=encoder) as index:
        add_article(index, ARTICLE)
        yield index


class TestAltered:
    @pytest.mark.parametrize(
        ("text", "changes"),
        [
            ("وصل 3500 جندي من أرمينيا وبيلاروسيا وقرغيزستان", [("replace", "3500", "2500")]),
            ("زحفت دباباته إلى براغ عاصمة التشيك في عام 1986 لسحق حركة الإصلاح", [("replace", "1986", "1968")]),
            ("حيث يرحب الناس بالتدخل الأجنبي", [("insert", "", "لا")]),
            ("يرحب الناس بالتدخل الأجنبي", [("insert", "", "لا")]),
            ("تقم “منظمة معاهدة الأمن الجماعي”", [("insert", "", "لم")]),
            ("المُرجَّح أن يؤثِّر على التخطيط العسكري", [("insert", "", "غير")]),
            ("لكن فلاديمير بوتين هو من اتَّخَذَ القرار السيئ النهائي", [("delete", "السيئ", "")]),
            ("لكن توكاييف هو من اتَّخَذَ القرار النهائي", [("replace", "توكاييف", "فلاديمير بوتين")]),
            ("يجب أن نساعد، لكننا بحاجة إلى وضع بعض الشروط أيضاً", [("insert", "", "بالتأكيد")]),
        ],
    )
    def test_the_words_that_differ(self, check: Check, text: str, changes: list[tuple[str, str, str]]) -> None:
        found = check(text)
        assert found.verdict == "altered"
        assert changed(found) == changes

    @pytest.mark.parametrize(
        ("text", "changes"),
        [
            ("500 people left in time", [("replace", "500", "2,500")]),
            ("2 people left in time", [("replace", "2", "2,500")]),
            ("close the harbour", [("insert", "", "not")]),
            ("Losses rose by 7", [("replace", "7", "7.5")]),
            ("Losses rose by 7.5", [("insert", "", "percent")]),
            ("5 degrees", [("insert", "", "-")]),
            ("40 million", [("insert", "", "$")]),
            ("The damage was $40", [("insert", "", "million")]),
            ("We did close the harbour, and 2,500 people left in time", [("insert", "", "not")]),
            ("The island has 102 wells", [("replace", "102", "10²")]),
            ("The harbour master refused?", [("replace", "?", ".")]),
        ],
    )  # fmt: skip
    def test_a_number_or_negation_is_never_cut(
        self, engine: ChatEngine, check: Check, text: str, changes: list[tuple[str, str, str]]
    ) -> None:
        storm = add(engine, ENGLISH)
        found = check(text, [storm])
        assert found.verdict not in {"exact", "normalised"}
        if found.verdict == "altered":
            assert changed(found) == changes or text.endswith("?")

    def test_of_two_places_the_one_that_is_whole(self, engine: ChatEngine, check: Check) -> None:
        storm = add(engine, ENGLISH)
        assert check("sail after noon", [storm]).verdict == "exact"
        assert check("sail", [storm]).verdict == "exact"
        assert check("sail before noon", [storm]).verdict == "altered"

    def test_no_changed_number_and_no_dropped_negation_is_exact(self, check: Check) -> None:
        tried = 0
        for sentence in SENTENCES:
            found = tokens(sentence)
            ends = [*(token.start for token in found[1:]), len(sentence)]
            for token, end in zip(found, ends, strict=True):
                if token.key.isdecimal():
                    bent = sentence[: token.start] + str(int(token.key) + 1) + sentence[token.start + len(token.key) :]
                elif token.key in {"لا", "لم", "غير"}:
                    bent = sentence[: token.start] + sentence[end:]
                else:
                    continue
                assert check(bent).verdict == "altered", bent
                tried += 1
        assert tried >= 15


class TestPieces:
    def test_in_order_in_one_article(self, check: Check) -> None:
        for mark in ("…", " … ", "...", " [...] ", " […] ", "(...)"):
            found = check(f"“وكتب سوشكوف على منصة تويتر{mark}مفيدةً فيها”")
            assert (found.verdict, len(found.pieces), len(found.places)) == ("exact", 2, 2), mark
            assert "2 pieces" in found.explanation
            assert [piece.verdict for piece in found.pieces] == ["exact", "exact"]

    def test_in_another_order(self, check: Check) -> None:
        found = check("مفيدةً فيها … وكتب سوشكوف")
        assert found.verdict == "altered"
        assert [piece.verdict for piece in found.pieces] == ["exact", "exact"]
        assert "not all stand in one article in this order" in found.explanation

    def test_in_two_articles(self, engine: ChatEngine, check: Check) -> None:
        add(engine, ENGLISH)
        assert check("وكتب سوشكوف … The harbour master refused").verdict == "altered"

    def test_one_piece_altered_or_absent(self, check: Check) -> None:
        assert check("وكتب سوشكوف … أزمةً يمكن لباريس أن تكون مفيدةً فيها").verdict == "altered"
        found = check(f"وكتب سوشكوف … {ABSENT[-1]}")
        assert [piece.verdict for piece in found.pieces] == ["exact", "absent"]
        assert found.verdict == "absent"

    def test_two_dots_and_an_ellipsis_of_the_article_are_no_gap(self, engine: ChatEngine, check: Check) -> None:
        assert check("بقيادة روسيا.. أول عملية انتشار عسكري").pieces == []
        add(engine, "Well\n\nThe mayor paused… and then she said yes to the plan.")
        assert check("The mayor paused… and then she said yes").pieces == []

    @pytest.mark.parametrize(
        ("text", "laid_bare"),
        [("“a” and “b”", "“a” and “b”"), ("“a", "a"), ("a”", "a"), ("“he said ‘b’ twice”", "he said ‘b’ twice"),
         ("the dogs’ day", "the dogs’ day"), ("“”", ""), ("((…))", "((…))")],
    )  # fmt: skip
    def test_laid_bare(self, text: str, laid_bare: str) -> None:
        assert bare(text) == laid_bare

    @given(st.text(alphabet="ab “”«»\"'….[]()\u2068", max_size=40))
    def test_laid_bare_once_is_laid_bare(self, text: str) -> None:
        assert bare(bare(text)) == bare(text)
        assert all(bare(piece) == piece for piece in pieces(text))


class TestMeaning:
    def test_a_translation_is_told_as_unverified(self, check: Check) -> None:
        found = check(TRANSLATED[2])
        assert (found.verdict, found.places) == ("translated_or_paraphrased", [])
        assert found.closest[0].paragraph == 3
        assert "not verified" in found.explanation

    def test_absent(self, check: Check) -> None:
        found = check("The central bank raised interest rates by half a point.")
        assert (found.verdict, found.places, found.diff) == ("absent", [], [])


class TestThresholds:
    """What the docstring of rag.quote_check says of its thresholds, measured again."""

    def test_altered(self) -> None:
        words = [word for sentence in SENTENCES for word in sentence.split()]
        assert len(SENTENCES) == 27

        def share(said: str, text: str = ARTICLE.text) -> float:
            aligned = align(tokens(said), tokens(text), text)
            return aligned.share if aligned else 0.0

        def shares(count: int | None) -> list[float]:
            found = []
            for seed in range(5):
                chosen = random.Random(seed)
                for sentence in SENTENCES:
                    bent = sentence.split()
                    for i in chosen.sample(range(len(bent)), count or len(bent) // 3):
                        bent[i] = chosen.choice(words)
                    found.append(share(" ".join(bent)))
            return found

        assert min(shares(1)) >= 0.82
        assert min(shares(2)) >= 0.76
        assert sum(each >= _ALTERED_FROM for each in shares(None)) == 128
        for sentence in SENTENCES:
            assert share(sentence) == 1.0
            assert share(sentence, ARTICLE.text.replace(sentence, "")) < 0.4

    def test_near(self, shared: ArticleIndex) -> None:
        checker, passages = QuoteChecker(shared, 10_000), list(shared.passages().values())

        def near(texts: list[str]) -> int:
            return sum(checker.nearness(text, passages)[0][1] >= _NEAR for text in texts)

        assert near(TRANSLATED) >= 21
        assert near(PARAPHRASED) >= 3
        assert near(ABSENT) <= 3


class TestBadInput:
    @pytest.mark.parametrize("text", ["", "  ", "“”", "…", "?!", "\0", "\ud800", "\u2068\u2069"])
    def test_empty(self, engine: ChatEngine, text: str) -> None:
        with pytest.raises(BadQuestion, match="The quote is empty") as refused:
            engine.check_quote(text)
        assert refused.value.fix

    def test_a_hundred_thousand_characters_are_refused_at_once(self, engine: ChatEngine) -> None:
        started = time.perf_counter()
        with pytest.raises(BadQuestion, match="100,000 characters; 10,000 are accepted") as refused:
            engine.check_quote("و" * 100_000)
        assert "RAG_MAX_QUOTE" in refused.value.fix
        assert time.perf_counter() - started < 0.5

    def test_too_many_pieces(self, engine: ChatEngine) -> None:
        with pytest.raises(BadQuestion, match="21 pieces"):
            engine.check_quote("a…" * 20 + "b")

    def test_time_grows_with_the_length_not_its_square(self) -> None:
        """The worst texts for a word diff: a few words over and over, in another order."""
        chosen = random.Random(3)

        def seconds(count: int) -> float:
            said, article = (" ".join(chosen.choice(["في", "من", "a", "b"]) for _ in range(count)) for _ in range(2))
            started = time.process_time()
            align(tokens(said), tokens(article), article)
            diff(said, article)
            return time.process_time() - started

        seconds(500)
        assert seconds(40_000) < 40 * max(seconds(4_000), 0.02)

    def test_articles(self, engine: ChatEngine) -> None:
        with pytest.raises(UnknownArticle, match="'nothing'"):
            engine.check_quote(LETTERS, article_ids=["nothing"])
        remove_article(engine.index, BUNDLED_ID)
        with pytest.raises(NothingIndexed):
            engine.check_quote(LETTERS)


class TestDiff:
    @given(st.text(alphabet="ab ،.٢2½²\u064b…", max_size=30), st.text(alphabet="ab ،.٢2½²\u064b…", max_size=30))
    def test_the_slices_are_the_two_texts(self, said: str, article: str) -> None:
        assume(tokens(said) and tokens(article))
        changes = diff(said, article)
        assert "".join(change.said for change in changes) == said
        assert "".join(change.article for change in changes) == article
        for change in changes:
            if change.op == "equal":
                assert [t.key for t in tokens(change.said)] == [t.key for t in tokens(change.article)]

    def test_the_same_letters_differ_in_nothing(self) -> None:
        assert all(differences(sentence, sentence) == [] for sentence in SENTENCES)
        assert differences("й", "и") == ["letter_forms"]


def test_a_place_is_a_value(check: Check) -> None:
    place = check(LETTERS).places[0]
    assert Place.model_validate_json(place.model_dump_json()) == place
