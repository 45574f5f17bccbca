"""Never twice, never lost: repeated, shuffled, interrupted deliveries, and a bot that is killed in the worst moment.

MAQAL_SLACK_EVENTS sets how many events there are; the figures of 1,000 are in docs/slack.md.
"""

import os
import sqlite3
import sys
import threading
import time
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any

from bots.slack.inbox import FILE_NAME
from bots.slack.settings import SlackSettings
from index.settings import IndexSettings
from tests.slack.bot import direct_message, mention
from tests.slack.delivery import Delivery
from tests.slack.newsroom import QUESTION
from tests.slack.slack_server import BOT_ID, SlackServer
from tests.slack.test_socket_mode import running_process

EVENTS = int(os.environ.get("MAQAL_SLACK_EVENTS", "60"))
QUESTIONS = (QUESTION, "Who is Tokayev?", "What did Lukashenko say?", "Is there a recipe for cake?")


def events(count: int) -> list[dict[str, Any]]:
    """Mentions and direct messages, each in a thread of its own; a mention has two events, as Slack sends it."""
    made = []
    for i in range(count):
        text, ts = f"{QUESTIONS[i % len(QUESTIONS)]}", f"{1000 + i}.1"
        if i % 3:
            asked = [mention(text, ts, channel=f"C{i % 50}")]
            asked.append({**asked[0], "type": "message", "channel_type": "channel"})
        else:
            asked = [direct_message(text, ts, channel=f"D{i % 50}")]
        made += [
            {"type": "event_callback", "team_id": "T1", "event_id": f"Ev{i}.{n}", "event": event}
            for n, event in enumerate(asked)
        ]
    return made


def end_leases(settings: IndexSettings) -> None:
    """Let the time pass in which a process that was killed could still be alive."""
    with closing(sqlite3.connect(settings.data_dir / FILE_NAME)) as database, database:
        database.execute("UPDATE jobs SET lease = 0")


def test_each_of_many_events_gets_exactly_one_reply(
    slack: SlackServer, settings: SlackSettings, index_settings: IndexSettings, tmp_path: Path
) -> None:
    delivery = Delivery(events(EVENTS), per_connection=80)
    posts = Counter[str]()
    in_window, killed = threading.Event(), threading.Event()

    def on_post(body: dict[str, Any]) -> None:
        posts[body["thread_ts"]] += 1
        if not killed.is_set() and sum(posts.values()) > EVENTS // 3:
            in_window.set()  # Posted, and the bot does not know: it dies now.
            killed.wait(10)

    slack.on_post = on_post
    started = time.monotonic()
    with slack.sockets(delivery.session), (tmp_path / "log").open("w+") as log:
        with running_process(settings, log) as process:
            assert in_window.wait(120)
            process.kill()
            process.wait()
            killed.set()
        end_leases(index_settings)
        with running_process(settings, log) as process:
            delivery.wait_for_acks(seconds=600)
            slack.wait_for_threads(EVENTS, 600)
            process.terminate()
            process.wait(60)
        log.seek(0)
        errors = log.read()
    replies = {thread: count for thread, count in posts.items() if count != 1}
    assert len(posts) == EVENTS
    assert replies == {}
    assert slack.calls("conversations.replies")
    # The connections that were broken on purpose are told; nothing else is.
    assert "Traceback" not in errors
    assert QUESTION not in errors
    acks = sorted(delivery.ack_seconds)
    sys.stdout.write(
        f"{EVENTS} questions, {delivery.deliveries} deliveries on {delivery.connections} connections, one kill -9: "
        f"{sum(posts.values())} replies in {time.monotonic() - started:.0f} s; acknowledged in"
        f" {acks[len(acks) // 2]:.3f} s (median), {acks[int(len(acks) * 0.99)]:.3f} s (p99), {acks[-1]:.3f} s (most)\n"
    )


def test_a_reply_that_was_posted_before_the_crash_is_known_by_its_job(
    slack: SlackServer, settings: SlackSettings, index_settings: IndexSettings
) -> None:
    delivery = Delivery(events(2), copies=1)
    posted, go_on = threading.Event(), threading.Event()

    def on_post(body: dict[str, Any]) -> None:
        posted.set()
        go_on.wait(10)

    slack.on_post = on_post
    with slack.sockets(delivery.session):
        with running_process(settings) as process:
            assert posted.wait(60)
            delivery.wait_for_acks()
            process.kill()
            process.wait()
            go_on.set()
        end_leases(index_settings)
        with running_process(settings):
            slack.wait_for("conversations.replies")
            slack.wait_for_threads(2, 60)
    (call, *_) = slack.calls("conversations.replies")
    assert call["include_all_metadata"] in {True, "1", "true"}
    assert Counter(message["thread_ts"] for message in slack.calls("chat.postMessage")) == {"1000.1": 1, "1001.1": 1}
    assert all(message["bot_id"] == BOT_ID for message in slack.thread("C1", "1001.1"))
