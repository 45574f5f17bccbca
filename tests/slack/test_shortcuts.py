"""The shortcuts: "Check this quote" on a message, and the dialog in which a question is asked from anywhere."""

from typing import Any

import pytest

from index.readers import read_bundled
from tests.slack.block_limits import loaded
from tests.slack.conftest import OpenRoom
from tests.slack.newsroom import FSI, PDI, QUESTION, Message, Newsroom, quotations, small_texts, texts

ARTICLE = read_bundled()
SENTENCE = ARTICLE.text_of(ARTICLE.body[4])


def check(room: Newsroom, said: str, **fields: Any) -> None:
    """Choose "Check this quote" on a message."""
    room.interact(
        type="message_action",
        callback_id="check_quote",
        channel={"id": room.channel},
        message={"type": "message", "ts": "300.1", "text": said, "user": "U0", **fields},
        message_ts="300.1",
        response_url=room.slack.response_url,
    )


def dialog(room: Newsroom) -> Message:
    """The dialog that the global shortcut opens."""
    room.interact(type="shortcut", callback_id="ask")
    view: Message = loaded(room.slack.wait_for("views.open")[0]["view"])
    return view


def send(room: Newsroom, view: Message, question: str | None, channel: str = "") -> str:
    """Send the dialog; what the bot answers at once."""
    urls = [{"block_id": "where", "action_id": "channel", "channel_id": channel or room.channel,
             "response_url": room.slack.response_url}]  # fmt: skip
    values = {
        "question": {"text": {"type": "plain_text_input", "value": question}},
        "where": {"channel": {"type": "conversations_select", "selected_conversation": channel or room.channel}},
    }
    return room.submit(view, values, response_urls=urls).text


def test_an_exact_quote_is_found_in_its_paragraph(room: Newsroom) -> None:
    check(room, f"The wire says: “{SENTENCE}” Is that so?")
    told = room.told()
    assert told["response_type"] == "ephemeral"
    said, verdict, place = texts(told)
    assert said == f"{FSI}{SENTENCE}{PDI}"
    assert verdict.startswith("✅ Exact.")
    assert place.startswith("§5 ")
    assert quotations({"blocks": told["blocks"][2:]}) == [SENTENCE]
    assert room.slack.calls("chat.postMessage") == []


def test_an_altered_quote_shows_what_was_changed(room: Newsroom) -> None:
    check(room, f"«{SENTENCE.replace('2500', '3500')}»")
    _, verdict, place, change = texts(room.told())
    assert verdict.startswith("⚠️ Altered.")
    assert "2500" in place
    assert change == f"said: {FSI}3500{PDI}   the article: {FSI}2500{PDI}"


def test_an_absent_quote_is_told(room: Newsroom) -> None:
    check(room, '"The pumpkin soup was served with a slice of lemon cake."')
    assert texts(room.told())[1].startswith("❌ Absent.")


def test_without_quotation_marks_all_of_the_message_is_checked(room: Newsroom) -> None:
    check(room, SENTENCE)
    assert texts(room.told())[1].startswith("✅ Exact.")


def test_several_quotes_are_told_in_as_many_messages_as_they_need(room: Newsroom) -> None:
    long = " ".join(ARTICLE.text_of(paragraph) for paragraph in ARTICLE.body[:14]).replace("“", "").replace("”", "")
    check(room, " ".join(f"“{long[i * 900 : i * 900 + 890]}”" for i in range(3)))
    told = room.told()
    assert small_texts(told) == [
        "maqal compares letters and words. What a quote leaves out around it, only the paragraph tells."
    ]
    verdicts = [text for text in texts(told) if text[0] in "✅⚠❔❌"]
    assert len(verdicts) == 3


@pytest.mark.parametrize("said", ["", "<@U1>"])
def test_a_message_without_text_is_told(room: Newsroom, said: str) -> None:
    check(room, said)
    assert room.told()["text"] == "The message holds no text. Choose a message that quotes an article."


def test_a_quote_is_checked_in_allowed_channels_only(open_room: OpenRoom) -> None:
    room = open_room(channels=frozenset({"C0"}))
    check(room, SENTENCE)
    assert room.told()["text"] == "maqal does not answer in this channel."


def test_a_question_from_anywhere_is_answered_for_one_person_where_they_chose(room: Newsroom) -> None:
    view = dialog(room)
    assert (view["title"]["text"], view["callback_id"]) == ("Ask maqal", "ask")
    assert send(room, view, f"  {QUESTION}\n") == ""
    told = room.told()
    assert told["response_type"] == "ephemeral"
    assert small_texts(told)[0] == f"{FSI}{QUESTION}{PDI}"
    assert quotations(told)


@pytest.mark.parametrize("question", [None, "", " \n "])
def test_the_dialog_stays_open_without_a_question(room: Newsroom, question: str | None) -> None:
    answer = loaded(send(room, dialog(room), question))
    assert answer == {"response_action": "errors", "errors": {"question": "Write a question."}}
    assert room.slack.calls("respond") == []


def test_the_dialog_stays_open_where_the_bot_does_not_answer(open_room: OpenRoom) -> None:
    room = open_room(channels=frozenset({"C0"}))
    view = dialog(room)
    answer = loaded(send(room, view, QUESTION))
    assert answer["errors"] == {"where": "maqal does not answer there; choose another conversation."}
    assert send(room, view, QUESTION, channel="C0") == ""
    assert quotations(room.told())
