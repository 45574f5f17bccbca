"""Why a request is refused before any work is done for it.

MaqalError (index.exceptions)
├── RequestRefused     status, headers
│   ├── Unauthorized   401: no key, or one that is not in the store
│   ├── Forbidden      403: the key has not the scope
│   ├── CrossSite      403: a page of another site sent it
│   ├── UntrustedHost  400: the Host header names another machine
│   ├── EncodedBody    415: the body is compressed
│   ├── PreconditionFailed  412: the article is not the version that the client means
│   ├── BadCursor      422: not a cursor of a list
│   ├── IdempotencyKeyReused  422: the key came with another upload
│   ├── RateLimited    429: the key has used up its requests
│   ├── Busy           503: as many answers are in the making as may be
│   └── ShuttingDown   503: the service stops
└── UnknownKey         there is no key with the id
"""

from typing import ClassVar

from index.exceptions import MaqalError


class RequestRefused(MaqalError):
    """The request is refused with the status and the headers."""

    status: ClassVar[int] = 400

    def __init__(self, message: str, fix: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(message, fix)
        self.headers = headers or {}


class Unauthorized(RequestRefused):
    """The key is missing or is not in the store."""

    status, code = 401, "unauthorized"


class Forbidden(RequestRefused):
    """The key has not the scope that the request needs."""

    status, code = 403, "forbidden"


class CrossSite(RequestRefused):
    """A page of another site sent the request, and no key shows that its reader wants it."""

    status, code = 403, "cross_site"


class UntrustedHost(RequestRefused):
    """The Host header does not name this service."""

    status, code = 400, "untrusted_host"


class PreconditionFailed(RequestRefused):
    """The article is not the version that the client means."""

    status, code = 412, "precondition_failed"


class BadCursor(RequestRefused):
    """The cursor is not one that a list gave."""

    status, code = 422, "bad_cursor"


class IdempotencyKeyReused(RequestRefused):
    """The idempotency key came with another upload before."""

    status, code = 422, "idempotency_key_reused"


class EncodedBody(RequestRefused):
    """The body is compressed: its real size is not known before it is unpacked."""

    status, code = 415, "encoded_body"


class RateLimited(RequestRefused):
    """The key, or the address, has used up the requests of API_RATE_LIMIT."""

    status, code = 429, "rate_limited"


class Busy(RequestRefused):
    """As many answers are in the making as API_MAX_ANSWERS allows."""

    status, code = 503, "busy"


class ShuttingDown(RequestRefused):
    """The service stops, and finishes no more answers."""

    status, code = 503, "shutting_down"


class UnknownKey(MaqalError):
    """There is no key with the id."""

    code = "unknown_key"
