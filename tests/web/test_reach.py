"""Whom the page reaches, and who reaches into it: keyboards, screen readers, and articles that carry scripts."""

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.web.conftest import OpenPage, Serve, ask, marked, ready

WHY = "Why did Tokayev call in the CSTO?"
SILENT = "Who won the World Cup in 2018?"
ATTACKS = [
    "<script>window.ran = 1</script>",
    "<img src=x onerror='window.ran = 1'>",
    "<svg onload='window.ran = 1'></svg>",
    "\"'><iframe srcdoc='<script>parent.ran = 1</script>'></iframe>",
    "<a href='javascript:window.ran = 1'>bridge</a>",
    "<style>body{display:none}</style>",
]


def assert_accessible(page: Page) -> None:
    """Axe finds nothing serious or critical."""
    found = Axe().run(page).response["violations"]
    grave = [violation for violation in found if violation["impact"] in {"serious", "critical"}]
    assert not grave, [(v["id"], [node["html"] for node in v["nodes"]]) for v in grave]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("language", ["en", "ar"])
@pytest.mark.parametrize("width", [1360, 390])
def test_axe_finds_nothing_grave(
    open_page: OpenPage, service: httpx.Client, scheme: str, language: str, width: int
) -> None:
    page = ready(open_page(str(service.base_url), language=language, scheme=scheme, width=width))
    page.wait_for_selector("#suggestions button")
    assert_accessible(page)
    ask(page, WHY)
    ask(page, SILENT)
    page.locator(".turn .tools [aria-pressed]").nth(1).click()
    page.wait_for_selector(".reason")
    assert_accessible(page)
    page.locator(".quote .chip").first.click()
    page.wait_for_selector("#view-article mark")
    assert_accessible(page)
    page.locator("#tab-check").click()
    page.fill("#claim", "وصل 3500 جندي من أرمينيا وبيلاروسيا")
    page.locator("#check [type=submit]").click()
    page.wait_for_selector(".verdict .quote")
    assert_accessible(page)
    page.locator("#open-library").click()
    expect(page.locator("#library")).to_be_visible()
    assert_accessible(page)


def test_everything_is_done_by_keyboard(page: Page) -> None:
    page.keyboard.press("Tab")
    expect(page.locator(".skip")).to_be_focused()
    expect(page.locator(".skip")).to_be_in_viewport()
    page.keyboard.press("Enter")
    expect(page.locator("#question")).to_be_focused()
    page.keyboard.type(WHY)
    page.keyboard.press("Enter")
    page.wait_for_selector(".turn .after")
    # Back from the field to the first quote's paragraph.
    for _ in range(40):
        page.keyboard.press("Shift+Tab")
        if page.evaluate("document.activeElement.matches('.quote:first-of-type .chip')"):
            break
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    page.keyboard.press("Enter")
    page.wait_for_selector("#view-article mark")
    assert marked(page) == page.locator("blockquote").first.inner_text()
    assert page.evaluate("document.activeElement.closest('#view-article') !== null")
    # The tabs: one stop, arrows between them.
    page.locator("#tab-ask").focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator("#tab-check")).to_be_focused()
    expect(page.locator("#claim")).to_be_visible()
    page.keyboard.press("Home")
    expect(page.locator("#tab-ask")).to_be_focused()
    # The articles: a dialog that Escape closes, and the focus is back where it was.
    page.locator("#open-library").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#library")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#library")).to_be_hidden()
    expect(page.locator("#open-library")).to_be_focused()


def test_arrows_follow_the_direction_of_the_page(open_page: OpenPage, service: httpx.Client) -> None:
    page = ready(open_page(str(service.base_url), language="ar"))
    page.locator("#tab-ask").focus()
    page.keyboard.press("ArrowLeft")
    expect(page.locator("#tab-check")).to_be_focused()
    page.keyboard.press("ArrowRight")
    expect(page.locator("#tab-ask")).to_be_focused()


def test_what_happens_is_said_to_those_who_listen(page: Page) -> None:
    status = page.get_by_role("status").and_(page.locator("#announcer"))
    ask(page, WHY)
    expect(status).to_contain_text("Answered. Quotes: ")
    ask(page, SILENT)
    expect(status).to_have_text("The article does not say.")
    assert page.get_by_role("main").count() == 1
    assert page.get_by_role("banner").count() == 1


def test_no_script_of_an_article_or_a_question_runs(open_page: OpenPage, serve: Serve) -> None:
    client = serve()
    text = "\n\n".join(
        f"The mayor of Stoke closed the bridge number {i} {attack} on Monday." for i, attack in enumerate(ATTACKS)
    )
    name = ATTACKS[1]
    article = {"text": text, "title": ATTACKS[0] + ATTACKS[1], "source": ATTACKS[2], "name": name}
    client.post("/v1/articles", json=article).raise_for_status()
    page = ready(open_page(str(client.base_url)))
    page.get_by_role("button", name="Articles").click()
    page.locator("#articles button").last.click()
    expect(page.locator("#view-article h2")).to_have_text(article["title"])
    for attack in ATTACKS:
        ask(page, f"Why did the mayor of Stoke close the bridge {attack}?")
        expect(page.locator(".asked").last).to_contain_text(attack)
    page.locator(".turn .chip").first.click()
    page.wait_for_selector("#view-article mark")
    page.locator("#tab-check").click()
    for attack in ATTACKS:
        page.fill("#claim", f"The mayor of Stoke closed the bridge number 7 {attack} on Monday.")
        page.locator("#check [type=submit]").click()
        page.wait_for_selector(".verdict")
    page.goto(f"{client.base_url}/a/%3Cimg%20src=x%20onerror='window.ran=1'%3E")
    ready(page)
    expect(page.locator(".turn .wrong")).to_contain_text("<img")
    assert page.evaluate("window.ran") is None
    assert page.locator("body img, body script, body iframe, body style, .letters a").count() == 0
    # `open_page` asserts in the end that nothing came to where the policy had to stop it.


def test_the_policy_would_stop_what_did_get_in(open_page: OpenPage, service: httpx.Client) -> None:
    page = ready(open_page(str(service.base_url)))
    refused = page.evaluate(
        "() => { try { document.body.innerHTML = '<p>x</p>'; return ''; } catch (error) { return error.name; } }"
    )
    assert refused == "TypeError"
    page.evaluate("document.body.append(Object.assign(document.createElement('style'), { textContent: 'body{}' }))")
    assert page.evaluate("violations.splice(0)") != []
