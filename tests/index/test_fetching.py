"""Articles from the web, from a real server: what is fetched, and what no server may do."""

import gzip
import ipaddress
import socket
import time
import zlib
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from index.addresses import is_public, parse_url
from index.exceptions import (
    ArticleTooLarge,
    EmptyArticle,
    FetchFailed,
    UnreadableArticle,
    UrlRefused,
    UrlsNotAllowed,
)
from index.fetching import MOST_REDIRECTS, PUBLIC, fetch_article
from index.settings import IndexSettings
from tests.index.test_addresses import INWARD
from tests.index.web_server import PAGE, WebServer, is_this_or_public, make_certificate, page, redirect

SETTINGS = IndexSettings(allow_urls=True)
TEXT = "The bridge was closed on Monday, the mayor said.\n\nIt will open again in March."


def test_nothing_is_fetched_unless_it_is_allowed() -> None:
    with WebServer({"/": page()}) as server:
        with pytest.raises(UrlsNotAllowed) as caught:
            fetch_article(server.url(), IndexSettings(), server.network())
        assert "INDEX_ALLOW_URLS=true" in caught.value.fix
        assert server.requests == []


def test_a_page_becomes_an_article() -> None:
    with WebServer({"/story?id=1&x=%D9%85": page()}) as server:
        url = server.url("/story?id=1&x=م")
        article = fetch_article(url, SETTINGS, server.network())
        assert article.title == "The bridge is closed"
        assert article.source == "news.example"
        assert article.origin == server.url("/story?id=1&x=%D9%85")
        assert [p.kind for p in article.paragraphs].count("body") == 2
        ((_, headers),) = server.requests
    assert headers["Host"] == f"news.example:{server.port}"
    assert "Cookie" not in headers
    assert "Referer" not in headers


@pytest.mark.parametrize(
    ("type", "body", "title"),
    [
        ("text/plain", TEXT, "The bridge was closed on Monday, the mayor said. It will"),
        ("Text/Markdown; charset=UTF-8", f"# Bridge\n\n{TEXT}", "Bridge"),
        ("text/plain; charset=windows-1256", "أغلق الجسر يوم الاثنين، قال رئيس البلدية.".encode("cp1256"), "أغلق"),
        ('text/plain; charset="utf-16"', TEXT.encode("utf-16"), "The bridge"),
        ("application/xhtml+xml", PAGE, "The bridge is closed"),
    ],
)
def test_texts_of_several_types(type: str, body: str | bytes, title: str) -> None:
    with WebServer({"/": page(body, type=type)}) as server:
        article = fetch_article(server.url(), SETTINGS, server.network())
    assert article.title.startswith(title[:10])


@pytest.mark.parametrize("type", ["application/pdf", "image/png", "application/json", "text/css", "", None])
def test_other_types_are_refused(type: str | None) -> None:
    with WebServer({"/": page(type=type)}) as server, pytest.raises(UnreadableArticle, match="not a page or a text"):
        fetch_article(server.url(), SETTINGS, server.network())


def test_a_page_without_an_article() -> None:
    with WebServer({"/": page("")}) as server, pytest.raises(EmptyArticle):
        fetch_article(server.url(), SETTINGS, server.network())


@pytest.mark.parametrize("status", [204, 206, 304, 401, 403, 404, 500, 302])
def test_an_answer_that_is_none(status: int) -> None:
    with WebServer({"/": page("", status)}) as server, pytest.raises(FetchFailed, match=f"status {status}"):
        fetch_article(server.url(), SETTINGS, server.network())


# Redirects.


def test_redirects_are_followed() -> None:
    pages = {"/": redirect("/two", 301), "/two": redirect("three?x=1", 308), "/three?x=1": page()}
    with WebServer(pages) as server:
        article = fetch_article(server.url(), SETTINGS, server.network())
        assert server.paths == ["/", "/two", "/three?x=1"]
        # The address that was given names the article: asked for again, it is the same one.
        assert article.origin == server.url()


