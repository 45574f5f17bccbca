"""Mentions and direct messages: answered in their thread, once, in the question's language, never with silence."""

import logging
import re
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from bots.slack.settings import SlackSettings
from bots.slack.worker import APOLOGY
from index.ingestion import add_article
from index.readers import read_text
from index.settings import IndexSettings
from rag.answers import Event
from rag.chat_engine import ChatEngine
from rag.factory import open_engine
from rag.settings import RagSettings
from tests.conftest import BUNDLED_ID
from tests.slack.bot import Bot, direct_message, mention, running_bot
from tests.slack.newsroom import QUESTION, quotations, texts
from tests.slack.slack_server import BOT_ID, BOT_USER, WAIT_SECONDS, SlackServer


def other_engine(engine: ChatEngine, cls: type[ChatEngine]) -> Any:
    """A working engine of a subclass, over the same index."""
    return cls(engine.index, engine.conversations, engine.answers, RagSettings())


def test_a_mention_is_answered_in_its_thread_with_letters_of_the_article(
    bot: Bot, slack: SlackServer, engine: ChatEngine
) -> None:
    assert bot.event(mention(QUESTION)).status_code == 200
    (message,) = slack.wait_for("chat.postMessage")
    assert (message["channel"], message["thread_ts"]) == ("C1", "100.1")
    assert message["unfurl_links"] is False
    assert message["unfurl_media"] is False
    article = engine.index.catalog.article(BUNDLED_ID).article
    paragraphs = {p.number: article.text_of(p) for p in article.body}
    assert quotations(message)
    for block, quote in zip(texts(message), quotations(message), strict=True):
        (number,) = re.findall(r"§(\d+)", block)
        assert quote in paragraphs[int(number)]
    assert texts(message)[0].startswith("\u2068رئيس كازاخستان، قاسم جومارت توكاييف\u2069, as the article reports (§4")
    assert quotations(message)[0] in message["text"]
    assert slack.tokens("chat.postMessage") == ["xoxb-1"]


def test_a_mention_inside_a_thread_is_answered_in_that_thread(bot: Bot, slack: SlackServer) -> None:
    bot.event(mention(QUESTION, ts="101.5", thread_ts="100.1"))
    assert slack.wait_for("chat.postMessage")[0]["thread_ts"] == "100.1"


@pytest.mark.parametrize("subtype", [None, "file_share", "thread_broadcast"])
def test_a_direct_message_is_answered_in_a_thread(bot: Bot, slack: SlackServer, subtype: str | None) -> None:
    bot.event(direct_message(QUESTION, **({"subtype": subtype} if subtype else {})))
    (message,) = slack.wait_for("chat.postMessage")
    assert (message["channel"], message["thread_ts"]) == ("D1", "200.1")
    assert quotations(message)


def test_a_question_in_arabic_is_answered_in_arabic(bot: Bot, slack: SlackServer) -> None:
    bot.event(mention("لماذا استعان توكاييف بمنظمة معاهدة الأمن الجماعي؟"))
    assert texts(slack.wait_for("chat.postMessage")[0])[0].startswith(
        "\u2068رئيس كازاخستان، قاسم جومارت توكاييف\u2069، كما ينقل المقال (§4)"
    )


def test_a_follow_up_in_the_thread_is_understood_through_the_first_question(
    engine: ChatEngine, settings: SlackSettings, slack: SlackServer
) -> None:
    with running_bot(engine, settings) as bot:
        bot.event(mention(QUESTION))
        slack.wait_for("chat.postMessage", 1)
        bot.event(mention("And when did he do that?", ts="100.2", thread_ts="100.1"))
        slack.wait_for("chat.postMessage", 2)
        bot.event(mention("And when did he do that?", ts="300.1"))
    in_thread = engine.conversations.turns("slack:T1:C1:100.1")
    assert [turn.question for turn in in_thread] == [QUESTION, "And when did he do that?"]
    assert QUESTION in in_thread[1].understood_as
    (elsewhere,) = engine.conversations.turns("slack:T1:C1:300.1")
    assert elsewhere.understood_as == "And when did he do that?"


