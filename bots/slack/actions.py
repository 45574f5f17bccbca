"""What the buttons under an answer do, and Slack's own button that stops one."""

from typing import Any

from slack_bolt import Ack
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web import SlackResponse
from slack_sdk.webhook import WebhookClient

from bots.slack.answer_blocks import Frame, answer_messages
from bots.slack.blocks import Block, Message, modal, notice, plain_text
from bots.slack.desk import Body, Desk, channel_of, is_ephemeral, reader_of, team_of, thread_of
from bots.slack.labels import label

SURFACE = "slack"
_LONGEST_REASON = 1_000
_NOT_A_MEMBER = frozenset({"not_in_channel", "channel_not_found"})


def whisper(client: WebClient, body: Body, message: Message) -> None:
    """Tell something to the one person who pressed a button or gave a command, where they did. Raises SlackApiError."""
    user = body["user"]["id"] if "user" in body else body["user_id"]
    if body.get("response_url") and (is_ephemeral(body) or "command" in body):
        respond(client, body, text=message.text, blocks=message.blocks, replace_original=False)
    elif channel := channel_of(body):
        client.chat_postEphemeral(
            channel=channel, user=user, thread_ts=thread_of(body) or None, text=message.text, blocks=message.blocks
        )
    else:
        say_directly(client, user, message)


def say_directly(client: WebClient, user: str, message: Message) -> SlackResponse:
    """Write to one person in their conversation with the bot. Raises SlackApiError."""
    return client.chat_postMessage(
        channel=user, text=message.text, blocks=message.blocks, unfurl_links=False, unfurl_media=False, mrkdwn=False
    )


def respond(client: WebClient, body: Body, **message: Any) -> None:
    """Answer a button by its response URL, which also reaches a message that one person sees.

    Raises SlackClientError.
    """
    handlers: list[Any] = client.retry_handlers
    webhook = WebhookClient(body["response_url"], logger=client.logger, retry_handlers=handlers)
    response = webhook.send_dict({"response_type": "ephemeral", **message})
    if response.status_code != 200:
        raise SlackClientError(f"Slack refused what is told about a button: status {response.status_code}.")


def rate(ack: Ack, body: Body, client: WebClient, desk: Desk) -> None:
    """Keep a reader's opinion; who finds an answer not helpful is asked why. Raises UnknownAnswer."""
    ack()
    rating, _, answer_id = body["actions"][0]["value"].partition(":")
    reader = reader_of(team_of(body), body["user"]["id"])
    desk.engine.answers.rate(answer_id, "up" if rating == "up" else "down", reader=reader, surface=SURFACE)
    language = desk.engine.answers.answer(answer_id).language
    if rating == "up":
        whisper(client, body, notice(label("thanks", language)))
    else:
        client.views_open(trigger_id=body["trigger_id"], view=_reason_dialog(answer_id, language))


def keep_reason(ack: Ack, body: Body, client: WebClient, desk: Desk) -> None:  # noqa: ARG001 - all have the same form
    """Keep why an answer was not helpful. Raises UnknownAnswer."""
    ack()
    view = body["view"]
    reason = view["state"]["values"]["reason"]["text"].get("value") or ""
    reader = reader_of(team_of(body), body["user"]["id"])
    desk.engine.answers.rate(view["private_metadata"], "down", reason=reason, reader=reader, surface=SURFACE)


def cite(ack: Ack, body: Body, client: WebClient, desk: Desk) -> None:
    """Show the citation of a quote to who wants to copy it. Raises MaqalError."""
    ack()
    answer_id, _, number = body["actions"][0]["value"].partition(":")
    quote = desk.engine.answers.answer(answer_id).quotes[int(number)]
    (citation,) = desk.engine.cite([quote], "plain")
    whisper(client, body, notice(citation))


def ask_next(ack: Ack, body: Body, client: WebClient, desk: Desk) -> None:
    """Ask a suggested question where it was suggested; from Home, in the conversation with the bot."""
    question = body["actions"][0]["value"]
    key = f"action:{team_of(body)}:{body['trigger_id']}"
    if "view" in body:
        ack()
        posted = say_directly(client, body["user"]["id"], notice(question))
        channel, thread = str(posted["channel"]), str(posted["ts"])
        desk.ask(body, key=key, channel=channel, thread=thread, question=question, is_shown=True)
        return
    if is_ephemeral(body):
        desk.ask(
            body, key=key, channel=channel_of(body), thread="", question=question, response_url=body["response_url"]
        )
    else:
        desk.ask(body, key=key, channel=channel_of(body), thread=thread_of(body), question=question)
    ack()


def share(ack: Ack, body: Body, client: WebClient, desk: Desk) -> None:
    """Post an answer that one person saw to the channel. Raises UnknownAnswer."""
    ack()
    answer = desk.engine.answers.answer(body["actions"][0]["value"])
    by: Block = {
        "type": "rich_text",
        "elements": [
            {
                "type": "rich_text_section",
                "elements": [
                    {"type": "user", "user_id": body["user"]["id"]},
                    {"type": "text", "text": f" {label('shares', answer.language)}"},
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
    desk.inbox.stop(team_of(body), event["channel"], event.get("thread_ts") or "")
    ack()


def do_nothing(ack: Ack, body: Body, client: WebClient, desk: Desk) -> None:  # noqa: ARG001 - all have the same form
    """A button that opens an address is reported, too."""
    ack()


def _reason_dialog(answer_id: str, language: str) -> Block:
    reason = {
        "type": "input",
        "block_id": "reason",
        "optional": True,
        "label": plain_text(label("reason", language)),
        "element": {
            "type": "plain_text_input", "action_id": "text", "multiline": True, "max_length": _LONGEST_REASON,
        },
    }  # fmt: skip
    return modal(label("down", language), "reason", [reason], metadata=answer_id, submit=label("send", language))
