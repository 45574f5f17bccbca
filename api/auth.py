"""The bearer key: who may use `/v1`."""

import secrets
from typing import Annotated

from fastapi import Depends, HTTPException, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

_scheme = HTTPBearer(auto_error=False, description="The key of API_KEY; none is asked where that is empty.")


async def require_key(
    request: Request, credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_scheme)]
) -> None:
    """Let the request pass if it has the configured key; otherwise 401, before a stream could begin."""
    key = request.app.state.settings.key.get_secret_value().encode()
    # Headers are bytes that starlette reads as Latin-1; a key in UTF-8 is compared as it was sent.
    given = credentials.credentials.encode("latin-1") if credentials else b""
    if key and not secrets.compare_digest(given, key):
        raise HTTPException(401, headers={"WWW-Authenticate": "Bearer"})
