"""`maqal slack --check` against a Slack on loopback, with a real WebSocket."""

import json
import logging
import socket as socket_module
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from slack_sdk.oauth.installation_store import FileInstallationStore, Installation, InstallationStore
from websockets.exceptions import ConnectionClosed
from websockets.sync.server import ServerConnection

from api.app import create_app
from api.settings import ApiSettings
from bots.cli import app
from bots.doctor import Finding
from bots.slack.check import examine_slack
from bots.slack.inbox import FILE_NAME, Inbox, new_job
from bots.slack.settings import SlackSettings
from bots.slack.workspaces import ManyWorkspaces, manifest_scopes
from index.embedding import Encoder
from index.settings import IndexSettings
from rag.settings import RagSettings
from tests.api.conftest import running
from tests.slack.slack_server import SlackServer

SECRET = "0123456789abcdef" * 2
Answer = tuple[int, dict[str, str], Any]


@pytest.fixture
def socket(slack: SlackServer) -> Iterator[dict[str, Any]]:
    """Socket Mode, which says this on a new connection; nothing where it is empty."""
    hello: dict[str, Any] = {"type": "hello", "num_connections": 1}

    def session(connection: ServerConnection) -> None:
        try:
            connection.send(json.dumps(hello))
            for _ in connection:
                pass
        except ConnectionClosed:
            pass

    with slack.sockets(session):
        yield hello


@pytest.fixture
def settings(settings: SlackSettings) -> SlackSettings:
    return settings.model_copy(update={"signing_secret": SecretStr(SECRET)})


@pytest.fixture(autouse=True)
def one_encoder(encoder: Encoder, monkeypatch: pytest.MonkeyPatch) -> None:
    """The encoder is loaded once for all that is examined here."""
    monkeypatch.setattr("index.embedding.load_encoder", lambda *_: encoder)


def found(settings: SlackSettings, index: IndexSettings | None = None) -> dict[str, Finding]:
    """What is found, by name; the last one of a name."""
    return {finding.what: finding for finding in examine_slack(index or IndexSettings(), settings)}


def changed(settings: SlackSettings, **fields: Any) -> SlackSettings:
    secrets = {"bot_token", "app_token", "signing_secret", "client_secret", "installations"}
    return settings.model_copy(
        update={name: SecretStr(value) if name in secrets else value for name, value in fields.items()}
    )


def test_a_bot_that_is_set_up_is_in_order(
    socket: dict[str, Any], settings: SlackSettings, index_settings: IndexSettings
) -> None:
    with running(create_app(IndexSettings(), RagSettings(), page := ApiSettings(port=0)), page) as client:
        findings = examine_slack(index_settings, changed(settings, page_url=str(client.base_url)))
    shown = {finding.what: (finding.status, finding.detail) for finding in findings}
    assert shown["mode"] == ("ok", "Socket Mode and HTTP mode, one workspace")
    assert shown["workspace"] == ("ok", "@maqal in Newsroom (T1)")
    assert shown["scopes"] == ("ok", "all that are needed")
    assert shown["clock"] == ("ok", "agrees with Slack's")
    assert shown["socket"] == ("ok", "a WebSocket opens")
    assert shown["signing"][0] == "ok"
    assert shown["page"] == ("ok", str(client.base_url))
    assert shown["editors"][0] == "note"
    assert not [finding for finding in findings if finding.status == "broken"]


@pytest.mark.parametrize(
    ("fields", "what", "detail"),
    [
        ({"bot_token": ""}, "workspace", "SLACK_BOT_TOKEN is not set."),
        ({"bot_token": "xapp-1"}, "workspace", "it begins with xapp-"),
        ({"app_token": "xoxb-1"}, "socket", "it begins with xoxb-"),
        ({"app_token": "", "signing_secret": ""}, "mode", "neither SLACK_APP_TOKEN nor SLACK_SIGNING_SECRET"),
        ({"teams": frozenset({"T2"})}, "workspace", "SLACK_TEAMS or SLACK_ENTERPRISES leaves out"),
        ({"enterprises": frozenset({"E1"})}, "workspace", "SLACK_TEAMS or SLACK_ENTERPRISES leaves out"),
    ],
)
def test_a_setting_that_is_wrong_is_named(
    socket: dict[str, Any], settings: SlackSettings, fields: dict[str, Any], what: str, detail: str
) -> None:
    finding = found(changed(settings, **fields))[what]
    assert finding.status == "broken"
    assert detail in finding.detail
    assert finding.fix


