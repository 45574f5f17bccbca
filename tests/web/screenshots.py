"""Makes the pictures in `docs/screenshots/`: `python -m tests.web.screenshots`."""

import tempfile
from pathlib import Path
from typing import Literal

from playwright.sync_api import Browser, Page

from api.app import create_app
from api.settings import ApiSettings
from index.article_index import ArticleIndex
from index.ingestion import add_article
from index.readers import read_bundled
from index.settings import IndexSettings
from rag.settings import RagSettings
from tests.api.conftest import running
from tests.web.browser import open_browser

FOLDER = Path(__file__).parents[2] / "docs" / "screenshots"
QUESTION = "Why did Tokayev call in the CSTO?"


def main() -> None:
    """Serve the bundled article, ask, and take the pictures."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        index = IndexSettings(data_dir=Path(folder) / "data")
        with ArticleIndex(index, writable=True) as opened:
            add_article(opened, read_bundled())
        settings = ApiSettings(host="127.0.0.1", port=0)
        with running(create_app(index, RagSettings(llm=""), settings), settings) as client, open_browser() as browser:
            url = str(client.base_url)
            desktop(browser, url)
            phone(browser, url)
            arabic(browser, url)


def desktop(browser: Browser, url: str) -> None:
    """An English question about the Arabic article, its quote marked."""
    page = _page(browser, url, "en", (1360, 860))
    _ask(page, QUESTION)
    page.locator(".quote .chip").first.click()
    _shoot(page, "desktop.png")


def phone(browser: Browser, url: str) -> None:
    """The answer on a phone, in the dark."""
    page = _page(browser, url, "en", (390, 844), scheme="dark")
    _ask(page, QUESTION)
    _shoot(page, "phone.png")


def arabic(browser: Browser, url: str) -> None:
    """The page in Arabic, right to left."""
    page = _page(browser, url, "ar", (1360, 860))
    _ask(page, "ماذا كتب سوشكوف على تويتر؟")
    page.locator(".quote .chip").first.click()
    _shoot(page, "arabic.png")


def _page(
    browser: Browser, url: str, language: str, size: tuple[int, int], *, scheme: Literal["light", "dark"] = "light"
) -> Page:
    context = browser.new_context(
        locale=language,
        viewport={"width": size[0], "height": size[1]},
        color_scheme=scheme,
        reduced_motion="reduce",
    )
    page = context.new_page()
    page.goto(url)
    page.wait_for_selector("body[data-ready]")
    page.wait_for_selector("#suggestions button")
    return page


def _ask(page: Page, question: str) -> None:
    page.fill("#question", question)
    page.press("#question", "Enter")
    page.wait_for_selector(".after")


def _shoot(page: Page, name: str) -> None:
    page.screenshot(path=FOLDER / name)
    page.context.close()


if __name__ == "__main__":
    main()
