"""Never lost: whatever Slack, the disk or a person does meanwhile, each question gets its one reply."""

import json
import logging
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from slack_bolt import BoltRequest
from slack_sdk.signature import SignatureVerifier

from bots.slack import worker
from bots.slack.app import open_bot
from bots.slack.inbox import FILE_NAME, Inbox, new_job
from bots.slack.settings import SlackSettings
from bots.slack.worker import APOLOGY, TOO_LATE
from index.exceptions import CatalogDamaged
from rag.chat_engine import ChatEngine
from tests.slack.bot import Bot, direct_message, mention, running_bot
from tests.slack.conftest import settings_for
from tests.slack.newsroom import QUESTION, quotations, texts
from tests.slack.slack_server import WAIT_SECONDS, SlackServer
from tests.slack.test_events import other_engine

BUSY = (429, {"Retry-After": "0"}, {"ok": False, "error": "ratelimited"})
OTHER_QUESTION = "Who is Lukashenko?"


@pytest.fixture(autouse=True)
def quick_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is given back is taken up again soon."""
    monkeypatch.setattr(worker, "_LONGEST_WAIT", 0.05)
    monkeypatch.setattr(worker, "_POLL_SECONDS", 0.05)


@pytest.fixture
def path(engine: ChatEngine) -> Path:
    return engine.index.settings.data_dir / FILE_NAME


def states(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as database:
        return [state for (state,) in database.execute("SELECT state FROM jobs ORDER BY received")]


def leave_behind(path: Path, *, age: float = 0, ts: str = "100.1", **columns: Any) -> None:
    """A question that an earlier run took, so many seconds ago, and did not answer."""
    now = time.time()
    with closing(Inbox(path, clock=lambda: now - age)) as inbox:
        body = {"team_id": "T1", "event": mention(QUESTION, ts)}
        place = {"team": "T1", "channel": "C1", "thread": ts, "user": "U1", "ts": ts}
        inbox.put([f"message:T1:C1:{ts}"], new_job(kind="question", text=QUESTION, body=body, **place))
    with closing(sqlite3.connect(path)) as database, database:
        for name, value in columns.items():
            database.execute(f"UPDATE jobs SET {name} = ? WHERE ts = ?", (value, ts))


# Slack is busy, down, or elsewhere


def test_slack_is_given_the_time_that_it_asks_for(
    bot: Bot, slack: SlackServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    slack.answers["chat.postMessage"] = [(429, {"Retry-After": "1"}, BUSY[2])]
    waited: list[float] = []
    sleep = time.sleep
    monkeypatch.setattr(time, "sleep", lambda seconds: (waited.append(seconds), sleep(seconds)))
    bot.event(mention(QUESTION))
    assert quotations(slack.wait_for("chat.postMessage")[0])
    assert [seconds for seconds in waited if 1 <= seconds < 3]


@pytest.mark.parametrize(
    "refusal",
    [
        BUSY,
        (500, {}, {"ok": False, "error": "internal_error"}),
        (200, {}, {"ok": False, "error": "fatal_error"}),
        (200, {}, {"ok": False, "error": "invalid_auth"}),
    ],
)
def test_a_reply_that_slack_does_not_take_for_a_while_is_given_later_and_once(
    engine: ChatEngine, settings: SlackSettings, slack: SlackServer, refusal: Any
) -> None:
    slack.answers["chat.postMessage"] = [refusal] * 9
    with running_bot(engine, settings) as bot:
        bot.event(mention(QUESTION))
        assert quotations(slack.wait_for_reply("C1", "100.1")[0])
    assert len(slack.thread("C1", "100.1")) == 1
    assert slack.calls("conversations.replies")


def test_a_command_is_answered_when_slack_takes_replies_again(
    engine: ChatEngine, settings: SlackSettings, slack: SlackServer
) -> None:
    slack.answers["respond"] = [(503, {}, {})] * 3
    with running_bot(engine, settings) as bot:
        bot.command(QUESTION, slack.response_url)
        assert quotations(slack.wait_for("respond")[0])
    assert len(slack.calls("respond")) == 1


def test_a_command_whose_address_has_expired_is_given_up(
    engine: ChatEngine, settings: SlackSettings, slack: SlackServer, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    slack.answers["respond"] = [(404, {}, {})] * 9
    with running_bot(engine, settings) as bot:
        bot.command(QUESTION, slack.response_url)
    assert states(path) == ["done"]
    assert "Slack refused a reply: status_404" in caplog.text


def test_a_reply_whose_confirmation_was_lost_is_not_given_again(
    engine: ChatEngine, settings: SlackSettings, slack: SlackServer
) -> None:
    def lose(_: Any) -> None:
        slack.on_post = lambda _: None
        raise ConnectionResetError  # Slack has the reply, and the bot does not know.

    slack.on_post = lose
    with running_bot(engine, settings) as bot:
        bot.event(mention(QUESTION))
        slack.wait_for("conversations.replies")
    assert len(slack.thread("C1", "100.1")) == 1


def test_while_slack_does_not_show_the_thread_nothing_is_given_again(
    engine: ChatEngine, settings: SlackSettings, slack: SlackServer, path: Path
) -> None:
    slack.answers["conversations.replies"] = [(500, {}, {"ok": False, "error": "internal_error"})] * 3
    leave_behind(path, state="working", attempts=1)
    slack._add_message({
        "channel": "C1", "thread_ts": "100.1", "blocks": [], "metadata": {
            "event_type": "maqal_answer", "event_payload": {"job": _job_id(path)},
        },
    })  # fmt: skip
    with running_bot(engine, settings):
        slack.wait_for("conversations.replies")
    assert slack.calls("chat.postMessage") == []
    assert states(path) == ["done"]


def _job_id(path: Path) -> str:
    with closing(sqlite3.connect(path)) as database:
        return str(database.execute("SELECT id FROM jobs").fetchone()[0])


def test_without_the_scope_to_look_a_reply_is_given(
    engine: ChatEngine, settings: SlackSettings, slack: SlackServer, path: Path
) -> None:
    slack.answers["conversations.replies"] = [(200, {}, {"ok": False, "error": "missing_scope"})]
    leave_behind(path, state="working", attempts=1)
    with running_bot(engine, settings):
        slack.wait_for_reply("C1", "100.1")


def test_what_an_hour_could_not_bring_to_slack_is_given_up(
    engine: ChatEngine, settings: SlackSettings, slack: SlackServer, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    slack.answers["chat.postMessage"] = [(500, {}, {"ok": False, "error": "internal_error"})] * 9
    leave_behind(path, age=3601)
    with running_bot(engine, settings):
        pass
    assert states(path) == ["done"]
    assert "given up" in caplog.text


# At start


def test_at_start_what_is_younger_than_ten_minutes_is_answered_and_what_is_older_gets_an_apology(
    engine: ChatEngine, settings: SlackSettings, slack: SlackServer, path: Path
) -> None:
    leave_behind(path, age=590, ts="100.1")
    leave_behind(path, age=610, ts="100.2")
    with running_bot(engine, settings):
        assert quotations(slack.wait_for_reply("C1", "100.1")[0])
        assert texts(slack.wait_for_reply("C1", "100.2")[0]) == [TOO_LATE]


def test_what_was_half_written_is_removed_and_answered_anew(
    engine: ChatEngine, settings: SlackSettings, slack: SlackServer, path: Path
) -> None:
    ts = slack._add_message({"channel": "C1", "thread_ts": "100.1", "blocks": []})
    leave_behind(path, state="working", attempts=1, reply_ts=ts)
    with running_bot(engine, settings):
        slack.wait_for_reply("C1", "100.1")
    assert [message["ts"] == ts for message in slack.thread("C1", "100.1")] == [False]


@pytest.mark.parametrize(("crashes", "said"), [(2, [APOLOGY]), (3, [])])
def test_a_question_that_ends_its_process_each_time_gets_an_apology_then_nothing(
    engine: ChatEngine, slack: SlackServer, path: Path, crashes: int, said: list[str]
) -> None:
    leave_behind(path, state="working", attempts=crashes + 1, crashes=crashes)
    with running_bot(engine, settings_for(slack)) as bot:
        bot.event(mention(QUESTION, "100.2"))
        slack.wait_for_reply("C1", "100.2")
    assert [text for message in slack.thread("C1", "100.1") for text in texts(message)] == said
    assert states(path) == ["done"] * 2


def test_two_bots_on_one_data_directory_answer_each_question_once(
    engine: ChatEngine, settings: SlackSettings, slack: SlackServer
) -> None:
    with running_bot(engine, settings) as one, running_bot(engine, settings) as other:
        for i in range(12):
            for bot in (one, other):
                assert bot.event(mention(QUESTION, f"10{i}.1"), f"Ev{i}").status_code == 200
        slack.wait_for_threads(12)
    assert len(slack.calls("chat.postMessage")) == 12


def test_a_damaged_inbox_is_told_in_words(engine: ChatEngine, settings: SlackSettings, path: Path) -> None:
    path.write_bytes(b"not a database" * 1_000)
    with pytest.raises(CatalogDamaged, match=r"slack\.sqlite3 cannot be read") as error, open_bot(engine, settings):
        pass
    assert error.value.fix == "Move the file away; a new one is made."


# The question changes


class SlowEngine(ChatEngine):
    """Answers when it may."""

    entered: threading.Event
    release: threading.Event

    def stream(self, *arguments: Any, **options: Any) -> Iterator[Any]:
        self.entered.set()
        assert self.release.wait(WAIT_SECONDS)
        yield from super().stream(*arguments, **options)


@pytest.fixture
def slow(engine: ChatEngine) -> SlowEngine:
    found: SlowEngine = other_engine(engine, SlowEngine)
    found.entered, found.release = threading.Event(), threading.Event()
    return found


def edited(text: str, ts: str = "200.1") -> dict[str, Any]:
    return direct_message("", "201.1", subtype="message_changed", message={"ts": ts, "text": text, "user": "U1"})


def deleted(ts: str = "200.1") -> dict[str, Any]:
    return direct_message("", "201.2", subtype="message_deleted", deleted_ts=ts)


def asked(engine: ChatEngine, thread: str) -> list[str]:
    return [turn.question for turn in engine.conversations.turns(f"slack:T1:D1:{thread}")]


def test_a_question_that_is_edited_before_its_turn_is_answered_as_it_reads(
    slow: SlowEngine, slack: SlackServer
) -> None:
    with running_bot(slow, settings_for(slack, answer_threads=1)) as bot:
        bot.event(direct_message(QUESTION, "199.1"))
        assert slow.entered.wait(WAIT_SECONDS)
        bot.event(direct_message(QUESTION))
        bot.event(edited(OTHER_QUESTION))
        slow.release.set()
        slack.wait_for_reply("D1", "200.1")
    assert asked(slow, "200.1") == [OTHER_QUESTION]


def test_a_question_that_is_edited_while_it_is_answered_is_answered_as_it_reads_and_once(
    slow: SlowEngine, slack: SlackServer
) -> None:
    with running_bot(slow, settings_for(slack)) as bot:
        bot.event(direct_message(QUESTION))
        assert slow.entered.wait(WAIT_SECONDS)
        bot.event(edited(OTHER_QUESTION))
        slow.release.set()
        slack.wait_for_reply("D1", "200.1")
    assert asked(slow, "200.1")[-1] == OTHER_QUESTION
    assert len(slack.thread("D1", "200.1")) == 1


def test_an_edit_after_the_answer_leaves_it_as_it_is(
    engine: ChatEngine, settings: SlackSettings, slack: SlackServer
) -> None:
    with running_bot(engine, settings) as bot:
        bot.event(direct_message(QUESTION))
        slack.wait_for_reply("D1", "200.1")
        bot.event(edited(OTHER_QUESTION))
    assert asked(engine, "200.1") == [QUESTION]


@pytest.mark.parametrize("tombstone", [False, True])
def test_a_deleted_question_is_not_answered(slow: SlowEngine, slack: SlackServer, tombstone: bool) -> None:
    event = deleted()
    if tombstone:
        message = {"ts": "200.1", "subtype": "tombstone", "text": "This message was deleted."}
        event = direct_message("", "201.1", subtype="message_changed", message=message)
    with running_bot(slow, settings_for(slack)) as bot:
        bot.event(direct_message(QUESTION))
        assert slow.entered.wait(WAIT_SECONDS)
        bot.event(event)
        slow.release.set()
    assert slack.thread("D1", "200.1") == []


def test_a_deletion_that_comes_first_counts(engine: ChatEngine, settings: SlackSettings, slack: SlackServer) -> None:
    with running_bot(engine, settings) as bot:
        bot.event(deleted())
        bot.event(direct_message(QUESTION))
    assert slack.thread("D1", "200.1") == []


def test_a_deletion_after_the_answer_leaves_it_as_it_is(
    engine: ChatEngine, settings: SlackSettings, slack: SlackServer
) -> None:
    with running_bot(engine, settings) as bot:
        bot.event(direct_message(QUESTION))
        slack.wait_for_reply("D1", "200.1")
        bot.event(deleted())
    assert len(slack.thread("D1", "200.1")) == 1


# Limits


@pytest.mark.parametrize(
    ("limit", "kind_word"),
    [
        ({"user_limit": "2/hour"}, "You have asked 2 questions in a short time. Please ask again in"),
        ({"channel_limit": "2/hour"}, "2 questions were asked in this channel in a short time. Please ask again in"),
    ],
)
def test_who_asks_too_much_is_told_kindly_and_once(
    engine: ChatEngine, slack: SlackServer, limit: dict[str, str], kind_word: str
) -> None:
    with running_bot(engine, settings_for(slack, **limit)) as bot:
        for i in range(5):
            bot.event(mention(QUESTION, f"100.{i}", thread_ts="100.0"))
        bot.event(mention(QUESTION, "300.1", user="U2", channel="C2"))
        slack.wait_for_reply("C2", "300.1")
    assert quotations(slack.thread("C2", "300.1")[0])
    replies = [texts(message)[0] for message in slack.thread("C1", "100.0")]
    assert [text.startswith(kind_word) for text in replies] == [False, False, True]
    assert replies[2].endswith("s; this one was not answered.")


# What cannot be kept is not acknowledged


def dispatch(app: Any, secret: str, event: dict[str, Any], mode: str) -> int:
    body = json.dumps({"type": "event_callback", "team_id": "T1", "event_id": "Ev1", "event": event})
    if mode == "socket_mode":
        return int(app.dispatch(BoltRequest(mode="socket_mode", body=json.loads(body))).status)
    now = str(int(time.time()))
    signature = SignatureVerifier(secret).generate_signature(timestamp=now, body=body)
    headers = {"X-Slack-Request-Timestamp": now, "X-Slack-Signature": signature, "Content-Type": "application/json"}
    return int(app.dispatch(BoltRequest(body=body, headers=headers)).status)


@pytest.mark.parametrize("mode", ["http", "socket_mode"])
@pytest.mark.parametrize(("setting", "broken", "whole"), [("max_page_count", 1, 2**30), ("query_only", 1, 0)])
def test_what_cannot_be_written_is_not_acknowledged_and_answered_when_it_comes_again(  # noqa: PLR0917
    engine: ChatEngine, slack: SlackServer, caplog: pytest.LogCaptureFixture, mode: str, setting: str, broken: int,
    whole: int,
) -> None:  # fmt: skip
    settings = settings_for(slack)
    secret = settings.signing_secret.get_secret_value()
    long_question = mention(QUESTION, blocks=["x" * 200_000])
    with open_bot(engine, settings) as bot:
        bot.inbox._db.execute(f"PRAGMA {setting} = {broken}")  # A full disk, or one that cannot be written.
        assert dispatch(bot.app, secret, long_question, mode) == 500
        bot.inbox._db.execute(f"PRAGMA {setting} = {whole}")
        assert dispatch(bot.app, secret, long_question, mode) == 200
        slack.wait_for_reply("C1", "100.1")
    assert len(slack.calls("chat.postMessage")) == 1
    assert "The data directory" in caplog.text
    assert "Traceback" not in caplog.text


# What is logged


@pytest.mark.parametrize("level", [logging.DEBUG, logging.INFO])
def test_no_token_question_or_answer_is_logged(
    engine: ChatEngine, settings: SlackSettings, slack: SlackServer, caplog: pytest.LogCaptureFixture, level: int
) -> None:
    private = settings.model_copy(update={"answer_threads": 1})
    slack.answers["chat.postMessage"] = [(200, {}, {"ok": False, "error": "internal_error"})]
    with caplog.at_level(level), running_bot(engine, private) as bot:
        bot.event(mention(QUESTION))
        bot.event(direct_message(QUESTION, channel="D2"))
        bot.command(QUESTION, slack.response_url)
        bot.event({"type": "reaction_added", "text": QUESTION, "user": "U1"})
        bot.send(json.dumps({"event": mention(QUESTION)}), "application/json", signature="v0=1")
        slack.wait_for_threads(2)
        slack.wait_for("respond")
    for word in ("Tokayev", "xoxb", "xapp", "signing secret", "CSTO", "response/respond"):
        assert word not in caplog.text


def test_what_slack_tells_besides_is_acknowledged(bot: Bot) -> None:
    assert bot.event({"type": "reaction_added", "user": "U1"}).status_code == 200