@pytest.mark.parametrize(("method", "what"), [("auth.test", "workspace"), ("apps.connections.open", "socket")])
@pytest.mark.parametrize(
    ("answer", "detail"),
    [
        ((200, {}, {"ok": False, "error": "invalid_auth"}), "invalid_auth"),
        ((200, {}, {"ok": True}), ""),
        ((200, {}, {"ok": False}), "not Slack"),
        ((200, {}, {}), "not Slack"),
        ((200, {}, [1]), "not Slack"),
        ((200, {}, "<html>"), "not Slack"),
        ((200, {}, None), "not Slack"),
        ((200, {}, {"ok": False, "error": "<html>…"}), "not Slack"),
        ((503, {}, {"ok": False, "error": "x"}), "not Slack (status 503)"),
        ((429, {"Retry-After": "600"}, {"ok": False, "error": "ratelimited"}), "not Slack (status 429)"),
        ((302, {"Location": "/api/"}, {}), ""),
    ],
)
def test_whatever_slack_answers_is_told_in_one_line(  # noqa: PLR0917
    socket: dict[str, Any],
    slack: SlackServer,
    settings: SlackSettings,
    method: str,
    what: str,
    answer: Answer,
    detail: str,
) -> None:
    slack.answers[method] = [answer]
    finding = found(settings)[what]
    assert finding.status == "broken"
    assert detail in finding.detail
    assert "\n" not in finding.detail
    assert finding.fix