def test_what_the_article_does_not_say_comes_with_the_closest_paragraphs(
    bot: Bot, slack: SlackServer, engine: ChatEngine
) -> None:
    bot.event(mention("What is the best recipe for chocolate cake?"))
    (message,) = slack.wait_for("chat.postMessage")
    head, *closest = texts(message)
    assert head.startswith("The article does not say.")
    article = engine.index.catalog.article(BUNDLED_ID).article
    assert len(closest) == 3
    assert all(re.sub("^§\\d+\n\u2068|\u2069$", "", text) in article.text for text in closest)


def test_one_reply_to_an_event_delivered_again_as_another_type_and_after_a_restart(
    engine: ChatEngine, settings: SlackSettings, slack: SlackServer
) -> None:
    as_message = {**mention(QUESTION), "type": "message", "channel_type": "im"}
    with running_bot(engine, settings) as bot, ThreadPoolExecutor(6) as pool:
        deliveries = [
            *(pool.submit(bot.event, mention(QUESTION), "Ev1", X_Slack_Retry_Num=str(i)) for i in range(4)),
            pool.submit(bot.event, mention(QUESTION), "Ev2"),
            pool.submit(bot.event, as_message, "Ev3"),
        ]
        assert [delivery.result().status_code for delivery in deliveries] == [200] * 6
    assert len(slack.calls("chat.postMessage")) == 1
    with running_bot(engine, settings) as restarted:
        assert restarted.event(mention(QUESTION), "Ev1").status_code == 200
        assert restarted.event(as_message, "Ev4").status_code == 200
        assert restarted.event(mention(QUESTION, ts="100.9"), "Ev1").status_code == 200
    assert len(slack.calls("chat.postMessage")) == 1


def test_slack_is_acknowledged_before_the_answer_is_there(
    engine: ChatEngine, settings: SlackSettings, slack: SlackServer
) -> None:
    release = threading.Event()

    class SlowEngine(ChatEngine):
        def stream(self, *args: Any, **kwargs: Any) -> Iterator[Event]:
            assert release.wait(WAIT_SECONDS)
            yield from super().stream(*args, **kwargs)

    narrow = settings.model_copy(update={"answer_threads": 1})
    with running_bot(other_engine(engine, SlowEngine), narrow) as bot:
        assert bot.event(mention(QUESTION)).status_code == 200
        # The only thread is taken: a command is acknowledged all the same.
        assert bot.command(QUESTION, slack.response_url).status_code == 200
        assert slack.calls("chat.postMessage") == slack.calls("respond") == []
        release.set()
    assert len(slack.calls("chat.postMessage")) == len(slack.calls("respond")) == 1


@pytest.mark.parametrize(
    "event",
    [
        mention(QUESTION, user=BOT_USER),
        mention(QUESTION, bot_id="BOTHER"),
        direct_message(QUESTION, bot_id=BOT_ID),
        direct_message(QUESTION, subtype="bot_message", bot_id="BOTHER"),
        direct_message("", subtype="message_changed", message={"ts": "199.9", "text": QUESTION, "user": "U1"}),
        direct_message("", subtype="message_deleted", deleted_ts="199.9"),
        direct_message(QUESTION, channel="C1", channel_type="channel"),
    ],
)
def test_bots_edits_and_talk_in_channels_are_not_answered(
    engine: ChatEngine, settings: SlackSettings, slack: SlackServer, event: dict[str, Any]
) -> None:
    with running_bot(engine, settings) as bot:
        assert bot.event(event).status_code == 200
    assert slack.calls("chat.postMessage") == []


def test_an_ignored_message_does_not_use_up_the_mention_that_it_belongs_to(bot: Bot, slack: SlackServer) -> None:
    bot.event({**mention(QUESTION), "type": "message", "channel_type": "channel"})
    bot.event(mention(QUESTION))
    slack.wait_for("chat.postMessage")


