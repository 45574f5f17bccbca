"""The table of addresses that are tricks, and those that are not."""

import ipaddress
from dataclasses import replace

import pytest

from index.addresses import is_public
from index.exceptions import UrlRefused
from index.fetching import PUBLIC, fetch_article
from index.settings import IndexSettings

SETTINGS = IndexSettings(allow_urls=True)

MALFORMED = [
    ("ftp://example.org/", "begin with http"),
    ("file:///etc/passwd", "begin with http"),
    ("gopher://example.org/", "begin with http"),
    ("javascript:alert(1)", "begin with http"),
    ("data:text/plain,a", "begin with http"),
    ("//example.org/", "begin with http"),
    ("example.org/a", "begin with http"),
    ("", "begin with http"),
    ("http://", "not a name"),
    ("http:///etc", "not a name"),
    ("http://user@example.org/", "user name"),
    ("http://user:secret@example.org/", "user name"),
    ("http://example.org@127.0.0.1/", "user name"),
    ("http://example.org#@127.0.0.1/x y", "space"),
    ("http://@example.org/", "user name"),
    ("http://example.org:22/", "port is 22"),
    ("http://example.org:8080/", "port is 8080"),
    ("http://example.org:0/", "port is 0"),
    ("http://example.org:99999/", "not a web address"),
    ("http://example.org:８０/", "not a web address"),
    ("http://exa mple.org/", "space"),
    ("http://example.org\\@127.0.0.1/", "backslash"),
    ("http:\\\\127.0.0.1/", "backslash"),
    ("http://exam\tple.org/", "control"),
    ("http://example.org/\r\nHost: other", "control"),
    ("http://example.org/\u2028", "control"),
    ("http://exam\0ple.org/", "control"),
    ("http://%31%32%37.0.0.1/", "not a name"),
    ("http://127%2e0.0.1/", "not a name"),
    ("http://-example.org/", "not a name"),
    ("http://example..org/", "not a name"),
    (f"http://{'a' * 64}.org/", "not a name"),
    (f"http://{'a.' * 130}org/", "not a name"),
    (f"http://example.org/{'a' * 2000}", "2000 characters"),
    ("http://straße.example/", "two ways"),
    ("http://exa\u200dmple.org/", "control"),
    # One number, and numbers of other bases, for 127.0.0.1.
    ("http://2130706433/", "different ways"),
    ("http://017700000001/", "different ways"),
    ("http://0x7f000001/", "different ways"),
    ("http://0x7f.0x0.0x0.0x1/", "different ways"),
    ("http://0177.0.0.1/", "different ways"),
    ("http://127.1/", "different ways"),
    ("http://127.0.1/", "different ways"),
    ("http://0/", "different ways"),
    ("http://0x/", "different ways"),
    ("http://127.0.0.1.5/", "different ways"),
    ("http://256.256.256.256/", "different ways"),
    ("http://127.0.0.01/", "different ways"),
    ("http://example.0x7f000001/", "different ways"),
    ("http://[::1/", "not a web address"),
    ("http://[::1]x/", "not a"),
    ("http://[fe80::1%25eth0]/", "zone"),
    ("http://[fe80::1%eth0]/", "zone"),
    ("http://[v1.x]/", "not a"),
    ("http://[127.0.0.1]/", "not a"),
]

INWARD = [
    "http://127.0.0.1/",
    "http://127.0.0.1./",
    "http://127.8.9.10/",
    "http://0.0.0.0/",
    "http://10.0.0.1/",
    "http://172.16.0.1/",
    "http://192.168.1.1/",
    "http://100.64.0.1/",
    "http://100.100.100.200/",
    "http://169.254.169.254/latest/meta-data/",
    "http://168.63.129.16/",
    "http://192.0.0.192/",
    "http://192.0.2.1/",
    "http://192.88.99.1/",
    "http://198.18.0.1/",
    "http://224.0.0.1/",
    "http://240.0.0.1/",
    "http://255.255.255.255/",
    # Full-width digits and the dots of other scripts.
    "http://１２７.0.0.1/",
    "http://127。0。0。1/",
    "http://①②⑦.0.0.1/",
    "http://[::]/",
    "http://[::1]/",
    "http://[0:0:0:0:0:0:0:1]/",
    "http://[::ffff:127.0.0.1]/",
    "http://[::ffff:7f00:1]/",
    "http://[::ffff:10.0.0.1]/",
    "http://[::127.0.0.1]/",
    "http://[::ffff:0:127.0.0.1]/",
    "http://[64:ff9b::127.0.0.1]/",
    "http://[64:ff9b::a9fe:a9fe]/",
    "http://[64:ff9b:1::1]/",
    "http://[2002:7f00:1::]/",
    "http://[2002:808:808::]/",
    "http://[2001:0:4136:e378:8000:63bf:3fff:fdd2]/",
    "http://[2001:db8::1]/",
    "http://[3fff::1]/",
    "http://[fc00::1]/",
    "http://[fd00:ec2::254]/",
    "http://[fe80::1]/",
    "http://[fec0::1]/",
    "http://[ff02::1]/",
    "http://[5f00::1]/",
    "http://[100::1]/",
]


def no_resolver(host: str, port: int) -> list[str]:
    """What asks it has gone too far."""
    raise AssertionError(host)


UNRESOLVED = replace(PUBLIC, resolver=no_resolver)


@pytest.mark.parametrize(("url", "why"), MALFORMED)
def test_an_address_in_another_form_is_refused_before_anything_is_resolved(url: str, why: str) -> None:
    with pytest.raises(UrlRefused, match=why) as caught:
        fetch_article(url, SETTINGS, UNRESOLVED)
    assert caught.value.fix
    assert len(caught.value.message) < 500


@pytest.mark.parametrize("url", INWARD)
def test_an_address_that_leads_inward_is_refused(url: str) -> None:
    with pytest.raises(UrlRefused, match="not on the public internet"):
        fetch_article(url, SETTINGS, UNRESOLVED)


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "93.184.215.14", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"]
)
def test_public_addresses_are_public(address: str) -> None:
    assert is_public(ipaddress.ip_address(address))
