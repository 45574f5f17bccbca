"""Failures as OpenAI's clients expect them: `{"error": {message, type, param, code}}`."""

import re

from pydantic import BaseModel, Field

from api.exceptions import RequestRefused

_TYPES = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}
_PATHS = re.compile(r"/v1/(models|chat|responses)(/|$)")


class ErrorBody(BaseModel):
    """What failed and what to do, in words, and for programs."""

    message: str = Field(examples=["There is no model 'gpt'. See GET /v1/models."])
    type: str = Field(examples=["invalid_request_error"])
    param: str | None = Field(description="the field of the request that is to blame", examples=["model"])
    code: str = Field(examples=["model_not_found"])


class OpenAIError(BaseModel):
    """A failure of the OpenAI-compatible routes."""

    error: ErrorBody


class UnsupportedRequest(RequestRefused):
    """The request needs what maqal does not do; `param` is the field that asks for it."""

    status, code = 400, "unsupported"

    def __init__(self, message: str, fix: str, param: str) -> None:
        super().__init__(message, fix)
        self.param = param


class UnknownModel(UnsupportedRequest):
    """No model has the name."""

    status, code = 404, "model_not_found"


def is_openai_path(path: str) -> bool:
    """Whether a path is of the routes that answer in OpenAI's form."""
    return bool(_PATHS.match(path))


def status_of(status: int) -> int:
    """The status for one of the REST routes: OpenAI calls every bad request 400."""
    return 400 if status == 422 else status


def error_body(status: int, code: str, message: str, param: str | None = None) -> OpenAIError:
    """The body of a failure."""
    kind = "server_error" if status >= 500 else _TYPES.get(status, "invalid_request_error")
    return OpenAIError(error=ErrorBody(message=message, type=kind, param=param, code=code))
