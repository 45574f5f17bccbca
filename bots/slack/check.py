"""`maqal slack --check`: tokens, scopes, connection and settings tested for real, each with how to mend it."""

import json
import logging
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from email.utils import parsedate_to_datetime
from http.client import HTTPException
from typing import Any

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.socket_mode.builtin.connection import Connection, ConnectionState

from bots.doctor import Finding, examine_index
from bots.slack.inbox import FILE_NAME, Inbox
from bots.slack.scopes import LOST_WITHOUT, known_scopes, needed_scopes
from bots.slack.settings import SlackSettings
from bots.slack.workspaces import INSTALL_PATH, ManyWorkspaces
from bots.terminal import counted
from index.exceptions import MaqalError
from index.settings import IndexSettings

_APPS = "https://api.slack.com/apps"
_SECONDS = 10
_MOST_SKEW = 300  # seconds, beyond which Slack's signatures count as stale
_NOTICED_SKEW = 60
_SECRET_LENGTH = 32
_PAGE_BYTES = 20_000
_LOOK_UP = "users:read"  # only this check can use it
_NETWORK_FIX = "Check the network, HTTPS_PROXY and SLACK_API_URL."

# Slack's client logs what it raises, and more: the lines here say it all.
_logger = logging.getLogger("bots.slack.check")


class _NoAnswer(Exception):
    """Slack refused a call (`reason` is its word for it), or was not reached (`reason` is empty)."""

    def __init__(self, message: str, reason: str = "") -> None:
        super().__init__(message)
        self.reason = reason


def examine_slack(index_settings: IndexSettings, settings: SlackSettings) -> list[Finding]:
    """Everything that the bot needs, in the order in which it needs it."""
    return list(_examine(index_settings, settings))


def _examine(index_settings: IndexSettings, settings: SlackSettings) -> Iterator[Finding]:
    _logger.setLevel(logging.CRITICAL + 1)
    is_socket, is_http = bool(_secret(settings.app_token)), bool(_secret(settings.signing_secret))
    if is_socket or is_http:
        modes = " and ".join(["Socket Mode"] * is_socket + ["HTTP mode"] * is_http)
        many = "the workspaces of SLACK_INSTALLATIONS" if settings.has_many_workspaces else "one workspace"
        yield Finding("mode", "ok", f"{modes}, {many}")
    else:
        yield Finding(
            "mode", "broken", "neither SLACK_APP_TOKEN nor SLACK_SIGNING_SECRET is set",
            "Set SLACK_APP_TOKEN for `maqal slack` (Socket Mode), or SLACK_SIGNING_SECRET for `maqal serve` (HTTP).",
        )  # fmt: skip
    if settings.has_many_workspaces:
        yield _check_installations(settings)
        yield Finding("editors", "note", _many_editors(settings))
    else:
        yield from _check_workspace(settings, is_http=is_http)
    if is_socket:
        yield _check_socket(settings)
    if is_http:
        yield _check_secret(settings)
    yield _check_page(settings.page_url)
    yield from examine_index(index_settings)
    yield from _check_inbox(index_settings)


def _check_workspace(settings: SlackSettings, *, is_http: bool) -> Iterator[Finding]:
    try:
        client = _client(settings, settings.require_bot_token())
    except MaqalError as error:
        yield Finding("workspace", "broken", error.message, error.fix)
        return
    try:
        identity, headers = _ask(client.auth_test)
    except _NoAnswer as error:
        fix = f"Copy the Bot User OAuth Token again from {_APPS}, and reinstall the app if it was revoked."
        said = f"Slack refuses SLACK_BOT_TOKEN: {error.reason}" if error.reason else str(error)
        yield Finding("workspace", "broken", said, fix if error.reason else _NETWORK_FIX)
        return
    yield _who(settings, identity)
    yield _check_scopes(settings, headers)
    yield _check_clock(headers, is_http=is_http)
    yield from _check_editors(settings, client)


