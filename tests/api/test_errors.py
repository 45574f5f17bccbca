"""Whatever is sent, the answer is typed."""

import httpx
import pytest

from api.errors import STATUS_OF_CODE
from index.exceptions import MaqalError
from tests.api.conftest import Start, assert_typed

WHY = '{"question": "Why did Tokayev call in the CSTO?"}'


def why(more: str) -> str:
    """A good question's body with something more in it."""
    return f"{WHY[:-1]}, {more}}}"


BAD = [
    ("/v1/ask", "{}", 422, "invalid_request"),
    ("/v1/ask", '{"question": ""}', 422, "bad_question"),
    ("/v1/ask", '{"question": "  \\u0000 \\ud800 "}', 422, "bad_question"),
    ("/v1/ask", '{"question": "%s"}' % ("why " * 5_000), 422, "bad_question"),
    ("/v1/ask", '{"question": 5}', 422, "invalid_request"),
    ("/v1/ask", '{"question": NaN}', 422, "invalid_request"),
    ("/v1/ask", '{"question": null}', 422, "invalid_request"),
    ("/v1/ask", why('"mood": 1'), 422, "invalid_request"),
    ("/v1/ask", why('"\\ud800": 1'), 422, "invalid_request"),
    ("/v1/ask", why('"language": "xx"'), 422, "bad_question"),
    ("/v1/ask", why('"language": "\\ud800"'), 422, "invalid_request"),
    ("/v1/ask", why('"language": ""'), 422, "invalid_request"),
    ("/v1/ask", why('"article_ids": []'), 422, "invalid_request"),
    ("/v1/ask", why('"article_ids": ["nowhere"]'), 404, "unknown_article"),
    ("/v1/ask", why('"article_ids": ["\\u0000"]'), 404, "unknown_article"),
    ("/v1/ask", why('"article_ids": ["\\ud800"]'), 422, "invalid_request"),
    ("/v1/ask", why('"conversation": "a b"'), 422, "bad_conversation_id"),
    ("/v1/ask", why('"conversation": "\\u0000"'), 422, "bad_conversation_id"),
    ("/v1/ask", "", 422, "invalid_request"),
    ("/v1/ask", "{", 422, "invalid_request"),
    ("/v1/ask", "[]", 422, "invalid_request"),
    ("/v1/ask", b'{"question": "\xff"}', 400, "invalid_request"),
    ("/v1/ask", "[" * 100_000, 400, "invalid_request"),
    ("/v1/ask", '{"question": %s}' % ("1" * 5_000), 400, "invalid_request"),
    ("/v1/conversations/a%20b/messages", WHY, 422, "bad_conversation_id"),
    ("/v1/conversations/%00/messages/stream", WHY, 422, "bad_conversation_id"),
    ("/v1/search", why('"limit": 0'), 422, "invalid_request"),
    ("/v1/search", why('"limit": 51'), 422, "invalid_request"),
    ("/v1/search", '{"question": ""}', 422, "bad_question"),
    ("/v1/articles", "{}", 422, "invalid_request"),
    ("/v1/articles", '{"text": ""}', 422, "empty_article"),
    ("/v1/articles", '{"text": " \\u0000\\ud800\\n"}', 422, "empty_article"),
    ("/v1/articles", '{"text": "<html></html>", "format": "html"}', 422, "empty_article"),
    ("/v1/articles", '{"text": "# Only a title", "format": "markdown"}', 422, "empty_article"),
    ("/v1/articles", '{"text": "a", "format": "pdf"}', 422, "invalid_request"),
    ("/v1/articles", '{"text": "a", "published": "yesterday"}', 422, "invalid_request"),
    ("/v1/articles", '{"text": "a", "title": "\\ud800"}', 422, "invalid_request"),
    ("/v1/articles", '{"text": "a", "url": "http://a"}', 422, "invalid_request"),
    ("/v1/articles", '{"text": "a", "published": 0}', 422, "invalid_request"),
    ("/v1/articles", '{"url": "http://example.org/"}', 403, "urls_not_allowed"),
    ("/v1/ask/stream", "{}", 422, "invalid_request"),
    ("/v1/ask/stream", why('"conversation": "a b"'), 422, "bad_conversation_id"),
    ("/v1/answers/nothing/feedback", '{"rating": "up"}', 404, "unknown_answer"),
    ("/v1/answers/nothing/feedback", '{"rating": "good"}', 422, "invalid_request"),
    ("/v1/answers/nothing/feedback", '{"rating": "up", "reason": "%s"}' % ("x" * 2_001), 422, "invalid_request"),
    ("/v1/answers/nothing/feedback", '{"rating": "up", "surface": "slack"}', 422, "invalid_request"),
    ("/v1/nowhere", "{}", 404, "not_found"),
    ("/", "{}", 405, "method_not_allowed"),
    ("/v1/ask/", "{}", 404, "not_found"),
    ("/healthz", "{}", 405, "method_not_allowed"),
]


@pytest.mark.parametrize(("path", "body", "status", "code"), BAD)
def test_bad_input(client: httpx.Client, path: str, body: str, status: int, code: str) -> None:
    response = client.post(path, content=body, headers={"content-type": "application/json"})
    assert_typed(response, status, code)


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/v1/ask", 405, "method_not_allowed"),
        ("PUT", "/v1/articles", 405, "method_not_allowed"),
        ("GET", "/v1/articles/nowhere", 404, "unknown_article"),
        ("DELETE", "/v1/articles/%00%ff", 404, "unknown_article"),
        ("GET", "/%ff%00", 404, "not_found"),
        ("GET", "/v1/conversations/a%20b/messages", 422, "bad_conversation_id"),
        ("DELETE", "/v1/conversations/a%20b", 422, "bad_conversation_id"),
        ("GET", "/v1/answers/%00", 404, "unknown_answer"),
        ("GET", "/v1/usage?since=yesterday", 422, "invalid_request"),
        ("GET", "/v1/usage?until=0", 422, "invalid_request"),
    ],
)
def test_bad_path_or_method(client: httpx.Client, method: str, path: str, status: int, code: str) -> None:
    response = client.request(method, path)
    assert_typed(response, status, code)
    assert ("allow" in response.headers) == (status == 405)


def test_json_must_be_called_json(client: httpx.Client) -> None:
    # A web page can send text/plain to another site without asking it; nothing is done for it.
    response = client.post("/v1/ask", content=WHY, headers={"content-type": "text/plain"})
    assert_typed(response, 422, "invalid_request")


def test_a_body_over_the_limit(start: Start) -> None:
    client = start(max_body_bytes=1000)
    assert_typed(client.post("/v1/ask", json={"question": "x" * 1000}), 413, "body_too_large")
    assert_typed(client.post("/v1/ask", content=(b"x" * 100 for _ in range(11))), 413, "body_too_large")
    assert client.post("/v1/ask", json={"question": "Why did Tokayev call in the CSTO?"}).status_code == 200


def test_every_error_of_the_lower_floors_has_a_status() -> None:
    def codes(error: type[MaqalError]) -> set[str]:
        kinds = [kind for kind in error.__subclasses__() if kind.__module__.split(".")[0] in {"index", "rag"}]
        return {error.code}.union(*(codes(kind) for kind in kinds))

    import rag.exceptions
    import rag.question_files  # noqa: F401

    assert codes(MaqalError) == set(STATUS_OF_CODE)
