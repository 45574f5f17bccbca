"""An answer as people see it in Slack, and what its buttons do."""

import pytest

from tests.conftest import BUNDLED_ID
from tests.slack.block_limits import loaded, text_objects
from tests.slack.newsroom import (
    FSI,
    PAGE,
    PDI,
    QUESTION,
    Message,
    Newsroom,
    action_ids,
    element_of,
    labels,
    quotations,
    small_texts,
    texts,
)

REFUSED = "Who won the football match?"


def answer_id(message: Message) -> str:
    value: str = element_of(message["blocks"], "feedback")["positive_button"]["value"]
    return value.partition(":")[2]


def test_quotes_stand_first_each_in_a_block_with_speaker_paragraph_and_the_article_s_letters(room: Newsroom) -> None:
    message = room.ask()
    answer = room.engine.answers.answer(answer_id(message))
    article = room.engine.index.catalog.article(BUNDLED_ID).article
    assert message["blocks"][0]["type"] == "section"
    assert quotations(message) == [quote.text for quote in answer.quotes]
    for quote, text in zip(answer.quotes, texts(message), strict=True):
        assert quote.text == article.text[quote.start : quote.end]
        assert f"(§{quote.paragraph}" in text
        assert f"{FSI}{quote.speaker}{PDI}" in text
        lead, quoted = text.split("\n", 1)
        assert lead.count(FSI) == lead.count(PDI)
        assert (quoted[0], quoted[-1]) == (FSI, PDI)
    assert small_texts(message)[0] == f"{FSI}{BUNDLED_ID}{PDI} " + " ".join(
        dict.fromkeys(f"§{quote.paragraph}" for quote in answer.quotes)
    )


def test_every_text_is_plain_and_nothing_is_unfurled(room: Newsroom) -> None:
    message = room.ask()
    assert {text["type"] for text in text_objects(message["blocks"])} == {"plain_text"}
    (call,) = room.slack.calls("chat.postMessage")
    assert (call["unfurl_links"], call["unfurl_media"], call["mrkdwn"]) == (False, False, False)


def test_each_quote_has_a_link_into_the_article_and_a_citation_to_copy(room: Newsroom) -> None:
    message = room.ask()
    assert element_of(message["blocks"], "show:0")["url"] == f"{PAGE}/a/{answer_id(message)}"
    room.press(message, "show:0")
    room.press(message, "cite:0")
    (told,) = room.slack.wait_for("chat.postEphemeral")
    quote = room.engine.answers.answer(answer_id(message)).quotes[0]
    assert texts({"blocks": loaded(told["blocks"])}) == room.engine.cite([quote], "plain")
    assert (told["channel"], told["user"]) == (room.channel, room.user)


def test_a_citation_of_an_answer_that_is_no_longer_kept_is_told(room: Newsroom) -> None:
    message = room.ask()
    button = element_of(message["blocks"], "cite:0")
    button["value"] = "gone:0"
    room.press(message, "cite:0")
    (told,) = room.slack.wait_for("chat.postEphemeral")
    assert told["text"].startswith("There is no answer 'gone'.")


@pytest.mark.parametrize(
    ("question", "lead", "said"),
    [
        ("لماذا استعان توكاييف بمنظمة معاهدة الأمن الجماعي؟", "كما ينقل المقال (§4)", "انسخه كاستشهاد"),
        ("Почему Токаев обратился к ОДКБ?", "(§4", "Скопировать как цитату"),
        ("Pourquoi Tokaïev a-t-il fait appel à l'OTSC ?", "(§", "Copier comme citation"),
    ],
)
def test_an_answer_s_frame_and_labels_are_in_the_asker_s_language(
    room: Newsroom, question: str, lead: str, said: str
) -> None:
    message = room.ask(question)
    assert lead in texts(message)[0]
    assert said in labels(message["blocks"])
    assert room.engine.answers.answer(answer_id(message)).language in {"ar", "ru", "fr"}


def test_a_refusal_shows_the_closest_paragraphs_and_where_to_read_them(room: Newsroom) -> None:
    message = room.ask(REFUSED)
    refusal = room.engine.answers.answer(answer_id(message))
    assert refusal.verdict == "not_in_article"
    head, *closest = texts(message)
    assert head.startswith("The article does not say.")
    assert closest == [f"§{source.paragraph}\n{FSI}{source.text}{PDI}" for source in refusal.closest]
    assert element_of(message["blocks"], "show:answer")["url"] == f"{PAGE}/a/{refusal.id}"


def test_the_agent_pane_tells_what_is_read_also_without_a_language_model(room: Newsroom) -> None:
    ts = room.write("Почему Токаев обратился к ОДКБ?")
    (message,) = room.slack.wait_for_reply(room.direct, ts)
    assert quotations(message)
    room.slack.wait_for("agents.sessions.setStatus", 2)
    (status,) = room.slack.calls("assistant.threads.setStatus")
    assert (status["channel_id"], status["thread_ts"]) == (room.direct, ts)
    assert status["status"].startswith("читает §")
    assert len(room.slack.calls("chat.postMessage")) == 1


