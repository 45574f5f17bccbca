"""`maqal doctor`: what is configured, what is indexed, what is broken and how to mend it."""

import os
import platform
import socket
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Literal
from urllib.parse import urlsplit

from rich.console import Console
from rich.text import Text

from bots.terminal import counted
from index.article_index import ArticleIndex
from index.exceptions import DataDirectoryBusy, MaqalError
from index.settings import IndexSettings
from rag.llm import llm_url, make_llm
from rag.settings import RagSettings
from rag.translation import make_translator

Status = Literal["ok", "note", "broken"]
_MARKS: dict[Status, tuple[str, str]] = {"ok": ("✓", "green"), "note": ("·", "yellow"), "broken": ("✗", "bold red")}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at: its state, and how to mend it where that is needed."""

    what: str
    status: Status
    detail: str
    fix: str = ""

    def as_dict(self) -> dict[str, str]:
        """The finding for JSON."""
        return asdict(self)


def examine(index_settings: IndexSettings, rag_settings: RagSettings) -> list[Finding]:
    """Everything that maqal needs, in the order in which it needs it."""
    return [
        Finding("python", "ok", f"{platform.python_version()} on {platform.system()} {platform.machine()}"),
        *examine_index(index_settings),
        _examine_llm(rag_settings),
        *_examine_translator(rag_settings),
        _examine_slack(),
    ]


def show_findings(console: Console, findings: list[Finding]) -> None:
    """Print a line for each finding, and the fix under a broken one."""
    for finding in findings:
        mark, style = _MARKS[finding.status]
        console.print(Text(f"{mark} {finding.what:<10}", style=style) + Text(finding.detail), soft_wrap=True)
        if finding.fix:
            console.print(f"             {finding.fix}", soft_wrap=True)


def examine_index(settings: IndexSettings) -> Iterator[Finding]:
    """The data directory, and what is in it."""
    directory = settings.data_dir
    if not directory.exists():
        yield Finding(
            "data", "note", f"{directory} does not exist yet", "Run `maqal index FILE` or `maqal index --bundled`."
        )
        yield from _examine_encoder(settings)
        return
    try:
        index = ArticleIndex(settings)
    except DataDirectoryBusy as error:
        yield Finding("data", "note", error.message, "What it holds can be examined when that process has ended.")
        yield from _examine_encoder(settings)
        return
    except MaqalError as error:
        yield Finding("data", "broken", error.message, error.fix)
        yield from _examine_encoder(settings)
        return
    with index:
        if os.access(directory, os.W_OK):
            yield Finding("data", "ok", str(directory))
        else:
            yield Finding(
                "data", "broken", f"{directory} cannot be written", "Make it writable, or set INDEX_DATA_DIR."
            )
        try:
            articles, passages = index.articles(), index.passages()
        except MaqalError as error:
            yield Finding("catalog", "broken", error.message, error.fix)
            return
        if articles:
            yield Finding("catalog", "ok", f"{counted(len(articles), 'article')}, {counted(len(passages), 'passage')}")
        else:
            yield Finding(
                "catalog", "note", "no article is indexed", "Run `maqal index FILE` or `maqal index --bundled`."
            )
        yield from _examine_encoder(settings)
        if articles:
            yield _examine_vectors(index)


def _examine_encoder(settings: IndexSettings) -> Iterator[Finding]:
    from index.embedding import load_encoder

    try:
        encoder = load_encoder(settings.encoder, settings.encoder_device)
    except MaqalError as error:
        yield Finding("encoder", "broken", error.message, error.fix)
    else:
        yield Finding("encoder", "ok", f"{encoder.fingerprint}, {encoder.max_tokens} tokens at most")


def _examine_vectors(index: ArticleIndex) -> Finding:
    before = index.catalog.generation()
    try:
        found = index.search_vectors("?", 1)
    except MaqalError as error:
        return Finding("vectors", "broken", error.message, error.fix)
    after = index.catalog.generation()
    where = index.settings.chroma_url or "embedded Chroma"
    if not found or after is None:
        return Finding("vectors", "broken", f"{where} finds nothing", "Run `maqal index --rebuild`.")
    mended = before is None or before.number != after.number
    return Finding("vectors", "ok", f"{where}, generation {after.number}" + (", rebuilt just now" if mended else ""))


def _examine_llm(settings: RagSettings) -> Finding:
    try:
        llm = make_llm(settings)
    except MaqalError as error:
        return Finding("llm", "broken", error.message, error.fix)
    if llm is None:
        return Finding("llm", "ok", "none: answers are the article's own sentences (set RAG_LLM for one)")
    url = llm_url(settings)
    parts = urlsplit(url)
    try:
        socket.create_connection(
            (parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)), 3
        ).close()
    except OSError as error:
        reason = error.strerror or str(error)
        return Finding(
            "llm", "broken", f"{settings.llm_model} at {url} cannot be reached: {reason}",
            "Start the server or correct RAG_LLM_URL. Until then answers are the article's own sentences.",
        )  # fmt: skip
    return Finding("llm", "ok", f"{settings.llm_model} at {url}")


def _examine_translator(settings: RagSettings) -> Iterator[Finding]:
    translator = make_translator(settings)
    if translator is None:
        return
    try:
        source, target = translator.pair
    except MaqalError as error:
        yield Finding("translator", "broken", error.message, error.fix)
    else:
        yield Finding("translator", "ok", f"{translator.name}, from {source} to {target}")


def _examine_slack() -> Finding:
    names = [name for name in ("SLACK_BOT_TOKEN", "SLACK_APP_TOKEN", "SLACK_SIGNING_SECRET") if os.environ.get(name)]
    told = f"set: {', '.join(names)}; `maqal slack --check` tests them" if names else "not configured (docs/slack.md)"
    return Finding("slack", "ok", told)
