"""Quotes over HTTP: checked and cited."""

import httpx
import pytest

from index.settings import IndexSettings
from rag.settings import RagSettings
from tests.api.conftest import Start, assert_typed
from tests.conftest import BUNDLED_ID

LETTERS = "أزمةً يمكن لموسكو أن تكون مفيدةً فيها"
CITATION = f"/v1/articles/{BUNDLED_ID}/citation"


class TestCheck:
    def test_exact(self, client: httpx.Client) -> None:
        body = client.post("/v1/quotes/check", json={"text": f"“{LETTERS}”"}).json()
        assert (body["verdict"], body["text"]) == ("exact", LETTERS)
        quote = body["places"][0]["quote"]
        text = client.get(f"/v1/articles/{BUNDLED_ID}").json()["text"]
        assert text[quote["start"] : quote["end"]] == quote["text"] == LETTERS
        assert (quote["paragraph"], quote["speaker"]) == (7, "سوشكوف")

    def test_altered_pieces_translated_absent(self, client: httpx.Client) -> None:
        def check(text: str) -> dict[str, object]:
            response = client.post("/v1/quotes/check", json={"text": text, "article_ids": [BUNDLED_ID]})
            assert response.status_code == 200, response.text
            body: dict[str, object] = response.json()
            return body

        altered = check("وصل 3500 جندي من أرمينيا وبيلاروسيا")
        assert altered["verdict"] == "altered"
        assert {"op": "replace", "said": "3500 ", "article": "2500 "} in altered["diff"]  # type: ignore[operator]
        assert len(check("وكتب سوشكوف على منصة تويتر [...] مفيدةً فيها")["pieces"]) == 2  # type: ignore[arg-type]
        translated = check("The organization had carried out no joint deployments since it was founded in 1999.")
        assert translated["verdict"] == "translated_or_paraphrased"
        assert translated["closest"]
        assert check("The central bank raised interest rates by half a point.")["verdict"] == "absent"

    def test_an_article_that_was_replaced(self, start: Start) -> None:
        client = start()
        upload = {"text": "The bridge was closed on Monday. It opens in March.", "title": "Bridge", "name": "b.txt"}
        check = {"text": "It opens in March", "article_ids": ["b"]}
        client.post("/v1/articles", json=upload)
        assert client.post("/v1/quotes/check", json=check).json()["verdict"] == "exact"
        client.post("/v1/articles", json={**upload, "text": upload["text"].replace("March", "April")})
        body = client.post("/v1/quotes/check", json=check).json()
        assert (body["verdict"], body["places"][0]["quote"]["version"]) == ("altered", 2)

    @pytest.mark.parametrize(
        ("body", "status", "code"),
        [
            ({}, 422, "invalid_request"),
            ({"text": 5}, 422, "invalid_request"),
            ({"text": "a", "mood": 1}, 422, "invalid_request"),
            ({"text": "“”"}, 422, "bad_question"),
            ({"text": "x" * 100_000}, 422, "bad_question"),
            ({"text": "a… " * 50 + "a"}, 422, "bad_question"),
            ({"text": "a", "article_ids": []}, 422, "invalid_request"),
            ({"text": "a", "article_ids": ["nowhere"]}, 404, "unknown_article"),
        ],
    )
    def test_bad_input(self, client: httpx.Client, body: dict[str, object], status: int, code: str) -> None:
        assert_typed(client.post("/v1/quotes/check", json=body), status, code)

    def test_the_limit_is_a_setting(self, start: Start, index_settings: IndexSettings) -> None:
        client = start(rag=RagSettings(max_quote=20))
        assert client.post("/v1/quotes/check", json={"text": "توكاييف"}).status_code == 200
        assert_typed(client.post("/v1/quotes/check", json={"text": LETTERS}), 422, "bad_question")

    def test_nothing_indexed(self, start: Start) -> None:
        client = start()
        client.delete(f"/v1/articles/{BUNDLED_ID}")
        assert_typed(client.post("/v1/quotes/check", json={"text": "a"}), 409, "nothing_indexed")


class TestCitation:
    def test_of_a_quote_of_an_answer(self, client: httpx.Client) -> None:
        answer = client.post("/v1/ask", json={"question": "What did Sushkov write on Twitter?"}).json()
        quote = answer["quotes"][0]
        where = {key: quote[key] for key in ("start", "end", "version")}
        for style, opening in (("plain", "\u2068«"), ("markdown", "> \u2068«")):
            response = client.get(CITATION, params={**where, "style": style})
            assert response.status_code == 200, response.text
            body = response.json()
            assert body["style"] == style
            assert body["text"].startswith(opening + quote["text"])
            assert f"§{quote['paragraph']}" in body["text"]
            same = ("text", "article_id", "version", "paragraph", "start", "end", "speaker")
            assert {key: body["quote"][key] for key in same} == {key: quote[key] for key in same}

    @pytest.mark.parametrize(
        ("query", "status", "code"),
        [
            ("", 422, "invalid_request"),
            ("start=a&end=5", 422, "invalid_request"),
            ("start=-1&end=5", 422, "invalid_request"),
            ("start=11&end=406&style=bibtex", 422, "invalid_request"),
            ("start=9&end=3", 422, "bad_question"),
            ("start=0&end=99999999", 422, "bad_question"),
            ("start=12&end=406", 422, "bad_question"),
            ("start=11&end=406&version=7", 422, "bad_question"),
        ],
    )
    def test_bad_input(self, client: httpx.Client, query: str, status: int, code: str) -> None:
        assert_typed(client.get(f"{CITATION}?{query}"), status, code)

    def test_an_article_that_is_not_there(self, client: httpx.Client) -> None:
        assert_typed(client.get("/v1/articles/nowhere/citation?start=0&end=5"), 404, "unknown_article")