def _who(settings: SlackSettings, identity: Mapping[str, Any]) -> Finding:
    team, enterprise = identity.get("team_id"), identity.get("enterprise_id")
    if not (team and identity.get("bot_id")):
        return Finding(
            "workspace", "broken", "SLACK_BOT_TOKEN is not a bot's token, as far as Slack tells",
            f"Copy the Bot User OAuth Token from OAuth & Permissions on {_APPS}, and look at SLACK_API_URL.",
        )  # fmt: skip
    told = f"@{identity.get('user')} in {identity.get('team')} ({team})"
    if (settings.teams and team not in settings.teams) or (
        settings.enterprises and enterprise not in settings.enterprises
    ):
        return Finding(
            "workspace", "broken", f"{told}, which SLACK_TEAMS or SLACK_ENTERPRISES leaves out",
            "Add it there, or use the token of an allowed workspace.",
        )  # fmt: skip
    return Finding("workspace", "ok", told)


def _check_scopes(settings: SlackSettings, headers: Mapping[str, str]) -> Finding:
    listed = headers.get("x-oauth-scopes")
    if listed is None:
        return Finding("scopes", "note", "Slack did not tell which scopes the token has")
    granted = {scope.strip() for scope in listed.split(",")} - {""}
    missing = sorted(needed_scopes(settings) - granted)
    if missing:
        lost = "; ".join(f"{scope} ({LOST_WITHOUT[scope]})" for scope in missing)
        return Finding(
            "scopes", "broken", f"missing: {lost}",
            f"Add what is missing under OAuth & Permissions on {_APPS}, then reinstall the app.",
        )  # fmt: skip
    superfluous = sorted(granted - known_scopes() - {_LOOK_UP})
    if superfluous:
        return Finding(
            "scopes", "note", f"all that are needed, and more: {', '.join(superfluous)}",
            f"maqal does not use these; remove them under OAuth & Permissions on {_APPS}.",
        )  # fmt: skip
    return Finding("scopes", "ok", "all that are needed")


def _check_clock(headers: Mapping[str, str], *, is_http: bool) -> Finding:
    try:
        skew = round(time.time() - parsedate_to_datetime(headers["date"]).timestamp())
    except (KeyError, TypeError, ValueError):
        return Finding("clock", "note", "Slack did not tell the time")
    if abs(skew) <= _NOTICED_SKEW:
        return Finding("clock", "ok", "agrees with Slack's")
    told = f"{abs(skew)} s {'ahead of' if skew > 0 else 'behind'} Slack's"
    if abs(skew) > _MOST_SKEW and is_http:
        return Finding("clock", "broken", f"{told}: every signature counts as stale", "Set it, or run an NTP client.")
    return Finding("clock", "note", told, "Set it, or run an NTP client.")


def _check_editors(settings: SlackSettings, client: WebClient) -> Iterator[Finding]:
    if not settings.editors:
        yield Finding("editors", "note", "nobody may add articles from Slack (SLACK_EDITORS)")
    for name in sorted(settings.editors):
        try:
            yield _check_editor(name, client)
        except _NoAnswer as error:
            yield _unknown_editor(name, error)


def _check_editor(name: str, client: WebClient) -> Finding:
    if name.startswith("S"):
        answer, _ = _ask(lambda: client.usergroups_users_list(usergroup=name))
        members = answer.get("users")
        if not isinstance(members, list) or not members:
            return Finding("editors", "broken", f"the user group {name} has no members", "Add some, or name another.")
        return Finding("editors", "ok", f"{name}, a user group of {counted(len(members), 'member')}")
    if not name.startswith(("U", "W")):
        return Finding(
            "editors", "broken", f"{name} is neither a person's id (U…) nor a user group's (S…)",
            "Copy it in Slack: a profile → ⋮ → Copy member ID; a user group's page → ⋮ → Copy group ID.",
        )  # fmt: skip
    answer, _ = _ask(lambda: client.users_info(user=name))
    user = answer.get("user")
    if isinstance(user, dict) and user.get("deleted"):
        return Finding("editors", "broken", f"{name} is deactivated", "Take it out of SLACK_EDITORS.")
    return Finding("editors", "ok", name)


