"""The page in a real browser: reading, asking, and the proof of each answer."""

import json
import re
import threading
from collections.abc import Iterator
from contextlib import closing

import httpx
from playwright.sync_api import Page, Request, expect

from api.keys import FILE_NAME, KeyStore
from index.settings import IndexSettings
from rag.settings import RagSettings
from tests.conftest import BUNDLED_ID
from tests.llm_server import ScriptedLlm, half_then_die
from tests.web.conftest import OpenPage, Serve, ask, marked, ready
from tests.web.proxy import proxy_to

WHY = "Why did Tokayev call in the CSTO?"
# The status is the first event, the quote the second.
AFTER_FIRST_QUOTE = b":2\n\n"
SILENT = "Who won the World Cup in 2018?"


def last_answer(page: Page, service: httpx.Client) -> dict[str, object]:
    """The answer of the last turn, as the service keeps it."""
    link = page.locator(".turn .permalink").last.get_attribute("href")
    answer: dict[str, object] = service.get(f"/v1/answers/{link.rsplit('/', 1)[1]}").raise_for_status().json()
    return answer


def test_a_question_is_answered_with_quotes_that_are_marked_in_the_article(page: Page, service: httpx.Client) -> None:
    ask(page, WHY)
    article = service.get(f"/v1/articles/{BUNDLED_ID}").json()
    answer = last_answer(page, service)
    quotes = answer["quotes"]
    assert quotes
    assert page.locator(".quote blockquote").all_inner_texts() == [quote["text"] for quote in quotes]
    for i, quote in enumerate(quotes):
        card = page.locator(".quote").nth(i)
        expect(card.locator(".chip")).to_have_text(f"§{quote['paragraph']}")
        if quote["speaker"]:
            expect(card.locator(".speaker")).to_have_text(quote["speaker"])
        card.locator(".chip").click()
        expect(page.locator(f"#p{quote['paragraph']} mark")).to_be_in_viewport()
        assert marked(page) == article["text"][quote["start"] : quote["end"]]
        assert page.evaluate("document.activeElement.id") == f"p{quote['paragraph']}"


def test_a_click_on_the_quote_itself_marks_it_too(page: Page) -> None:
    ask(page, WHY)
    page.locator(".quote blockquote").first.click()
    page.wait_for_selector("#view-article mark")
    assert marked(page) == page.locator(".quote blockquote").first.inner_text()


def test_the_article_stands_in_its_own_direction(page: Page) -> None:
    letters = page.locator("#view-article .letters")
    expect(letters).to_have_attribute("lang", "ar")
    expect(letters).to_have_attribute("dir", "rtl")
    expect(page.locator("html")).to_have_attribute("dir", "ltr")
    assert letters.evaluate("node => getComputedStyle(node).direction") == "rtl"


def test_a_follow_up_is_understood_through_the_question_before(page: Page, service: httpx.Client) -> None:
    ask(page, WHY)
    ask(page, "And when?")
    assert page.locator(".turn").count() == 2
    answer = last_answer(page, service)
    assert "CSTO" in str(answer["understood_as"])
    expect(page.locator(".turn").last).to_contain_text(str(answer["understood_as"]))


def test_what_the_article_does_not_say_is_refused_with_the_closest_paragraphs(
    page: Page, service: httpx.Client
) -> None:
    ask(page, SILENT)
    turn = page.locator(".turn").last
    expect(turn.locator(".silent")).to_have_text("The article does not say.")
    assert turn.locator("blockquote").count() == 0
    closest = last_answer(page, service)["closest"]
    assert turn.locator(".source p").all_inner_texts() == [source["text"] for source in closest]
    turn.locator(".chip").first.click()
    page.wait_for_selector("#view-article mark")
    assert marked(page) == closest[0]["text"]


def test_suggested_questions_are_answered(page: Page) -> None:
    suggestion = page.locator("#suggestions button").first
    text = suggestion.inner_text()
    suggestion.click()
    page.wait_for_selector(".turn .after")
    expect(page.locator(".asked")).to_have_text(text)
    assert page.locator(".quote").count() > 0


