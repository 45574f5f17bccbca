"""`/ask`: an answer that only the person who asked sees."""

import pytest

from bots.slack.listeners import USAGE
from bots.slack.settings import SlackSettings
from bots.slack.worker import APOLOGY
from rag.chat_engine import ChatEngine
from tests.slack.bot import Bot, running_bot
from tests.slack.newsroom import QUESTION, quotations, texts
from tests.slack.slack_server import SlackServer


def test_the_answer_is_ephemeral(bot: Bot, slack: SlackServer) -> None:
    response = bot.command(QUESTION, slack.response_url)
    assert (response.status_code, response.text) == (200, "")
    (message,) = slack.wait_for("respond")
    assert message["response_type"] == "ephemeral"
    assert message["unfurl_links"] is False
    assert message["unfurl_media"] is False
    assert quotations(message)
    # Slack shows nobody what was written after the command.
    assert QUESTION in message["blocks"][0]["elements"][0]["text"]
    assert slack.calls("chat.postMessage") == []


@pytest.mark.parametrize("text", ["", "  ", "<@U1|ada>"])
def test_without_a_question_its_use_is_explained(bot: Bot, slack: SlackServer, text: str) -> None:
    assert bot.command(text, slack.response_url).text == USAGE


def test_a_command_delivered_twice_is_answered_once(
    engine: ChatEngine, settings: SlackSettings, slack: SlackServer
) -> None:
    with running_bot(engine, settings) as bot:
        for _ in range(2):
            bot.command(QUESTION, slack.response_url, trigger_id="1.2.3")
        bot.command(QUESTION, slack.response_url, trigger_id="4.5.6")
    assert len(slack.calls("respond")) == 2


def test_an_error_is_told_to_the_person_who_asked(bot: Bot, slack: SlackServer) -> None:
    bot.command("why " * 2_000, slack.response_url)
    (message,) = slack.wait_for("respond")
    assert texts(message)[0].startswith("The question has 7,999 characters")
    assert texts(message) != [APOLOGY]
