"""Articles from Slack: a shared file, or a link, is offered to be indexed by those who may."""

import logging
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from pathlib import PurePosixPath
from typing import IO, Any
from urllib.parse import urlsplit

from slack_bolt import Ack
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from bots.slack.actions import whisper
from bots.slack.blocks import MAX_VALUE, Block, actions, as_message, button, notice, prose, section, shortened
from bots.slack.context import Context
from bots.slack.desk import Body, Desk, channel_of
from bots.slack.inbox import Job
from bots.slack.questions import links
from bots.slack.settings import SlackSettings
from index.articles import Article
from index.exceptions import ArticleTooLarge, FetchFailed, MaqalError, UnreadableArticle, UrlRefused
from index.fetching import fetch_article
from index.ingestion import Ingested, add_article
from index.readers import SUFFIXES, read_bytes
from rag.quotes import FIRST_STRONG_ISOLATE, POP_ISOLATE

_MOST_OFFERS = 5
_FILE_HOST = "files.slack.com"
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
_SECONDS = 30
_OUTCOMES = {"added": "Indexed", "replaced": "Indexed in a new version", "unchanged": "Known already"}
_NOBODY = "Articles can be added from Slack when SLACK_EDITORS names the people or user groups who may."
_logger = logging.getLogger(__name__)


def offer(job: Job, context: Context) -> None:
    """Offer to index the files, or the links, of a message. Raises SlackClientError."""
    if not context.settings.editors:
        context.say(job, notice(_NOBODY))
        return
    event = job.body["event"]
    if job.kind == "file":
        readable = [file for file in event.get("files") or [] if _is_readable(file.get("name") or "")]
        offers = [(file.get("name") or "", "index_file", file["id"]) for file in readable]
    else:
        offers = [(url, "index_link", url) for url in links(event.get("text") or "") if len(url) <= MAX_VALUE]
    if not offers:
        context.say(job, notice(f"maqal reads {', '.join(SUFFIXES)}."))
        return
    blocks: list[Block] = []
    for i, (name, action, value) in enumerate(offers[:_MOST_OFFERS]):
        blocks += _offer(shortened(name, 300), f"{action}:{i}", value)
    context.say(job, as_message(blocks))


def index_file(ack: Ack, body: Body, client: WebClient, desk: Desk) -> None:
    """Index a shared file, and tell in the message how it goes."""
    ack()
    _index(body, client, desk, lambda value: _shared_article(client, desk, value))


def index_link(ack: Ack, body: Body, client: WebClient, desk: Desk) -> None:
    """Index the article at a link, and tell in the message how it goes."""
    ack()
    _index(body, client, desk, lambda url: fetch_article(url, desk.engine.index.settings))


def may_edit(client: WebClient, settings: SlackSettings, user: str) -> bool:
    """Whether SLACK_EDITORS names a person, or a user group that they are in. Raises SlackApiError."""
    if user in settings.editors:
        return True
    groups = [name for name in settings.editors if name.startswith("S")]
    return any(user in (client.usergroups_users_list(usergroup=group)["users"] or []) for group in groups)


def _index(body: Body, client: WebClient, desk: Desk, read: Callable[[str], Article]) -> None:
    action = body["actions"][0]
    try:
        is_allowed = may_edit(client, desk.settings, body["user"]["id"])
    except SlackApiError as error:
        _logger.warning("Slack does not tell a user group's members: %s", error.response.get("error"))
        is_allowed = False
    if not is_allowed:
        whisper(client, body, notice("You may not add articles here; SLACK_EDITORS names who may."))
        return
    row = _Row(client, body)
    row.show([section("Reading the article…")])
    try:
        article = read(action["value"])
        done = add_article(desk.engine.index, article, row.progress(desk.settings.message_interval))
    except MaqalError as error:
        again = button("Index this article", action["action_id"], action["value"])
        row.show([*prose(f"{error.message} {error.fix}"), actions([again])])
    else:
        row.show(_result(done, action["action_id"].rpartition(":")[2]))


