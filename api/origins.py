"""Requests that a browser was tricked into: another site's page, or another name for this machine."""

import ipaddress
import re
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from api.errors import response_of
from api.exceptions import CrossSite, UntrustedHost
from api.settings import ApiSettings

_HOST = re.compile(r"(?P<name>[a-z0-9._-]+|\[[0-9a-f:.]+\])(?::\d{1,5})?", re.IGNORECASE)
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


class TrustedHosts:
    """Answers 400 where the Host header names another machine: a name that was rebound to this one's address."""

    def __init__(self, app: ASGIApp, settings: ApiSettings) -> None:
        self._app = app
        named = (name.strip() for name in settings.hosts.split(","))
        self._trusted = {_canonical(name) for name in (*_LOOPBACK, settings.host, *named) if name}
        # A service on all addresses does not know them; an address cannot be rebound, only a name can.
        self._trusts_addresses = settings.host in {"", "0.0.0.0", "::"}  # noqa: S104 - compared, not bound

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve the request, or refuse it."""
        if scope["type"] == "http":
            given = Headers(scope=scope).getlist("host")
            if len(given) != 1 or not self._is_trusted(given[0]):
                told = given[0][:100] if given else ""
                refusal = UntrustedHost(
                    f"The service is not called {told!r}.", "Add the name, without the port, to API_HOSTS."
                )
                await response_of(refusal, scope["path"])(scope, receive, send)
                return
        await self._app(scope, receive, send)

    def _is_trusted(self, host: str) -> bool:
        match = _HOST.fullmatch(host)
        name = _canonical(match["name"]) if match else ""
        return name in self._trusted or (self._trusts_addresses and _is_address(name))


class SameOrigin:
    """Answers 403 where a page of another site would write or ask: without keys, the address alone lets it in."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve the request, or refuse it."""
        if scope["type"] == "http" and scope["method"] not in _SAFE_METHODS and _is_cross_site(Headers(scope=scope)):
            refusal = CrossSite(
                "A page of another site sent this request.",
                "Use maqal's own page, a program, or a key: set API_REQUIRE_KEY=true and run `maqal keys create`.",
            )
            await response_of(refusal, scope["path"])(scope, receive, send)
            return
        await self._app(scope, receive, send)


def _is_cross_site(headers: Headers) -> bool:
    """Whether a browser says so; programs send neither header."""
    site = headers.get("sec-fetch-site")
    if site is not None:
        # `same-site` is another port of this machine, too.
        return site not in {"same-origin", "none"}
    origin = headers.get("origin")
    if origin is None:
        return False
    try:
        return urlsplit(origin).netloc.lower() != headers.get("host", "").lower()
    except ValueError:
        return True


def _canonical(name: str) -> str:
    return name.lower().strip("[]").removesuffix(".")


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
