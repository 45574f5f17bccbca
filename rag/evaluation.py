"""How good the answers are: questions whose right answers are known, asked of the real engine, and what came of it."""

import math
import re
import statistics
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

from index.normalization import fold
from rag.answers import Answer, Quote
from rag.exceptions import BadQuestion
from rag.question_files import BadQuestionFile, Question, raise_for

if TYPE_CHECKING:
    from index.articles import IndexedArticle
    from rag.chat_engine import ChatEngine

Place = tuple[str, int]
"""An article's id and the number of a body paragraph in it."""

Grouping = Literal["language", "file", "kind"]
"""What questions are grouped by in a report."""

Fault = Literal[
    "invalid_quote", "wrongly_refused", "should_have_refused", "wrong_paragraph", "key_not_quoted", "wrong_speaker",
    "not_first",
]  # fmt: skip
"""What can be wrong with an answer, the most useful to know first."""

_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class Found:
    """A retrieved passage's paragraph, the fused score, and the evidence of the two sides of retrieval."""

    article_id: str
    paragraph: int
    score: float
    cosine: float
    bm25: float


@dataclass(frozen=True, slots=True)
class Row:
    """One question: the right places, the passages that retrieval found (best first), the answer, its milliseconds.

    `invalid` are the quotes that are not the article's letters at their offsets.
    """

    question: Question
    expected: tuple[Place, ...]
    found: tuple[Found, ...]
    answer: Answer
    invalid: tuple[Quote, ...]
    took_ms: float

    @property
    def is_refused(self) -> bool:
        """Whether the answer is that the article does not say."""
        return self.answer.verdict == "not_in_article"

    @property
    def places(self) -> list[Place]:
        """The paragraphs that retrieval found, each once, best first."""
        return list(dict.fromkeys((found.article_id, found.paragraph) for found in self.found))

    @property
    def rank(self) -> int | None:
        """How far down the first right paragraph stands, from 1; None where retrieval does not find it."""
        return next((rank for rank, place in enumerate(self.places, 1) if place in self.expected), None)

    @property
    def key_quotes(self) -> list[Quote]:
        """The quotes that hold the key."""
        return [quote for quote in self.answer.quotes if self.question.is_held_by(quote.text)]

    @property
    def names_speaker(self) -> bool:
        """Whether a quote that holds the key is said by the speaker: one name may be a part of the other."""
        return any(_is_same_name(self.question.speaker, quote.speaker) for quote in self.key_quotes)

    def faults(self) -> list[Fault]:
        """What is wrong with the answer, the worst first."""
        question = self.question
        is_asked = question.is_answerable and not self.is_refused
        is_wrong: dict[Fault, bool] = {
            "invalid_quote": bool(self.invalid),
            "wrongly_refused": question.is_answerable and self.is_refused,
            "should_have_refused": not question.is_answerable and not self.is_refused,
            "wrong_paragraph": question.is_answerable and (self.rank is None or self.rank > 3),
            "key_not_quoted": is_asked and not self.key_quotes,
            "wrong_speaker": bool(question.speaker and self.key_quotes and not self.names_speaker),
            "not_first": question.is_answerable and self.rank in {2, 3},
        }
        return [fault for fault in get_args(Fault) if is_wrong[fault]]


@dataclass(frozen=True, slots=True)
class Share:
    """`count` of `of`."""

    count: int
    of: int

    @property
    def value(self) -> float | None:
        """From 0 to 1; None where there was nothing to count."""
        return self.count / self.of if self.of else None


@dataclass(frozen=True, slots=True)
class Figures:
    """What docs/evaluation.md explains, for some of the questions; times in milliseconds."""

    questions: int
    hit_1: Share
    hit_3: Share
    key_quoted: Share
    refusal_precision: Share
    refusal_recall: Share
    wrongly_refused: Share
    quotes_valid: Share
    speaker: Share
    median_ms: float
    p95_ms: float


@dataclass(frozen=True, slots=True)
class Report:
    """Everything measured: a row for each question, in their order, and who answered (`model`, `encoder`)."""

    rows: tuple[Row, ...]
    model: str
    encoder: str

    @property
    def in_all(self) -> Figures:
        """The figures of all questions."""
        return measure(self.rows)

    def by(self, name: Grouping) -> dict[str, Figures]:
        """The figures for each language, file or kind, in the order in which they first occur."""
        groups: dict[str, list[Row]] = {}
        for row in self.rows:
            groups.setdefault(getattr(row.question, name), []).append(row)
        return {key: measure(rows) for key, rows in groups.items() if key}

    @property
    def failures(self) -> list[Row]:
        """The rows with a fault, worst first: by fault, then by how sure the engine was of the wrong verdict."""

        def order(row: Row) -> tuple[int, float]:
            worst = row.faults()[0]
            sure = {"wrongly_refused": row.answer.confidence, "should_have_refused": -row.answer.confidence}
            return get_args(Fault).index(worst), sure.get(worst, 0.0)

        return sorted((row for row in self.rows if row.faults()), key=order)


