"""`maqal eval`: an engine over the articles to measure on, and the report in a terminal and as JSON."""

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from bots.terminal import counted, progress_bar
from index.articles import Article
from index.exceptions import SourceNotFound
from index.ingestion import add_article
from index.readers import SUFFIXES, read_bundled, read_file
from index.settings import IndexSettings
from rag.chat_engine import ChatEngine
from rag.evaluation import Fault, Figures, Grouping, Place, Report, Row, Share
from rag.factory import open_engine
from rag.quotes import FIRST_STRONG_ISOLATE, POP_ISOLATE
from rag.settings import RagSettings

# In a terminal of 80 columns nothing is cut.
_COLUMNS = (
    "n", "hit@1\n%", "hit@3\n%", "key\n%", "refusal\nprec. %", "refusal\nrecall%", "wrongly\nrefus.%", "quotes\nvalid",
    "who\nsaid", "p50\nms", "p95\nms",
)  # fmt: skip
_GROUPINGS: tuple[Grouping, ...] = ("language", "file", "kind")
_NOTHING = "–"
_UNBOUNDED = 10_000  # columns, into a pipe or a file


def read_articles(paths: Sequence[Path], max_bytes: int, *, bundled: bool) -> list[Article]:
    """The articles in the files, in the folders' files, and the bundled one if wanted. Raises ArticleError."""
    files = [file for path in paths for file in (_articles_in(path) if path.is_dir() else [path])]
    return [read_file(file, max_bytes) for file in files] + ([read_bundled()] if bundled else [])


@contextmanager
def engine_over(
    articles: Sequence[Article], index_settings: IndexSettings, rag_settings: RagSettings
) -> Iterator[ChatEngine]:
    """An engine over these articles alone, in a data directory that is deleted at the end."""
    with tempfile.TemporaryDirectory(prefix="maqal-eval-") as directory:
        # Embedded whatever is configured: a Chroma server's collections are the newsroom's.
        own = index_settings.model_copy(update={"data_dir": Path(directory), "chroma_url": ""})
        with open_engine(own, rag_settings, writable=True) as engine:
            with progress_bar("Indexing") as progress:
                for done, article in enumerate(articles):
                    progress(done, len(articles))
                    add_article(engine.index, article)
            yield engine


def show_report(console: Console, report: Report) -> None:
    """Print the figures as tables, then every question that failed and what went wrong."""
    if not console.is_terminal:
        console.width = _UNBOUNDED
    console.print(f"Encoder {report.encoder}; answers: {_answered_by(report)}.", soft_wrap=True)
    for name in _GROUPINGS:
        groups = report.by(name)
        if name == "file":
            groups = {Path(file).stem: figures for file, figures in groups.items()}
        if len(groups) > 1 or name == "language":
            console.print()
            console.print(Text(f"By {name}", style="bold"))
            console.print(_table(groups, report.in_all))
    failures = report.failures
    if failures:
        console.print()
        console.print(Text(f"{len(failures)} of {counted(len(report.rows), 'question')} failed:", style="bold"))
    for row in failures:
        told = "; ".join(_TOLD[fault](row) for fault in row.faults())
        console.print(Text(row.question.id, style="bold") + Text(f"  {told}"), soft_wrap=not console.is_terminal)
        console.print(Text(row.question.question, style="dim"), soft_wrap=not console.is_terminal)


def as_json(report: Report) -> dict[str, object]:
    """Everything measured: figures, failures, and for each question what was found and answered."""
    return {
        "model": report.model,
        "encoder": report.encoder,
        "all": _figures(report.in_all),
        "languages": {name: _figures(figures) for name, figures in report.by("language").items()},
        "files": {name: _figures(figures) for name, figures in report.by("file").items()},
        "kinds": {name: _figures(figures) for name, figures in report.by("kind").items()},
        "failures": [
            {"file": row.question.file, "id": row.question.id, "faults": {f: _TOLD[f](row) for f in row.faults()}}
            for row in report.failures
        ],
        "questions": [_described(row) for row in report.rows],
    }


def _articles_in(folder: Path) -> list[Path]:
    found = sorted(path for path in folder.iterdir() if path.suffix.casefold() in SUFFIXES and path.is_file())
    if not found:
        raise SourceNotFound(
            f"There is no article in {folder}.", f"It needs a file with a suffix of {', '.join(SUFFIXES)}."
        )
    return found


def _answered_by(report: Report) -> str:
    models = [row.answer.model for row in report.rows]
    return ", ".join(f"{models.count(model)} {model}" for model in dict.fromkeys(models))


