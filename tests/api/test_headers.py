"""What every response carries, which names the service answers to, and what a browser may send it."""

import gzip
import json
import socket

import httpx
import pytest

from api.headers import HEADERS
from tests.api.conftest import Start, assert_typed

QUESTION = {"question": "When was the CSTO founded?"}
EVERYWHERE = [
    ("GET", "/healthz", 200),
    ("GET", "/readyz", 200),
    ("GET", "/openapi.json", 200),
    ("GET", "/", 200),
    ("GET", "/web/nowhere.js", 404),
    ("GET", "/nowhere", 404),
    ("PUT", "/v1/ask", 405),
    ("POST", "/v1/ask", 422),
    ("GET", "/v1/articles", 200),
    ("GET", "/v1/articles/nowhere", 404),
]


@pytest.mark.parametrize(("method", "path", "status"), EVERYWHERE)
def test_every_response_has_the_security_headers(client: httpx.Client, method: str, path: str, status: int) -> None:
    response = client.request(method, path)
    assert response.status_code == status
    for name, value in HEADERS.items():
        (given,) = response.headers.get_list(name)
        # The page may ask for more.
        assert given.startswith(value) if path == "/" else given == value, name
    assert "access-control-allow-origin" not in response.headers
    assert "server" not in response.headers
    assert response.headers["x-request-id"]
    assert response.headers["cache-control"]


def test_the_policy_lets_nothing_in_from_elsewhere() -> None:
    policy = dict(part.strip().split(" ", 1) for part in HEADERS["Content-Security-Policy"].split(";"))
    assert policy == {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "img-src": "'self' data:",
        "connect-src": "'self'",
        "base-uri": "'none'",
        "form-action": "'self'",
        "frame-ancestors": "'none'",
    }


def test_answers_are_kept_in_no_cache(client: httpx.Client) -> None:
    assert client.post("/v1/search", json=QUESTION).headers["cache-control"] == "no-store"
    assert client.get("/v1/articles/nowhere").headers["cache-control"] == "no-store"
    article = client.get("/v1/articles/kazakhstan-csto-2022.ar")
    assert article.headers["cache-control"] == ("private, no-cache" if "etag" in article.headers else "no-store")


def test_no_other_site_is_let_in(client: httpx.Client) -> None:
    asked = {"Origin": "https://elsewhere.example", "Access-Control-Request-Method": "POST"}
    response = client.options("/v1/ask", headers=asked)
    assert response.status_code == 405
    assert not [name for name in response.headers if name.startswith("access-control")]


# Hosts.


def assert_host(client: httpx.Client, host: str, *, is_trusted: bool) -> None:
    for path in ("/healthz", "/v1/articles", "/"):
        response = client.get(path, headers={"Host": host.encode("latin-1")})
        if is_trusted:
            assert response.status_code == 200, host
        else:
            assert_typed(response, 400, "untrusted_host")
            assert "API_HOSTS" in response.json()["fix"]


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "LocalHost:1", "[::1]:8000", "[::1]", "localhost."])
def test_names_of_loopback_are_trusted(client: httpx.Client, host: str) -> None:
    assert_host(client, host, is_trusted=True)


@pytest.mark.parametrize(
    "host",
    [
        "",
        "evil.example",
        "localhost.evil.example",
        "evil.example:8000",
        "127.0.0.1.evil.example",
        "xlocalhost",
        "localhost@evil.example",
        "localhost/evil.example",
        "localhost, evil.example",
        "localhost:port",
        "localhost:",
        "192.168.1.5",
        "[::1",
        "2130706433",
        "maqål",
    ],
)
def test_other_names_are_not(client: httpx.Client, host: str) -> None:
    assert_host(client, host, is_trusted=False)


def test_two_hosts_and_none_are_refused(client: httpx.Client) -> None:
    for hosts in (b"", b"Host: localhost\r\nHost: evil.example\r\n"):
        with socket.create_connection((client.base_url.host, client.base_url.port)) as connection:
            connection.sendall(b"GET /healthz HTTP/1.0\r\n" + hosts + b"\r\n")
            assert b" 400 " in connection.makefile("rb").readline()


def test_other_headers_name_no_host(client: httpx.Client) -> None:
    named = {"X-Forwarded-Host": "evil.example", "Forwarded": "host=evil.example"}
    assert "evil" not in client.get("/openapi.json", headers=named).text


