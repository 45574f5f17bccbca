"""Many workspaces: each installs the app by OAuth, is answered with its own token, and is forgotten when it leaves."""

import json
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr
from slack_sdk.oauth.installation_store import Bot as Installed

from bots.slack.http_mode import PATH
from bots.slack.settings import SlackSettings
from bots.slack.workspaces import INSTALL_PATH, REDIRECT_PATH, ManyWorkspaces, NotInstalled, manifest_scopes
from rag.chat_engine import ChatEngine
from tests.slack.bot import Bot, mention, running_bot
from tests.slack.conftest import settings_for
from tests.slack.newsroom import QUESTION
from tests.slack.slack_server import WAIT_SECONDS, SlackServer

_POSTGRESQL = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))


@pytest.fixture(scope="module")
def postgresql(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a real PostgreSQL."""
    if not _POSTGRESQL or not shutil.which("runuser"):
        pytest.skip("PostgreSQL is not installed")
    folder, programs = tmp_path_factory.mktemp("postgresql"), _POSTGRESQL[-1].parent
    for parent in [folder, *folder.parents][:-2]:
        parent.chmod(parent.stat().st_mode | 0o011)
    shutil.chown(folder, "postgres")

    def run(program: str, *arguments: str) -> None:
        command = ["runuser", "-u", "postgres", "--", str(programs / program), "-D", str(folder / "data"), *arguments]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd="/")

    run("initdb", "-A", "trust")
    options = f"-c listen_addresses= -c unix_socket_directories={folder} -c fsync=off"
    run("pg_ctl", "-w", "-l", str(folder / "log"), "-o", options, "start")
    try:
        yield f"postgresql://postgres@/postgres?host={folder}"
    finally:
        run("pg_ctl", "-m", "immediate", "stop")


@pytest.fixture(params=["files", "sqlite", "postgresql"])
def many(request: pytest.FixtureRequest, slack: SlackServer, tmp_path: Path) -> SlackSettings:
    """Settings for many workspaces, whose tokens are kept in files or a database."""
    match request.param:
        case "files":
            place = str(tmp_path / "installations")
        case "sqlite":
            place = f"sqlite:///{tmp_path}/installations.sqlite3"
        case _:
            place = request.getfixturevalue("postgresql")
    return _settings(slack, place)


@pytest.fixture
def files(slack: SlackServer, tmp_path: Path) -> SlackSettings:
    """The same, with files."""
    return _settings(slack, str(tmp_path / "installations"))


def _settings(slack: SlackServer, place: str, **settings: Any) -> SlackSettings:
    client = {"client_id": "11.22", "client_secret": SecretStr("client-secret"), "bot_token": SecretStr("")}
    slack.on_oauth = _granted
    return settings_for(slack, installations=SecretStr(place), **client, **settings)


def _granted(body: dict[str, Any]) -> dict[str, Any]:
    """What Slack gives for a code that names a workspace."""
    if not body.get("code", "").startswith("T"):
        return {"ok": False, "error": "invalid_code"}
    team = body["code"]
    return {
        "ok": True, "token_type": "bot", "access_token": f"xoxb-{team}", "bot_user_id": "UBOT", "app_id": "A1",
        "scope": "chat:write", "team": {"id": team, "name": "Desk"}, "enterprise": None,
        "authed_user": {"id": "U1"}, "is_enterprise_install": False,
    }  # fmt: skip


def begin(bot: Bot) -> tuple[str, str]:
    """The state with which an installation begins, as its address and as its cookie."""
    page = httpx.get(bot.address + INSTALL_PATH, timeout=WAIT_SECONDS)
    assert page.status_code == 200
    (state,) = set(re.findall(r"state=([\w-]+)", page.text))
    assert all(scope in page.text.replace("%3A", ":") for scope in manifest_scopes())
    return state, page.headers["set-cookie"].split(";")[0]


def finish(bot: Bot, code: str, state: str, cookie: str) -> httpx.Response:
    query = {"code": code, "state": state}
    return httpx.get(bot.address + REDIRECT_PATH, params=query, headers={"Cookie": cookie}, timeout=WAIT_SECONDS)


def install(bot: Bot, team: str) -> httpx.Response:
    return finish(bot, team, *begin(bot))


def deliver(bot: Bot, team: str, event: dict[str, Any]) -> int:
    body = {"type": "event_callback", "team_id": team, "event_id": f"Ev{team}{event.get('ts')}", "event": event}
    return bot.send(json.dumps(body), "application/json").status_code


def test_each_workspace_installs_the_app_is_answered_with_its_own_token_and_is_forgotten(
    engine: ChatEngine, many: SlackSettings, slack: SlackServer
) -> None:
    with running_bot(engine, many) as bot:
        assert deliver(bot, "T1", mention(QUESTION)) == 403
        for team in ("T1", "T2"):
            assert install(bot, team).status_code == 200
            assert deliver(bot, team, mention(QUESTION)) == 200  # The same ts in both.
        slack.wait_for("chat.postMessage", 2)
        assert sorted(slack.tokens("chat.postMessage")) == ["xoxb-T1", "xoxb-T2"]
        assert deliver(bot, "T1", {"type": "app_uninstalled"}) == 200
        assert deliver(bot, "T1", mention(QUESTION, "100.2")) == 403
        assert deliver(bot, "T2", mention(QUESTION, "100.2")) == 200
    assert slack.tokens("chat.postMessage")[2:] == ["xoxb-T2"]
    with closing(ManyWorkspaces(many)) as workspaces:
        assert workspaces.count() == 1


def test_a_state_is_good_once_in_the_browser_that_began_and_for_ten_minutes(
    engine: ChatEngine, many: SlackSettings, slack: SlackServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running_bot(engine, many) as bot:
        state, cookie = begin(bot)
        assert finish(bot, "T1", state, "").status_code == 400
        other, other_cookie = begin(bot)
        assert finish(bot, "T1", state, other_cookie).status_code == 400
        assert finish(bot, "T1", "made-up", "slack-app-oauth-state=made-up").status_code == 401
        assert finish(bot, "T1", "../../x", "slack-app-oauth-state=../../x").status_code == 400
        assert finish(bot, "refused", other, other_cookie).status_code == 401
        assert finish(bot, "T1", state, cookie).status_code == 200
        assert finish(bot, "T1", state, cookie).status_code == 401
        now = time.time
        monkeypatch.setattr(time, "time", lambda: now() - 601)
        late = begin(bot)
        monkeypatch.undo()
        assert finish(bot, "T3", *late).status_code == 401
        assert deliver(bot, "T3", mention(QUESTION)) == 403


@pytest.mark.parametrize("allowed", [{"teams": {"T2"}}, {"enterprises": {"E2"}}])
def test_only_workspaces_that_are_allowed_install_the_app_and_are_answered(
    engine: ChatEngine, files: SlackSettings, slack: SlackServer, allowed: dict[str, set[str]]
) -> None:
    with running_bot(engine, files) as bot:
        install(bot, "T1")
    narrow = files.model_copy(update={name: frozenset(values) for name, values in allowed.items()})
    with running_bot(engine, narrow) as bot:
        assert deliver(bot, "T1", mention(QUESTION)) == 403
        assert install(bot, "T1").status_code == 500
        assert deliver(bot, "T1", mention(QUESTION)) == 403
    assert slack.calls("chat.postMessage") == []


def expiring(workspaces: ManyWorkspaces, seconds: float, refresh: str = "xoxe-1") -> None:
    workspaces.store.save_bot(
        Installed(
            app_id="A1", team_id="T1", bot_token="xoxe.xoxb-old", bot_id="B1", bot_user_id="UBOT",
            bot_refresh_token=refresh, bot_token_expires_at=int(time.time() + seconds), installed_at=time.time(),
        )
    )  # fmt: skip


def test_a_token_that_expires_is_renewed_once_and_kept(many: SlackSettings, slack: SlackServer) -> None:
    refreshed: list[dict[str, Any]] = []

    def refresh(body: dict[str, Any]) -> dict[str, Any]:
        refreshed.append(body)
        renewed = {"access_token": "xoxe.xoxb-new", "refresh_token": "xoxe-2", "expires_in": 43_200}
        return {"ok": True, "token_type": "bot", **renewed}

    slack.on_oauth = refresh
    with closing(ManyWorkspaces(many)) as workspaces:
        expiring(workspaces, 100_000)
        assert workspaces.client({"team_id": "T1"}).token == "xoxe.xoxb-old"
        expiring(workspaces, 600)
        assert workspaces.client({"team_id": "T1"}).token == "xoxe.xoxb-new"
        assert workspaces.client({"team_id": "T1"}).token == "xoxe.xoxb-new"
    assert [(body["grant_type"], body["refresh_token"]) for body in refreshed] == [("refresh_token", "xoxe-1")]
    with closing(ManyWorkspaces(many)) as again:
        assert again.client({"team_id": "T1"}).token == "xoxe.xoxb-new"


def test_a_token_that_slack_does_not_renew_is_used_while_it_lasts(files: SlackSettings, slack: SlackServer) -> None:
    slack.on_oauth = lambda _: {"ok": False, "error": "invalid_refresh_token"}
    workspaces = ManyWorkspaces(files)
    expiring(workspaces, 600)
    assert workspaces.client({"team_id": "T1"}).token == "xoxe.xoxb-old"


def test_what_is_not_installed_is_told(files: SlackSettings) -> None:
    with pytest.raises(NotInstalled, match="T9") as error:
        ManyWorkspaces(files).client({"team_id": "T9"})
    assert INSTALL_PATH in error.value.fix


def test_a_button_is_answered_with_a_token_that_is_fresh(
    engine: ChatEngine, files: SlackSettings, slack: SlackServer
) -> None:
    renewed = {"access_token": "xoxe.xoxb-new", "refresh_token": "xoxe-2", "expires_in": 43_200}
    slack.on_oauth = lambda _: {"ok": True, "token_type": "bot", **renewed}
    expiring(ManyWorkspaces(files), -60)
    with running_bot(engine, files) as bot:
        bot.interact(type="shortcut", callback_id="ask")
        slack.wait_for("views.open")
    assert slack.tokens("views.open") == ["xoxe.xoxb-new"]


def test_a_directory_with_tokens_is_its_owners_alone(files: SlackSettings, tmp_path: Path) -> None:
    ManyWorkspaces(files)
    assert (tmp_path / "installations").stat().st_mode & 0o777 == 0o700


def test_one_workspace_has_no_install_page(bot: Bot) -> None:
    assert httpx.get(bot.address + INSTALL_PATH, timeout=WAIT_SECONDS).status_code == 404


def test_a_foreign_request_is_not_slacks_error(bot: Bot, slack: SlackServer) -> None:
    assert deliver(bot, "T2", mention(QUESTION)) == 403
    assert httpx.get(bot.address + PATH, timeout=WAIT_SECONDS).status_code == 405
    assert slack.calls("chat.postMessage") == []


def test_slack_is_told_to_come_again_while_it_cannot_tell_whose_token_it_is(bot: Bot, slack: SlackServer) -> None:
    slack.answers["auth.test"] = [(200, {}, {"ok": False, "error": "internal_error"})]
    assert deliver(bot, "T1", mention(QUESTION)) == 500
    assert deliver(bot, "T1", mention(QUESTION)) == 200
    slack.wait_for("chat.postMessage")
