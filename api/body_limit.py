"""The limit of a request's body: starlette's, answering with problem details."""

from starlette.middleware.body_limit import RequestBodyLimitMiddleware
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from api.errors import response_of, response_of_status
from api.exceptions import EncodedBody


class BodyLimit:
    """Refuses bodies of more than `max_bytes`, and compressed ones, which nothing here unpacks.

    starlette's middleware counts what arrives; a length that is announced too large it would refuse in plain
    text, so that is refused here before anything is read.
    """

    def __init__(self, app: ASGIApp, max_bytes: int) -> None:
        self._counting = RequestBodyLimitMiddleware(app, max_body_size=max_bytes)
        self._max_bytes = max_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer 413 or 415, or let the app read."""
        if scope["type"] == "http":
            request = Request(scope)
            announced = request.headers.get("content-length", "")
            if announced.isdecimal() and int(announced) > self._max_bytes:
                await response_of_status(request, 413)(scope, receive, send)
                return
            if request.headers.get("content-encoding", "identity").strip().lower() not in {"", "identity"}:
                refusal = EncodedBody("The body is compressed.", "Send it without Content-Encoding.")
                await response_of(refusal)(scope, receive, send)
                return
        await self._counting(scope, receive, send)