ELSEWHERE = [
    *INWARD[2:12],
    "file:///etc/passwd",
    "http://u@news.example/",
    "http://a b/",
    "http://[",
    "\\\\x",
    "//0x7f.1/",
]


@pytest.mark.parametrize("location", ELSEWHERE)
def test_a_redirect_is_checked_like_the_first_address(location: str) -> None:
    with WebServer({"/": redirect(location)}) as server:
        with pytest.raises(UrlRefused):
            fetch_article(server.url(), SETTINGS, server.network())
        assert server.paths == ["/"]


def test_a_redirect_in_letters_beyond_ascii() -> None:
    location = "/جسر".encode().decode("latin-1")
    with WebServer({"/": redirect(location), "/%D8%AC%D8%B3%D8%B1": page()}) as server:
        assert fetch_article(server.url(), SETTINGS, server.network()).title


def test_a_redirect_to_a_name_that_leads_inward() -> None:
    def resolver(host: str, port: int) -> list[str]:
        return ["127.0.0.1"] if host == "news.example" else ["10.0.0.8"]

    with (
        WebServer({"/": redirect("http://intranet.example/")}) as server,
        pytest.raises(UrlRefused, match=r"intranet\.example is not on the public internet") as caught,
    ):
        fetch_article(server.url(), SETTINGS, server.network(resolver=resolver))
    # It does not tell which address the name has inside.
    assert "10.0.0.8" not in caught.value.message


def test_redirects_have_an_end() -> None:
    with WebServer({"/": redirect("/")}) as server:
        with pytest.raises(FetchFailed, match=f"more than {MOST_REDIRECTS} times"):
            fetch_article(server.url(), SETTINGS, server.network())
        assert len(server.requests) == MOST_REDIRECTS + 1


# Names and what they resolve to.


def test_a_name_is_resolved_once_and_the_connection_goes_where_it_was_checked() -> None:
    answers = iter([["127.0.0.1"], ["10.0.0.1"]])
    with WebServer({"/": page()}) as server:
        fetch_article(server.url(), SETTINGS, server.network(resolver=lambda *_: next(answers)))
        assert next(answers) == ["10.0.0.1"]
        assert len(server.requests) == 1


def test_a_name_that_is_rebound_between_redirects_is_refused() -> None:
    answers = iter([["127.0.0.1"], ["192.168.0.1"]])
    with WebServer({"/": redirect("/again"), "/again": page()}) as server:
        with pytest.raises(UrlRefused):
            fetch_article(server.url(), SETTINGS, server.network(resolver=lambda *_: next(answers)))
        assert server.paths == ["/"]


@pytest.mark.parametrize(
    "addresses",
    [["127.0.0.1", "10.0.0.1"], ["10.0.0.1", "127.0.0.1"], ["127.0.0.1", "::1"], ["fe80::1%eth0"], ["nonsense"], []],
)
def test_one_address_that_is_not_public_spoils_a_name(addresses: list[str]) -> None:
    with WebServer({"/": page()}) as server:
        with pytest.raises(UrlRefused, match="not on the public internet"):
            fetch_article(server.url(), SETTINGS, server.network(resolver=lambda *_: addresses))
        assert server.requests == []


def test_the_next_address_is_tried_where_nobody_listens() -> None:
    with WebServer({"/": page()}) as server:
        network = server.network(
            resolver=lambda *_: ["::1", "127.0.0.1"],
            is_allowed=lambda address: address.is_loopback,
        )
        assert fetch_article(server.url(), SETTINGS, network).title


@pytest.mark.parametrize("name", ["localhost", "LOCALHOST", "localhost.", "ⓛocalhost"])
def test_the_names_of_this_machine(name: str) -> None:
    with pytest.raises(UrlRefused, match="not on the public internet"):
        fetch_article(f"http://{name}/", SETTINGS)


def test_a_name_that_is_none() -> None:
    def resolver(host: str, port: int) -> list[str]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    with WebServer({}) as server, pytest.raises(FetchFailed, match="there is no such name"):
        fetch_article(server.url(), SETTINGS, server.network(resolver=resolver))