def test_a_citation_is_copied(page: Page, service: httpx.Client) -> None:
    ask(page, WHY)
    quote = last_answer(page, service)["quotes"][0]
    query = {name: quote[name] for name in ("start", "end", "version")}
    citation = service.get(f"/v1/articles/{BUNDLED_ID}/citation", params=query).json()["text"]
    page.get_by_role("button", name="Copy as citation").first.click()
    expect(page.locator(".told")).to_have_text("Copied.")
    assert page.evaluate("navigator.clipboard.readText()") == citation


def test_an_answer_is_rated_with_a_reason(page: Page, service: httpx.Client) -> None:
    ask(page, WHY)
    answer_id = last_answer(page, service)["id"]
    page.get_by_role("button", name="Not helpful").click()
    page.get_by_label("What was wrong with it?").fill("It is the wrong paragraph.")
    page.get_by_role("button", name="Send").click()
    expect(page.locator(".thanks")).to_be_visible()
    expect(page.get_by_role("button", name="Not helpful")).to_have_attribute("aria-pressed", "true")
    lines = [json.loads(line) for line in service.get("/v1/feedback").text.splitlines()]
    given = [line for line in lines if line["answer"]["id"] == answer_id]
    assert [(one["rating"], one["reason"], one["surface"]) for one in given] == [
        ("down", "It is the wrong paragraph.", "web")
    ]


def test_a_link_to_an_answer_shows_its_proof(page: Page, open_page: OpenPage, service: httpx.Client) -> None:
    ask(page, WHY)
    quote = page.locator("blockquote").first.inner_text()
    href = page.locator(".permalink").get_attribute("href")
    other = ready(open_page(str(service.base_url.join(href)), language="fr"))
    expect(other.locator(".asked")).to_have_text(WHY)
    expect(other.locator("blockquote").first).to_have_text(quote)
    assert marked(other) == quote
    expect(other.locator("html")).to_have_attribute("lang", "fr")


def test_a_link_to_an_unknown_answer_says_so(open_page: OpenPage, service: httpx.Client) -> None:
    page = ready(open_page(f"{service.base_url}/a/{'0' * 32}"))
    expect(page.locator(".turn .wrong")).to_contain_text("There is no answer")
    expect(page.locator("#view-article .letters")).to_be_visible()


def test_a_link_shows_the_version_that_the_answer_is_from(open_page: OpenPage, serve: Serve) -> None:
    client = serve()
    body = {"name": "bridge", "title": "Bridge", "text": "The old bridge was closed on Monday because of the flood."}
    article = client.post("/v1/articles", json=body).raise_for_status().json()
    question = {"question": "Why was the bridge closed?", "article_ids": [article["id"]]}
    answer = client.post("/v1/ask", json=question).json()
    client.post("/v1/articles", json={**body, "text": "A new bridge was opened."}).raise_for_status()
    page = ready(open_page(f"{client.base_url}/a/{answer['id']}"))
    assert marked(page) == answer["quotes"][0]["text"] == body["text"]


def test_a_conversation_is_there_again_after_a_reload(page: Page) -> None:
    ask(page, WHY)
    quote = page.locator("blockquote").first.inner_text()
    page.reload()
    ready(page)
    expect(page.locator(".asked")).to_have_text(WHY)
    expect(page.locator("blockquote").first).to_have_text(quote)
    page.get_by_role("button", name="New conversation").click()
    expect(page.locator(".turn")).to_have_count(0)
    expect(page.locator("#question")).to_be_focused()


def test_a_dropped_connection_goes_on_where_it_was(open_page: OpenPage, service: httpx.Client) -> None:
    with proxy_to(service.base_url.port) as proxy:
        page = ready(open_page(proxy.url))
        proxy.hold(AFTER_FIRST_QUOTE)
        page.fill("#question", WHY)
        page.press("#question", "Enter")
        page.wait_for_selector(".turn blockquote")
        with page.expect_request(re.compile(r"/events$")) as resumed:
            proxy.drop()
        page.wait_for_selector(".turn .after")
    assert_went_on(page, service, resumed.value)


