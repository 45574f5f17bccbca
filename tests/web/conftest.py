"""The page in a real browser, over a real service with the bundled article."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Page

from api.app import create_app
from api.settings import ApiSettings
from index.settings import IndexSettings
from rag.settings import RagSettings
from tests.api.conftest import running
from tests.web.browser import CHROMIUM, open_browser

OpenPage = Callable[..., Page]
Serve = Callable[..., httpx.Client]

_WATCH = """
window.violations = [];
document.addEventListener("securitypolicyviolation", (event) => violations.push(event.violatedDirective));
"""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Without a Chromium on the machine, what needs one is skipped."""
    if CHROMIUM:
        return
    for item in items:
        if "browser" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.skip(reason="there is no Chromium on this machine (apt install chromium)"))


# Of the package and not of the session: while it is open, no other test can run an event loop in this thread.
@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    with open_browser() as browser:
        yield browser


@pytest.fixture(scope="package")
def service(tmp_path_factory: pytest.TempPathFactory, indexed_data_dir: Path) -> Iterator[httpx.Client]:
    """A shared service over the bundled article; add and delete nothing with it."""
    data_dir = tmp_path_factory.mktemp("web") / "data"
    shutil.copytree(indexed_data_dir, data_dir)
    settings = ApiSettings(host="127.0.0.1", port=0)
    app = create_app(IndexSettings(data_dir=data_dir), RagSettings(llm=""), settings)
    with running(app, settings) as client:
        yield client


@pytest.fixture
def serve(index_settings: IndexSettings) -> Iterator[Serve]:
    """Starts a service of the test's own over a copy: `serve(rag=RagSettings(…), **api_settings)`."""
    with ExitStack() as stack:

        def serve(*, rag: RagSettings | None = None, **settings: object) -> httpx.Client:
            api_settings = ApiSettings(**{"host": "127.0.0.1", "port": 0, **settings})
            app = create_app(index_settings, rag or RagSettings(llm=""), api_settings)
            return stack.enter_context(running(app, api_settings))

        yield serve


@pytest.fixture
def open_page(browser: Browser) -> Iterator[OpenPage]:
    """Opens the page in a browser context of its own; in the end nothing may have broken or hurt the policy."""
    contexts, wrong = [], []

    def open_page(
        url: str, *, language: str = "en", width: int = 1360, height: int = 860, scheme: str = "light"
    ) -> Page:
        context = browser.new_context(
            locale=language,
            viewport={"width": width, "height": height},
            color_scheme=scheme,
            reduced_motion="reduce",
            permissions=["clipboard-read", "clipboard-write"],
        )
        contexts.append(context)
        context.add_init_script(_WATCH)
        page = context.new_page()
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.goto(url)
        return page

    yield open_page
    for context in contexts:
        for page in context.pages:
            wrong += page.evaluate("window.violations ?? []")
        context.close()
    assert wrong == []


@pytest.fixture
def page(open_page: OpenPage, service: httpx.Client) -> Page:
    """The page in English on a wide screen, ready."""
    return ready(open_page(str(service.base_url)))


def ready(page: Page) -> Page:
    """The page, when its article is there."""
    page.wait_for_selector("body[data-ready]")
    return page


def ask(page: Page, question: str) -> None:
    """Ask, and wait for the whole answer."""
    count = page.locator(".turn .after").count()
    page.fill("#question", question)
    page.press("#question", "Enter")
    page.wait_for_function("count => document.querySelectorAll('.turn .after').length > count", arg=count)


def marked(page: Page) -> str:
    """The text that is marked in the article."""
    return "".join(page.locator("#view-article mark").all_inner_texts())
