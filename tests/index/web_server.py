"""A real web server on a loopback port whose pages are functions, and a network in which it is news.example."""

import ipaddress
import ssl
import subprocess
import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self

from index.addresses import Address, is_public
from index.fetching import Network

PAGE = """<html><head><title>The bridge is closed</title></head><body><article><h1>The bridge is closed</h1>
<p>The bridge was closed on Monday after cracks were found in two of its pillars, the mayor said.</p>
<p>It will open again in March, when the repairs that the council paid for are to be finished.</p>
</article></body></html>"""
LOOPBACK = ipaddress.ip_address("127.0.0.1")


class WebServer:
    """Serves `pages`, functions of the request by path, and keeps the requests it got as `(path, headers)`."""

    def __init__(
        self, pages: Mapping[str, Callable[[BaseHTTPRequestHandler], None]], certificate: Path | None = None
    ) -> None:
        self.requests: list[tuple[str, dict[str, str]]] = []
        self.stopping = threading.Event()
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                server.requests.append((self.path, dict(self.headers)))
                try:
                    pages[self.path](self)
                except OSError:
                    self.close_connection = True

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._server.handle_error = lambda *_: None
        self.port = self._server.server_port
        self.certificate = certificate
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            context.sni_callback = lambda _, name, __: self.requests.append((f"sni {name}", {}))
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stopping.set()
        self._server.shutdown()
        self._server.server_close()

    @property
    def paths(self) -> list[str]:
        """The paths that were asked for."""
        return [path for path, _ in self.requests]

    def url(self, path: str = "/", scheme: str = "http") -> str:
        """The address of a page."""
        return f"{scheme}://news.example:{self.port}{path}"

    def network(self, **changes: Any) -> Network:
        """The public internet, in which news.example is this server."""
        given: dict[str, Any] = {
            "resolver": lambda *_: ["127.0.0.1"],
            "is_allowed": is_this_or_public,
            "ports": (80, 443, self.port),
            "ssl_context": ssl.create_default_context(cafile=self.certificate) if self.certificate else None,
        }
        return Network(**given | changes)


def is_this_or_public(address: Address) -> bool:
    """What tests may connect to: the server's loopback address, or what everybody may."""
    return address == LOOPBACK or is_public(address)


def page(
    body: str | bytes = PAGE, status: int = 200, type: str | None = "text/html; charset=utf-8", **headers: str
) -> Callable[[BaseHTTPRequestHandler], None]:
    """A page that sends the body at once."""
    data = body.encode() if isinstance(body, str) else body

    def send(request: BaseHTTPRequestHandler) -> None:
        request.send_response(status)
        if type is not None:
            request.send_header("Content-Type", type)
        for name, value in {"Content-Length": str(len(data)), **headers}.items():
            if value:
                request.send_header(name.replace("_", "-"), value)
        request.end_headers()
        request.wfile.write(data)

    return send


def redirect(location: str, status: int = 302) -> Callable[[BaseHTTPRequestHandler], None]:
    """A page that leads on."""
    return page("", status, Location=location)


def make_certificate(path: Path, name: str) -> Path:
    """A certificate that its owner signed, with its key, in one file."""
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    key, certificate = path / f"{name}.key", path / f"{name}.crt"
    more = ["-keyout", str(key), "-out", str(certificate), "-days", "2", "-subj", f"/CN={name}"]
    subprocess.run([*command, *more, "-addext", f"subjectAltName=DNS:{name}"], check=True, capture_output=True)
    both = path / f"{name}.pem"
    both.write_bytes(key.read_bytes() + certificate.read_bytes())
    return both
