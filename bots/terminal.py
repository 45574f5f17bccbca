"""Answers, articles and errors as text in a terminal."""

import re
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.status import Status
from rich.text import Text

from index.exceptions import MaqalError
from rag.answers import Answer, Event, Restart, Source, Token
from rag.quotes import FIRST_STRONG_ISOLATE, POP_ISOLATE, quotation

if TYPE_CHECKING:
    from index.articles import IndexedArticle
    from rag.facts import Facts, Mention
    from rag.quote_check import QuoteCheck, WordChange

_VERDICTS = {
    "exact": "Exact.",
    "normalised": "The same words.",
    "altered": "Altered.",
    "translated_or_paraphrased": "Perhaps translated or paraphrased.",
    "absent": "Absent.",
}
_QUOTATION = re.compile("\u2068[^\u2069]*\u2069")
# Terminals that know the direction of text then find it for each paragraph (terminal-wg BiDi); others ignore it.
_DETECT_DIRECTION = "\x1b[?2501h"


def make_console(*, stderr: bool = False) -> Console:
    """A console that neither guesses markup nor colours what it was not told to."""
    console = Console(stderr=stderr, highlight=False, markup=False, emoji=False)
    if console.is_terminal and not stderr:
        console.file.write(_DETECT_DIRECTION)
    return console


def show_events(console: Console, events: Iterable[Event]) -> Answer:
    """Print an answer while it comes; returns it."""
    answer = None
    for event in events:
        if isinstance(event, Token):
            # Into a pipe or a file a paragraph goes as one line.
            console.print(_styled(event.text), end="", soft_wrap=not console.is_terminal)
        elif isinstance(event, Restart):
            console.print("\n")
        elif isinstance(event, Answer):
            answer = event
    if answer is None:
        raise MaqalError("The answer broke off.", "Ask again.")
    console.print()
    for note in answer.notes:
        console.print(Text(note, style="dim"))
    return answer


def show_sources(console: Console, sources: Iterable[Source]) -> None:
    """Print paragraphs with their numbers and headings, each on lines of its own direction."""
    for source in sources:
        console.print(Text(f"§{source.paragraph} {source.article_id}", style="bold"))
        if source.heading:
            console.print(Text(source.heading, style="dim"), soft_wrap=not console.is_terminal)
        console.print(source.text, soft_wrap=not console.is_terminal)
        console.print()


def show_articles(console: Console, entries: Iterable["IndexedArticle"]) -> None:
    """Print articles, title and source on lines of their own: in a table Arabic columns would change places."""
    for i, entry in enumerate(entries):
        if i:
            console.print()
        article = entry.article
        facts = [f"version {entry.version}", article.language, counted(len(article.body), "paragraph")]
        if article.published:
            facts.append(article.published.isoformat())
        console.print(Text(entry.id, style="bold") + Text(f"  ({', '.join(facts)})"), soft_wrap=True)
        for line in filter(None, (article.title, article.source)):
            console.print(line, soft_wrap=not console.is_terminal)


def show_citations(console: Console, citations: Iterable[str]) -> None:
    """Print citations, an empty line before each."""
    for citation in citations:
        console.print()
        console.print(citation, soft_wrap=True)


def show_quote_check(console: Console, check: "QuoteCheck") -> None:
    """Print what became of a quote: the verdict, where it stands, the words that differ, the nearest paragraphs."""
    _show_verdict(console, check)
    if check.pieces:
        for number, piece in enumerate(check.pieces, 1):
            console.print()
            console.print(Text(f"Piece {number}", style="dim"))
            _show_verdict(console, piece)
            _show_found(console, piece)
    else:
        _show_found(console, check)


def _show_verdict(console: Console, check: "QuoteCheck") -> None:
    verdict = Text(_VERDICTS[check.verdict], style="bold")
    console.print(verdict + Text(f" {check.explanation}"), soft_wrap=not console.is_terminal)


