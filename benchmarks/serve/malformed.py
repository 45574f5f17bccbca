"""Requests that are wrong in some way, from a seed: what the service answers, and whether it ever hangs."""

import asyncio
import json
import random
from collections import Counter
from collections.abc import Callable, Iterator
from urllib.parse import quote, urlsplit

HANGS = "no end"
CLOSED = "closed"
_WAIT = 20.0  # seconds
_AT_ONCE = 20
_HEX = "0" * 32

# What takes a JSON body, with a body that would be right.
_BODIES: dict[str, dict[str, object]] = {
    "/v1/ask": {"question": "Why?"},
    "/v1/ask/stream": {"question": "Why?"},
    "/v1/conversations": {},
    "/v1/conversations/one/messages": {"question": "Why?", "language": "en"},
    "/v1/conversations/one/messages/stream": {"question": "Why?"},
    "/v1/search": {"question": "Why?", "limit": 5},
    "/v1/articles": {"text": "A text.", "title": "A title"},
    "/v1/quotes/check": {"text": "A quote that is long enough"},
    f"/v1/answers/{_HEX}/feedback": {"rating": "up", "reason": ""},
    "/v1/chat/completions": {"model": "maqal", "messages": [{"role": "user", "content": "Why?"}]},
    "/v1/responses": {"model": "maqal", "input": "Why?"},
    "/mcp": {"jsonrpc": "2.0", "id": 1, "method": "tools/list"},
}
_READ = [
    "/v1/articles", "/v1/articles/none", "/v1/articles/none/versions", "/v1/articles/none/facts", "/v1/usage",
    f"/v1/answers/{_HEX}", f"/v1/answers/{_HEX}/events", "/v1/conversations/one", "/v1/feedback", "/v1/models",
    "/a/none", "/web/none.js", "/metrics",
]  # fmt: skip
_VALUES: list[object] = [
    None, True, -1, 1e308, 10**30, "", " ", "\x00", "\ud800", "؟" * 5000, [], {}, [[]], ["x"] * 200, {"a": {"b": []}},
    "../../etc/passwd", "' OR 1=1 --", "<script>", "\u202e", "NaN",
]  # fmt: skip
_HEADERS = [
    b"Last-Event-ID: \xff\xfe", b"Last-Event-ID: x:-1", b'If-None-Match: "', b"If-Match: ,", b"Idempotency-Key: \x01",
    b"Authorization: Bearer", b"Authorization: \xff", b"X-Request-ID: " + b"x" * 5000, b"Host: evil.example", b"Host:",
    b"Accept: */x;q=z", b"Origin: null", b"Content-Encoding: gzip", b"Expect: 100-continue", b"Cookie: " + b"a=b;" * 99,
    b"Content-Type: application/json; charset=utf-99", b"Content-Type: multipart/form-data", b"Range: bytes=9-1",
]  # fmt: skip


async def send_malformed(url: str, count: int, seed: int = 0) -> Counter[str]:
    """Send `count` of them, twenty at a time; how many got which status, were closed without one, or did not end."""
    address = urlsplit(url)
    requests = _requests(random.Random(seed), count)  # noqa: S311 - to be repeatable
    found: Counter[str] = Counter()

    async def client() -> None:
        for request, is_whole in requests:
            found[await _sent(str(address.hostname), address.port or 80, request, is_whole=is_whole)] += 1

    async with asyncio.TaskGroup() as tasks:
        for _ in range(_AT_ONCE):
            tasks.create_task(client())
    return found


async def _sent(host: str, port: int, request: bytes, *, is_whole: bool) -> str:
    try:
        async with asyncio.timeout(_WAIT):
            reader, writer = await asyncio.open_connection(host, port)
            try:
                writer.write(request)
                # To the end of the sending side the server answers with the end of the connection.
                if not is_whole:
                    writer.write_eof()
                response = await reader.read()
            finally:
                writer.close()
    except TimeoutError:
        return HANGS
    except OSError:
        return CLOSED
    response = response.removeprefix(b"HTTP/1.1 100 Continue\r\n\r\n")
    return response[9:12].decode("latin-1") if response.startswith(b"HTTP/1.1 ") else CLOSED


def _requests(chance: random.Random, count: int) -> Iterator[tuple[bytes, bool]]:
    """Requests, and whether they have an end that a server can see."""
    whole: list[Callable[[random.Random], bytes]] = [
        _wrong_value, _wrong_value, _wrong_value, _broken_json, _wrong_query, _wrong_header, _wrong_path, _wrong_method,
        _wrong_upload, _deep,
    ]  # fmt: skip
    for _ in range(count):
        way = chance.choice([*whole, _wrong_length, _wrong_protocol])
        yield way(chance), way in whole


