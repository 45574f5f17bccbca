"""How the page and its files are served: no browser needed."""

import json
import re
from collections.abc import Iterator
from importlib import resources
from pathlib import Path

import httpx
import pytest

FOLDER = Path(str(resources.files("api"))) / "web"
LOCALES = sorted((FOLDER / "locales").glob("*.json"))
MOST_BYTES = 150_000


def first_view() -> Iterator[str]:
    """What a browser fetches for the first view, by path."""
    yield "/"
    page = (FOLDER / "index.html").read_text(encoding="utf-8")
    yield from dict.fromkeys(re.findall(r'(?:href|src)="(/web/[^"]+)"', page))
    yield "/web/locales/ru.json"
    yield "/v1/articles"
    yield "/v1/articles/kazakhstan-csto-2022.ar"
    yield "/v1/articles/kazakhstan-csto-2022.ar/suggestions?language=ru"


def test_the_first_view_is_light(service: httpx.Client) -> None:
    sizes = {path: len(service.get(path).raise_for_status().content) for path in first_view()}
    # Bodies as they are, uncompressed, with 500 bytes for the headers of each.
    assert sum(sizes.values()) + 500 * len(sizes) <= MOST_BYTES, sizes


def test_every_script_is_fetched_at_once(service: httpx.Client) -> None:
    named = {path.rsplit("/", 1)[-1] for path in first_view() if path.endswith(".js")}
    assert named == {path.name for path in FOLDER.glob("*.js")}


@pytest.mark.parametrize(
    ("path", "content_type"),
    [
        ("/", "text/html; charset=utf-8"),
        ("/a/0123456789abcdef0123456789abcdef", "text/html; charset=utf-8"),
        ("/web/main.js", "text/javascript; charset=utf-8"),
        ("/web/style.css", "text/css; charset=utf-8"),
        ("/web/icon.svg", "image/svg+xml"),
        ("/web/locales/ar.json", "application/json"),
    ],
)
def test_files_have_their_type_a_policy_and_an_etag(service: httpx.Client, path: str, content_type: str) -> None:
    response = service.get(path)
    assert (response.status_code, response.headers["content-type"]) == (200, content_type)
    assert response.headers["x-content-type-options"] == "nosniff"
    policy = response.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "no-cache" in response.headers["cache-control"]
    again = service.get(path, headers={"If-None-Match": response.headers["etag"]})
    if path.startswith("/web/"):
        assert (again.status_code, again.content) == (304, b"")


def test_the_page_allows_no_text_to_become_markup(service: httpx.Client) -> None:
    assert "require-trusted-types-for 'script'" in service.get("/").headers["content-security-policy"]


@pytest.mark.parametrize(
    "path",
    [
        "/web/",
        "/web/nothing.js",
        "/web/../app.py",
        "/web/..%2fapp.py",
        "/web/%2e%2e/app.py",
        "/web/locales/..%2f..%2f..%2fapp.py",
        "/web/%2fetc%2fpasswd",
        "/web/..%5capp.py",
        "/web/locales",
        "/web/main.js%00.css",
    ],
)
def test_nothing_but_the_files_is_served(service: httpx.Client, path: str) -> None:
    # A URL object would resolve the dots before they are sent.
    request = service.build_request("GET", "/")
    request.url = request.url.copy_with(raw_path=path.encode())
    response = service.send(request)
    assert response.status_code == 404
    assert response.headers["content-type"] == "application/problem+json"


def test_nothing_in_the_page_is_from_elsewhere_or_inline() -> None:
    for path in [*FOLDER.glob("*.js"), *FOLDER.glob("*.css"), FOLDER / "index.html"]:
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"https?://", text), path
        assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(", text), path
    page = (FOLDER / "index.html").read_text(encoding="utf-8")
    assert not re.search(r"<style|\sstyle=|\son\w+=|<script(?![^>]*\bsrc=)", page)


@pytest.mark.parametrize("path", LOCALES, ids=lambda path: path.stem)
def test_every_language_has_every_text_with_its_fields(path: Path) -> None:
    texts, english = (json.loads(p.read_text(encoding="utf-8")) for p in (path, FOLDER / "locales" / "en.json"))
    assert texts.keys() == english.keys()
    for key, text in texts.items():
        assert text.strip(), key
        assert set(re.findall(r"\{\w+\}", text)) == set(re.findall(r"\{\w+\}", english[key])), key


def test_every_text_is_used_and_every_used_text_is_there() -> None:
    english = json.loads((FOLDER / "locales" / "en.json").read_text(encoding="utf-8"))
    page = (FOLDER / "index.html").read_text(encoding="utf-8")
    code = "\n".join(path.read_text(encoding="utf-8") for path in FOLDER.glob("*.js"))
    used = set(re.findall(r'data-(?:text|label|placeholder)="(\w+)"', page)) | set(re.findall(r'\bt\("(\w+)"', code))
    assert used <= english.keys()
    # Names that the code makes of a part and what the service says.
    families = ("verdict_", "explained_", "differs_", "outcome_")
    said = {"up", "down", "reading", "writing", "heading", "caption", "byline", "section", "why_up", "why_down"}
    assert {key for key in english.keys() - used if not key.startswith(families)} <= said
    assert {path.stem for path in LOCALES} == {"en", "ar", "ru", "fr", "tr"}