def test_a_silent_connection_is_given_up_and_gone_on_with(open_page: OpenPage, service: httpx.Client) -> None:
    with proxy_to(service.base_url.port) as proxy:
        page = open_page(proxy.url)
        page.clock.install()
        ready(page)
        proxy.hold(AFTER_FIRST_QUOTE)
        page.fill("#question", WHY)
        page.press("#question", "Enter")
        page.wait_for_selector(".turn blockquote")
        proxy.wait_until_held()
        with page.expect_request(re.compile(r"/events$")) as resumed:
            page.clock.run_for(46_000)
        page.wait_for_selector(".turn .after")
    assert_went_on(page, service, resumed.value)


def assert_went_on(page: Page, service: httpx.Client, request: Request) -> None:
    """The request asked for what came after the first quote, and the whole answer is there once."""
    answer = last_answer(page, service)
    assert request.url.endswith(f"/v1/answers/{answer['id']}/events")
    assert request.headers["last-event-id"] == f"{answer['id']}:2"
    assert page.locator(".turn blockquote").all_inner_texts() == [quote["text"] for quote in answer["quotes"]]
    assert page.locator(".turn").count() == 1


def test_a_connection_that_breaks_before_the_first_event_can_be_tried_again(
    open_page: OpenPage, service: httpx.Client
) -> None:
    with proxy_to(service.base_url.port) as proxy:
        page = ready(open_page(proxy.url))
        proxy.hold(b"event: status")
        page.fill("#question", WHY)
        page.press("#question", "Enter")
        proxy.drop()
        page.get_by_role("button", name="Ask again").click()
        page.wait_for_selector(".turn .after")
    assert page.locator(".turn").count() == 1


def test_quotes_come_first_and_a_language_model_s_text_streams(open_page: OpenPage, serve: Serve) -> None:
    seen = threading.Event()

    def script(_: str) -> Iterator[str]:
        yield "He no longer trusts his own forces [1]. The troops "
        assert seen.wait(60)
        yield "came within hours [1]."

    with ScriptedLlm(script) as llm:
        rag = RagSettings(llm="openai", llm_model="test-model", llm_url=f"{llm.url}/v1", llm_timeout=60)
        page = ready(open_page(str(serve(rag=rag).base_url)))
        page.fill("#question", WHY)
        page.press("#question", "Enter")
        expect(page.locator(".turn .prose")).to_contain_text("He no longer trusts his own forces")
        expect(page.locator(".turn .status")).to_have_text("Writing…")
        assert page.locator(".turn blockquote").count() > 0
        expect(page.locator(".turn .prose")).not_to_contain_text("within hours")
        seen.set()
        page.wait_for_selector(".turn .after")
        expect(page.locator(".turn .prose")).to_contain_text("within hours")
        expect(page.locator(".turn")).to_contain_text("Text by a language model: test-model")


def test_what_a_failed_language_model_began_is_taken_back(open_page: OpenPage, serve: Serve) -> None:
    with ScriptedLlm(lambda _: half_then_die("He no longer trusts his own forces [1]. The troops ")) as llm:
        rag = RagSettings(llm="openai", llm_model="test-model", llm_url=f"{llm.url}/v1", llm_timeout=60)
        page = ready(open_page(str(serve(rag=rag).base_url)))
        ask(page, WHY)
        expect(page.locator(".turn .prose")).to_have_count(0)
        assert page.locator(".turn blockquote").count() > 0
        expect(page.locator(".turn")).to_contain_text("The language model did not answer")