class _Row:
    """The place in the message of an offer: its own blocks change, those of other offers stay."""

    def __init__(self, client: WebClient, body: Body) -> None:
        self._client = client
        self._channel = channel_of(body)
        self._ts = body["container"]["message_ts"]
        blocks = body["message"]["blocks"]
        pressed = body["actions"][0]["action_id"]
        # The offer's text stands above its button.
        at = next(i for i, block in enumerate(blocks) if pressed in _action_ids(block))
        self._before, self._after = blocks[: at - 1], blocks[at + 1 :]

    def show(self, blocks: list[Block]) -> None:
        message = as_message([*self._before, *blocks, *self._after])
        self._client.chat_update(
            channel=self._channel, ts=self._ts, text=as_message(blocks).text, blocks=message.blocks
        )

    def progress(self, interval: float) -> Callable[[int, int], None]:
        """What tells how many passages are read, at most once in an interval (seconds)."""
        told = time.monotonic()

        def tell(done: int, total: int) -> None:
            nonlocal told
            if done < total and time.monotonic() - told >= interval:
                told = time.monotonic()
                # An article is indexed also where its progress cannot be shown.
                with suppress(SlackApiError, OSError):
                    self.show([section(f"Indexing: {done} of {total} passages…")])

        return tell


def _shared_article(client: WebClient, desk: Desk, file_id: str) -> Article:
    try:
        file: dict[str, Any] = client.files_info(file=file_id)["file"]
    except SlackApiError as error:
        raise FetchFailed(
            f"Slack does not show the file: {error.response.get('error')}.",
            "Share the file in a channel that maqal is in, and give the app the scope files:read.",
        ) from error
    name, limit = file.get("name") or file_id, desk.engine.index.settings.max_bytes
    if not _is_readable(name):
        raise UnreadableArticle(f"{name} has no suffix that maqal reads.", f"Share one of {', '.join(SUFFIXES)}.")
    if (file.get("size") or 0) > limit:
        raise ArticleTooLarge(f"{name} is larger than {limit:,} bytes.", "Split the file, or raise INDEX_MAX_BYTES.")
    data = _downloaded(file.get("url_private_download") or file.get("url_private") or "", client, desk, limit)
    return read_bytes(data, name, origin=f"slack:{name}", max_bytes=limit)


def _downloaded(url: str, client: WebClient, desk: Desk, limit: int) -> bytes:
    """The file's bytes, one more than the limit at most. The token goes to Slack's own host, and to no other."""
    parts, api = urlsplit(url), urlsplit(desk.settings.api_url)
    is_own = (parts.scheme, parts.netloc) == ("https", _FILE_HOST)
    is_local = api.hostname in _LOOPBACK and (parts.scheme, parts.netloc) == (api.scheme, api.netloc)
    if not (is_own or is_local):
        raise UrlRefused(
            "The file does not lie at Slack.", "Save the file and share it itself, rather than a link to it."
        )
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {client.token}"})  # noqa: S310 - checked
    try:
        with _OPENER.open(request, timeout=_SECONDS) as response:
            data: bytes = response.read(limit + 1)
    except (OSError, urllib.error.URLError) as error:
        status = f"status {error.code}" if isinstance(error, urllib.error.HTTPError) else type(error).__name__
        raise FetchFailed(
            f"Slack does not give the file ({status}).", "Give the app the scope files:read, and share the file again."
        ) from error
    return data


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """Where the token does not suffice, Slack leads on to its login page, which is no article."""

    def redirect_request(self, req: Any, fp: IO[bytes], code: int, msg: str, headers: Any, newurl: str) -> None:  # noqa: ARG002, PLR0917
        return None


_OPENER = urllib.request.build_opener(_NoRedirects)


def _is_readable(name: str) -> bool:
    return PurePosixPath(name).suffix.casefold() in SUFFIXES


def _offer(name: str, action_id: str, value: str) -> list[Block]:
    text = section(f"{FIRST_STRONG_ISOLATE}{name}{POP_ISOLATE}")
    return [text, actions([button("Index this article", action_id, value)])]


def _result(done: Ingested, number: str) -> list[Block]:
    entry = done.entry
    title = shortened(entry.article.title or entry.id, 300)
    told = (
        f"{_OUTCOMES[done.outcome]}: {FIRST_STRONG_ISOLATE}{title}{POP_ISOLATE}\n"
        f"{FIRST_STRONG_ISOLATE}{entry.id}{POP_ISOLATE}, version {entry.version}, paragraphs: {len(entry.article.body)}"
    )
    return [section(told), actions([button("Ask this article here", f"choose_article:{number}", entry.id)])]


def _action_ids(block: Block) -> list[str]:
    return [element.get("action_id", "") for element in block.get("elements", [])]
