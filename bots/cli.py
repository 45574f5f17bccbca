"""The command `maqal`. Each subcommand imports what it needs when it runs, so that `--help` is quick."""

import os
import sys
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from bots import keys
from bots.indexing import add, described, ensure_bundled, named, print_json, read, rebuild_vectors
from bots.mcp import mcp
from bots.settings import load_settings
from index.exceptions import ConfigurationError, MaqalError

if TYPE_CHECKING:
    from bots.doctor import Finding

app = typer.Typer(
    name="maqal",
    help="Ask news articles in any language; answers are quotes, checked letter by letter.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(is_wanted: bool) -> None:  # noqa: FBT001 - typer calls it so
    if is_wanted:
        from importlib.metadata import version

        typer.echo(f"maqal {version('maqal')}")
        raise typer.Exit


@app.callback()
def _root(
    *,
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass


AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
ArticleIds = Annotated[
    list[str] | None, typer.Option("--article", "-a", help="Ask only this article (repeatable).", metavar="ID")
]
AskBundled = Annotated[bool, typer.Option("--bundled", help="Ask the article that comes with maqal.")]
Language = Annotated[
    str | None, typer.Option("--lang", "-l", help="Language of the answer (default: the question's).", metavar="CODE")
]


@app.command()
def ask(
    question: Annotated[str, typer.Argument(help="The question, in any language; - reads it from standard input.")],
    *,
    articles: ArticleIds = None,
    language: Language = None,
    bundled: AskBundled = False,
    as_json: AsJson = False,
    citations: Annotated[
        Literal["plain", "markdown"] | None, typer.Option("--cite", help="Print a citation of each quote, too.")
    ] = None,
) -> None:
    """Answer one question."""
    from bots.terminal import make_console, show_citations, show_events, waiting
    from index.settings import IndexSettings
    from rag.settings import RagSettings

    index_settings, rag_settings = load_settings(IndexSettings), load_settings(RagSettings)
    article_ids = named(index_settings, articles, bundled=bundled)
    if question == "-":
        question = sys.stdin.buffer.read().decode("utf-8", errors="replace")
    with ExitStack() as opened:
        with waiting("Looking into the articles"):
            from rag.answers import last_answer
            from rag.factory import open_engine

            engine = opened.enter_context(open_engine(index_settings, rag_settings))
            events = engine.stream(question, article_ids=article_ids, language=language)
        if as_json:
            answer = last_answer(events)
            more = {"citations": engine.cite(answer.quotes, citations)} if citations else {}
            print_json(answer.model_dump(mode="json") | more)
        else:
            console = make_console()
            answer = show_events(console, events)
            if citations:
                show_citations(console, engine.cite(answer.quotes, citations))


@app.command(name="check-quote")
def check_quote(
    quote: Annotated[str, typer.Argument(help="What is said to be a quote; - reads it from standard input.")],
    *,
    articles: Annotated[
        list[str] | None, typer.Option("--article", "-a", help="Look only in this article (repeatable).", metavar="ID")
    ] = None,
    bundled: Annotated[bool, typer.Option("--bundled", help="Look in the article that comes with maqal.")] = False,
    as_json: AsJson = False,
) -> None:
    """Check whether a quote stands in the articles; the exit code is 0 where it does, else 1."""
    from bots.terminal import make_console, show_quote_check, waiting
    from index.settings import IndexSettings
    from rag.settings import RagSettings

    index_settings, rag_settings = load_settings(IndexSettings), load_settings(RagSettings)
    article_ids = named(index_settings, articles, bundled=bundled)
    if quote == "-":
        quote = sys.stdin.buffer.read().decode("utf-8", errors="replace")
    with waiting("Looking into the articles"):
        from rag.factory import open_engine

        with open_engine(index_settings, rag_settings) as engine:
            check = engine.check_quote(quote, article_ids=article_ids)
    if as_json:
        print_json(check.model_dump(mode="json"))
    else:
        show_quote_check(make_console(), check)
    if check.verdict not in {"exact", "normalised"}:
        raise typer.Exit(1)


@app.command()
def chat(
    *,
    articles: ArticleIds = None,
    language: Language = None,
    bundled: AskBundled = False,
) -> None:
    """Talk about the indexed articles; follow-up questions are understood."""
    from bots.terminal import make_console, waiting
    from index.settings import IndexSettings
    from rag.settings import RagSettings

    index_settings, rag_settings = load_settings(IndexSettings), load_settings(RagSettings)
    article_ids = named(index_settings, articles, bundled=bundled)
    history_file = index_settings.data_dir / "chat_history"
    with ExitStack() as opened:
        with waiting("Opening the articles"):
            from bots.chat import run_chat
            from rag.factory import open_engine

            engine = opened.enter_context(open_engine(index_settings, rag_settings))
            engine.check(article_ids)
        run_chat(engine, make_console(), history_file, article_ids=article_ids, language=language)


@app.command()
def index(
    paths: Annotated[
        list[str] | None,
        typer.Argument(help="Text, Markdown, HTML, Word or PDF files, or addresses of web pages.", metavar="PATH|URL…"),
    ] = None,
    *,
    title: Annotated[str | None, typer.Option(help="Title, where the file does not tell it.")] = None,
    source: Annotated[str | None, typer.Option(help="Publisher, where the file does not tell it.")] = None,
    published: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Date of publication.", metavar="YYYY-MM-DD")
    ] = None,
    bundled: Annotated[bool, typer.Option("--bundled", help="Index the article that comes with maqal.")] = False,
    rebuild: Annotated[
        bool, typer.Option("--rebuild", help="Rebuild the vector store; another encoder makes all vectors again.")
    ] = False,
) -> None:
    """Index articles; a file that was indexed before is replaced if it changed."""
    from index.article_index import ArticleIndex
    from index.readers import read_bundled, with_metadata
    from index.settings import IndexSettings

    if not (paths or bundled or rebuild):
        raise ConfigurationError("Nothing to index was named.", "Name files (maqal index FILE…), or use --bundled.")
    index_settings = load_settings(IndexSettings)
    # Every file is read before any is indexed: one that cannot be read leaves the index as it was.
    day = published.date() if published else None
    found = [read(path, index_settings) for path in paths or []]
    found = [with_metadata(article, title=title, source=source, published=day) for article in found]
    with ArticleIndex(index_settings, writable=True) as article_index:
        if rebuild:
            rebuild_vectors(article_index)
        for article in [*found, *([read_bundled()] if bundled else [])]:
            typer.echo(add(article_index, article))


@app.command(name="articles")
def list_articles(*, as_json: AsJson = False) -> None:
    """List the indexed articles."""
    from bots.terminal import make_console, show_articles
    from index.article_index import ArticleIndex
    from index.settings import IndexSettings

    index_settings = load_settings(IndexSettings)
    with ArticleIndex(index_settings) as article_index:
        entries = article_index.articles()
    if as_json:
        print_json([described(entry) for entry in entries])
    elif entries:
        show_articles(make_console(), entries)
    else:
        typer.echo("No article is indexed. Run `maqal index FILE`, or `maqal index --bundled`.")


@app.command()
def remove(
    ids: Annotated[list[str], typer.Argument(help="Ids of articles, as `maqal articles` lists them.", metavar="ID…")],
) -> None:
    """Remove articles from the index."""
    from index.article_index import ArticleIndex
    from index.ingestion import remove_article
    from index.settings import IndexSettings

    index_settings = load_settings(IndexSettings)
    with ArticleIndex(index_settings, writable=True) as article_index:
        for article_id in ids:  # An id that is not there stops before anything is removed.
            article_index.catalog.article(article_id)
        for article_id in ids:
            typer.echo(f"Removed {remove_article(article_index, article_id).id}.")


@app.command()
def facts(
    *,
    articles: Annotated[
        list[str] | None, typer.Option("--article", "-a", help="Only this article (repeatable).", metavar="ID")
    ] = None,
    bundled: Annotated[bool, typer.Option("--bundled", help="The article that comes with maqal.")] = False,
    as_json: AsJson = False,
) -> None:
    """List the people, numbers, dates and places that articles name, with their paragraphs."""
    from bots.terminal import make_console, show_facts
    from index.article_index import ArticleIndex
    from index.settings import IndexSettings
    from rag.facts import facts_of

    index_settings = load_settings(IndexSettings)
    article_ids = named(index_settings, articles, bundled=bundled)
    with ArticleIndex(index_settings) as article_index:
        ids = article_ids or [entry.id for entry in article_index.articles()]
        found = [facts_of(article_index.catalog.article(article_id)) for article_id in ids]
    if as_json:
        print_json([each.model_dump(mode="json") for each in found])
    elif found:
        show_facts(make_console(), found)
    else:
        typer.echo("No article is indexed. Run `maqal index FILE`, or `maqal index --bundled`.")


@app.command(name="eval")
def evaluate_questions(
    files: Annotated[list[Path], typer.Argument(help="Question files (docs/evaluation.md).", metavar="FILE…")],
    *,
    articles: ArticleIds = None,
    bundled: Annotated[
        bool, typer.Option("--bundled", help="Have the article that comes with maqal, for files that name no other.")
    ] = False,
    index_paths: Annotated[
        list[Path] | None,
        typer.Option(
            "--index",
            help="Ask only this article file, or those in a folder, outside the index (repeatable).",
            metavar="PATH",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Measure the answers to questions whose right answers are known."""
    from rag.question_files import read_questions

    questions = read_questions(files)
    from bots.evaluation import as_json as described
    from bots.evaluation import engine_over, read_articles, show_report
    from bots.terminal import make_console, progress_bar
    from index.readers import read_bundled
    from index.settings import IndexSettings
    from rag.evaluation import evaluate
    from rag.factory import open_engine
    from rag.question_files import assign
    from rag.settings import RagSettings

    index_settings, rag_settings = load_settings(IndexSettings), load_settings(RagSettings)
    if index_paths:
        found = read_articles(index_paths, index_settings.max_bytes, bundled=bundled)
        opened = engine_over(found, index_settings, rag_settings)
    else:
        if bundled:
            ensure_bundled(index_settings)
        opened = open_engine(index_settings, rag_settings)
    with opened as engine:
        engine.check(articles)
        entries = engine.index.articles()
        own = read_bundled().text_hash if bundled else ""
        otherwise = [entry.id for entry in entries if entry.article.text_hash == own]
        asked = assign(questions, entries, articles or (), otherwise)
        with progress_bar("Asking") as progress:
            report = evaluate(engine, asked, progress)
    if as_json:
        print_json(described(report))
    else:
        show_report(make_console(), report)


@app.command(name="serve")
def serve_http(
    *,
    host: Annotated[str | None, typer.Option(help="Address to listen on (API_HOST; default 127.0.0.1).")] = None,
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Port to listen on (API_PORT; default 8000).")
    ] = None,
    workers: Annotated[
        int, typer.Option(min=1, max=64, help="Processes; more than one share a Chroma server (INDEX_CHROMA_URL).")
    ] = 1,
) -> None:
    """Answer over HTTP, and in Slack's HTTP mode where SLACK_SIGNING_SECRET is set."""
    from bots.serving import serve

    serve(host, port, workers)


@app.command()
def slack(
    *,
    check: Annotated[
        bool, typer.Option("--check", help="Test tokens, scopes and connection, say what is missing, and end.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print what --check finds as JSON.")] = False,
) -> None:
    """Answer in Slack, by Socket Mode (docs/slack.md)."""
    from bots.slack.settings import SlackSettings
    from index.settings import IndexSettings
    from rag.settings import RagSettings

    index_settings, settings = load_settings(IndexSettings), load_settings(SlackSettings)
    if check:
        from bots.slack.check import examine_slack

        _report(examine_slack(index_settings, settings), as_json=as_json)
    elif as_json:
        raise typer.BadParameter("It goes with --check.", param_hint="--json")
    else:
        from bots.slack.socket_mode import run_socket_mode

        run_socket_mode(index_settings, load_settings(RagSettings), settings)


app.command()(mcp)
app.add_typer(keys.app, name="keys")


@app.command()
def doctor(*, as_json: AsJson = False) -> None:
    """Say what is configured, what is indexed, what is broken and how to mend it."""
    from bots.doctor import examine
    from index.settings import IndexSettings
    from rag.settings import RagSettings

    _report(examine(load_settings(IndexSettings), load_settings(RagSettings)), as_json=as_json)


def _report(findings: "list[Finding]", *, as_json: bool) -> None:
    """Print what was found; the exit code is 1 where something is broken."""
    from bots.doctor import show_findings
    from bots.terminal import make_console

    if as_json:
        print_json([finding.as_dict() for finding in findings])
    else:
        show_findings(make_console(), findings)
    if any(finding.status == "broken" for finding in findings):
        raise typer.Exit(1)


def main() -> None:
    """Run the command; an error for a person ends it with exit code 2."""
    _quiet_libraries()
    try:
        app()
    except MaqalError as error:
        from bots.terminal import show_error

        show_error(error)
        sys.exit(2)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)


def _quiet_libraries() -> None:
    """No library phones home, or writes progress of its own."""
    os.environ.setdefault("ANONYMIZED_TELEMETRY", "False")
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
