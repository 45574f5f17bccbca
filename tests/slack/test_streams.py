"""Answers of a language model, which grow in Slack while they are written."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from bots.slack.answer_blocks import Frame, answer_messages
from tests.llm_server import Piece, Script, ScriptedLlm, half_then_die
from tests.rag.test_generative import number_of
from tests.slack.block_limits import text_objects
from tests.slack.conftest import OpenRoom
from tests.slack.newsroom import (
    FSI,
    PAGE,
    PDI,
    QUESTION,
    Message,
    Newsroom,
    action_ids,
    element_of,
    quotations,
    small_texts,
    texts,
)
from tests.slack.slack_server import WAIT_SECONDS

REFUSED: tuple[int, dict[str, str], dict[str, Any]] = (200, {}, {"ok": False, "error": "channel_type_not_supported"})


class Writer:
    """A language model that writes sentences, the last ones when it is let."""

    def __init__(self) -> None:
        self.go_on = threading.Event()
        self.script: Script = lambda _: "No."

    def writes(self, *sentences: str, then: str = "", question: str = "") -> None:
        """Write sentences, each citing paragraph 4; with `then`, wait for `go_on` and write that."""

        def script(prompt: str) -> Iterator[Piece]:
            assert question in prompt
            number = number_of(4, prompt)
            yield from (f"{sentence} [{number}]. " for sentence in sentences)
            if then:
                assert self.go_on.wait(WAIT_SECONDS)
                yield f"{then} [{number}]."

        self.script = script

    def writes_until(self, is_over: threading.Event, sentence: str) -> None:
        """Write one sentence again and again."""

        def script(prompt: str) -> Iterator[Piece]:
            number = number_of(4, prompt)
            while not is_over.wait(0.05):
                yield f"{sentence} [{number}]. "

        self.script = script


@pytest.fixture(scope="module")
def llm() -> Iterator[ScriptedLlm]:
    with ScriptedLlm(lambda _: "No.") as server:
        yield server


@pytest.fixture
def writer(llm: ScriptedLlm) -> Iterator[Writer]:
    writer = Writer()
    llm.script = lambda prompt: writer.script(prompt)  # noqa: PLW0108 - it changes
    yield writer
    writer.go_on.set()


@pytest.fixture(scope="module")
def shared_room(open_room: OpenRoom, llm: ScriptedLlm) -> Newsroom:
    return open_room(llm.url)


def is_the_answer(room: Newsroom, message: Message) -> bool:
    """Whether a message is, block by block, what would be posted of the answer that is kept."""
    answer_id = element_of(message["blocks"], "feedback")["positive_button"]["value"].partition(":")[2]
    asks = [element_of(message["blocks"], name)["value"] for name in action_ids(message["blocks"]) if "ask:" in name]
    (whole,) = answer_messages(room.engine.answers.answer(answer_id), Frame(page_url=PAGE, suggestions=asks))
    return bool(message["blocks"] == whole.blocks and not message.get("is_streaming"))


def streamed(room: Newsroom) -> list[Message]:
    """The blocks of a stream so far."""
    calls = [*room.slack.calls("chat.startStream"), *room.slack.calls("chat.appendStream")]
    return [block for call in calls for chunk in call["chunks"] for block in chunk["blocks"]]


def test_quotes_come_first_then_sentences_and_the_stream_ends_as_the_answer(room: Newsroom, writer: Writer) -> None:
    writer.writes("He no longer trusts his forces", then="That is why")
    ts = room.mention(QUESTION)
    (start,) = room.slack.wait_for("chat.startStream")
    assert (start["channel"], start["thread_ts"]) == (room.channel, ts)
    assert (start["recipient_team_id"], start["recipient_user_id"]) == ("T1", room.user)
    room.slack.wait_for("assistant.threads.setStatus", 2)
    first = streamed(room)[0]
    assert f"{FSI}«" in first["text"]["text"]
    writer.go_on.set()
    (message,) = room.slack.wait_for_reply(room.channel, ts)
    assert is_the_answer(room, message)
    assert "He no longer trusts his forces (§4)" in "\n".join(texts(message))
    assert "That is why" in texts(message)[-1]
    shown = [text["text"] for text in text_objects(streamed(room))]
    assert any(text.startswith("He no longer trusts his forces (§4)") for text in shown)
    assert {text["type"] for text in text_objects(streamed(room))} == {"plain_text"}
    # Buttons need an answer that is kept.
    assert action_ids(streamed(room)) == []
    assert room.slack.calls("chat.postMessage") == []


def test_streams_that_are_refused_become_a_message_that_is_edited(room: Newsroom, writer: Writer) -> None:
    room.slack.answers["chat.startStream"] = [REFUSED]
    writer.writes("He no longer trusts his forces", then="That is why")
    ts = room.mention(QUESTION)
    (post,) = room.slack.wait_for("chat.postMessage")
    assert post["thread_ts"] == ts
    assert (post["unfurl_links"], post["unfurl_media"], post["mrkdwn"]) == (False, False, False)
    writer.go_on.set()
    (message,) = room.slack.wait_for_reply(room.channel, ts)
    assert is_the_answer(room, message)
    assert len(room.slack.calls("chat.update")) >= 2
    assert len(room.slack.calls("chat.postMessage")) == 1


def test_where_nothing_may_grow_the_answer_is_posted_once(room: Newsroom, writer: Writer) -> None:
    room.slack.answers["chat.startStream"] = [REFUSED]
    room.slack.answers["chat.postMessage"] = [REFUSED]
    writer.writes("He no longer trusts his forces", "That is why")
    ts = room.mention(QUESTION)
    (message,) = room.slack.wait_for_reply(room.channel, ts)
    assert is_the_answer(room, message)
    assert [len(room.slack.calls(m)) for m in ("chat.postMessage", "chat.update", "chat.startStream")] == [1, 0, 0]


def test_a_stream_that_slack_ended_goes_on_as_an_edited_message(room: Newsroom, writer: Writer) -> None:
    writer.writes(then="He no longer trusts his forces")
    ts = room.mention(QUESTION)
    room.slack.wait_for("chat.startStream")
    room.slack.wait_for("assistant.threads.setStatus", 2)
    room.slack.end_streams()
    writer.go_on.set()
    (message,) = room.slack.wait_for_reply(room.channel, ts)
    assert is_the_answer(room, message)
    assert len(room.slack.thread(room.channel, ts)) == 1


def test_a_message_that_cannot_be_edited_any_more_is_replaced(room: Newsroom, writer: Writer) -> None:
    refusal = (200, {}, {"ok": False, "error": "edit_window_closed"})
    room.slack.answers["chat.update"] = [refusal, refusal]
    writer.writes("He no longer trusts his forces")
    ts = room.mention(QUESTION)
    (message,) = room.slack.wait_for_reply(room.channel, ts)
    assert is_the_answer(room, message)
    assert room.slack.thread(room.channel, ts) == [message]


def test_a_reply_grows_no_faster_than_the_interval(open_room: OpenRoom, llm: ScriptedLlm, writer: Writer) -> None:
    room = open_room(llm.url, message_interval=3600)
    writer.writes("He no longer trusts his forces", "He called for help", "That is why")
    ts = room.mention(QUESTION)
    (message,) = room.slack.wait_for_reply(room.channel, ts)
    assert is_the_answer(room, message)
    assert len(room.slack.calls("chat.startStream")) == 1
    assert room.slack.calls("chat.appendStream") == []
    room.leave()


def test_the_stop_button_ends_an_answer_with_what_is_there(room: Newsroom, writer: Writer) -> None:
    is_over = threading.Event()
    writer.writes_until(is_over, "He no longer trusts his forces")
    ts = room.mention("Почему Токаев обратился к ОДКБ?")
    room.slack.wait_for("chat.appendStream")
    (streaming,) = [message["ts"] for message in room.slack.thread(room.channel, ts)]
    room.slack.end_streams()
    event = {"type": "agent_session_stopped", "channel": room.channel, "thread_ts": ts, "user": room.user}
    room.bot.event({**event, "streaming_message_ts": [streaming], "event_ts": "9.9"})
    (message,) = room.slack.wait_for_reply(room.channel, ts)
    is_over.set()
    assert message["ts"] == streaming
    assert texts(message)[-1] == "Остановлено."
    assert quotations(message)
    assert action_ids(message["blocks"]) == []
    room.slack.wait_for("agents.sessions.setStatus", 2)
    assert [call["status"] for call in room.slack.calls("agents.sessions.setStatus")] == ["processing", "active"]
    assert room.engine.conversations.turns(f"slack:T1:{room.channel}:{ts}") == []


def test_an_edited_question_is_answered_as_it_reads_now(room: Newsroom, writer: Writer) -> None:
    is_over = threading.Event()
    writer.writes_until(is_over, "He no longer trusts his forces")
    ts = room.mention(QUESTION)
    room.slack.wait_for("chat.appendStream")
    writer.writes("He doubts his forces", question="Why did Tokayev appeal to the CSTO?")
    edited = {"type": "message", "ts": ts, "user": room.user, "text": "<@UBOT> Why did Tokayev appeal to the CSTO?"}
    change = {"type": "message", "subtype": "message_changed", "channel": room.channel, "channel_type": "channel"}
    room.bot.event({**change, "message": edited, "ts": "9.9"})
    (message,) = room.slack.wait_for_reply(room.channel, ts)
    is_over.set()
    assert is_the_answer(room, message)
    assert "He doubts his forces" in texts(message)[-1]
    assert room.slack.thread(room.channel, ts) == [message]


def test_nothing_is_left_of_an_answer_to_a_deleted_question(room: Newsroom, writer: Writer) -> None:
    is_over = threading.Event()
    writer.writes_until(is_over, "He no longer trusts his forces")
    ts = room.mention(QUESTION)
    room.slack.wait_for("chat.appendStream")
    change = {"type": "message", "subtype": "message_deleted", "channel": room.channel, "channel_type": "channel"}
    room.bot.event({**change, "deleted_ts": ts, "ts": "9.9"})
    room.slack.wait_for("chat.delete")
    room.slack.wait_for("agents.sessions.setStatus", 2)
    assert [call.get("status", "") for call in room.slack.calls("assistant.threads.setStatus")][2:] == [""]
    is_over.set()
    assert room.slack.thread(room.channel, ts) == []
    assert room.engine.conversations.turns(f"slack:T1:{room.channel}:{ts}") == []


def test_a_long_answer_continues_in_the_thread_and_no_quotation_is_cut(room: Newsroom, writer: Writer) -> None:
    article = room.engine.index.catalog.article("kazakhstan-csto-2022.ar").article
    letters = article.text_of(article.body[3])

    def script(prompt: str) -> Iterator[Piece]:
        number = number_of(4, prompt)
        yield from (f"{i}. The article says «{letters}» [{number}]. " for i in range(38))

    writer.script = script
    ts = room.mention(QUESTION)
    messages = room.slack.wait_for_reply(room.channel, ts, 2)
    assert sum(len(text) for message in messages for text in texts(message)) > 12_000
    for message in messages:
        assert message["thread_ts"] == ts
        assert sum(len(text) for text in texts(message)) <= 12_000
        for text in texts(message):
            assert text.count(FSI) == text.count(PDI)
    shown = [text for message in messages for text in texts(message)]
    assert sum(text.count(letters) for text in shown) >= 38
    assert action_ids(messages[0]["blocks"])[-1] != "feedback"
    assert action_ids(messages[-1]["blocks"])[-1] == "feedback"


def test_a_model_that_fails_leaves_the_article_s_own_sentences(room: Newsroom, writer: Writer) -> None:
    writer.script = lambda prompt: half_then_die(f"He no longer trusts his forces [{number_of(4, prompt)}]. " * 20)
    ts = room.mention(QUESTION)
    (message,) = room.slack.wait_for_reply(room.channel, ts)
    assert is_the_answer(room, message)
    assert "He no longer trusts" not in "\n".join(texts(message))
    assert "The language model did not answer" in str(message["blocks"])


def test_the_agent_pane_tells_what_is_being_done(room: Newsroom, writer: Writer) -> None:
    writer.writes("He no longer trusts his forces")
    ts = room.write("  Why did Tokayev\ncall in the CSTO? ")
    room.slack.wait_for_reply(room.direct, ts)
    room.slack.wait_for("agents.sessions.setStatus", 2)
    begun, ended = room.slack.calls("agents.sessions.setStatus")
    assert (begun["status"], begun["title"], begun["channel_id"], begun["thread_ts"]) == (
        "processing", QUESTION, room.direct, ts,
    )  # fmt: skip
    assert (ended["status"], ended["thread_ts"]) == ("active", ts)
    reading, writing = (call["status"] for call in room.slack.calls("assistant.threads.setStatus"))
    assert reading.startswith("is reading §")
    assert reading.count("§") == 3
    assert writing == "is writing…"


def test_a_question_that_was_pressed_stands_above_its_answer_from_the_start(room: Newsroom, writer: Writer) -> None:
    writer.writes("He no longer trusts his forces")
    ts = room.mention(QUESTION)
    (message,) = room.slack.wait_for_reply(room.channel, ts)
    suggested = element_of(message["blocks"], "ask:0")["value"]
    room.press(message, "ask:0")
    _, answer = room.slack.wait_for_reply(room.channel, ts, 2)
    begun = room.slack.calls("chat.startStream")[1]["chunks"][0]["blocks"]
    assert small_texts({"blocks": begun}) == [f"{FSI}{suggested}{PDI}"]
    assert small_texts(answer)[0] == f"{FSI}{suggested}{PDI}"


def test_where_no_status_is_shown_the_answer_comes_all_the_same(room: Newsroom, writer: Writer) -> None:
    room.slack.answers["agents.sessions.setStatus"] = [(200, {}, {"ok": False, "error": "not_allowed_token_type"})]
    writer.writes("He no longer trusts his forces")
    ts = room.mention(QUESTION)
    (message,) = room.slack.wait_for_reply(room.channel, ts)
    assert is_the_answer(room, message)


def test_a_command_is_answered_in_one_piece(room: Newsroom, writer: Writer) -> None:
    writer.writes("He no longer trusts his forces")
    room.command(QUESTION)
    told = room.told()
    article = room.engine.index.catalog.article("kazakhstan-csto-2022.ar").article
    # It quotes nothing: the paragraph that it cites is shown.
    assert texts(told)[0] == f"§4\n{FSI}{article.text_of(article.body[3])}{PDI}"
    assert texts(told)[1].startswith("He no longer trusts his forces (§4)")
    assert f"{FSI}kazakhstan-csto-2022.ar{PDI} §4" in small_texts(told)
    assert [room.slack.calls(m) for m in ("chat.startStream", "chat.postMessage", "chat.update")] == [[], [], []]
