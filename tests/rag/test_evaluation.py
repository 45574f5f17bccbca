"""Evaluation: files of questions are read or refused line by line, and the figures are those that a hand computes."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from index.ingestion import add_article
from index.readers import read_bundled, read_text
from index.settings import IndexSettings
from rag.answers import Answer, Quote
from rag.chat_engine import ChatEngine
from rag.evaluation import Found, Report, Row, Share, evaluate, measure
from rag.exceptions import NothingIndexed
from rag.factory import open_engine
from rag.phrases import languages
from rag.question_files import BadQuestionFile, Question, assign, read_questions
from rag.settings import RagSettings
from tests.conftest import BUNDLED_ID
from tests.llm_server import ScriptedLlm

QUESTIONS = Path(__file__).parents[1] / "data" / "questions"
HARBOUR = """# A morning in Lindow

The ferry Aurora left the harbour of Lindow at six in the morning with 214 passengers on board.

Captain Maria Holt said: “The engine of the ferry stopped twice before noon.”

The museum of glass will open on 3 May, after four years of building work.
"""
GOOD: dict[str, Any] = {"id": "1", "language": "en", "question": "How many?", "paragraphs": [1], "key": "214"}


def write(path: Path, *rows: dict[str, Any]) -> Path:
    path.write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in rows), encoding="utf-8")
    return path


@pytest.fixture
def harbour(tmp_path: Path) -> Iterator[ChatEngine]:
    """An engine over an article of three paragraphs, with the id `harbour`."""
    with open_engine(IndexSettings(data_dir=tmp_path / "harbour"), RagSettings(), writable=True) as engine:
        add_article(engine.index, read_text(HARBOUR, origin="/somewhere/harbour.md", format="markdown"))
        yield engine


class TestFiles:
    def test_a_whole_line(self, tmp_path: Path) -> None:
        row = GOOD | {"alternatives": ["two"], "kind": "how_many", "speaker": "Holt", "article": "harbour", "mine": 1}
        file = tmp_path / "q.jsonl"
        file.write_bytes(b"\xef\xbb\xbf\r\n" + json.dumps(row).encode() + b"\r\n\n")
        (question,) = read_questions([file])
        assert question == Question(
            "1", "en", "How many?", (1,), "214", ("two",), "how_many", "Holt", ("harbour",), str(file), 2
        )

    def test_optional_fields_may_be_null(self, tmp_path: Path) -> None:
        row = GOOD | {"alternatives": None, "kind": None, "speaker": None, "article": None}
        (question,) = read_questions([write(tmp_path / "q.jsonl", row)])
        assert (question.alternatives, question.kind, question.speaker, question.articles) == ((), "", "", ())

    def test_all_development_questions_are_read(self) -> None:
        files = sorted(QUESTIONS.glob("*.jsonl"))
        lines = sum(len(file.read_text(encoding="utf-8").splitlines()) for file in files)
        assert len(read_questions(files)) == lines > 150

    @pytest.mark.parametrize(
        ("line", "said"),
        [
            (b"{", "not JSON (Expecting property name enclosed in double quotes, column 2)"),
            (b"\xff\xfe", "not UTF-8"),
            (b"[" * 200_000, "not JSON"),
            (b"[]", "not a JSON object ({…})"),
            *(
                (json.dumps({k: v for k, v in GOOD.items() if k != name}).encode(), f"`{name}` is missing")
                for name in GOOD
            ),
            *(
                (json.dumps(GOOD | changed).encode(), said)
                for changed, said in [
                    ({"id": 7}, "`id` is not a text"),
                    ({"id": " "}, "`id` is empty"),
                    ({"language": "xx"}, "`language` is 'xx', none of en, ar"),
                    ({"question": None}, "`question` is not a text"),
                    ({"question": "?!"}, "`question` is empty"),
                    ({"paragraphs": 4}, "`paragraphs` is not a list of whole numbers"),
                    ({"paragraphs": ["4"]}, "`paragraphs` is not a list of whole numbers"),
                    ({"paragraphs": [True]}, "`paragraphs` is not a list of whole numbers"),
                    ({"paragraphs": [0]}, "`paragraphs` counts from 1"),
                    ({"key": ["214"]}, "`key` is not a text"),
                    ({"key": ""}, "`key` or an alternative is empty, and `paragraphs` is not"),
                    ({"alternatives": [""]}, "`key` or an alternative is empty, and `paragraphs` is not"),
                    ({"paragraphs": []}, "`paragraphs` is empty, and `key` or `alternatives` is not"),
                    ({"alternatives": "two"}, "`alternatives` is not a list of texts"),
                    ({"kind": 1}, "`kind` is not a text"),
                    ({"speaker": []}, "`speaker` is not a text"),
                    ({"article": 1}, "`article` is not a text"),
                ]
            ),
        ],
    )
    def test_a_broken_line_is_named(self, tmp_path: Path, line: bytes, said: str) -> None:
        file = tmp_path / "q.jsonl"
        file.write_bytes(json.dumps(GOOD | {"id": "0"}).encode() + b"\n\n" + line + b"\n")
        with pytest.raises(BadQuestionFile) as caught:
            read_questions([file])
        assert caught.value.message.startswith(f"{file}, line 3: {said}")
        assert len(caught.value.message.splitlines()) == 1

    def test_all_broken_lines_of_all_files_are_named(self, tmp_path: Path) -> None:
        one = write(tmp_path / "one.jsonl", GOOD, GOOD, GOOD | {"id": "2", "key": 1})
        other = write(tmp_path / "other.jsonl", GOOD | {"language": ""})
        (tmp_path / "empty.jsonl").write_text("\n \n")
        with pytest.raises(BadQuestionFile) as caught:
            read_questions([one, other, one, tmp_path / "empty.jsonl", tmp_path / "none.jsonl", tmp_path])
        assert caught.value.message.splitlines() == [
            f"{one}, line 2: the id '1' is taken by line 1.",
            f"{one}, line 3: `key` is not a text.",
            f"{other}, line 1: `language` is '', none of {', '.join(languages())}.",
            f"{one} is named twice.",
            f"{tmp_path / 'empty.jsonl'} holds no question.",
            f"There is no file at {tmp_path / 'none.jsonl'}.",
            f"{tmp_path} is not a file.",
        ]

    def test_a_thousand_broken_lines_are_not_all_told(self, tmp_path: Path) -> None:
        (tmp_path / "q.jsonl").write_text("x\n" * 1000)
        with pytest.raises(BadQuestionFile) as caught:
            read_questions([tmp_path / "q.jsonl"])
        assert len(caught.value.message.splitlines()) == 21
        assert caught.value.message.endswith("… and 980 more.")


class TestArticlesAsked:
    def test_the_line_then_the_option_then_the_name_then_the_rest(self, engine: ChatEngine) -> None:
        def asked(question: Question, *options: Sequence[str]) -> tuple[str, ...]:
            (assigned,) = assign([question], engine.index.articles(), *options)
            return assigned.articles

        named = Question("1", "en", "?", articles=("line",))
        same_name = Question("1", "en", "?", file="/x/kazakhstan-csto-2022.jsonl")
        same_id = Question("1", "en", "?", file=f"{BUNDLED_ID}.jsonl")
        other = Question("1", "en", "?", file="other.jsonl")
        assert asked(named, ["option"], ["rest"]) == ("line",)
        assert asked(same_name, ["option"], ["rest"]) == ("option",)
        assert asked(same_name, [], ["rest"]) == asked(same_id, [], ["rest"]) == (BUNDLED_ID,)
        assert asked(other, [], ["rest"]) == ("rest",)
        assert asked(other) == ()

    def test_the_name_of_the_articles_file(self, engine: ChatEngine) -> None:
        # The id is made from the name, and is another than it.
        entry = add_article(engine.index, read_text(HARBOUR, origin="/x/The Harbour.md", format="markdown")).entry
        assert entry.id == "the-harbour"
        (assigned,) = assign([Question("1", "en", "?", file="The Harbour.jsonl")], engine.index.articles())
        assert assigned.articles == ("the-harbour",)

    def test_what_does_not_fit_is_named_before_anything_is_asked(self, harbour: ChatEngine, tmp_path: Path) -> None:
        file = write(
            tmp_path / "harbour.jsonl",
            GOOD | {"id": "0"},
            GOOD | {"id": "1", "paragraphs": [3, 4]},
            GOOD | {"id": "2", "article": "nothing"},
        )
        questions = assign(read_questions([file]), harbour.index.articles())
        told: list[int] = []
        with pytest.raises(BadQuestionFile) as caught:
            evaluate(harbour, questions, lambda done, _: told.append(done))
        assert caught.value.message.splitlines() == [
            f"{file}, line 2: `paragraphs` has 4, and harbour ends with paragraph 3.",
            f"{file}, line 3: no indexed article has the id 'nothing'.",
        ]
        assert told == []

    def test_of_all_articles_the_one_that_holds_the_key_is_meant(self, harbour: ChatEngine) -> None:
        add_article(harbour.index, read_bundled())
        question = Question("1", "en", "How many passengers did the ferry Aurora carry?", (1,), "214")
        report = evaluate(harbour, [question])
        assert report.rows[0].expected == (("harbour", 1),)
        assert report.rows[0].rank == 1
        with pytest.raises(BadQuestionFile, match="of the 2 articles asked 0 hold the key in such paragraphs"):
            evaluate(harbour, [Question("1", "en", "How many passengers?", (2,), "214")])

    def test_without_an_article(self, tmp_path: Path) -> None:
        with (
            open_engine(IndexSettings(data_dir=tmp_path / "none"), RagSettings()) as engine,
            pytest.raises(NothingIndexed),
        ):
            evaluate(engine, [Question("1", "en", "How many?")])

    def test_a_question_that_the_engine_does_not_take(self, harbour: ChatEngine) -> None:
        question = Question("1", "en", "how many " * 1000, (1,), "214", file="q.jsonl", line=3)
        with pytest.raises(BadQuestionFile, match=r"^q\.jsonl, line 3: The question has "):
            evaluate(harbour, [question])


class TestReport:
    def test_figures_of_three_paragraphs(self, harbour: ChatEngine, tmp_path: Path) -> None:
        passengers, cup = "How many passengers did the ferry Aurora carry?", "Who won the World Cup?"
        rows = [
            ("right", passengers, [1], "214 PASSENGERS"),
            ("speaker", "What did Captain Maria Holt say about the engine?", [2], "stopped twice"),
            ("alternative", "When will the museum of glass open?", [3], "4 May"),
            ("elsewhere", passengers, [3], "four years"),
            ("silent", cup, [], ""),
            ("answered", passengers, [], ""),
            ("refused", cup, [1], "214"),
        ]
        more: dict[str, dict[str, Any]] = {
            "speaker": {"speaker": "Maria Holt"},
            "alternative": {"alternatives": ["on 3 may"]},
            "answered": {"kind": "near_miss"},
        }
        file = write(
            tmp_path / "harbour.jsonl",
            *(
                {"id": id_, "language": "en", "question": question, "paragraphs": paragraphs, "key": key}
                | more.get(id_, {})
                for id_, question, paragraphs, key in rows
            ),
        )
        questions = assign(read_questions([file]), harbour.index.articles())
        told: list[tuple[int, int]] = []
        report = evaluate(harbour, questions, lambda *progress: told.append(progress))
        assert told == [(i, 7) for i in range(7)]
        assert report.model == "extractive"
        by_id = {row.question.id: row for row in report.rows}
        assert {id_: row.faults()[:1] for id_, row in by_id.items()} == {
            "right": [],
            "speaker": [],
            "alternative": [],
            "elsewhere": ["key_not_quoted"],
            "silent": [],
            "answered": ["should_have_refused"],
            "refused": ["wrongly_refused"],
        }
        assert by_id["elsewhere"].rank in {2, 3}
        assert by_id["elsewhere"].faults() == ["key_not_quoted", "not_first"]
        assert [row.question.id for row in report.failures] == ["refused", "answered", "elsewhere"]
        figures = report.in_all
        # Five are answerable, and of three paragraphs each is among the first three.
        first = 3 + (by_id["refused"].rank == 1)
        assert (figures.questions, figures.hit_1, figures.hit_3) == (7, Share(first, 5), Share(5, 5))
        assert figures.key_quoted == Share(3, 5)
        assert (figures.refusal_precision, figures.refusal_recall) == (Share(1, 2), Share(1, 2))
        assert (figures.wrongly_refused, figures.speaker) == (Share(1, 5), Share(1, 1))
        quotes = sum(len(row.answer.quotes) for row in report.rows)
        assert figures.quotes_valid == Share(quotes, quotes)
        assert quotes >= 5
        assert 0 < figures.median_ms <= figures.p95_ms
        assert list(report.by("language")) == ["en"]
        assert list(report.by("file")) == [str(file)]
        assert list(report.by("kind")) == ["near_miss"]

    def test_rows_hold_the_evidence_of_both_sides(self, harbour: ChatEngine) -> None:
        question = "How many passengers did the ferry Aurora carry?"
        (row,) = evaluate(harbour, [Question("1", "en", question, (1,), "214")]).rows
        nodes = harbour.search(question)
        assert [(f.paragraph, f.cosine, f.bm25) for f in row.found] == [
            (n.node.metadata["paragraph"], n.node.metadata["cosine"], n.node.metadata["bm25"]) for n in nodes
        ]
        assert row.found[0].bm25 > 0
        assert 0 < row.found[0].cosine <= 1

    def test_a_quote_that_is_not_the_articles_is_found(self, harbour: ChatEngine, tmp_path: Path) -> None:
        class Shifted(ChatEngine):
            """An engine whose quotes claim to stand one letter further on than they do."""

            def ask(self, *args: Any, **kwargs: Any) -> Answer:
                answer = super().ask(*args, **kwargs)
                shifted = [q.model_copy(update={"start": q.start + 1, "end": q.end + 1}) for q in answer.quotes]
                return answer.model_copy(update={"quotes": shifted})

        engine = Shifted(harbour.index, harbour.conversations, harbour.answers, RagSettings())
        report = evaluate(engine, [Question("1", "en", "How many passengers did the ferry Aurora carry?", (1,), "214")])
        assert report.in_all.quotes_valid.count == 0
        assert report.in_all.quotes_valid.of >= 1
        assert report.rows[0].faults() == ["invalid_quote"]

    @pytest.mark.filterwarnings("ignore:Exception ignored in. <socket:pytest.PytestUnraisableExceptionWarning")
    @pytest.mark.usefixtures("leaked_sockets")
    def test_a_language_model_is_measured_like_any(self, tmp_path: Path) -> None:
        pytest.importorskip("llama_index.llms.openai_like")
        # It says what it says of the museum to every question, in words of the article.
        text = "It opens in spring: “The museum of glass will open on 3 May” [1]."
        with ScriptedLlm(lambda _: text) as llm:
            settings = RagSettings(llm="openai", llm_model="scripted", llm_url=f"{llm.url}/v1")
            with open_engine(IndexSettings(data_dir=tmp_path / "harbour"), settings, writable=True) as engine:
                add_article(engine.index, read_text(HARBOUR, origin="/x/harbour.md", format="markdown"))
                question = Question("1", "en", "When will the museum of glass open?", (3,), "3 May")
                report = evaluate(engine, [question, Question("2", "en", "Who won the World Cup?")])
        assert report.model == "scripted"
        assert [row.answer.model for row in report.rows] == ["scripted", "scripted"]
        assert report.rows[0].faults() == []
        assert report.rows[1].faults() == ["should_have_refused"]
        assert len(llm.prompts) == 2  # Warming up costs no answer.


class TestFigures:
    """The figures of rows that are written down here, so that they do not hang on any engine."""

    def test_by_hand(self) -> None:
        rows = [
            row(1, expected=[2], found=[2, 2, 3], quotes=["im Jahr ١٩٩٩"], key="1999", speaker="Anna Berg"),
            row(2, expected=[2], found=[7, 7, 8, 2], quotes=["other"], key="1999"),
            row(3, expected=[2], found=[4, 5, 6, 2], quotes=[], key="1999"),
            row(4, expected=[2], found=[4, 5, 6], quotes=[], key="1999", speaker="Anna Berg"),
            row(5, expected=[], found=[4, 5, 6], quotes=[]),
            row(6, expected=[], found=[4, 5, 6], quotes=["a", "b"]),
            row(7, expected=[], found=[], quotes=[]),
        ]
        figures = measure(rows)
        # Passages of one paragraph are one place: in the second row paragraph 2 is the third, not the fourth.
        assert [r.rank for r in rows] == [1, 3, 4, None, None, None, None]
        assert (figures.hit_1, figures.hit_3) == (Share(1, 4), Share(2, 4))
        assert figures.key_quoted == Share(1, 4)
        assert (figures.refusal_precision, figures.refusal_recall) == (Share(2, 4), Share(2, 3))
        assert figures.wrongly_refused == Share(2, 4)
        assert figures.quotes_valid == Share(4, 4)
        assert figures.speaker == Share(0, 2)
        assert (figures.median_ms, figures.p95_ms) == (4, 7)
        assert [r.faults() for r in rows] == [
            ["wrong_speaker"],
            ["key_not_quoted", "not_first"],
            ["wrongly_refused", "wrong_paragraph"],
            ["wrongly_refused", "wrong_paragraph"],
            [],
            ["should_have_refused"],
            [],
        ]
        # The worst first, and among those refused wrongly the surest.
        report = Report(tuple(rows), "extractive", "encoder")
        assert [r.question.id for r in report.failures] == ["3", "4", "6", "2", "1"]

    def test_ninety_fifth_percentile(self) -> None:
        figures = measure([row(ms, expected=[], found=[], quotes=[]) for ms in range(1, 101)])
        assert (figures.median_ms, figures.p95_ms) == (50.5, 95)

    def test_nothing_to_count(self) -> None:
        figures = measure([row(1, expected=[], found=[], quotes=["a"])])
        assert figures.hit_1.value is None
        assert figures.refusal_precision.value is None
        assert figures.refusal_recall.value == 0.0

    @pytest.mark.parametrize(
        ("named", "is_right"),
        [
            ("Anna Berg", True),
            ("Fire chief ANNA BERG, of Lindow", True),
            ("Berg", True),
            ("Anna Bergmann", False),
            ("", False),
        ],
    )
    def test_names(self, named: str, is_right: bool) -> None:
        said = row(1, expected=[2], found=[2], quotes=["1999"], key="1999", speaker="Anna Berg", named=named)
        assert said.names_speaker is is_right


def row(
    ms: int,
    *,
    expected: list[int],
    found: list[int],
    quotes: list[str],
    key: str = "",
    speaker: str = "",
    named: str = "",
) -> Row:
    """A row with an answer that took so many milliseconds; the confidence grows with them."""
    answer = Answer(
        id="1",
        question="?",
        understood_as="?",
        language="en",
        verdict="answered" if quotes else "not_in_article",
        text="",
        quotes=[
            Quote(text=text, article_id="a", version=1, paragraph=2, start=0, end=len(text), score=1.0, speaker=named)
            for text in quotes
        ],
        sources=[],
        closest=[],
        confidence=ms / 1000,
        model="extractive",
        took_ms=ms,
    )
    return Row(
        Question(str(ms), "en", "?", tuple(expected), key, speaker=speaker),
        tuple(("a", number) for number in expected),
        tuple(Found("a", number, 0.5, 0.5, 0.0) for number in found),
        answer,
        (),
        ms,
    )
