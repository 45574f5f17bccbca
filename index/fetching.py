"""An article from the web: fetched with care for where an address leads, how much comes, and how long it takes."""

import queue
import socket
import ssl
import threading
import time
import zlib
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass

import httpcore2

from index.addresses import DEFAULT_PORTS, Address, Resolver, Target, is_public, parse_url, resolve, system_resolver
from index.articles import Article
from index.exceptions import ArticleTooLarge, FetchFailed, UnreadableArticle, UrlRefused, UrlsNotAllowed
from index.readers import read_text, with_metadata
from index.readers.decoding import decode
from index.settings import IndexSettings

MOST_REDIRECTS = 5
_FORMATS = {
    "text/html": "html",
    "application/xhtml+xml": "html",
    "text/plain": "text",
    "text/markdown": "markdown",
    "text/x-markdown": "markdown",
}
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_HEADERS: dict[bytes | str, bytes | str] = {
    "Accept": "text/html, application/xhtml+xml, text/markdown, text/plain",
    "Accept-Encoding": "gzip",
    "Connection": "close",
    "User-Agent": "maqal",
}
_GZIP = zlib.MAX_WBITS | 16
_LARGE = "Save the article's text as a file and index that, or raise INDEX_MAX_BYTES."


@dataclass(frozen=True, slots=True)
class Network:
    """How addresses are reached; only tests use another than the public internet."""

    resolver: Resolver = system_resolver
    is_allowed: Callable[[Address], bool] = is_public
    ports: Collection[int] = tuple(DEFAULT_PORTS.values())
    ssl_context: ssl.SSLContext | None = None
    seconds: float = 30.0


PUBLIC = Network()


def fetch_article(url: str, settings: IndexSettings, network: Network = PUBLIC) -> Article:
    """The article at a public http(s) address, called by it.

    Raises UrlsNotAllowed, UrlRefused, FetchFailed, ArticleTooLarge, UnreadableArticle or EmptyArticle.
    """
    if not settings.allow_urls:
        raise UrlsNotAllowed(
            "Articles are not fetched from the web.", "Set INDEX_ALLOW_URLS=true, or give the article's text."
        )
    target, headers, data = _Fetch(network, settings.max_bytes).follow(url)
    content_type, _, parameters = headers.get("content-type", "").partition(";")
    kind = _FORMATS.get(content_type.strip().lower())
    if kind is None:
        raise UnreadableArticle(
            f"{target.url} is {content_type.strip()[:60] or 'of no named type'!r}, not a page or a text.",
            "Give the address of a web page, or save the article's text as a file and index that.",
        )
    text = _text(data, target.url, parameters)
    article = read_text(text, origin=parse_url(url, network.ports).url, format=kind)
    return with_metadata(article, source=article.source or target.host)


class _Fetch:
    """One article's way: its deadline counts for all redirects together."""

    def __init__(self, network: Network, max_bytes: int) -> None:
        self._network = network
        self._max_bytes = max_bytes
        self._deadline = time.monotonic() + network.seconds

    def follow(self, url: str) -> tuple[Target, dict[str, str], bytes]:
        """Where the redirects end, the headers there in lower case, and the body."""
        target = parse_url(url, self._network.ports)
        for _ in range(MOST_REDIRECTS + 1):
            status, headers, data = self._get(target)
            if status == 200:
                return target, headers, data
            if status not in _REDIRECTS or "location" not in headers:
                raise FetchFailed(
                    f"{target.url} answered with status {status}.", "Open the address in a browser to see why."
                )
            following = parse_url(target.joined(headers["location"]), self._network.ports)
            if target.scheme == "https" and following.scheme == "http":
                raise UrlRefused(
                    f"{target.url} leads to {following.url}, which anyone on the way could change.",
                    "Give the article's https address, or its text.",
                )
            target = following
        raise FetchFailed(
            f"{url} leads on more than {MOST_REDIRECTS} times.", "Give the address at which a browser ends."
        )

    def _get(self, target: Target) -> tuple[int, dict[str, str], bytes]:
        try:
            with self._timed(target):
                addresses = self._resolved(target)
                with (
                    closing(_Pinned(addresses, self._left(target))) as backend,
                    httpcore2.ConnectionPool(ssl_context=self._network.ssl_context, network_backend=backend) as pool,
                    pool.stream(
                        "GET",
                        httpcore2.URL(
                            scheme=target.scheme.encode(),
                            host=target.host.encode(),
                            port=target.port,
                            target=target.target.encode(),
                        ),
                        headers={"Host": target.host_header, **_HEADERS},
                        extensions={"timeout": dict.fromkeys(("connect", "read", "write"), self._left(target))},
                    ) as response,
                ):
                    headers = {name.decode("latin-1").lower(): _decoded(value) for name, value in response.headers}
                    body = self._body(target, headers, response.iter_stream()) if response.status == 200 else b""
                    return response.status, headers, body
        except (OSError, httpcore2.NetworkError, httpcore2.ProtocolError, zlib.error) as error:
            raise FetchFailed(
                f"{target.url} could not be fetched: {_reason(error)}.", "Check the address, and the connection."
            ) from error

    def _body(self, target: Target, headers: dict[str, str], chunks: Iterable[bytes]) -> bytes:
        encoding = headers.get("content-encoding", "identity").strip().lower()
        if encoding not in {"identity", "gzip", "x-gzip"}:
            raise FetchFailed(
                f"{target.url} is compressed with {encoding[:20]!r}, which was not asked for.",
                "Save the article's text as a file and index that.",
            )
        pieces = chunks if encoding == "identity" else _decompressed(chunks, self._max_bytes)
        data = bytearray()
        for piece in pieces:
            data += piece
            if len(data) > self._max_bytes:
                raise ArticleTooLarge(f"{target.url} has more than {self._max_bytes:,} bytes.", _LARGE)
        return bytes(data)

    def _resolved(self, target: Target) -> list[str]:
        """The addresses, in time: a resolver knows no deadline, so it gets a thread that may be left behind."""
        found: queue.SimpleQueue[list[str] | Exception] = queue.SimpleQueue()

        def work() -> None:
            try:
                found.put(resolve(target, self._network.resolver, self._network.is_allowed))
            except Exception as error:  # noqa: BLE001 - raised again by who waits
                found.put(error)

        threading.Thread(target=work, daemon=True, name="resolver").start()
        try:
            result = found.get(timeout=self._left(target))
        except queue.Empty:
            raise self._too_slow(target) from None
        if isinstance(result, Exception):
            raise result
        return result

    @contextmanager
    def _timed(self, target: Target) -> Iterator[None]:
        """Say that time is up, whatever it looked like: a connection that is cut looks like a body's end."""
        try:
            yield
        except (OSError, httpcore2.NetworkError, httpcore2.ProtocolError, httpcore2.TimeoutException) as error:
            if isinstance(error, httpcore2.TimeoutException) or time.monotonic() >= self._deadline:
                raise self._too_slow(target) from error
            raise
        if time.monotonic() >= self._deadline:
            raise self._too_slow(target)

    def _left(self, target: Target) -> float:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise self._too_slow(target)
        return left

    def _too_slow(self, target: Target) -> FetchFailed:
        return FetchFailed(
            f"{target.url} took more than {self._network.seconds:g} seconds.",
            "Try again, or save the article's text as a file and index that.",
        )