def evaluate(
    engine: "ChatEngine", questions: Sequence[Question], progress: Callable[[int, int], None] | None = None
) -> Report:
    """Ask every question, outside any conversation; `progress(done, total)` counts them.

    Nothing is asked before every question fits its article. Raises BadQuestionFile, NothingIndexed, and what the
    engine raises. A question of all (or several) articles is of the one that holds its key in its paragraphs.
    """
    engine.check()
    entries = {entry.id: entry for entry in engine.index.articles()}
    expected: list[tuple[Place, ...]] = []
    problems = []
    for question in questions:
        try:
            expected.append(_expected(question, entries))
        except ValueError as error:
            problems.append(f"{question.where}: {error}.")
    raise_for(problems)
    _warm_up(engine, questions)
    rows = []
    for done, (question, places) in enumerate(zip(questions, expected, strict=True)):
        if progress:
            progress(done, len(questions))
        rows.append(_row(engine, question, places))
    return Report(tuple(rows), engine.model, str(engine.index.encoder.fingerprint))


def measure(rows: Sequence[Row]) -> Figures:
    """The figures of the rows, of which there is at least one."""
    answerable = [row for row in rows if row.question.is_answerable]
    silent = [row for row in rows if not row.question.is_answerable]
    refused = [row for row in rows if row.is_refused]
    said = [row for row in answerable if row.question.speaker]
    quotes = sum(len(row.answer.quotes) for row in rows)
    took = sorted(row.took_ms for row in rows)
    return Figures(
        questions=len(rows),
        hit_1=Share(sum(row.rank == 1 for row in answerable), len(answerable)),
        hit_3=Share(sum(row.rank is not None and row.rank <= 3 for row in answerable), len(answerable)),
        key_quoted=Share(sum(bool(row.key_quotes) for row in answerable), len(answerable)),
        refusal_precision=Share(sum(not row.question.is_answerable for row in refused), len(refused)),
        refusal_recall=Share(sum(row.is_refused for row in silent), len(silent)),
        wrongly_refused=Share(sum(row.is_refused for row in answerable), len(answerable)),
        quotes_valid=Share(quotes - sum(len(row.invalid) for row in rows), quotes),
        speaker=Share(sum(row.names_speaker for row in said), len(said)),
        median_ms=statistics.median(took),
        p95_ms=took[math.ceil(0.95 * len(took)) - 1],
    )


def _row(engine: "ChatEngine", question: Question, expected: tuple[Place, ...]) -> Row:
    asked = question.articles or None
    started = time.perf_counter()
    try:
        answer = engine.ask(question.question, article_ids=asked)
    except BadQuestion as error:
        raise BadQuestionFile(f"{question.where}: {error.message}", error.fix) from error
    took_ms = (time.perf_counter() - started) * 1000
    # Only now: the index keeps the vectors of the last questions, and an answer that finds its own there is too quick.
    nodes = engine.search(question.question, article_ids=asked)
    found = tuple(
        Found(
            article_id=node.node.metadata["article_id"],
            paragraph=node.node.metadata["paragraph"],
            score=node.score or 0.0,
            cosine=node.node.metadata["cosine"],
            bm25=node.node.metadata["bm25"],
        )
        for node in nodes
    )
    texts = {quote.article_id: engine.index.catalog.article(quote.article_id).article.text for quote in answer.quotes}
    invalid = tuple(quote for quote in answer.quotes if texts[quote.article_id][quote.start : quote.end] != quote.text)
    return Row(question, expected, found, answer, invalid, took_ms)


def _warm_up(engine: "ChatEngine", questions: Sequence[Question]) -> None:
    """Load what each language needs before anything is timed, with other letters than the questions have."""
    for question in {question.language: question for question in questions}.values():
        text = f"… {question.question}"[: len(question.question)]
        # A language model is not paid for answers that nobody reads.
        ask = engine.ask if engine.model == "extractive" else engine.search
        with suppress(BadQuestion):
            ask(text, article_ids=question.articles or None)


def _expected(question: Question, entries: dict[str, "IndexedArticle"]) -> tuple[Place, ...]:
    """The right places. Raises ValueError where the question does not fit the articles that it is asked of."""
    for article_id in question.articles:
        if article_id not in entries:
            raise ValueError(f"no indexed article has the id {article_id!r}")
    asked = [entries[article_id] for article_id in question.articles or entries]
    if not question.is_answerable:
        return ()
    bodies = {entry.id: {p.number: entry.article.text_of(p) for p in entry.article.body} for entry in asked}
    wanted = question.paragraphs
    fitting = [id_ for id_, body in bodies.items() if all(number in body for number in wanted)]
    if not fitting:
        (longest, body) = max(bodies.items(), key=lambda item: len(item[1]))
        lacking = next(number for number in wanted if number not in body)
        raise ValueError(f"`paragraphs` has {lacking}, and {longest} ends with paragraph {len(body)}")
    if len(asked) > 1:
        fitting = [id_ for id_ in fitting if any(question.is_held_by(bodies[id_][number]) for number in wanted)]
    if len(fitting) != 1:
        raise ValueError(
            f"of the {len(asked)} articles asked {len(fitting)} hold the key in such paragraphs; name the right one"
        )
    return tuple((fitting[0], number) for number in wanted)


def _is_same_name(one: str, other: str) -> bool:
    shorter, longer = sorted((f" {' '.join(_WORD.findall(fold(name)))} " for name in (one, other)), key=len)
    return bool(shorter.strip()) and shorter in longer
