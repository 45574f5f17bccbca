"""Every failure as one typed body, `{code, message, fix}`, with the HTTP status that fits it."""

import logging
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from index.exceptions import MaqalError
from index.normalization import clean

_log = logging.getLogger(__name__)

STATUS_OF_CODE = {
    "unknown_article": 404,
    "source_not_found": 404,
    "nothing_indexed": 409,
    "article_too_large": 413,
    "bad_article": 422,
    "empty_article": 422,
    "not_a_file": 422,
    "unreadable_article": 422,
    "bad_question": 422,
    "bad_question_file": 422,
    "bad_conversation_id": 422,
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
    401: ("unauthorized", "The key for {what} is missing or wrong.", "Send the header `Authorization: Bearer KEY`."),
    404: ("not_found", "There is nothing at {what}.", "See the paths in GET /openapi.json."),
    405: ("method_not_allowed", "{what} is not offered.", "Use the method that GET /openapi.json names for the path."),
    413: ("body_too_large", "The body of {what} is too large.", "Send a smaller one, or raise API_MAX_BODY_BYTES."),
    500: ("internal_error", "{what} failed for a reason that was not foreseen.", "Look in the service's log."),
}


class ErrorBody(BaseModel):
    """What failed, in words; `code` for programs, `fix` for what to do."""

    code: str = Field(examples=["unknown_article"])
    message: str = Field(examples=["There is no article 'kazakhstan'."])
    fix: str = Field(examples=["See the ids with `maqal articles` or GET /v1/articles."])


def documented(*statuses: int, is_stream: bool = False) -> dict[int | str, dict[str, Any]]:
    """The `responses` of a route that can fail with the statuses."""
    schema = {"$ref": f"#/components/schemas/{ErrorBody.__name__}"}
    # FastAPI documents a model under the media type of the success, which for a stream is not that of the error.
    body: dict[str, Any] = {"content": {"application/json": {"schema": schema}}} if is_stream else {"model": ErrorBody}
    return {status: {**body, "description": HTTPStatus(status).phrase} for status in statuses}


def body_of(error: MaqalError) -> ErrorBody:
    """The body for an error that is meant for people."""
    return _body(error.code, error.message, error.fix or "Try again.")


def body_of_status(status: int, what: str) -> ErrorBody:
    """The body for a failure that HTTP has a status for; `what` is the request in words."""
    code, message, fix = _OF_STATUS.get(status, _OF_STATUS[500 if status >= 500 else 400])
    return _body(code, message.format(what=what), fix)


def response_of_status(request: Request, status: int, headers: dict[str, str] | None = None) -> JSONResponse:
    """The response for a failure that HTTP has a status for."""
    return _response(status, body_of_status(status, f"{request.method} {request.url.path[:200]}"), headers)


def install(app: FastAPI) -> None:
    """Answer every failure of the app with the typed body."""
    app.add_exception_handler(MaqalError, _maqal_error)
    app.add_exception_handler(RequestValidationError, _invalid_request)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(Exception, _unforeseen)


async def _maqal_error(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, MaqalError)  # noqa: S101 - for the type checker
    status = STATUS_OF_CODE.get(error.code, 500)
    if status >= 500:
        _log.error("%s: %s", error.code, error.message, exc_info=error)
    return _response(status, body_of(error))


async def _invalid_request(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101
    told = "; ".join(_told(e) for e in error.errors()[:3])
    fix = "Send `Content-Type: application/json` and the fields that GET /openapi.json shows."
    return _response(422, _body("invalid_request", f"The request is not as it should be: {told}.", fix))


async def _http_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)  # noqa: S101
    return response_of_status(request, error.status_code, dict(error.headers or {}))


async def _unforeseen(request: Request, _: Exception) -> JSONResponse:
    # starlette raises it again after this response; uvicorn logs it and closes the connection.
    return response_of_status(request, 500, {"Connection": "close"})


def _told(error: dict[str, Any]) -> str:
    where = error["loc"]
    if error["type"] == "json_invalid":
        return f"the body is not JSON, {error['ctx']['error']} (character {where[-1]})"
    return f"{'.'.join(str(part)[:60] for part in where)}: {error['msg']}"


def _body(code: str, message: str, fix: str) -> ErrorBody:
    # A message may repeat what the client sent, lone surrogates included, which JSON in UTF-8 cannot hold.
    return ErrorBody(code=code, message=clean(message), fix=clean(fix))


def _response(status: int, body: ErrorBody, headers: dict[str, str] | None = None) -> JSONResponse:
    return JSONResponse(body.model_dump(), status, headers)
