"""Makes the pictures in `docs/slack/`: `python -m tests.slack.pictures`.

The real bot answers over the bundled article; what it sends to the Slack on loopback is drawn, block by block.
"""

import io
import json
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from PIL import Image
from pydantic import SecretStr

from bots.slack.settings import SlackSettings
from index.article_index import ArticleIndex
from index.ingestion import add_article
from index.readers import read_bundled
from index.settings import IndexSettings
from rag.factory import open_engine
from rag.settings import RagSettings
from tests.slack.bot import Bot, direct_message, mention, running_bot
from tests.slack.drawing import bot_says, conversation, home, person_says, prompts
from tests.slack.slack_server import SlackServer
from tests.web.browser import open_browser

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from rag.chat_engine import ChatEngine

FOLDER = Path(__file__).parents[2] / "docs" / "slack"
FILE = Path(__file__).parents[1] / "data" / "articles" / "lorne-flood-2024.en.md"
QUESTION = "Why did Tokayev call in the CSTO?"
REFUSED = "Who won the football match?"
SAID = "The wire quotes the article: “وصل 3500 جندي من أرمينيا وبيلاروسيا”. Is that right?"
PAGE = "https://maqal.example.org"
IDENTITY = {"team": {"id": "T1"}, "user": {"id": "U1"}, "api_app_id": "A1"}
_WIDTH = 640
_SCALE = 1.5
_COLOURS = 64


class Studio:
    """The bot over the bundled article, the Slack that it talks to, and a browser that draws what it said."""

    def __init__(self, stack: ExitStack, data_dir: Path) -> None:
        settings = IndexSettings(data_dir=data_dir)
        with ArticleIndex(settings, writable=True) as index:
            add_article(index, read_bundled())
        self.slack = SlackServer()
        stack.callback(self.slack.close)
        engine: ChatEngine = stack.enter_context(open_engine(settings, RagSettings(llm=""), writable=True))
        self.bot: Bot = stack.enter_context(
            running_bot(
                engine,
                SlackSettings(
                    bot_token=SecretStr("xoxb-1"), signing_secret=SecretStr("signing secret"),
                    api_url=self.slack.api_url, page_url=PAGE, editors=frozenset({"U1"}), message_interval=0,
                ),
            )
        )  # fmt: skip
        self._browser: Browser = stack.enter_context(open_browser())

    def shoot(self, name: str, body: str, *, width: int = _WIDTH) -> None:
        """Draw a picture."""
        page = self._browser.new_page(viewport={"width": width, "height": 100}, device_scale_factor=_SCALE)
        page.set_content(body)
        picture = Image.open(io.BytesIO(page.screenshot(full_page=True)))
        picture.convert("RGB").quantize(_COLOURS, dither=Image.Dither.NONE).save(FOLDER / name, optimize=True)
        page.close()

    def interact(self, **payload: Any) -> None:
        """Deliver a button, a shortcut or a dialog."""
        body = urlencode({"payload": json.dumps(IDENTITY | {"trigger_id": "1.2"} | payload)})
        response = self.bot.send(body, "application/x-www-form-urlencoded")
        assert response.status_code == 200, response.text

    def command(self, command: str, text: str) -> str:
        """Deliver a command; what the bot answers at once."""
        body = {
            "command": command, "text": text, "team_id": "T1", "channel_id": "C1", "user_id": "U1",
            "response_url": self.slack.response_url, "trigger_id": f"{command}{text}",
        }  # fmt: skip
        response = self.bot.send(urlencode(body), "application/x-www-form-urlencoded")
        assert response.status_code == 200, response.text
        return response.text


