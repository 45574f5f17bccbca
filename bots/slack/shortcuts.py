"""The shortcuts: "Check this quote" on a message, and "Ask maqal" from anywhere."""

import re
from collections.abc import Iterator

from slack_bolt import Ack
from slack_sdk import WebClient

from bots.slack.blocks import MAX_VALUE, Block, as_messages, modal, notice, plain_text, prose, shortened, small_text
from bots.slack.context import Context
from bots.slack.desk import Body, Desk, team_of
from bots.slack.inbox import Job
from bots.slack.listeners import NOT_HERE
from rag.answers import Source
from rag.exceptions import BadQuestion
from rag.quote_check import Place, QuoteCheck
from rag.quotes import FIRST_STRONG_ISOLATE, POP_ISOLATE, quotation

_QUOTATIONS = re.compile('“([^“”]+)”|«([^«»]+)»|„([^„“”]+)[“”]|"([^"]+)"|「([^「」]+)」')
_FEWEST_WORDS = 3  # of a quotation in a message; shorter ones are names and ironies
_MOST_QUOTATIONS = 3
_MOST_CHANGES = 10
_MOST_PLACES = 2
_LONGEST_SAID = 1_000
_REMINDER = "maqal compares letters and words. What a quote leaves out around it, only the paragraph tells."
_VERDICTS = {
    "exact": "✅ Exact.",
    "normalised": "✅ The same words.",
    "altered": "⚠️ Altered.",
    "translated_or_paraphrased": "❔ Perhaps translated or in other words.",
    "absent": "❌ Absent.",
}


def check_quote(job: Job, context: Context) -> None:
    """Tell who chose it whether the quotes in a message stand in the articles; without quotation marks, all of it.

    Raises MaqalError, SlackClientError.
    """
    if not context.settings.answers_in(job.channel):
        context.say(job, notice(NOT_HERE))
        return
    if not job.text:
        raise BadQuestion("The message holds no text.", "Choose a message that quotes an article.")
    article_ids = context.desk.article_ids(job)
    checks = [context.engine.check_quote(said, article_ids=article_ids) for said in quotations_in(job.text)]
    for message in as_messages([*(group for check in checks for group in _checked(check)), [small_text(_REMINDER)]]):
        context.say(job, message)


def quotations_in(text: str) -> list[str]:
    """What a message quotes: what stands in quotation marks, three quotations at most, or else the whole text."""
    found = [next(filter(None, match.groups())) for match in _QUOTATIONS.finditer(text)]
    return [said for said in found if len(said.split()) >= _FEWEST_WORDS][:_MOST_QUOTATIONS] or [text]


def open_dialog(ack: Ack, body: Body, client: WebClient, desk: Desk) -> None:  # noqa: ARG001 - all have the same form
    """Open the dialog in which a question is asked from anywhere."""
    ack()
    question = {
        "type": "input",
        "block_id": "question",
        "label": plain_text("Your question"),
        "element": {
            "type": "plain_text_input",
            "action_id": "text",
            "multiline": True,
            "max_length": MAX_VALUE,
            "placeholder": plain_text("Why did Tokayev call in the CSTO?"),
        },
    }
    where = {
        "type": "input",
        "block_id": "where",
        "label": plain_text("Where to answer; only you will see it"),
        "element": {
            "type": "conversations_select",
            "action_id": "channel",
            "default_to_current_conversation": True,
            "response_url_enabled": True,
        },
    }
    client.views_open(trigger_id=body["trigger_id"], view=modal("Ask maqal", "ask", [question, where], submit="Ask"))


def ask(ack: Ack, body: Body, client: WebClient, desk: Desk) -> None:  # noqa: ARG001 - all have the same form
    """Take the question of the dialog; the answer comes to the conversation that was chosen, for one person."""
    view = body["view"]
    text = " ".join((view["state"]["values"]["question"]["text"].get("value") or "").split())
    target = (body.get("response_urls") or [{}])[0]
    channel, url = target.get("channel_id") or "", target.get("response_url") or ""
    if not text:
        ack(response_action="errors", errors={"question": "Write a question."})
    elif not url or not desk.settings.answers_in(channel):
        ack(response_action="errors", errors={"where": "maqal does not answer there; choose another conversation."})
    else:
        key = f"view:{team_of(body)}:{view['id']}"
        desk.ask(body, key=key, channel=channel, thread="", question=text, response_url=url)
        ack()


def _checked(check: QuoteCheck) -> Iterator[list[Block]]:
    said = f"{FIRST_STRONG_ISOLATE}{shortened(check.text, _LONGEST_SAID)}{POP_ISOLATE}"
    yield prose(said) + prose(f"{_VERDICTS[check.verdict]} {check.explanation}")
    for place in check.places[:_MOST_PLACES]:
        yield prose(f"{_where(place)}\n{quotation(place.quote)}")
    changes = [change for change in check.diff if change.op != "equal"]
    lines = [f"said: {_isolated(c.said)}   the article: {_isolated(c.article)}" for c in changes[:_MOST_CHANGES]]
    if len(changes) > _MOST_CHANGES:
        lines.append(f"… and {len(changes) - _MOST_CHANGES} more")
    if lines:
        yield prose("\n".join(lines))
    for source in check.closest[:_MOST_PLACES]:
        yield prose(f"{_at(source)}\n{FIRST_STRONG_ISOLATE}{source.text}{POP_ISOLATE}")


def _where(place: Place) -> str:
    number = f"§{place.quote.paragraph}" if place.kind == "body" else place.kind
    return f"{number} {FIRST_STRONG_ISOLATE}{place.quote.article_id}{POP_ISOLATE}:"


def _at(source: Source) -> str:
    return f"§{source.paragraph} {FIRST_STRONG_ISOLATE}{source.article_id}{POP_ISOLATE}:"


def _isolated(text: str) -> str:
    words = " ".join(text.split())
    return f"{FIRST_STRONG_ISOLATE}{words or '–'}{POP_ISOLATE}"