def test_quotes_are_checked(page: Page) -> None:
    page.get_by_role("tab", name="Check a quote").click()
    page.fill("#claim", "وصل 3500 جندي من أرمينيا وبيلاروسيا")
    page.get_by_role("button", name="Check", exact=True).click()
    verdict = page.locator(".verdict")
    expect(verdict.locator("h3")).to_have_text("Altered")
    assert [text.strip() for text in verdict.locator(".diff del").all_inner_texts()] == ["3500"]
    assert [text.strip() for text in verdict.locator(".diff ins").all_inner_texts()] == ["2500"]
    verdict.locator(".chip").first.click()
    page.wait_for_selector("#p2 mark")
    assert "2500" in marked(page)
    page.fill("#claim", marked(page))
    page.get_by_role("button", name="Check", exact=True).click()
    expect(verdict.locator("h3")).to_have_text("Exact")
    page.fill("#claim", "Bananas are yellow and grow on Mars.")
    page.get_by_role("button", name="Check", exact=True).click()
    expect(verdict.locator("h3")).to_have_text("Not in the articles")


def test_an_article_is_uploaded_read_and_asked(open_page: OpenPage, serve: Serve) -> None:
    client = serve()
    page = ready(open_page(str(client.base_url)))
    # A letter outside the first plane counts as one character of the article, and as two for JavaScript.
    text = "The 𝔏orne bridge 🌉 was closed on Monday.\n\nIt will open again in March 🌸, the mayor of Stoke said on Friday."
    page.get_by_role("button", name="Articles").click()
    page.set_input_files("#file", {"name": "bridge.txt", "mimeType": "text/plain", "buffer": text.encode()})
    page.fill("#title", "Bridge closed")
    page.fill("#published", "2026-01-07")
    page.evaluate(
        "new MutationObserver(() => (window.seen ??= []).push(document.getElementById('upload-status').textContent))"
        ".observe(document.getElementById('upload-status'), { childList: true })"
    )
    page.locator("#upload [type=submit]").click()
    expect(page.locator("#upload-status")).to_have_text("Added: Bridge closed")
    assert "Sent; the article is being read…" in page.evaluate("window.seen")
    assert len(client.get("/v1/articles").json()["articles"]) == 2
    page.get_by_role("button", name="Close", exact=True).click()
    expect(page.locator("#view-article h2")).to_have_text("Bridge closed")
    expect(page.locator("#view-article .facts")).to_contain_text("January 7, 2026")
    ask(page, "When will the bridge open again?")
    page.locator(".quote .chip").first.click()
    page.wait_for_selector("#view-article mark")
    assert marked(page) == "It will open again in March 🌸, the mayor of Stoke said on Friday."


def test_a_bad_upload_says_why(open_page: OpenPage, serve: Serve) -> None:
    page = ready(open_page(str(serve().base_url)))
    page.get_by_role("button", name="Articles").click()
    page.locator("#upload [type=submit]").click()
    expect(page.locator("#upload-status")).to_have_text("Choose a file, or paste a text.")
    page.set_input_files("#file", {"name": "bridge.exe", "mimeType": "text/plain", "buffer": b"MZ"})
    page.locator("#upload [type=submit]").click()
    expect(page.locator("#upload-status")).to_contain_text("suffix")


def test_all_articles_can_be_asked_and_their_quotes_open_them(open_page: OpenPage, serve: Serve) -> None:
    client = serve()
    body = {
        "title": "Bridge closed",
        "text": "The mayor of Stoke closed the old bridge on Monday because of the flood.",
    }
    client.post("/v1/articles", json=body).raise_for_status()
    page = ready(open_page(str(client.base_url)))
    expect(page.locator("#view-article .letters")).to_have_attribute("lang", "ar")
    page.check("#all-articles")
    ask(page, "Why did the mayor of Stoke close the bridge?")
    expect(page.locator(".quote cite").first).to_have_text("Bridge closed")
    page.locator(".quote .chip").first.click()
    expect(page.locator("#view-article .letters")).to_have_attribute("lang", "en")
    assert marked(page) == body["text"]