def main() -> None:
    """Ask, press, share, and draw."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        studio = Studio(stack, Path(stack.enter_context(tempfile.TemporaryDirectory())) / "data")
        thread(studio, "thread.png", QUESTION)
        thread(studio, "refusal.png", REFUSED)
        ask(studio)
        agent(studio)
        opened_home(studio)
        articles(studio)
        check_quote(studio)
        file(studio)


def thread(studio: Studio, name: str, question: str) -> None:
    """A mention in a channel, answered in its thread."""
    before = len(studio.slack.calls("chat.postMessage"))
    studio.bot.event(mention(question, ts=f"100.{before}"))
    message = studio.slack.wait_for("chat.postMessage", before + 1)[-1]
    studio.shoot(name, conversation([person_says(f"@maqal {question}"), bot_says(message["blocks"])], title="Thread"))


def ask(studio: Studio) -> None:
    """`/ask`, which one person sees, with the button to share."""
    studio.command("/ask", QUESTION)
    (message,) = studio.slack.wait_for("respond")
    studio.shoot("ask.png", conversation([bot_says(message["blocks"], is_private=True)], title="# news"))


def agent(studio: Studio) -> None:
    """The agent pane: questions that the article answers."""
    event = {"type": "app_home_opened", "user": "U1", "channel": "D1", "tab": "messages"}
    studio.bot.event(event)
    (call,) = studio.slack.wait_for("assistant.threads.setSuggestedPrompts")
    suggested = _loaded(call["prompts"])
    studio.shoot("agent.png", prompts(call["title"], [prompt["title"] for prompt in suggested]), width=420)


def opened_home(studio: Studio) -> None:
    """App Home."""
    studio.bot.event({"type": "app_home_opened", "user": "U1", "channel": "D1", "tab": "home"})
    (call,) = studio.slack.wait_for("views.publish")
    studio.shoot("home.png", home(_loaded(call["view"])["blocks"]))


def articles(studio: Studio) -> None:
    """`/articles`."""
    answer = json.loads(studio.command("/articles", ""))
    studio.shoot("articles.png", conversation([bot_says(answer["blocks"], is_private=True)], title="# news"))


def check_quote(studio: Studio) -> None:
    """The shortcut on a message that misquotes the article."""
    before = len(studio.slack.calls("respond"))
    studio.interact(
        type="message_action", callback_id="check_quote", channel={"id": "C1"},
        message={"type": "message", "ts": "300.1", "text": SAID, "user": "U2"},
        response_url=studio.slack.response_url, message_ts="300.1",
    )  # fmt: skip
    message = studio.slack.wait_for("respond", before + 1)[-1]
    said = [person_says(SAID), bot_says(message["blocks"], is_private=True)]
    studio.shoot("check_quote.png", conversation(said, title="# news"))


def file(studio: Studio) -> None:
    """A shared file: the offer to index it, and how it went."""
    before = len(studio.slack.calls("chat.postMessage"))
    data, name = FILE.read_bytes(), FILE.name
    studio.slack.files[f"/files/{name}"] = data
    url = studio.slack.api_url.replace("/api/", f"/files/{name}")
    described = {"id": "F1", "name": name, "size": len(data), "url_private_download": url}
    studio.slack.answers["files.info"] = [(200, {}, {"ok": True, "file": described})]
    studio.bot.event(direct_message("", ts="400.1", subtype="file_share", files=[described]))
    studio.slack.wait_for("chat.postMessage", before + 1)
    (offer,) = studio.slack.thread("D1", "400.1")
    studio.interact(
        type="block_actions", channel={"id": "D1"}, container={"message_ts": offer["ts"], "channel_id": "D1"},
        message=offer,
        response_url=studio.slack.response_url,
        actions=[{"type": "button", "action_id": "index_file:0", "value": "F1", "block_id": "b"}],
    )  # fmt: skip
    count, indexed = 0, offer
    while "Indexed" not in indexed["text"]:
        count += 1
        indexed = studio.slack.wait_for("chat.update", count)[count - 1]
    said = [person_says(f"📄 {name}"), bot_says(offer["blocks"]), bot_says(indexed["blocks"], note="after the button")]
    studio.shoot("file.png", conversation(said, title="maqal"))


def _loaded(value: Any) -> Any:
    return json.loads(value) if isinstance(value, str) else value


if __name__ == "__main__":
    main()
