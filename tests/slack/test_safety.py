"""What articles and people write is shown to the letter, calls nobody, leads nowhere, and stands in no log."""

import json
import logging
from typing import Any

import pytest

from index.ingestion import add_article
from index.readers import read_text
from tests.slack.block_limits import loaded, nested, text_objects
from tests.slack.conftest import OpenRoom
from tests.slack.newsroom import FSI, PDI, Newsroom, element_of, quotations, texts

NASTY = "<!channel> & <@U1> in <http://evil.example|Bergen>: *blue* _orchids_ ~cost~ `50` &lt;crowns&gt; :tada: [a](b)"
TITLE = "Orchids <!here> *now*"
ARTICLE = f"{TITLE}\n\nThe gardener said that blue orchids cost {NASTY}."
QUESTION = "What do blue orchids cost, says the gardener?"
SECRET = "Zanzibar"


@pytest.fixture(scope="module")
def shared_room(open_room: OpenRoom) -> Newsroom:
    room = open_room()
    add_article(room.engine.index, read_text(ARTICLE, origin="file:orchids.txt"))
    return room


def all_calls(room: Newsroom) -> list[dict[str, Any]]:
    """The bodies of all calls so far, with what their forms carry as JSON."""
    methods = (
        "chat.postMessage",
        "chat.postEphemeral",
        "respond",
        "views.publish",
        "assistant.threads.setSuggestedPrompts",
    )
    return [{name: loaded(value) for name, value in body.items()} for m in methods for body in room.slack.calls(m)]


def assert_harmless(room: Newsroom) -> None:
    """No text that Slack would format, no entity left, and nothing unfurled."""
    calls = all_calls(room)
    assert calls
    for body in calls:
        assert {text["type"] for text in text_objects(body)} <= {"plain_text"}
        for text in [*(text["text"] for text in text_objects(body)), body.get("text", "")]:
            assert "<" not in text
            assert ">" not in text
        assert not body.get("unfurl_links")
        assert not body.get("unfurl_media")
        assert all(each["type"] != "markdown" for each in nested(body) if "type" in each)


def test_an_article_s_markup_is_shown_to_the_letter(room: Newsroom) -> None:
    message = room.ask(QUESTION)
    assert any(NASTY in quotation for quotation in quotations(message))
    assert_harmless(room)
    (call,) = room.slack.calls("chat.postMessage")
    assert call["mrkdwn"] is False
    assert (call["unfurl_links"], call["unfurl_media"]) == (False, False)


def test_so_it_is_in_a_refusal_a_citation_and_a_private_answer(room: Newsroom) -> None:
    room.press(room.ask(QUESTION), "cite:0")
    room.slack.wait_for("chat.postEphemeral")
    room.ask("Who won the football match in Bergen?")
    room.command(QUESTION)
    private = room.told()
    assert any(NASTY in quotation for quotation in quotations(private))
    room.press(private, "share", is_private=True)
    room.told(2)
    calls = [body for body in all_calls(room) if "rich_text" not in json.dumps(body)]
    assert len(calls) < len(all_calls(room))  # The shared one names the person who shares it, in a block of its own.
    assert_harmless(room)


def test_a_title_in_home_and_in_the_list_of_articles_is_shown_to_the_letter(room: Newsroom) -> None:
    blocks = room.open_home()
    option = element_of(blocks, "choose_article")["options"][1]
    assert option["text"]["text"] == f"{FSI}Orchids &lt;!here&gt; *now*{PDI}"
    room.press_in_home(blocks, "choose_article", option["value"])
    assert f"You ask: {FSI}{TITLE}{PDI}" in texts({"blocks": room.home(2)})
    answer = room.command("", "/articles").json()
    assert "<" not in json.dumps(answer)
    assert_harmless(room)


def test_a_question_is_shown_to_the_letter(room: Newsroom) -> None:
    room.command("What do &lt;!channel&gt; *orchids* cost? <!here> <http://evil.example|evil>")
    shown = json.dumps(room.told())
    assert "What do &lt;!channel&gt; *orchids* cost? evil" in shown
    assert_harmless(room)


def test_a_file_s_name_is_shown_to_the_letter(room: Newsroom) -> None:
    ts = room.write("", subtype="file_share", files=[{"id": "F1", "name": "<!channel> *a*.txt"}])
    (message,) = room.slack.wait_for_reply(room.direct, ts)
    assert texts(message) == [f"{FSI}<!channel> *a*.txt{PDI}"]
    assert_harmless(room)


def test_a_quote_that_is_checked_is_shown_to_the_letter(room: Newsroom) -> None:
    room.interact(
        type="message_action", callback_id="check_quote", channel={"id": room.channel}, message_ts="1.1",
        message={"ts": "1.1", "text": "The gardener said that blue orchids cost &lt;!channel&gt; &amp; *more*"},
        response_url=room.slack.response_url,
    )  # fmt: skip
    assert "<!channel> & *more*" in texts(room.told())[0]
    assert_harmless(room)


def test_no_question_answer_or_token_is_logged(room: Newsroom, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        message = room.ask(f"What do blue orchids cost in {SECRET}?")
        room.press(message, "feedback", side="negative")
        view = loaded(room.slack.wait_for("views.open")[0]["view"])
        room.submit(view, {"reason": {"text": {"type": "plain_text_input", "value": f"Not {SECRET}."}}})
        room.command(f"And who lives in {SECRET}?")
        room.told()
        refusal = (200, {}, {"ok": False, "error": "invalid_arguments"})
        room.slack.answers["chat.postMessage"] = [refusal, refusal]
        room.mention(f"Who sells orchids in {SECRET}?")
        room.ask(f"Is {SECRET} a city?")
        room.press({**message, "blocks": message["blocks"]}, "cite:0")
        room.slack.answers["chat.postEphemeral"] = [(200, {}, {"ok": False, "error": "user_not_in_channel"})] * 2
        room.press(message, "feedback", side="positive")
        room.open_home()
    assert caplog.records
    for secret in (SECRET, "xoxb", "signing secret", "crowns"):
        assert secret not in caplog.text
