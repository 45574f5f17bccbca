"""Follow-ups: heard in threads where the bot was invited, while it is not muted, and in no other."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from bots.slack.inbox import FILE_NAME
from bots.slack.threads import Threads
from bots.slack.worker import MUTED, UNMUTED
from index.exceptions import CatalogDamaged
from rag.chat_engine import ChatEngine
from tests.slack.bot import mention, running_bot
from tests.slack.conftest import settings_for
from tests.slack.newsroom import QUESTION, Newsroom, texts
from tests.slack.slack_server import BOT_USER, SlackServer


def say(room: Newsroom, text: str, ts: str, thread: str | None, **fields: str) -> None:
    """Deliver a message in the channel that does not mention the bot."""
    event = {"type": "message", "channel_type": "channel", "user": room.user, "text": text, "ts": ts}
    event |= {"channel": room.channel, **({"thread_ts": thread} if thread else {}), **fields}
    assert room.bot.event(event).status_code == 200


def taken(room: Newsroom) -> list[str]:
    """The kinds of what was taken in the channel, in the order in which it came."""
    with closing(sqlite3.connect(room.engine.index.settings.data_dir / FILE_NAME)) as database:
        rows = database.execute("SELECT kind FROM jobs WHERE channel = ? ORDER BY received", (room.channel,))
        return [kind for (kind,) in rows]


def test_a_follow_up_is_answered_in_the_thread_where_the_bot_was_mentioned(room: Newsroom) -> None:
    thread = room.mention(QUESTION)
    say(room, "And who are the CSTO?", f"{thread}1", thread)
    assert len(room.slack.wait_for_reply(room.channel, thread, 2)) == 2


@pytest.mark.parametrize(
    "text", ["thanks!", "I will look into that", "when I am back", "<@UADA> what do you think?", "<!here> why?", ""]
)
def test_what_is_no_question_or_is_for_others_is_not_answered(room: Newsroom, text: str) -> None:
    thread = room.mention(QUESTION)
    say(room, text, f"{thread}1", thread)
    assert taken(room) == ["question"]


def test_it_never_barges_into_other_threads(room: Newsroom) -> None:
    thread = room.mention(QUESTION)
    say(room, "Why did he resign?", "900.2", "900.1")
    say(room, "Why did he resign?", f"{thread}2", None)
    say(room, "mute", "900.3", "900.1")
    assert taken(room) == ["question"]


def test_a_thread_that_the_bot_began_is_its_own(room: Newsroom) -> None:
    say(room, "Why did he call them?", "900.2", "900.1", parent_user_id=BOT_USER)
    say(room, "Why did he call them?", "901.2", "901.1", parent_user_id="UADA")
    assert taken(room) == ["question"]


def test_a_thread_of_another_channel_or_workspace_with_the_same_ts_is_another(room: Newsroom) -> None:
    thread = room.mention(QUESTION)
    say(room, "Why did he resign?", "900.2", thread, channel=f"{room.channel}X")
    with closing(Threads(room.engine.index.settings.data_dir / FILE_NAME)) as threads:
        assert threads.is_muted("T1", room.channel, thread) is False
        assert threads.is_muted("T1", f"{room.channel}X", thread) is None
        assert threads.is_muted("T2", room.channel, thread) is None


def test_a_muted_thread_is_answered_when_the_bot_is_mentioned_until_it_is_unmuted(room: Newsroom) -> None:
    thread = room.mention(QUESTION)
    say(room, "Mute.", f"{thread}1", thread)
    assert [texts(each) for each in room.slack.wait_for_reply(room.channel, thread, 2)[1:]] == [[MUTED]]
    say(room, "Why did he resign?", f"{thread}2", thread)
    assert taken(room) == ["question", "mute"]
    room.mention(QUESTION, thread_ts=thread)
    room.slack.wait_for_reply(room.channel, thread, 3)
    say(room, "Why did he resign?", f"{thread}3", thread)
    assert taken(room) == ["question", "mute", "question"]
    room.mention("unmute", thread_ts=thread)
    assert texts(room.slack.wait_for_reply(room.channel, thread, 4)[3]) == [UNMUTED]
    say(room, "Why did he resign?", f"{thread}4", thread)
    room.slack.wait_for_reply(room.channel, thread, 5)


def test_mute_is_not_a_command_in_a_direct_message(room: Newsroom) -> None:
    room.write("mute")
    with closing(sqlite3.connect(room.engine.index.settings.data_dir / FILE_NAME)) as database:
        rows = database.execute("SELECT kind FROM jobs WHERE channel = ?", (room.direct,)).fetchall()
    assert rows == [("question",)]


def test_threads_are_remembered_by_the_next_process_and_forgotten_after_ninety_days(tmp_path: Path) -> None:
    path = tmp_path / FILE_NAME
    with closing(Threads(path)) as threads:
        threads.listen("T1", "C1", "1.1")
        threads.mute("T1", "C1", "1.1", is_muted=True)
        threads.listen("T1", "C1", "1.1")
    with closing(Threads(path)) as threads:
        assert threads.is_muted("T1", "C1", "1.1") is True
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("UPDATE threads SET at = at - 91 * 86400")
    with closing(Threads(path)) as threads:
        assert threads.is_muted("T1", "C1", "1.1") is None


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_bytes(b"not a database" * 1_000)
    with pytest.raises(CatalogDamaged, match=r"Slack's threads in .*slack\.sqlite3"):
        Threads(tmp_path / FILE_NAME)


def test_only_channels_that_are_allowed_are_answered(engine: ChatEngine, slack: SlackServer) -> None:
    with running_bot(engine, settings_for(slack, channels="C2, D1")) as bot:
        room = Newsroom(slack, bot, engine)
        room.channel = "C1"
        thread = room.mention(QUESTION)
        say(room, "Why did he resign?", f"{thread}1", thread)
        assert bot.command(QUESTION, slack.response_url).text == "maqal does not answer in this channel."
        message = {"ts": "1.1", "text": "“3500 soldiers came”"}
        bot.interact(
            type="message_action",
            callback_id="check_quote",
            message=message,
            channel={"id": "C1"},
            response_url=slack.response_url,
        )
        bot.event(mention(QUESTION, "100.1", channel="C2"))
        slack.wait_for_reply("C2", "100.1")
    assert slack.thread("C1", thread) == []
    assert [told["text"] for told in slack.calls("respond")] == ["maqal does not answer in this channel."]


@pytest.mark.parametrize(("team", "count"), [("T1", 1), ("T9", 0), ("T5", 1)])
def test_in_a_channel_that_is_shared_with_another_company_its_people_are_not_answered(
    engine: ChatEngine, slack: SlackServer, team: str, count: int
) -> None:
    with running_bot(engine, settings_for(slack, teams="T1 T5")) as bot:
        body = {"type": "event_callback", "team_id": "T1", "event_id": "Ev1", "is_ext_shared_channel": True}
        assert bot.deliver(body | {"event": mention(QUESTION, user_team=team)}).status_code == 200
    assert len(slack.calls("chat.postMessage")) == count
