"""The conversation in a terminal: `maqal chat`."""

import sys
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

from rich.console import Console

from bots.terminal import counted, show_citations, show_events, show_sources
from index.exceptions import MaqalError
from rag.answers import Answer, Event
from rag.chat_engine import ChatEngine
from rag.citations import Style
from rag.memory import new_conversation_id

PROMPT = "› "
_HELP = """Ask a question, or:
/sources  the paragraphs of the last answer
/cite     citations of its quotes (/cite markdown: in Markdown)
/new      forget the conversation and begin another
/help     this
/quit     leave (also Ctrl-C, Ctrl-D)"""


def run_chat(
    engine: ChatEngine,
    console: Console,
    history_file: Path,
    *,
    article_ids: Sequence[str] | None = None,
    language: str | None = None,
) -> None:
    """Read questions until the end of input, Ctrl-C or /quit; Ctrl-C during an answer stops that answer."""
    read = _reader(history_file)
    conversation = new_conversation_id()
    answer: Answer | None = None
    console.print(
        f"{counted(len(engine.index.languages()), 'article')}, {engine.model}. /help for help, Ctrl-D to leave."
    )
    while True:
        try:
            line = read().strip()
        except (EOFError, KeyboardInterrupt):
            console.print()
            return
        match line:
            case "":
                continue
            case "/quit" | "/exit":
                return
            case "/new":
                conversation, answer = new_conversation_id(), None
                console.print("A new conversation.")
            case "/sources" if answer:
                show_sources(console, answer.sources or answer.closest)
            case "/sources":
                console.print("There is no answer yet.")
            case "/cite" | "/cite plain" | "/cite markdown":
                _cite(console, engine, answer, "markdown" if line.endswith("markdown") else "plain")
            case _ if line.startswith("/"):
                console.print(_HELP)
            case _:
                ask = partial(
                    engine.stream, line, conversation=conversation, article_ids=article_ids, language=language
                )
                answer = _answer(console, ask) or answer


def _cite(console: Console, engine: ChatEngine, answer: Answer | None, style: Style) -> None:
    """Print the citations of an answer's quotes; where an article was replaced or removed, say so."""
    if answer is None or not answer.quotes:
        console.print("There is no quote to cite.")
        return
    try:
        show_citations(console, engine.cite(answer.quotes, style))
    except MaqalError as error:
        console.print(f"{error.message} {error.fix}", soft_wrap=True)


def _answer(console: Console, ask: Callable[[], Iterator[Event]]) -> Answer | None:
    """Print the answer; an error or Ctrl-C ends it, not the conversation."""
    try:
        return show_events(console, ask())
    except MaqalError as error:
        console.print(f"{error.message} {error.fix}", soft_wrap=True)
    except KeyboardInterrupt:
        console.print("\nStopped.")
    return None


def _reader(history_file: Path) -> Callable[[], str]:
    """A line editor with history in a terminal; plain lines from a pipe."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        return _read_line
    from prompt_toolkit import PromptSession
    from prompt_toolkit.history import FileHistory

    session: PromptSession[str] = PromptSession(history=FileHistory(str(history_file)))
    return lambda: session.prompt(PROMPT)


def _read_line() -> str:
    line = sys.stdin.readline()
    if not line:
        raise EOFError
    return line