def _unknown_editor(name: str, error: _NoAnswer) -> Finding:
    if error.reason in {"user_not_found", "no_such_subteam", "user_not_visible"}:
        return Finding("editors", "broken", f"{name} is not known in this workspace", "Correct SLACK_EDITORS.")
    if error.reason == "missing_scope" and not name.startswith("S"):
        return Finding("editors", "note", f"{name}; who that is, Slack tells only with the scope {_LOOK_UP}")
    if error.reason == "missing_scope":
        return Finding(
            "editors", "broken", f"{name}: Slack does not tell who is in it", "Give the app the scope usergroups:read."
        )
    return Finding("editors", "broken", f"{name} could not be looked up: {error}", "Correct SLACK_EDITORS, or retry.")


def _many_editors(settings: SlackSettings) -> str:
    return "not looked up in many workspaces" if settings.editors else "nobody may add articles (SLACK_EDITORS)"


def _check_socket(settings: SlackSettings) -> Finding:
    try:
        app_token = settings.require_app_token()
    except MaqalError as error:
        return Finding("socket", "broken", error.message, error.fix)
    client = _client(settings, None)
    try:
        opened, _ = _ask(lambda: client.apps_connections_open(app_token=app_token))
    except _NoAnswer as error:
        fix = f"Make an app-level token with the scope connections:write, and turn Socket Mode on, on {_APPS}."
        said = f"Slack refuses SLACK_APP_TOKEN: {error.reason}" if error.reason else str(error)
        return Finding("socket", "broken", said, fix if error.reason else _NETWORK_FIX)
    first = _first_message(client, str(opened.get("url") or ""))
    if first.get("type") == "disconnect":
        return Finding(
            "socket", "broken", f"Slack ended the connection at once: {first.get('reason')}",
            f"Turn Socket Mode on for the app on {_APPS}, or try again.",
        )  # fmt: skip
    if not first:
        return Finding(
            "socket", "broken", "Slack gave an address, and no WebSocket opened there that says hello",
            "Let WebSockets (wss://, port 443) through the firewall or HTTPS_PROXY.",
        )  # fmt: skip
    open_ones = first.get("num_connections")
    if isinstance(open_ones, int) and open_ones > 1:
        return Finding("socket", "ok", f"a WebSocket opens, besides {counted(open_ones - 1, 'other')}")
    return Finding("socket", "ok", "a WebSocket opens")


def _first_message(client: WebClient, url: str) -> dict[str, Any]:
    """What Slack says first on a new connection, `hello` or `disconnect`; empty where none opens.

    What Slack delivers on it meanwhile is not acknowledged, so that it is delivered to the bot again.
    """
    heard: list[dict[str, Any]] = []
    state = ConnectionState()  # type: ignore[no-untyped-call]

    def listen(text: str) -> None:
        message = json.loads(text)
        if message.get("type") in {"hello", "disconnect"}:
            heard.append(message)
            state.terminated = True

    connection = Connection(
        url, _logger, proxy=client.proxy, on_message_listener=listen, on_error_listener=lambda _: None,
        receive_timeout=_SECONDS / 2, ssl_context=client.ssl,
    )  # fmt: skip
    connection.connect()
    if connection.is_active():
        receiver = threading.Thread(target=connection.run_until_completion, args=(state,), daemon=True)
        receiver.start()
        receiver.join(_SECONDS)
        state.terminated = True
        receiver.join(_SECONDS)
        connection.disconnect()
    return heard[0] if heard else {}