def test_a_slack_that_is_not_there_is_told_once_for_each_token(
    settings: SlackSettings, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        findings = found(changed(settings, api_url="http://127.0.0.1:9/api"))
    for what in ("workspace", "socket"):
        assert findings[what].status == "broken"
        assert findings[what].detail.startswith("Slack cannot be reached: ")
        assert "SLACK_API_URL" in findings[what].fix
    assert "scopes" not in findings
    assert [record for record in caplog.records if record.name.startswith("bots.slack")] == []


@pytest.mark.parametrize("said", [b"", b"rubbish\r\n\r\n", None])
def test_a_server_that_hangs_up_or_says_rubbish_or_nothing_is_told(
    settings: SlackSettings, monkeypatch: pytest.MonkeyPatch, said: bytes | None
) -> None:
    monkeypatch.setattr("bots.slack.check._SECONDS", 0.5)
    with ExitStack() as stack:
        server = stack.enter_context(socket_module.create_server(("127.0.0.1", 0)))

        def answer() -> None:
            with suppress(OSError):
                while True:
                    connection, _ = server.accept()
                    stack.callback(connection.close)
                    if said is not None:
                        connection.sendall(said)
                        connection.shutdown(socket_module.SHUT_RDWR)

        thread = threading.Thread(target=answer)
        thread.start()
        address = f"127.0.0.1:{server.getsockname()[1]}"
        findings = found(changed(settings, api_url=f"http://{address}/api", page_url=f"http://{address}"))
        server.shutdown(socket_module.SHUT_RDWR)
        thread.join()
    for what in ("workspace", "socket", "page"):
        assert findings[what].status == "broken"
        assert "cannot be reached: " in findings[what].detail


def test_a_missing_scope_is_told_with_what_fails(slack: SlackServer, settings: SlackSettings) -> None:
    slack.scopes = ",".join(scope for scope in manifest_scopes() if scope not in {"im:history", "files:read"})
    assert found(settings)["scopes"].detail == "missing: im:history (direct messages are not heard)"
    with_editors = found(changed(settings, editors=frozenset({"U1"})))["scopes"]
    assert "files:read (shared files cannot be indexed); im:history" in with_editors.detail
    assert with_editors.status == "broken"
    assert "reinstall" in with_editors.fix


def test_a_superfluous_scope_is_told(slack: SlackServer, settings: SlackSettings) -> None:
    slack.scopes += ",admin, users:read"
    finding = found(settings)["scopes"]
    assert (finding.status, finding.detail) == ("note", "all that are needed, and more: admin")


def test_without_the_header_of_scopes_nothing_is_said_of_them(slack: SlackServer, settings: SlackSettings) -> None:
    slack.answers["auth.test"] = [(200, {}, {"ok": True, **slack.identity})]
    assert found(settings)["scopes"].status == "note"


@pytest.mark.parametrize(
    ("skew", "secret", "status", "detail"),
    [
        (400, SECRET, "broken", "400 s ahead of"),
        (-400, SECRET, "broken", "400 s behind"),
        (400, "", "note", "400 s ahead of"),
        (120, SECRET, "note", "120 s ahead of"),
        (5, SECRET, "ok", "agrees with"),
    ],
)
def test_the_clock_is_compared_with_slack_s(  # noqa: PLR0917
    slack: SlackServer, settings: SlackSettings, skew: int, secret: str, status: str, detail: str
) -> None:
    slack.clock_skew = skew
    finding = found(changed(settings, signing_secret=secret))["clock"]
    assert finding.status == status
    seconds = int(finding.detail.split()[0]) if status != "ok" else 0
    assert finding.detail.replace(str(seconds), str(abs(skew))).startswith(detail)
    assert abs(seconds - abs(skew)) <= 2 or status == "ok"


def test_a_second_connection_is_told(socket: dict[str, Any], settings: SlackSettings) -> None:
    socket["num_connections"] = 3
    assert found(settings)["socket"].detail == "a WebSocket opens, besides 2 others"


def test_a_websocket_that_says_no_hello_is_broken(
    socket: dict[str, Any], settings: SlackSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bots.slack.check._SECONDS", 0.5)
    socket["type"] = "other"
    assert "no WebSocket opened there that says hello" in found(settings)["socket"].detail


def test_a_connection_that_slack_ends_at_once_is_broken(socket: dict[str, Any], settings: SlackSettings) -> None:
    socket.update(type="disconnect", reason="link_disabled")
    finding = found(settings)["socket"]
    assert (finding.status, finding.detail) == ("broken", "Slack ended the connection at once: link_disabled")


@pytest.mark.parametrize("url", ["ws://127.0.0.1:9/link", "", "rubbish", "http://["])
def test_an_address_where_no_websocket_is_is_broken(slack: SlackServer, settings: SlackSettings, url: str) -> None:
    slack.socket_url = url
    assert "no WebSocket opened there that says hello" in found(settings)["socket"].detail


def test_http_mode_alone_opens_no_websocket(slack: SlackServer, settings: SlackSettings) -> None:
    findings = found(changed(settings, app_token=""))
    assert "socket" not in findings
    assert findings["mode"].detail == "HTTP mode, one workspace"
    assert slack.calls("apps.connections.open") == []


def test_a_signing_secret_that_looks_like_none_is_told(slack: SlackServer, settings: SlackSettings) -> None:
    finding = found(changed(settings, signing_secret="xoxb-not-a-secret"))["signing"]
    assert finding.status == "note"
    assert "xoxb" not in finding.detail


def test_editors_are_looked_up(slack: SlackServer, settings: SlackSettings) -> None:
    slack.answers["users.info"] = [
        (200, {}, {"ok": True, "user": {"id": "U1"}}),
        (200, {}, {"ok": True, "user": {"id": "U2", "deleted": True}}),
        (200, {}, {"ok": False, "error": "user_not_found"}),
        (200, {}, {"ok": False, "error": "missing_scope"}),
    ]
    slack.answers["usergroups.users.list"] = [
        (200, {}, {"ok": True, "users": ["U1", "U2"]}),
        (200, {}, {"ok": True, "users": []}),
        (200, {}, {"ok": False, "error": "no_such_subteam"}),
        (200, {}, {"ok": False, "error": "missing_scope"}),
        (200, {}, {"ok": True, "users": 5}),
        (500, {}, {}),
    ]
    names = ["U1", "U2", "U3", "U4", "S1", "S2", "S3", "S4", "S5", "S6", "ada"]
    findings = examine_slack(IndexSettings(), changed(settings, editors=frozenset(names)))
    editors = [(finding.status, finding.detail) for finding in findings if finding.what == "editors"]
    assert editors == [
        ("ok", "S1, a user group of 2 members"),
        ("broken", "the user group S2 has no members"),
        ("broken", "S3 is not known in this workspace"),
        ("broken", "S4: Slack does not tell who is in it"),
        ("broken", "the user group S5 has no members"),
        ("broken", "S6 could not be looked up: What answers at SLACK_API_URL is not Slack (status 500)"),
        ("ok", "U1"),
        ("broken", "U2 is deactivated"),
        ("broken", "U3 is not known in this workspace"),
        ("note", "U4; who that is, Slack tells only with the scope users:read"),
        ("broken", "ada is neither a person's id (U…) nor a user group's (S…)"),
    ]


@pytest.mark.parametrize(
    ("path", "status", "detail"),
    [
        ("nothing/", "broken", "answers with status"),
        ("login", "note", "wants a login (status 403)"),
        ("other", "broken", "is not maqal's page"),
    ],
)
def test_another_page_is_not_maqal_s(  # noqa: PLR0917
    slack: SlackServer, settings: SlackSettings, monkeypatch: pytest.MonkeyPatch, path: str, status: str, detail: str
) -> None:
    def get(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response({"/login/": 403, "/other/": 200}.get(handler.path, 404))
        handler.end_headers()

    monkeypatch.setattr(slack._http.RequestHandlerClass, "do_GET", get, raising=False)
    finding = found(changed(settings, page_url=slack.api_url.removesuffix("api/") + path))["page"]
    assert finding.status == status
    assert detail in finding.detail


def test_a_page_that_is_not_there_is_told(slack: SlackServer, settings: SlackSettings) -> None:
    finding = found(changed(settings, page_url="http://127.0.0.1:9"))["page"]
    assert (finding.status, finding.detail) == ("broken", "http://127.0.0.1:9 cannot be reached: Connection refused")


def installation(team: str) -> Installation:
    return Installation(
        app_id="A1", team_id=team, user_id="U1", bot_token="xoxb-2", bot_id="B1", bot_user_id="U2",
        bot_scopes=manifest_scopes(),
    )  # fmt: skip


@pytest.mark.parametrize("place", ["{}/tokens", "sqlite:///{}/tokens.db"])
def test_installations_are_counted(slack: SlackServer, settings: SlackSettings, tmp_path: Path, place: str) -> None:
    many = changed(
        settings, bot_token="", client_id="1.2", client_secret="secret", installations=place.format(tmp_path)
    )
    first = found(many)
    assert first["mode"].detail.endswith("the workspaces of SLACK_INSTALLATIONS")
    assert (first["installs"].status, first["installs"].detail) == ("note", "no workspace has installed the app")
    store: InstallationStore = ManyWorkspaces(many).store
    for team in ("T1", "T2", "T2"):
        store.save(installation(team))
    assert (found(many)["installs"].status, found(many)["installs"].detail) == ("ok", "2 workspaces")
    store.delete_all(enterprise_id=None, team_id="T1")
    assert found(many)["installs"].detail == "1 workspace"
    assert isinstance(store, FileInstallationStore) == (not place.startswith("sqlite"))


@pytest.mark.parametrize("place", ["/proc/nowhere", "postgresql://user:hunter2@127.0.0.1:9/db", "nothing://x"])
def test_a_store_that_cannot_be_used_is_told_without_its_password(
    slack: SlackServer, settings: SlackSettings, place: str
) -> None:
    many = changed(settings, client_id="1.2", client_secret="secret", installations=place)
    finding = found(many)["installs"]
    assert finding.status == "broken"
    assert "hunter2" not in finding.detail + finding.fix
    without = found(changed(many, client_secret=""))["installs"]
    assert without.detail == "SLACK_INSTALLATIONS is set, and SLACK_CLIENT_SECRET is not."


def test_the_index_and_the_inbox_are_looked_at(
    slack: SlackServer, settings: SlackSettings, index_settings: IndexSettings
) -> None:
    path = index_settings.data_dir / FILE_NAME
    assert "inbox" not in found(settings, index_settings)
    inbox = Inbox(path)
    job = new_job(kind="question", team="T1", channel="C1", thread="1", user="U1", ts="1", text="Why?", body={})
    inbox.put(["key"], job)
    inbox.close()
    findings = found(settings, index_settings)
    assert findings["catalog"].detail.startswith("1 article, ")
    assert findings["inbox"].detail == "1 question not answered yet"
    path.write_bytes(b"no database")
    assert found(settings, index_settings)["inbox"].status == "broken"


@pytest.fixture
def environment(settings: SlackSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLACK_BOT_TOKEN", "xoxb-hunter2")
    monkeypatch.setenv("SLACK_APP_TOKEN", "xapp-hunter2")
    monkeypatch.setenv("SLACK_SIGNING_SECRET", "hunter2")
    monkeypatch.setenv("SLACK_API_URL", settings.api_url)


@pytest.mark.usefixtures("environment", "index_settings")
def test_the_command_prints_a_line_for_each_and_no_token(socket: dict[str, Any], slack: SlackServer) -> None:
    command = [sys.executable, "-c", "from bots.cli import main; main()", "slack", "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert (done.returncode, done.stderr) == (0, "")
    assert "✓ workspace @maqal in Newsroom (T1)\n" in done.stdout
    assert "· editors   nobody may add articles from Slack" in done.stdout
    slack.answers["auth.test"] = [(200, {}, {"ok": False, "error": "token_revoked"})]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert (done.returncode, done.stderr) == (1, "")
    assert "✗ workspace Slack refuses SLACK_BOT_TOKEN: token_revoked\n             Copy the Bot User" in done.stdout
    assert "hunter2" not in done.stdout


@pytest.mark.usefixtures("environment")
def test_the_command_prints_json(socket: dict[str, Any]) -> None:
    from typer.testing import CliRunner

    result = CliRunner().invoke(app, ["slack", "--check", "--json"])
    assert result.exit_code == 0
    assert {"what": "socket", "status": "ok", "detail": "a WebSocket opens", "fix": ""} in json.loads(result.stdout)
    refused = CliRunner().invoke(app, ["slack", "--json"])
    assert refused.exit_code == 2
    assert "--check" in refused.output