def test_nobody_listens(free_port: int) -> None:
    with WebServer({}) as server:
        network = server.network(ports=(free_port,))
        with pytest.raises(FetchFailed, match="Connection refused"):
            fetch_article(f"http://news.example:{free_port}/", SETTINGS, network)


def test_proxies_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    with WebServer({}) as proxy, WebServer({"/": page()}) as server:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY", "https_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        assert fetch_article(server.url(), SETTINGS, server.network()).title
        assert proxy.requests == []


def test_names_of_other_scripts_go_as_punycode() -> None:
    asked = []

    def resolver(host: str, port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"]

    with WebServer({"/": page()}) as server:
        url = f"http://صحيفة.example:{server.port}/"
        fetch_article(url, SETTINGS, server.network(resolver=resolver))
        assert asked == ["xn--mgbg3cd7jg.example"] or asked[0].startswith("xn--")
        assert server.requests[0][1]["Host"].startswith("xn--")
    assert parse_url("HTTPS://News.Example./A?b#c").url == "https://news.example/A?b"


# TLS: the connection goes to an address, the certificate is the name's.


def test_the_certificate_is_checked_for_the_name(tmp_path: Path) -> None:
    certificate = make_certificate(tmp_path, "news.example")
    with WebServer({"/": page()}, certificate) as server:
        assert fetch_article(server.url(scheme="https"), SETTINGS, server.network()).title
        assert server.paths == ["sni news.example", "/"]


@pytest.mark.parametrize("name", ["other.example", "127.0.0.1"])
def test_a_certificate_of_another_name(tmp_path: Path, name: str) -> None:
    with WebServer({"/": page()}, make_certificate(tmp_path, name)) as server:
        with pytest.raises(FetchFailed, match="its certificate is not valid"):
            fetch_article(server.url(scheme="https"), SETTINGS, server.network())
        assert "/" not in server.paths


def test_a_certificate_that_nobody_knows(tmp_path: Path) -> None:
    certificate = make_certificate(tmp_path, "news.example")
    with (
        WebServer({"/": page()}, certificate) as server,
        pytest.raises(FetchFailed, match="its certificate is not valid"),
    ):
        fetch_article(server.url(scheme="https"), SETTINGS, server.network(ssl_context=None))


def test_https_does_not_lead_to_http(tmp_path: Path) -> None:
    certificate = make_certificate(tmp_path, "news.example")
    with (
        WebServer({"/": redirect("http://news.example/")}, certificate) as server,
        pytest.raises(UrlRefused, match="anyone on the way could change"),
    ):
        fetch_article(server.url(scheme="https"), SETTINGS, server.network())


# Sizes and times.

SMALL = IndexSettings(allow_urls=True, max_bytes=100_000)


def endless(piece: bytes) -> Callable[[BaseHTTPRequestHandler], None]:
    """A page that sends the piece for ever."""

    def send(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.send_header("Content-Type", "text/html")
        request.end_headers()
        while True:
            request.wfile.write(piece)

    return send


def bomb() -> bytes:
    """A hundred million zeros in a hundred thousand bytes."""
    packer = zlib.compressobj(9, wbits=zlib.MAX_WBITS | 16)
    return b"".join([*(packer.compress(bytes(1_000_000)) for _ in range(100)), packer.flush()])


@pytest.mark.parametrize(
    "served",
    [page("x" * 100_001), endless(b"x" * 1000), page(bomb(), Content_Encoding="gzip")],
    ids=["large", "endless", "bomb"],
)
def test_more_bytes_than_are_accepted(served: Callable[[BaseHTTPRequestHandler], None]) -> None:
    with WebServer({"/": served}) as server, pytest.raises(ArticleTooLarge, match="more than 100,000 bytes"):
        fetch_article(server.url(), SMALL, server.network())


def test_a_bomb_is_never_unpacked_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    import tracemalloc

    with WebServer({"/": page(bomb(), Content_Encoding="gzip")}) as server:
        tracemalloc.start()
        with pytest.raises(ArticleTooLarge):
            fetch_article(server.url(), SMALL, server.network())
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert peak < 5_000_000


def test_a_compressed_page() -> None:
    with WebServer({"/": page(gzip.compress(PAGE.encode()), Content_Encoding="gzip")}) as server:
        assert fetch_article(server.url(), SETTINGS, server.network()).title == "The bridge is closed"


@pytest.mark.parametrize("body", [gzip.compress(PAGE.encode())[:-9], b"no gzip at all", b""])
def test_a_compressed_page_that_is_broken(body: bytes) -> None:
    with (
        WebServer({"/": page(body, Content_Encoding="gzip")}) as server,
        pytest.raises(FetchFailed, match="could not be fetched"),
    ):
        fetch_article(server.url(), SETTINGS, server.network())


def test_a_compression_that_was_not_asked_for() -> None:
    with WebServer({"/": page(b"x", Content_Encoding="br")}) as server, pytest.raises(FetchFailed, match="'br'"):
        fetch_article(server.url(), SETTINGS, server.network())


def test_a_body_that_ends_too_early() -> None:
    with WebServer({"/": page(PAGE, Content_Length="100000")}) as server, pytest.raises(FetchFailed):
        fetch_article(server.url(), SETTINGS, server.network(seconds=2.0))


def dripping(start: bytes) -> Callable[[BaseHTTPRequestHandler], None]:
    """A page that sends a byte every 20 ms after its start, for as long as it is let."""

    def send(request: BaseHTTPRequestHandler) -> None:
        request.wfile.write(start)
        while True:
            request.wfile.write(b"x")
            time.sleep(0.02)

    return send


SLOW = [
    dripping(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n"),
    dripping(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 90000\r\n\r\n"),
    dripping(b"HTTP/1.1 200 OK\r\nX-Long: "),
    dripping(b""),
]


@pytest.mark.parametrize("served", SLOW, ids=["body", "body of a length", "header", "status"])
def test_a_slow_drip_is_cut(served: Callable[[BaseHTTPRequestHandler], None]) -> None:
    with WebServer({"/": served}) as server, pytest.raises(FetchFailed, match=r"took more than 0\.3 seconds"):
        fetch_article(server.url(), SETTINGS, server.network(seconds=0.3))


def test_time_counts_for_all_redirects_together() -> None:
    def slow(request: BaseHTTPRequestHandler) -> None:
        time.sleep(0.2)
        redirect("/")(request)

    with WebServer({"/": slow}) as server, pytest.raises(FetchFailed, match="took more than"):
        fetch_article(server.url(), SETTINGS, server.network(seconds=0.5))


def test_a_resolver_that_is_silent() -> None:
    with WebServer({"/": page()}) as server:

        def resolver(host: str, port: int) -> list[str]:
            server.stopping.wait(30)
            return []

        with pytest.raises(FetchFailed, match="took more than"):
            fetch_article(server.url(), SETTINGS, server.network(seconds=0.2, resolver=resolver))
        server.stopping.set()


def test_a_silent_handshake_is_cut() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent, WebServer({}) as server:
        network = server.network(seconds=0.3, ports=(silent.getsockname()[1],))
        with pytest.raises(FetchFailed, match="took more than"):
            fetch_article(f"https://news.example:{silent.getsockname()[1]}/", SETTINGS, network)


def test_no_socket_is_left_open() -> None:
    before = set(Path("/proc/self/fd").iterdir())
    with WebServer({"/": page(), "/large": page("x" * 200_000)}) as server:
        fetch_article(server.url(), SMALL, server.network())
        with pytest.raises(ArticleTooLarge):
            fetch_article(server.url("/large"), SMALL, server.network())
    assert len(set(Path("/proc/self/fd").iterdir()) - before) <= 1


def test_what_tests_may_connect_to_is_one_address_more() -> None:
    assert is_this_or_public(ipaddress.ip_address("127.0.0.1"))
    assert not is_this_or_public(ipaddress.ip_address("127.0.0.2"))
    assert PUBLIC.is_allowed is is_public
