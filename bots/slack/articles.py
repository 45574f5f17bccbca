"""`/articles`: what is indexed, and which of it this channel asks."""

from collections.abc import Sequence

from slack_bolt import Ack
from slack_sdk import WebClient

from bots.slack.blocks import Block, actions, as_message, menu, section, shortened, small_text
from bots.slack.channels import is_direct
from bots.slack.desk import Body, Desk, team_of
from bots.slack.listeners import NOT_HERE
from index.articles import IndexedArticle
from rag.quotes import FIRST_STRONG_ISOLATE, POP_ISOLATE

COMMAND = "/articles"
ALL = "*"
_MOST_OPTIONS = 100  # of a menu
_LONGEST_VALUE = 150  # of an option
_LISTED = 20
_LONGEST_LINE = 300


def list_articles(ack: Ack, body: Body, client: WebClient, desk: Desk) -> None:  # noqa: ARG001 - all have one form
    """Answer `/articles`, or `/articles words` for those with the words in their title or id."""
    channel = body["channel_id"]
    if not desk.settings.answers_in(channel):
        ack(NOT_HERE)
        return
    place = body["user_id"] if is_direct(channel) else channel
    blocks = listing(desk, team_of(body), place, body.get("text") or "")
    message = as_message(blocks)
    ack(text=message.text, blocks=blocks, response_type="ephemeral")


def listing(desk: Desk, team: str, place: str, words: str) -> list[Block]:
    """What is asked in a place, a menu to change it, and the articles whose title or id has the words."""
    entries = desk.engine.index.articles()
    if not entries:
        return [section("No article is indexed. Share a file with maqal, or run `maqal index FILE`.")]
    wanted = words.casefold().split()
    found = [e for e in entries if all(word in f"{e.article.title} {e.id}".casefold() for word in wanted)]
    blocks = [section(asked_here(desk, team, place)), actions([article_menu(found, desk.article(team, place))])]
    blocks += [small_text(_described(entry)) for entry in found[:_LISTED]]
    if len(found) > _LISTED or not found:
        blocks.append(small_text(f"{len(found)} of {len(entries)} articles; `{COMMAND} words` finds some of them."))
    return blocks


def asked_here(desk: Desk, team: str, place: str) -> str:
    """Which article a place asks, in a sentence."""
    chosen = desk.article(team, place)
    where = "You ask" if place.startswith(("U", "W")) else "This channel asks"
    return f"{where}: {_title(desk.engine.index.catalog.article(chosen))}" if chosen else f"{where}: all articles"


def article_menu(entries: Sequence[IndexedArticle], chosen: str) -> Block:
    """The menu of the articles, those added last first."""
    newest = sorted(entries, key=lambda entry: entry.added, reverse=True)
    options = [(_title(entry), entry.id) for entry in newest if len(entry.id) <= _LONGEST_VALUE]
    return menu("Choose an article", "choose_article", [("All articles", ALL), *options][:_MOST_OPTIONS], chosen or ALL)


def _title(entry: IndexedArticle) -> str:
    return f"{FIRST_STRONG_ISOLATE}{shortened(entry.article.title or entry.id, 70)}{POP_ISOLATE}"


def _described(entry: IndexedArticle) -> str:
    article = entry.article
    facts = [
        f"{FIRST_STRONG_ISOLATE}{shortened(article.title, _LONGEST_LINE)}{POP_ISOLATE}" if article.title else "",
        f"{FIRST_STRONG_ISOLATE}{entry.id}{POP_ISOLATE}",
        f"{FIRST_STRONG_ISOLATE}{shortened(article.source, _LONGEST_LINE)}{POP_ISOLATE}" if article.source else "",
        article.published.isoformat() if article.published else "",
        f"paragraphs: {len(article.body)}",
    ]
    return " · ".join(filter(None, facts))