def _show_found(console: Console, check: "QuoteCheck") -> None:
    for place in check.places:
        quote = place.quote
        where = f"§{quote.paragraph}" if place.kind == "body" else f"{place.kind} {quote.paragraph}"
        speaker = f", {_isolated(quote.speaker)}" if quote.speaker else ""
        console.print(f"{where} {_isolated(quote.article_id)}{speaker}:", soft_wrap=True)
        console.print(_styled(quotation(quote)), soft_wrap=not console.is_terminal)
    for change in check.diff:
        if change.op != "equal":
            console.print(_told(change), soft_wrap=not console.is_terminal)
    if check.closest:
        console.print(Text("Closest paragraphs, none of them verified:", style="dim"))
        show_sources(console, check.closest)


def _told(change: "WordChange") -> str:
    if change.op == "replace":
        return f"said: {_isolated(change.said)}  the article: {_isolated(change.article)}"
    if change.op == "delete":
        return f"said, not in the article: {_isolated(change.said)}"
    return f"in the article, left out: {_isolated(change.article)}"


def _isolated(text: str) -> str:
    return f"{FIRST_STRONG_ISOLATE}{' '.join(text.split())}{POP_ISOLATE}"


def show_facts(console: Console, found: Iterable["Facts"]) -> None:
    """Print facts by kind, each on a line that begins with its paragraphs; the article's letters stand in isolates."""
    for i, facts in enumerate(found):
        if i:
            console.print()
        console.print(Text(facts.article_id, style="bold"), soft_wrap=True)
        people = [
            (_letters(person.name) + (f" – {_letters(person.role)}" if person.role else ""), person.mentions)
            for person in facts.people
        ]
        numbers = []
        for number in facts.numbers:
            value = f"{number.value:,}" if number.second is None else f"{number.value:,} : {number.second:,}"
            value = value.replace(" : ", "–") if number.kind == "range" else value
            unit = f" {_letters(number.unit)}" if number.unit else ""
            numbers.append((f"{_letters(number)}{unit} = {value}", [number]))
        dates = [(f"{_letters(d)} = {d.iso}" if d.iso else _letters(d), [d]) for d in facts.dates]
        places = [
            (_letters(place.name) + (f" ({place.country})" if place.country else ""), place.mentions)
            for place in facts.places
        ]
        for title, lines in (("People", people), ("Numbers", numbers), ("Dates", dates), ("Places", places)):
            if lines:
                console.print(Text(title, style="dim"))
            # The same letters with the same meaning share a line.
            together: dict[str, list[int]] = {}
            for line, mentions in lines:
                together.setdefault(line, []).extend(mention.paragraph for mention in mentions)
            for line, paragraphs in together.items():
                numbered = ", ".join(f"§{paragraph}" for paragraph in dict.fromkeys(paragraphs))
                console.print(f"  {numbered}  {line}", soft_wrap=not console.is_terminal)


def _letters(mention: "Mention") -> str:
    return f"{FIRST_STRONG_ISOLATE}{' '.join(mention.text.split())}{POP_ISOLATE}"


def counted(number: int, noun: str) -> str:
    """A number and its noun: `1 paragraph`, `2 paragraphs`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def waiting(what: str) -> Status:
    """A sign on standard error, in a terminal only, that something is under way."""
    return make_console(stderr=True).status(Text(what))


def show_error(error: MaqalError) -> None:
    """Print what failed and what to do, to standard error."""
    console = make_console(stderr=True)
    console.print(Text("Error: ", style="bold red") + Text(error.message), soft_wrap=True)
    if error.fix:
        console.print(Text(error.fix), soft_wrap=True)


@contextmanager
def progress_bar(description: str) -> Iterator[Callable[[int, int], None]]:
    """A bar on standard error, fed by `(done, total)`; nothing where that is not a terminal."""
    console = make_console(stderr=True)
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=console, transient=True, disable=not sys.stderr.isatty()) as progress:
        task = progress.add_task(description, total=None)

        def update(done: int, total: int) -> None:
            progress.update(task, completed=done, total=total)

        yield update


def _styled(text: str) -> Text:
    styled = Text()
    end = 0
    for match in _QUOTATION.finditer(text):
        styled.append(text[end : match.start()])
        # On lines of its own a quotation needs no isolates, which older terminals show as boxes.
        stands_alone = text[match.start() - 1 : match.start()] in {"", "\n"} and text[
            match.end() : match.end() + 1
        ] in {"", "\n"}
        styled.append(match.group()[1:-1] if stands_alone else match.group(), style="bold")
        end = match.end()
    return styled.append(text[end:])