def _table(groups: dict[str, Figures], in_all: Figures) -> Table:
    table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False)
    table.add_column("", overflow="fold")
    for column in _COLUMNS:
        table.add_column(column, justify="right", no_wrap=True)
    for name, figures in groups.items():
        table.add_row(name, *_cells(figures))
    if len(groups) > 1:
        table.add_row("all", *_cells(in_all), style="bold")
    return table


def _cells(figures: Figures) -> list[str]:
    percentages = (
        figures.hit_1, figures.hit_3, figures.key_quoted, figures.refusal_precision, figures.refusal_recall,
        figures.wrongly_refused,
    )  # fmt: skip
    return [
        str(figures.questions),
        *(_NOTHING if share.value is None else f"{share.value * 100:.1f}" for share in percentages),
        # Of these every single one counts, and 99.96 % would be rounded to a hundred.
        *(f"{share.count}/{share.of}" if share.of else _NOTHING for share in (figures.quotes_valid, figures.speaker)),
        f"{figures.median_ms:.0f}",
        f"{figures.p95_ms:.0f}",
    ]


def _places(places: Sequence[Place], row: Row) -> str:
    """`§4, §7`, with the article's id where more than one was asked."""
    if len(row.question.articles) == 1:
        return ", ".join(f"§{number}" for _, number in places)
    return ", ".join(f"§{number} {_isolated(article_id)}" for article_id, number in places)


def _invalid_quote(row: Row) -> str:
    return "not the article's letters: " + ", ".join(_isolated(quote.text) for quote in row.invalid)


def _wrongly_refused(row: Row) -> str:
    return f"wrongly refused: {_places(row.expected, row)} answers; confidence {row.answer.confidence:.2f}"


def _should_have_refused(row: Row) -> str:
    nearest = row.found[0]
    return (
        f"should have refused: nearest {_places(row.places[:1], row)}, cosine {nearest.cosine:.2f},"
        f" BM25 {nearest.bm25:.2f}, confidence {row.answer.confidence:.2f}"
    )


def _wrong_paragraph(row: Row) -> str:
    found = f", which is number {row.rank}" if row.rank else ", which was not found"
    return f"wrong paragraph: expected {_places(row.expected, row)}{found}, got {_places(row.places[:3], row)}"


def _key_not_quoted(row: Row) -> str:
    keys = " or ".join(_isolated(key) for key in (row.question.key, *row.question.alternatives))
    quoted = list(dict.fromkeys((quote.article_id, quote.paragraph) for quote in row.answer.quotes))
    return f"key not quoted: {keys}; quoted {_places(quoted, row) or 'nothing'}"


def _wrong_speaker(row: Row) -> str:
    named = dict.fromkeys(_isolated(quote.speaker) if quote.speaker else "the article" for quote in row.key_quotes)
    return f"wrong speaker: expected {_isolated(row.question.speaker)}, got {', '.join(named)}"


def _not_first(row: Row) -> str:
    return f"not first: expected {_places(row.expected, row)}, number {row.rank} after {_places(row.places[:1], row)}"


_TOLD: dict[Fault, Callable[[Row], str]] = {
    "invalid_quote": _invalid_quote,
    "wrongly_refused": _wrongly_refused,
    "should_have_refused": _should_have_refused,
    "wrong_paragraph": _wrong_paragraph,
    "key_not_quoted": _key_not_quoted,
    "wrong_speaker": _wrong_speaker,
    "not_first": _not_first,
}


def _isolated(text: str) -> str:
    return f"{FIRST_STRONG_ISOLATE}{text}{POP_ISOLATE}"


def _figures(figures: Figures) -> dict[str, object]:
    """The figures by name; a share as its count, out of how many, and their quotient (null where that is none)."""
    described: dict[str, object] = {}
    for field in fields(figures):
        value = getattr(figures, field.name)
        is_share = isinstance(value, Share)
        described[field.name] = {"count": value.count, "of": value.of, "share": value.value} if is_share else value
    return described


def _described(row: Row) -> dict[str, object]:
    question, answer = row.question, row.answer
    return {
        "file": question.file,
        "line": question.line,
        "id": question.id,
        "language": question.language,
        "kind": question.kind,
        "question": question.question,
        "expected": [{"article_id": article_id, "paragraph": number} for article_id, number in row.expected],
        "found": [{field.name: getattr(found, field.name) for field in fields(found)} for found in row.found],
        "rank": row.rank,
        "verdict": answer.verdict,
        "confidence": answer.confidence,
        "model": answer.model,
        "quotes": [quote.model_dump(mode="json") for quote in answer.quotes],
        "invalid_quotes": len(row.invalid),
        "key_quoted": bool(row.key_quotes) if question.is_answerable else None,
        "speaker_named": row.names_speaker if question.speaker else None,
        "faults": row.faults(),
        "notes": answer.notes,
        "took_ms": row.took_ms,
    }