def test_the_page_turns_into_another_language(page: Page) -> None:
    ask(page, WHY)
    page.select_option("#language", "ar")
    expect(page.locator("html")).to_have_attribute("dir", "rtl")
    expect(page.locator("html")).to_have_attribute("lang", "ar")
    expect(page.locator("#tab-ask")).to_have_text("اسأل")
    expect(page.get_by_role("button", name="انسخ كاستشهاد").first).to_be_visible()
    # The article stands at the start of the line: on the right.
    article, talk = page.locator("#view-article").bounding_box(), page.locator(".talk").bounding_box()
    assert article
    assert talk
    assert article["x"] > talk["x"]
    page.reload()
    expect(page.locator("html")).to_have_attribute("dir", "rtl")
    for code, text in {"ru": "Спросить", "fr": "Demander", "tr": "Sor", "en": "Ask"}.items():
        page.select_option("#language", code)
        expect(page.locator("#tab-ask")).to_have_text(text)
        expect(page.locator("html")).to_have_attribute("dir", "ltr")


def test_the_browser_s_language_is_the_page_s(open_page: OpenPage, service: httpx.Client) -> None:
    page = ready(open_page(str(service.base_url), language="tr-TR"))
    expect(page.locator("html")).to_have_attribute("lang", "tr")
    page.wait_for_selector("#suggestions button")
    assert re.search(r"ne oldu|oynuyor|ne diyor", page.locator("#suggestions").inner_text())


def test_a_phone_shows_one_view_at_a_time_and_never_scrolls_sideways(
    open_page: OpenPage, service: httpx.Client
) -> None:
    for language in ("en", "ar"):
        page = ready(open_page(str(service.base_url), language=language, width=360, height=640))
        fits = "document.documentElement.scrollWidth <= innerWidth && [...document.querySelectorAll('.turns, .sheet, .checking')].every(node => node.scrollWidth <= node.clientWidth)"
        assert page.evaluate(fits)
        ask(page, WHY)
        expect(page.locator("#view-article")).to_be_hidden()
        assert page.evaluate(fits)
        page.locator(".quote .chip").first.click()
        expect(page.locator("#view-article mark").first).to_be_in_viewport()
        expect(page.locator(".talk")).to_be_hidden()
        assert page.evaluate(fits)
        page.locator("#back").click()
        expect(page.locator(".quote").first).to_be_visible()
        page.locator("#tab-check").click()
        expect(page.locator("#claim")).to_be_visible()
        assert page.evaluate(fits)


def test_an_empty_service_says_what_to_do(open_page: OpenPage, serve: Serve) -> None:
    client = serve()
    client.delete(f"/v1/articles/{BUNDLED_ID}").raise_for_status()
    page = ready(open_page(str(client.base_url)))
    expect(page.locator("#view-article")).to_contain_text("There is no article yet.")
    page.fill("#question", WHY)
    page.press("#question", "Enter")
    expect(page.locator(".turn .wrong")).to_contain_text("No article is indexed.")


def test_where_keys_are_needed_the_page_asks_for_one(
    open_page: OpenPage, serve: Serve, index_settings: IndexSettings
) -> None:
    with closing(KeyStore(index_settings.data_dir / FILE_NAME)) as keys:
        _, new_key = keys.create("newsroom", ["ask"])
    client = serve(require_key=True)
    page = open_page(str(client.base_url))
    dialog = page.get_by_role("dialog", name="A key is needed")
    expect(dialog).to_be_visible()
    page.keyboard.press("Escape")
    expect(dialog).to_be_visible()
    page.get_by_label("Key", exact=True).fill("wrong")
    page.keyboard.press("Enter")
    expect(page.locator("#key-wrong")).to_be_visible()
    page.get_by_label("Key", exact=True).fill(new_key)
    page.get_by_role("button", name="Use the key").click()
    ready(page)
    ask(page, WHY)
    assert page.locator("blockquote").count() > 0
    assert page.evaluate("[localStorage.getItem('maqal.key'), sessionStorage.getItem('maqal.key')]") == [None, new_key]


def test_an_answer_prints_without_the_page_around_it(page: Page) -> None:
    ask(page, WHY)
    page.emulate_media(media="print")
    expect(page.locator("blockquote").first).to_be_visible()
    expect(page.locator(".speaker").first).to_be_visible()
    expect(page.locator(".quote cite").first).to_contain_text("معاهدة الأمن الجماعي")
    for selector in ("#view-article", "#ask", ".masthead select"):
        expect(page.locator(selector)).to_be_hidden()