def _http(method: str, path: str, body: bytes = b"", *headers: bytes, kind: bytes = b"application/json") -> bytes:
    lines = [f"{method} {path} HTTP/1.1".encode(), b"Host: 127.0.0.1", b"Connection: close", *headers]
    if body:
        lines += [b"Content-Type: " + kind, b"Content-Length: %d" % len(body)]
    return b"\r\n".join([*lines, b"", body])


def _wrong_value(chance: random.Random) -> bytes:
    path, right = chance.choice(list(_BODIES.items()))
    body: object = {**right, chance.choice([*right, "extra", "article_ids", "stream"]): chance.choice(_VALUES)}
    if chance.random() < 0.2:
        body = chance.choice(_VALUES)
    return _http("POST", path, json.dumps(body).encode())


def _broken_json(chance: random.Random) -> bytes:
    path, right = chance.choice(list(_BODIES.items()))
    body = bytearray(json.dumps(right).encode())
    for _ in range(chance.randint(1, 4)):
        body[chance.randrange(len(body))] = chance.randrange(256)
    return _http("POST", path, bytes(body[: chance.randint(1, len(body))]))


def _deep(chance: random.Random) -> bytes:
    depth = chance.choice([100, 5_000, 100_000])
    return _http("POST", chance.choice(list(_BODIES)), b"[" * depth + b"]" * chance.choice([0, depth]))


def _wrong_query(chance: random.Random) -> bytes:
    names = ["limit", "cursor", "version", "start", "end", "style", "since", "until", "after", "%00", "a[]"]
    query = "&".join(
        f"{chance.choice(names)}={quote(str(chance.choice(_VALUES))[:500], errors='replace')}" for _ in range(3)
    )
    return _http("GET", f"{chance.choice(_READ)}?{query}")


def _wrong_header(chance: random.Random) -> bytes:
    headers = chance.sample(_HEADERS, 2)
    if chance.random() < 0.5:
        return _http("GET", chance.choice(_READ), b"", *headers)
    path, right = chance.choice(list(_BODIES.items()))
    return _http("POST", path, json.dumps({**right, "extra": 1}).encode(), *headers)


def _wrong_path(chance: random.Random) -> bytes:
    parts = ["..", ".", "%2e%2e", "%00", "%ff", "%2f", "v1", "ask", "articles", "a" * 3000, "é", "{id}", "*", ""]
    path = "/" + "/".join(quote(chance.choice(parts), safe="%*{}.") for _ in range(chance.randint(1, 6)))
    return _http(chance.choice(["GET", "POST", "DELETE"]), path)


def _wrong_method(chance: random.Random) -> bytes:
    method = chance.choice(["PUT", "PATCH", "DELETE", "OPTIONS", "HEAD", "TRACE", "CONNECT", "BREW", "get"])
    return _http(method, chance.choice([*_BODIES, *_READ]))


def _wrong_upload(chance: random.Random) -> bytes:
    kind = chance.choice([b"multipart/form-data; boundary=x", b"multipart/form-data", b"text/plain", b"\xff/x"])
    name = chance.choice([b'file"; filename="a.txt', b'file"; filename="../a.pdf', b"file", b'"', b"other"])
    data = chance.choice([b"", b"%PDF-1.7 broken", b"PK\x03\x04broken", b"\x00\x01\x02", b"<html>", b"\xff\xfe\x00"])
    body = b'--x\r\nContent-Disposition: form-data; name="' + name + b'"\r\n\r\n' + data
    return _http("POST", "/v1/articles/file", body + chance.choice([b"\r\n--x--\r\n", b"", b"--y--"]), kind=kind)


def _wrong_length(chance: random.Random) -> bytes:
    path, right = chance.choice(list(_BODIES.items()))
    body = json.dumps(right).encode()
    start = b"POST " + path.encode() + b" HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
    wrong = [
        b"Content-Length: 99999\r\n\r\n" + body, b"Content-Length: 99999999999\r\n\r\n" + body,
        b"Content-Length: -1\r\n\r\n" + body, b"Content-Length: x\r\n\r\n" + body,
        b"Content-Length: 5\r\nContent-Length: 6\r\n\r\n" + body, b"Transfer-Encoding: chunked\r\n\r\nzz\r\n" + body,
        b"Transfer-Encoding: chunked\r\n\r\nffffffff\r\n" + body, b"Transfer-Encoding: chunked\r\n\r\n",
    ]  # fmt: skip
    return start + chance.choice(wrong)


def _wrong_protocol(chance: random.Random) -> bytes:
    whole = [
        b"", b"\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00", b"GET / HTTP/9.9\r\n\r\n", b"GET /\r\n\r\n", b"GET",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"GET /healthz HTTP/1.1\r\nHost 127.0.0.1\r\n\r\n", bytes(range(256)),
        b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nX: " + b"a" * 200_000 + b"\r\n\r\n",
        b"GET /mcp HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
    ]  # fmt: skip
    return chance.choice(whole)
