"""Which web addresses may be fetched: their form, and where they lead. Everything that could lead inward is refused."""

import ipaddress
import re
import socket
from collections.abc import Callable, Collection
from dataclasses import dataclass
from urllib.parse import quote, urljoin, urlsplit

from index.exceptions import UrlRefused

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolver = Callable[[str, int], list[str]]

DEFAULT_PORTS = {"http": 80, "https": 443}
_MOST_CHARACTERS = 2000
_SAFE = "/%:@!$&'()*+,;=~?[]"
_NAME = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)(?:\.(?!-)[a-z0-9_-]{1,63}(?<!-))*")
# A last label like these makes the whole name an IPv4 address in the eyes of browsers and C libraries.
_NUMBER = re.compile(r"(?:0x[0-9a-f]*|\d+)")
_BRACKETED = re.compile(r"\[[^\[\]]*\](?::\d*)?")
# IDNA 2003 and 2008 read these as different names.
_AMBIGUOUS = re.compile("[ßς\u200c\u200d]")
_GLOBAL_UNICAST = ipaddress.ip_network("2000::/3")
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_NOT_PUBLIC = [
    ipaddress.ip_network(network)
    for network in (
        "168.63.129.16/32",  # the host of an Azure machine
        "192.0.0.0/24",  # RFC 6890, which Python calls global before 3.13
        "192.88.99.0/24",  # 6to4 relays
        "2001::/23",  # protocols, Teredo among them
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4
        "3fff::/20",  # documentation
    )
]


@dataclass(frozen=True, slots=True)
class Target:
    """A checked address: `host` is an ASCII name or an IP address, `target` the path and query."""

    scheme: str
    host: str
    port: int
    target: str

    @property
    def host_header(self) -> str:
        """The value of the Host header."""
        name = f"[{self.host}]" if ":" in self.host else self.host
        return name if self.port == DEFAULT_PORTS[self.scheme] else f"{name}:{self.port}"

    @property
    def url(self) -> str:
        """The address in its plain form."""
        return f"{self.scheme}://{self.host_header}{self.target}"

    def joined(self, location: str) -> str:
        """The address that a redirect from here leads to, unchecked."""
        try:
            return urljoin(self.url, location)
        except ValueError as error:
            raise _refused(location, "it is not a web address") from error


def parse_url(url: str, ports: Collection[int] = tuple(DEFAULT_PORTS.values())) -> Target:
    """The address, if it has the plain form `http(s)://name/path`. Raises UrlRefused."""
    if len(url) > _MOST_CHARACTERS:
        raise _refused(url, f"it has more than {_MOST_CHARACTERS} characters")
    # Parsers disagree about all of these.
    if not url.isprintable() or any(character.isspace() or character == "\\" for character in url):
        raise _refused(url, "it holds a space, a backslash or a control character")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise _refused(url, "it is not a web address") from error
    if parts.scheme not in DEFAULT_PORTS:
        raise _refused(url, "it does not begin with http:// or https://")
    if "@" in parts.netloc:
        raise _refused(url, "it holds a user name")
    port = DEFAULT_PORTS[parts.scheme] if port is None else port
    if port not in ports:
        raise _refused(url, f"its port is {port}, and only {' and '.join(map(str, sorted(ports)))} are used")
    path, query = quote(parts.path or "/", safe=_SAFE), quote(parts.query, safe=_SAFE)
    host = _host(url, parts.netloc, parts.hostname or "")
    return Target(parts.scheme, host, port, f"{path}?{query}" if query else path)


def resolve(target: Target, resolver: Resolver, is_allowed: Callable[[Address], bool]) -> list[str]:
    """The IP addresses of the target, each of them allowed. Raises UrlRefused, or OSError where it has none."""
    try:
        found = [str(ipaddress.ip_address(target.host))]
    except ValueError:
        found = resolver(target.host, target.port)
    try:
        is_public = bool(found) and all(is_allowed(ipaddress.ip_address(address)) for address in found)
    except ValueError:
        is_public = False
    if not is_public:
        # Which address it was is nobody's business: it would map the network from outside.
        raise _refused(target.url, f"{target.host} is not on the public internet")
    return found


def system_resolver(host: str, port: int) -> list[str]:
    """The addresses that the operating system finds for a name, without repetition. Raises OSError."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def is_public(address: Address) -> bool:
    """Whether the address belongs to the public internet, also where it is an IPv4 address in the clothes of IPv6."""
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return is_public(address.ipv4_mapped)
        if address in _NAT64:
            return is_public(ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF))
        if address.scope_id is not None or address not in _GLOBAL_UNICAST:
            return False
    is_special = address.is_multicast or address.is_reserved or address.is_unspecified or address.is_link_local
    return address.is_global and not is_special and not any(address in network for network in _NOT_PUBLIC)


def _host(url: str, netloc: str, name: str) -> str:
    """An IP address in its usual form, or a name in ASCII and lower case."""
    if netloc.startswith("["):
        try:
            address = ipaddress.IPv6Address(name)
        except ValueError as error:
            raise _refused(url, "its host is not an address") from error
        if not _BRACKETED.fullmatch(netloc):
            raise _refused(url, "its host is not an address")
        if address.scope_id is not None:
            raise _refused(url, "its host is an address with a zone")
        return str(address)
    if _AMBIGUOUS.search(name):
        raise _refused(url, "its name is read in two ways; write it in its xn-- form")
    try:
        # Maps full-width letters and the dots of other scripts to ASCII, too.
        ascii_name = name.encode("idna").decode("ascii").lower().removesuffix(".")
    except UnicodeError as error:
        raise _refused(url, "its host is not a name") from error
    if len(ascii_name) > 253 or not _NAME.fullmatch(ascii_name):
        raise _refused(url, "its host is not a name")
    if _NUMBER.fullmatch(ascii_name.rpartition(".")[2]):
        try:
            # Four decimal numbers without leading zeros, and nothing else.
            return str(ipaddress.IPv4Address(ascii_name))
        except ValueError as error:
            raise _refused(url, "its host is a number that programs read in different ways") from error
    return ascii_name


def _refused(url: str, why: str) -> UrlRefused:
    told = url if len(url) <= 200 else f"{url[:200]}…"
    return UrlRefused(f"{told!r} is not fetched: {why}.", "Give the article's public http(s) address, or its text.")