def test_in_a_channel_an_answer_that_is_there_at_once_needs_no_status(room: Newsroom) -> None:
    room.ask()
    assert room.slack.calls("assistant.threads.setStatus") == room.slack.calls("agents.sessions.setStatus") == []


def test_a_suggested_question_is_answered_in_the_same_thread(room: Newsroom) -> None:
    ts = room.mention(QUESTION)
    (message,) = room.slack.wait_for_reply(room.channel, ts)
    suggested = element_of(message["blocks"], "ask:0")["value"]
    assert suggested != QUESTION
    room.press(message, "ask:0")
    _, second = room.slack.wait_for_reply(room.channel, ts, 2)
    assert small_texts(second)[0] == f"{FSI}{suggested}{PDI}"
    assert room.engine.answers.answer(answer_id(second)).question == suggested


def test_a_helpful_answer_is_kept_as_rest_keeps_it(room: Newsroom) -> None:
    message = room.ask()
    room.press(message, "feedback", side="positive")
    (told,) = room.slack.wait_for("chat.postEphemeral")
    assert told["text"] == "Thank you."
    assert room.slack.calls("views.open") == []
    kept = [each for each in room.engine.answers.feedback() if each.answer.id == answer_id(message)]
    assert [(each.rating, each.reason, each.surface) for each in kept] == [("up", "", "slack")]
    assert room.engine.answers.ratings(f"slack:T1:{room.user}") == {"up": 1, "down": 0}


def test_who_finds_an_answer_not_helpful_is_asked_why(room: Newsroom) -> None:
    message = room.ask("Почему Токаев обратился к ОДКБ?")
    room.press(message, "feedback", side="negative")
    (call,) = room.slack.wait_for("views.open")
    view = loaded(call["view"])
    assert (view["callback_id"], view["title"]["text"]) == ("reason", "Не полезно")
    assert room.engine.answers.ratings(f"slack:T1:{room.user}") == {"up": 0, "down": 1}
    response = room.submit(view, {"reason": {"text": {"type": "plain_text_input", "value": "Не то."}}})
    assert response.text == ""
    (kept,) = [each for each in room.engine.answers.feedback() if each.answer.id == answer_id(message)]
    assert (kept.rating, kept.reason) == ("down", "Не то.")


def test_a_reason_need_not_be_given(room: Newsroom) -> None:
    message = room.ask()
    room.press(message, "feedback", side="negative")
    view = loaded(room.slack.wait_for("views.open")[0]["view"])
    room.submit(view, {"reason": {"text": {"type": "plain_text_input", "value": None}}})
    (kept,) = [each for each in room.engine.answers.feedback() if each.answer.id == answer_id(message)]
    assert (kept.rating, kept.reason) == ("down", "")


def test_a_private_answer_is_shared_in_the_channel_when_its_reader_wants(room: Newsroom) -> None:
    room.command(QUESTION)
    private = room.told()
    assert private["response_type"] == "ephemeral"
    assert small_texts(private)[0] == f"{FSI}{QUESTION}{PDI}"
    assert "context_actions" not in {block["type"] for block in private["blocks"]}
    room.press(private, "share", is_private=True)
    (shared,) = room.slack.wait_for("chat.postMessage")
    assert shared["channel"] == room.channel
    assert "thread_ts" not in shared
    by = shared["blocks"][0]["elements"][0]["elements"]
    assert by[0] == {"type": "user", "user_id": room.user}
    assert quotations(shared) == quotations(private)
    assert "share" not in action_ids(shared["blocks"])
    deleted = room.told(2)
    assert deleted["delete_original"] is True


def test_where_the_bot_is_no_member_it_says_how_to_invite_it(room: Newsroom) -> None:
    room.command(QUESTION)
    private = room.told()
    room.slack.answers["chat.postMessage"] = [(200, {}, {"ok": False, "error": "not_in_channel"})]
    room.press(private, "share", is_private=True)
    told = room.told(2)
    assert told["text"] == "maqal is not in this channel. Write /invite @maqal, then share again."
    assert told["replace_original"] is False


def test_buttons_under_a_private_answer_answer_in_private(room: Newsroom) -> None:
    room.command(QUESTION)
    private = room.told()
    room.press(private, "cite:0", is_private=True)
    assert texts(private)[0] != room.told(2)["text"]
    room.press(private, "feedback:up", is_private=True)
    assert room.told(3)["text"] == "Thank you."
    room.press(private, "ask:0", is_private=True)
    assert small_texts(room.told(4))[0] == f"{FSI}{element_of(private['blocks'], 'ask:0')['value']}{PDI}"
    assert room.slack.calls("chat.postMessage") == room.slack.calls("chat.postEphemeral") == []


def test_a_button_that_fails_says_so(room: Newsroom) -> None:
    message = room.ask()
    room.slack.answers["views.open"] = [(200, {}, {"ok": False, "error": "expired_trigger_id"})]
    room.press(message, "feedback", side="negative")
    (told,) = room.slack.wait_for("chat.postEphemeral")
    assert told["text"].startswith("Sorry, this did not work")