class _Pinned(httpcore2.NetworkBackend):
    """Connects to the addresses that were checked, whatever the name means by now, and cuts what takes too long."""

    def __init__(self, addresses: list[str], seconds: float) -> None:
        self._addresses = addresses
        self._sockets: list[socket.socket] = []
        # No timeout of single reads ends a server that sends a byte now and then.
        self._timer = threading.Timer(seconds, self._cut)
        self._timer.daemon = True
        self._timer.start()

    def connect_tcp(
        self,
        host: str,  # noqa: ARG002 - checked and resolved before
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.NetworkStream:
        """A connection to the first address that takes one."""
        failure: Exception | None = None
        for address in self._addresses:
            try:
                stream = httpcore2.SyncBackend().connect_tcp(address, port, timeout, local_address, socket_options)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
                failure = error
                continue
            # A duplicate, for TLS takes the first one over.
            self._sockets.append(stream.get_extra_info("socket").dup())
            return stream
        raise failure or httpcore2.ConnectError("it has no address")

    def close(self) -> None:
        """Let go of the sockets."""
        self._timer.cancel()
        self._timer.join()
        for each in self._sockets:
            each.close()

    def _cut(self) -> None:
        for each in self._sockets:
            try:
                each.shutdown(socket.SHUT_RDWR)
            except OSError:  # closed already
                continue


def _decompressed(chunks: Iterable[bytes], max_bytes: int) -> Iterator[bytes]:
    """The gzipped bytes, never more than `max_bytes` and one of them in memory at once."""
    gzip = zlib.decompressobj(_GZIP)
    for chunk in chunks:
        data = chunk
        while data and not gzip.eof:
            yield gzip.decompress(data, max_bytes + 1)
            data = gzip.unconsumed_tail
    if not gzip.eof:
        raise zlib.error("the compressed page ends too early")


def _decoded(value: bytes) -> str:
    """A header's value; addresses in UTF-8 come as such."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")


def _text(data: bytes, name: str, parameters: str) -> str:
    """The bytes in the encoding that the header names, or in the one that they show."""
    charset = next((p.partition("=")[2] for p in parameters.split(";") if p.strip().lower().startswith("charset=")), "")
    charset = charset.strip().strip("\"'")
    if data.strip() and charset.lower() not in {"", "utf-8", "utf8"}:
        try:
            return data.decode(charset)
        except (LookupError, UnicodeError):
            pass
    return decode(data, name)


def _reason(error: Exception) -> str:
    if isinstance(error, socket.gaierror):
        return "there is no such name"
    cause = error.__cause__ or error.__context__ or error
    if isinstance(cause, ssl.SSLCertVerificationError):
        return f"its certificate is not valid ({cause.verify_message})"
    if isinstance(cause, OSError) and cause.strerror:
        return cause.strerror
    return str(error).rstrip(".") or type(error).__name__