def test_the_configured_names_are_trusted(start: Start) -> None:
    client = start(hosts="maqal.example, News.Example,[fd00::5]")
    for host in ("maqal.example", "news.example:443", "localhost", "[fd00::5]:80", "127.0.0.1:1"):
        assert_host(client, host, is_trusted=True)
    for host in ("www.maqal.example", "example", "192.168.1.5"):
        assert_host(client, host, is_trusted=False)


def test_a_service_on_all_addresses_is_called_by_any_address_but_by_no_name(start: Start) -> None:
    client = start(host="0.0.0.0", require_key=False)
    for host in ("10.1.2.3:8000", "[2001:db8::1]:80", "localhost", "0.0.0.0"):
        assert_host(client, host, is_trusted=True)
    for host in ("evil.example", "010.1.2.3", "1.2"):
        assert_host(client, host, is_trusted=False)


# Other sites' pages: without keys the address alone would let them in.

ARTICLE = {"text": "The bridge was closed on Monday. It will open again in March, the mayor said.", "name": "bridge"}
FILE = {"file": ("bridge.txt", ARTICLE["text"].encode())}


def foreign(client: httpx.Client) -> list[dict[str, str]]:
    return [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "cross-site", "Origin": str(client.base_url)},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": f"http://localhost:{client.base_url.port}"},
        {"Origin": f"http://127.0.0.1:{(client.base_url.port or 0) + 1}"},
        {"Origin": "http://["},
    ]


def test_another_sites_page_cannot_use_a_local_service(start: Start) -> None:
    client = start()
    for headers in foreign(client):
        for response in (
            client.post("/v1/ask", json=QUESTION, headers=headers),
            client.post("/v1/articles", json=ARTICLE, headers=headers),
            client.post("/v1/articles/file", files=FILE, headers=headers),
            client.post("/v1/conversations", headers=headers),
            client.delete("/v1/articles/kazakhstan-csto-2022.ar", headers=headers),
            client.post("/mcp", json={}, headers=headers),
        ):
            assert_typed(response, 403, "cross_site")
    assert len(client.get("/v1/articles").json()["articles"]) == 1


def test_the_services_own_page_and_programs_can(start: Start) -> None:
    client = start()
    own = str(client.base_url).rstrip("/")
    for headers in ({}, {"Sec-Fetch-Site": "same-origin", "Origin": own}, {"Sec-Fetch-Site": "none"}, {"Origin": own}):
        assert client.post("/v1/ask", json=QUESTION, headers=headers).status_code == 200, headers
    # A link on another site may lead here.
    assert client.get("/", headers={"Sec-Fetch-Site": "cross-site"}).status_code == 200


# Bodies.


def test_bodies_are_counted_in_real_bytes(start: Start) -> None:
    client = start(max_body_bytes=2000)
    form = {"content-type": "multipart/form-data; boundary=b"}
    part = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\n'
    for content in (b"x" * 2001, (b"x" * 100 for _ in range(21))):
        assert_typed(client.post("/v1/ask", content=content), 413, "body_too_large")
    for pieces in (part + b"x" * 2000, iter([part, b"x" * 2000])):
        response = client.post("/v1/articles/file", content=pieces, headers=form)
        assert_typed(response, 413, "body_too_large")
    # Bytes, not characters: 1000 letters of two bytes.
    assert_typed(client.post("/v1/ask", content=('"' + "م" * 1000 + '"').encode()), 413, "body_too_large")
    assert client.post("/v1/search", json=QUESTION).status_code == 200


@pytest.mark.parametrize("length", ["-1", "x", "1e3", "٣"])
def test_a_length_that_is_none(client: httpx.Client, length: str) -> None:
    with socket.create_connection((client.base_url.host, client.base_url.port)) as connection:
        sent = f"POST /v1/ask HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n\r\n{{}}"
        connection.sendall(sent.encode())
        assert b" 400 " in connection.makefile("rb").readline()


@pytest.mark.parametrize("encoding", ["gzip", "GZIP", "deflate", "br", "identity, gzip"])
def test_a_compressed_body_is_not_unpacked(client: httpx.Client, encoding: str) -> None:
    body = gzip.compress(json.dumps(QUESTION).encode())
    for path in ("/v1/ask", "/v1/articles/file"):
        response = client.post(path, content=body, headers={"Content-Encoding": encoding})
        assert_typed(response, 415, "encoded_body")
