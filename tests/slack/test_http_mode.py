"""HTTP mode: only what Slack signed is read, and the endpoint is not part of the API's description."""

import json
import time

import pytest
from fastapi import FastAPI
from pydantic import SecretStr

from bots.slack.http_mode import mount
from bots.slack.settings import SlackSettings
from index.exceptions import ConfigurationError
from rag.chat_engine import ChatEngine
from tests.slack.bot import Bot, mention, running_bot
from tests.slack.newsroom import QUESTION
from tests.slack.slack_server import SlackServer


def test_slack_can_verify_the_address(bot: Bot) -> None:
    response = bot.send(json.dumps({"type": "url_verification", "challenge": "c1"}), "application/json")
    assert (response.status_code, response.json()) == (200, {"challenge": "c1"})


@pytest.mark.parametrize("signature", ["v0=" + "0" * 64, "v0=", "é".encode().decode("latin-1")])
def test_a_forged_signature_is_rejected(
    engine: ChatEngine, settings: SlackSettings, slack: SlackServer, signature: str
) -> None:
    with running_bot(engine, settings) as bot:
        body = json.dumps({"type": "event_callback", "team_id": "T1", "event_id": "Ev1", "event": mention(QUESTION)})
        assert bot.send(body, "application/json", signature=signature.encode("latin-1")).status_code == 401  # type: ignore[arg-type]
    assert slack.calls("chat.postMessage") == slack.calls("auth.test") == []


@pytest.mark.parametrize("timestamp", [str(int(time.time()) - 3600), "0", "soon"])
def test_a_stale_timestamp_is_rejected(
    engine: ChatEngine, settings: SlackSettings, slack: SlackServer, timestamp: str
) -> None:
    with running_bot(engine, settings) as bot:
        body = json.dumps({"type": "event_callback", "team_id": "T1", "event_id": "Ev1", "event": mention(QUESTION)})
        assert bot.send(body, "application/json", timestamp=timestamp).status_code == 401
    assert slack.calls("chat.postMessage") == []


@pytest.mark.parametrize("body", [b"{", b"[1]", b"\xff\xfe", b""])
def test_what_is_not_signed_is_not_parsed(bot: Bot, body: bytes) -> None:
    assert bot.send(body, "application/json", signature="v0=0").status_code == 401


def test_the_endpoint_is_not_in_the_openapi_description(settings: SlackSettings) -> None:
    api = FastAPI()
    mount(api, lambda: pytest.fail("the engine is not needed before the server starts"), settings)
    assert api.openapi()["paths"] == {}


@pytest.mark.parametrize(
    ("name", "variable"), [("signing_secret", "SLACK_SIGNING_SECRET"), ("bot_token", "SLACK_BOT_TOKEN")]
)
def test_what_is_missing_is_named(settings: SlackSettings, name: str, variable: str) -> None:
    incomplete = settings.model_copy(update={name: SecretStr(" ")})
    with pytest.raises(ConfigurationError, match=f"{variable} is not set") as error:
        mount(FastAPI(), lambda: pytest.fail("not reached"), incomplete)
    assert "https://api.slack.com/apps" in error.value.fix