def test_article_text_cannot_mention_anyone(bot: Bot, slack: SlackServer, engine: ChatEngine) -> None:
    text = "Orchids\n\nThe gardener of Bergen said <!channel> & <@U1> that *blue* orchids cost &lt;50&gt; crowns."
    add_article(engine.index, read_text(text, origin="file:orchids.txt"))
    bot.event(mention("What do blue orchids cost, says the gardener of Bergen?"))
    (message,) = slack.wait_for("chat.postMessage")
    shown = "\n".join([message["text"], *(block["text"]["text"] for block in message["blocks"] if "text" in block)])
    assert not re.search("[<>]", shown)
    assert "said &lt;!channel&gt; &amp; &lt;@U1&gt; that *blue* orchids cost &amp;lt;50&amp;gt; crowns." in shown
    assert {block["text"]["type"] for block in message["blocks"] if "text" in block} == {"plain_text"}


@pytest.mark.parametrize("text", ["", "   ", "?!"])
def test_a_mention_without_a_question_gets_a_hint(bot: Bot, slack: SlackServer, text: str) -> None:
    bot.event(mention(text))
    assert texts(slack.wait_for("chat.postMessage")[0]) == [
        "The question is empty. Ask in words, for example: Why did Tokayev call in the CSTO?"
    ]


def test_a_question_that_is_too_long_is_told_so(bot: Bot, slack: SlackServer) -> None:
    bot.event(mention("why " * 5_000))
    assert texts(slack.wait_for("chat.postMessage")[0]) == [
        "The question has 19,999 characters; 2,000 are accepted. Ask it in fewer words, or raise RAG_MAX_QUESTION."
    ]


def test_an_empty_index_is_told_with_the_way_out(settings: SlackSettings, slack: SlackServer) -> None:
    with open_engine(IndexSettings(), RagSettings()) as empty, running_bot(empty, settings) as bot:
        bot.event(mention(QUESTION))
        (text,) = texts(slack.wait_for("chat.postMessage")[0])
    assert text.startswith("No article is indexed. Run `maqal index FILE`")


def test_an_unexpected_error_is_answered_with_an_apology_and_logged_without_the_question(
    engine: ChatEngine, settings: SlackSettings, slack: SlackServer, caplog: pytest.LogCaptureFixture
) -> None:
    class BrokenEngine(ChatEngine):
        def stream(self, question: str, **_: Any) -> Iterator[Event]:
            raise ValueError(f"cannot handle {question}")

    with caplog.at_level(logging.DEBUG, "bots"), running_bot(other_engine(engine, BrokenEngine), settings) as bot:
        bot.event(mention(QUESTION))
    assert [texts(message) for message in slack.calls("chat.postMessage")] == [[APOLOGY]]
    assert "ValueError while answering in Slack" in caplog.text
    assert "in stream" in caplog.text
    assert "Tokayev" not in caplog.text
    assert "xoxb" not in caplog.text


def test_a_busy_slack_is_asked_again(bot: Bot, slack: SlackServer) -> None:
    slack.answers["chat.postMessage"] = [(429, {"Retry-After": "0"}, {"ok": False, "error": "ratelimited"})]
    bot.event(mention(QUESTION))
    assert quotations(slack.wait_for("chat.postMessage")[0])


def test_blocks_that_slack_refuses_are_followed_by_an_apology(bot: Bot, slack: SlackServer) -> None:
    # The second time without its newest elements.
    slack.answers["chat.postMessage"] = [(200, {}, {"ok": False, "error": "invalid_blocks"})] * 2
    bot.event(mention(QUESTION))
    assert texts(slack.wait_for("chat.postMessage")[0]) == [APOLOGY]


def test_a_slack_without_feedback_buttons_gets_ordinary_ones(bot: Bot, slack: SlackServer) -> None:
    slack.answers["chat.postMessage"] = [(200, {}, {"ok": False, "error": "invalid_blocks"})]
    bot.event(mention(QUESTION))
    (message,) = slack.wait_for("chat.postMessage")
    assert quotations(message)
    assert "context_actions" not in {block["type"] for block in message["blocks"]}
    assert [element["action_id"] for element in message["blocks"][-1]["elements"]] == ["feedback:up", "feedback:down"]