def _check_secret(settings: SlackSettings) -> Finding:
    secret = _secret(settings.signing_secret)
    if len(secret) == _SECRET_LENGTH and all(letter in "0123456789abcdef" for letter in secret):
        return Finding("signing", "ok", "SLACK_SIGNING_SECRET is set; only Slack can tell whether it is this app's")
    return Finding(
        "signing", "note", f"SLACK_SIGNING_SECRET does not look like one: Slack's have {_SECRET_LENGTH} hex digits",
        f"Copy the Signing Secret again from Basic Information on {_APPS}.",
    )  # fmt: skip


def _check_page(url: str) -> Finding:
    if not url:
        return Finding("page", "note", "SLACK_PAGE_URL is not set: quotes have no link to the article")
    fix = "Start `maqal serve` there, or correct SLACK_PAGE_URL."
    try:
        with urllib.request.urlopen(f"{url.rstrip('/')}/", timeout=_SECONDS) as response:  # noqa: S310 - http(s)
            page = response.read(_PAGE_BYTES).decode(errors="replace")
    except urllib.error.HTTPError as error:
        error.close()
        if error.code in {401, 403}:
            return Finding("page", "note", f"{url} wants a login (status {error.code}); what is behind is not checked")
        return Finding("page", "broken", f"{url} answers with status {error.code}", fix)
    except (OSError, HTTPException, ValueError) as error:
        return Finding("page", "broken", f"{url} cannot be reached: {_why(error)}", fix)
    if "<title>maqal</title>" not in page:
        return Finding("page", "broken", f"{url} is not maqal's page", fix)
    return Finding("page", "ok", url)


def _check_installations(settings: SlackSettings) -> Finding:
    try:
        with closing(ManyWorkspaces(settings)) as workspaces:
            count = workspaces.count()
    except MaqalError as error:
        return Finding("installs", "broken", error.message, error.fix)
    if not count:
        return Finding("installs", "note", "no workspace has installed the app", f"Open {INSTALL_PATH} of the service.")
    return Finding("installs", "ok", counted(count, "workspace"))


def _check_inbox(settings: IndexSettings) -> Iterator[Finding]:
    path = settings.data_dir / FILE_NAME
    if not path.exists():
        return
    try:
        inbox = Inbox(path)
        waiting = inbox.count("waiting", "working")
        inbox.close()
    except MaqalError as error:
        yield Finding("inbox", "broken", error.message, error.fix)
    else:
        yield Finding("inbox", "ok", f"{counted(waiting, 'question')} not answered yet")


def _client(settings: SlackSettings, token: str | None) -> WebClient:
    base_url = settings.api_url.rstrip("/") + "/"
    return WebClient(token, base_url=base_url, timeout=_SECONDS, logger=_logger, retry_handlers=[])


def _ask(call: Callable[[], Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """Slack's answer and its headers, their names in small letters. Raises _NoAnswer."""
    try:
        response = call()
    except SlackApiError as error:
        data, status = error.response.data, error.response.status_code
        reason = data.get("error") if isinstance(data, dict) else None
        if status == 200 and isinstance(reason, str) and reason.isidentifier():
            raise _NoAnswer(reason, reason) from error
        raise _NoAnswer(f"What answers at SLACK_API_URL is not Slack (status {status})") from error
    except (OSError, HTTPException, SlackClientError) as error:
        raise _NoAnswer(f"Slack cannot be reached: {_why(error)}") from error
    except (AttributeError, TypeError, ValueError) as error:  # what slack_sdk makes of an answer that is no object
        raise _NoAnswer("What answers at SLACK_API_URL is not Slack") from error
    if not isinstance(response.data, dict):
        raise _NoAnswer("What answers at SLACK_API_URL is not Slack")
    return response.data, {name.lower(): value for name, value in response.headers.items()}


def _why(error: Exception) -> str:
    reason = getattr(error, "reason", None) or error
    return getattr(reason, "strerror", None) or str(reason) or type(error).__name__


def _secret(value: Any) -> str:
    text: str = value.get_secret_value()
    return text.strip()
