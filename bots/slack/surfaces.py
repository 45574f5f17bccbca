"""Which function is called by which button, dialog, shortcut, command and event."""

import re
from collections.abc import Callable

from slack_bolt import Ack, App
from slack_sdk import WebClient

from bots.slack import actions, articles, files, home, shortcuts
from bots.slack.desk import Body, Desk

Surface = Callable[[Ack, Body, WebClient, Desk], None]


def register(app: App, desk: Desk) -> None:
    """Add all that needs no durable job; what does goes through the inbox."""

    def on(surface: Surface) -> Callable[[Ack, Body, WebClient], None]:
        def listener(ack: Ack, body: Body, client: WebClient) -> None:
            surface(ack, body, client, desk)

        return listener

    app.action(re.compile(r"^feedback(:\w+)?$"))(on(actions.rate))
    app.action(re.compile(r"^cite:\d+$"))(on(actions.cite))
    app.action(re.compile(r"^show:\w+$"))(on(actions.do_nothing))
    app.action(re.compile(r"^ask:\d+$"))(on(actions.ask_next))
    app.action("share")(on(actions.share))
    app.action(re.compile(r"^choose_article(:\w+)?$"))(on(home.choose_article))
    app.action("choose_language")(on(home.choose_language))
    app.action(re.compile(r"^index_file:\d+$"))(on(files.index_file))
    app.action(re.compile(r"^index_link:\d+$"))(on(files.index_link))
    app.view("reason")(on(actions.keep_reason))
    app.view("ask")(on(shortcuts.ask))
    app.shortcut({"type": "shortcut", "callback_id": "ask"})(on(shortcuts.open_dialog))
    app.command(articles.COMMAND)(on(articles.list_articles))
    app.event("app_home_opened")(on(home.opened))
    app.event("assistant_thread_started")(on(home.thread_started))
    app.event("agent_session_stopped")(on(actions.stop))
