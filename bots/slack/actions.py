"""What the buttons under an answer do, and Slack's own button that stops one."""

from typing import Any

from slack_bolt import Ack
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError
from slack_sdk.webhook import WebhookClient

from bots.slack.blocks import Block, Frame, Message, answer_messages, modal, notice, plain_text
from bots.slack.desk import Body, Desk, channel_of, is_ephemeral, reader_of, team_of, thread_of
from index.exceptions import MaqalError

SURFACE = "slack"
_LONGEST_REASON = 1_000
_NOT_A_MEMBER = frozenset({"not_in_channel", "channel_not_found"})


def whisper(client: WebClient, body: Body, message: Message) -> None:
    """Tell something to the one person who pressed a button, where they pressed it. Raises SlackApiError."""
    if is_ephemeral(body) and body.get("response_url"):
        respond(client, body, text=message.text, blocks=message.blocks, replace_original=False)
        return
    client.chat_postEphemeral(
        channel=channel_of(body) or body["user"]["id"],
        user=body["user"]["id"],
        thread_ts=thread_of(body) or None,
        text=message.text,
        blocks=message.blocks,
    )


def respond(client: WebClient, body: Body, **message: Any) -> None:
    """Answer a button by its response URL, which also reaches a message that one person sees."""
    handlers: list[Any] = client.retry_handlers
    WebhookClient(body["response_url"], logger=client.logger, retry_handlers=handlers).send_dict(
        {"response_type": "ephemeral", **message}
    )


def rate(ack: Ack, body: Body, client: WebClient, desk: Desk) -> None:
    """Keep a reader's opinion; who finds an answer not helpful is asked why."""
    ack()
    rating, _, answer_id = body["actions"][0]["value"].partition(":")
    try:
        desk.engine.answers.rate(answer_id, "up" if rating == "up" else "down", reader=reader_of(body), surface=SURFACE)
    except MaqalError as error:
        whisper(client, body, notice(f"{error.message} {error.fix}"))
        return
    if rating == "up":
        whisper(client, body, notice("Thank you."))
    else:
        client.views_open(trigger_id=body["trigger_id"], view=_reason_dialog(answer_id))


def keep_reason(ack: Ack, body: Body, client: WebClient, desk: Desk) -> None:  # noqa: ARG001 - all have the same form
    """Keep why an answer was not helpful."""
    ack()
    view = body["view"]
    reason = view["state"]["values"]["reason"]["text"].get("value") or ""
    desk.engine.answers.rate(view["private_metadata"], "down", reason=reason, reader=reader_of(body), surface=SURFACE)


def cite(ack: Ack, body: Body, client: WebClient, desk: Desk) -> None:
    """Show the citation of a quote to who wants to copy it."""
    ack()
    answer_id, _, number = body["actions"][0]["value"].partition(":")
    try:
        quote = desk.engine.answers.answer(answer_id).quotes[int(number)]
        (citation,) = desk.engine.cite([quote], "plain")
    except MaqalError as error:
        citation = f"{error.message} {error.fix}"
    whisper(client, body, notice(citation))


def ask_next(ack: Ack, body: Body, client: WebClient, desk: Desk) -> None:
    """Ask a suggested question where it was suggested; from Home, in the conversation with the bot."""
    question = body["actions"][0]["value"]
    key = f"action:{team_of(body)}:{body['trigger_id']}"
    if "view" in body:
        ack()
        posted = client.chat_postMessage(
            channel=body["user"]["id"], unfurl_links=False, unfurl_media=False, mrkdwn=False, **_shown(question)
        )
        desk.ask(body, key=key, channel=str(posted["channel"]), thread=str(posted["ts"]), question=question)
        return
    if is_ephemeral(body):
        desk.ask(
            body, key=key, channel=channel_of(body), thread="", question=question, response_url=body["response_url"]
        )
    else:
        desk.ask(body, key=key, channel=channel_of(body), thread=thread_of(body), question=question)
    ack()


def share(ack: Ack, body: Body, client: WebClient, desk: Desk) -> None:
    """Post an answer that one person saw to the channel."""
    ack()
    try:
        answer = desk.engine.answers.answer(body["actions"][0]["value"])
    except MaqalError as error:
        whisper(client, body, notice(f"{error.message} {error.fix}"))
        return
    by: Block = {
        "type": "rich_text",
        "elements": [
            {
                "type": "rich_text_section",
                "elements": [
                    {"type": "user", "user_id": body["user"]["id"]},
                    {"type": "text", "text": " asked maqal, and shares the answer:"},
                ],
            }
        ],
    }
    first, *others = answer_messages(answer, Frame(page_url=desk.settings.page_url, question=answer.question), [by])
    try:
        for message in (first, *others):
            client.chat_postMessage(
                channel=channel_of(body), text=message.text, blocks=message.blocks,
                unfurl_links=False, unfurl_media=False, mrkdwn=False,
            )  # fmt: skip
    except SlackApiError as error:
        if error.response.get("error") not in _NOT_A_MEMBER:
            raise
        whisper(client, body, notice("maqal is not in this channel. Write /invite @maqal, then share again."))
        return
    respond(client, body, delete_original=True)


def stop(ack: Ack, body: Body, client: WebClient, desk: Desk) -> None:  # noqa: ARG001 - all have the same form
    """Stop the answers of a thread: a person pressed Slack's stop button."""
    event = body["event"]
    desk.inbox.stop(body.get("team_id") or team_of(body), event["channel"], event.get("thread_ts") or "")
    ack()


def do_nothing(ack: Ack, body: Body, client: WebClient, desk: Desk) -> None:  # noqa: ARG001 - all have the same form
    """A button that opens an address is reported, too."""
    ack()


def _shown(question: str) -> dict[str, Any]:
    message = notice(question)
    return {"text": message.text, "blocks": message.blocks}


def _reason_dialog(answer_id: str) -> Block:
    reason = {
        "type": "input",
        "block_id": "reason",
        "optional": True,
        "label": plain_text("What was wrong or missing?"),
        "element": {
            "type": "plain_text_input", "action_id": "text", "multiline": True, "max_length": _LONGEST_REASON,
        },
    }  # fmt: skip
    return modal("Not helpful", "reason", [reason], metadata=answer_id, submit="Send")
