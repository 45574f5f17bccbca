"""Who sends a request, and whether they may: keys, their scopes, their rates."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from api.exceptions import Forbidden, Unauthorized
from api.keys import SCOPES, USE_NOTED_EVERY, Key, KeyStore, Scope

_scheme = HTTPBearer(
    auto_error=False,
    description="A key made by `maqal keys create`; none is asked where the service listens on loopback only.",
)


@dataclass(frozen=True, slots=True)
class Client:
    """Who sends a request: the key's name and id, and what it may do."""

    name: str
    key_id: str
    scopes: frozenset[Scope]

    def may(self, *scopes: Scope) -> bool:
        """Whether the client has one of the scopes; `admin` includes all."""
        return not self.scopes.isdisjoint({*scopes, "admin"})


_PROXIED = frozenset({"forwarded", "via", "x-forwarded-for"})
LOCAL = Client("local", "local", SCOPES)


def require(*scopes: Scope) -> Callable[..., Awaitable[Client]]:
    """A dependency that lets a request pass whose key has one of the scopes; it sets `request.state.client`.

    Raises Unauthorized (401), Forbidden (403), RateLimited (429), before a stream could begin.
    """

    async def required(
        request: Request,
        # Read here so that the schema says so.
        _: Annotated[HTTPAuthorizationCredentials | None, Depends(_scheme)],
    ) -> Client:
        # A request counts once towards its rate, however many dependencies it has.
        client: Client | None = getattr(request.state, "client", None)
        if client is None:
            client = await _authenticated(request)
            request.state.client = client
            address = request.client.host if request.client else ""
            await request.app.state.rate_limits.count(request, address if client is LOCAL else client.key_id)
        if not client.may(*scopes):
            raise Forbidden(
                f"The key {client.name!r} has the scopes {', '.join(sorted(client.scopes))};"
                f" this needs {' or '.join(scopes)}.",
                f"Use another key, or make one: `maqal keys create NAME --scope {scopes[0]}`.",
            )
        return client

    return required


async def _authenticated(request: Request) -> Client:
    keys: KeyStore | None = request.app.state.keys
    if keys is None:
        if request.app.state.settings.require_key is None and not _PROXIED.isdisjoint(request.headers):
            raise Unauthorized(
                "The request came through a proxy, so that others may reach this service, and no key is required.",
                "Set API_REQUIRE_KEY=true and make a key with `maqal keys create`, or false to answer whoever comes.",
                {"WWW-Authenticate": "Bearer"},
            )
        return LOCAL
    method, _, secret = request.headers.get("authorization", "").partition(" ")
    key = keys.find(secret.strip()) if method.lower() == "bearer" else None
    if key is None:
        raise Unauthorized(
            "The key is missing or not valid.",
            "Send the header `Authorization: Bearer KEY` with a key of `maqal keys create`.",
            {"WWW-Authenticate": "Bearer"},
        )
    await _note_use(keys, key)
    return Client(key.name, key.id, key.scopes)


async def _note_use(keys: KeyStore, key: Key) -> None:
    if time.time() - (key.last_used or 0) > USE_NOTED_EVERY:
        await asyncio.to_thread(keys.note_use, key)
