"""Every failure as problem details (RFC 9457) with a `code` and a `fix`, and the HTTP status that fits it."""

import logging
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from api.exceptions import RequestRefused
from api.openai.errors import error_body, is_openai_path, status_of
from index.exceptions import MaqalError
from index.normalization import clean
from rag.exceptions import LlmError

_log = logging.getLogger(__name__)

STATUS_OF_CODE = {
    "unknown_article": 404,
    "source_not_found": 404,
    "unknown_answer": 404,
    "nothing_indexed": 409,
    "urls_not_allowed": 403,
    "article_too_large": 413,
    "bad_article": 422,
    "empty_article": 422,
    "not_a_file": 422,
    "unreadable_article": 422,
    "url_refused": 422,
    "bad_question": 422,
    "bad_question_file": 422,
    "bad_conversation_id": 422,
    "fetch_failed": 502,
    "llm_error": 502,
    "store_error": 503,
    "data_directory_error": 503,
    "data_directory_busy": 503,
    "catalog_damaged": 503,
    "vector_store_error": 503,
    "encoder_error": 503,
    "encoder_unavailable": 503,
    "encoder_mismatch": 503,
    "translator_unavailable": 503,
    "bad_setting": 500,
    "rag_error": 500,
    "error": 500,
}
_OF_STATUS = {
    400: ("invalid_request", "The body of {what} cannot be read.", "Send JSON in UTF-8, as GET /openapi.json shows."),
    404: ("not_found", "There is nothing at {what}.", "See the paths in GET /openapi.json."),
    405: ("method_not_allowed", "{what} is not offered.", "Use the method that GET /openapi.json names for the path."),
    413: ("body_too_large", "The body of {what} is too large.", "Send a smaller one, or raise API_MAX_BODY_BYTES."),
    500: ("internal_error", "{what} failed for a reason that was not foreseen.", "Look in the service's log."),
}


MEDIA_TYPE = "application/problem+json"


class Problem(BaseModel):
    """Problem details (RFC 9457): what failed, in words; `code` for programs, `fix` for what to do."""

    type: str = Field(examples=["urn:maqal:problem:unknown_article"])
    title: str = Field(description="the status in words", examples=["Not Found"])
    status: int = Field(examples=[404])
    detail: str = Field(examples=["There is no article 'kazakhstan'."])
    code: str = Field(examples=["unknown_article"])
    fix: str = Field(examples=["See the ids with `maqal articles` or GET /v1/articles."])


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The `responses` of a route that can fail with the statuses."""
    # A `model` FastAPI would document under the media type of the success.
    schema = {"$ref": f"#/components/schemas/{Problem.__name__}"}
    content = {MEDIA_TYPE: {"schema": schema}}
    return {status: {"content": content, "description": HTTPStatus(status).phrase} for status in statuses}


def problem_of(error: MaqalError) -> Problem:
    """The body for an error that is meant for people."""
    status = error.status if isinstance(error, RequestRefused) else STATUS_OF_CODE.get(error.code, 500)
    return _problem(status, error.code, error.message, error.fix or "Try again.")


def response_of(error: MaqalError, path: str = "") -> JSONResponse:
    """The response for an error that is meant for people, in the form that the path answers in."""
    headers = error.headers if isinstance(error, RequestRefused) else None
    return _response(path, problem_of(error), headers, getattr(error, "param", None))


def problem_of_status(status: int, what: str) -> Problem:
    """The body for a failure that HTTP has a status for; `what` is the request in words."""
    code, detail, fix = _OF_STATUS.get(status, _OF_STATUS[500 if status >= 500 else 400])
    return _problem(status, code, detail.format(what=what), fix)


def response_of_status(request: Request, status: int, headers: dict[str, str] | None = None) -> JSONResponse:
    """The response for a failure that HTTP has a status for."""
    return _response(request.url.path, problem_of_status(status, f"{request.method} {request.url.path[:200]}"), headers)


def install(app: FastAPI) -> None:
    """Answer every failure of the app with problem details, and document them."""
    app.add_exception_handler(MaqalError, _maqal_error)
    app.add_exception_handler(RequestValidationError, _invalid_request)
    app.add_exception_handler(HTTPException, _http_error)
    generated = app.openapi

    def openapi() -> dict[str, Any]:
        schema = generated()
        schema["components"]["schemas"].setdefault(Problem.__name__, Problem.model_json_schema())
        return schema

    app.openapi = openapi  # type: ignore[method-assign]


async def _maqal_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, MaqalError)  # noqa: S101 - for the type checker
    response = response_of(error, request.url.path)
    if response.status_code >= 500 and not isinstance(error, RequestRefused):
        # A language model's complaint may repeat the question.
        message = "" if isinstance(error, LlmError) else error.message
        _log.error("%s: %s", error.code, message, exc_info=error)
    return response


async def _invalid_request(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101
    told = "; ".join(_told(e) for e in error.errors()[:3])
    fix = "Send `Content-Type: application/json` and the fields that GET /openapi.json shows."
    problem = _problem(422, "invalid_request", f"The request is not as it should be: {told}.", fix)
    return _response(request.url.path, problem, param=".".join(str(part)[:60] for part in error.errors()[0]["loc"][1:]))


async def _http_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)  # noqa: S101
    return response_of_status(request, error.status_code, dict(error.headers or {}))


def _told(error: dict[str, Any]) -> str:
    where = error["loc"]
    if error["type"] == "json_invalid":
        return f"the body is not JSON, {error['ctx']['error']} (character {where[-1]})"
    return f"{'.'.join(str(part)[:60] for part in where)}: {error['msg']}"


def _problem(status: int, code: str, detail: str, fix: str) -> Problem:
    # A detail may repeat what the client sent, lone surrogates included, which JSON in UTF-8 cannot hold.
    return Problem(
        type=f"urn:maqal:problem:{code}",
        title=HTTPStatus(status).phrase,
        status=status,
        detail=clean(detail),
        code=code,
        fix=clean(fix),
    )


def _response(
    path: str, problem: Problem, headers: dict[str, str] | None = None, param: str | None = None
) -> JSONResponse:
    if is_openai_path(path):
        status = status_of(problem.status)
        body = error_body(status, problem.code, f"{problem.detail} {problem.fix}", param)
        return JSONResponse(body.model_dump(), status, headers)
    return JSONResponse(problem.model_dump(), problem.status, headers, media_type=MEDIA_TYPE)
