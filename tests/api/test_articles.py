"""Articles over HTTP: added, listed, read, replaced, deleted."""

from index.settings import IndexSettings
from tests.api.conftest import Start, assert_typed
from tests.conftest import BUNDLED_ID

TEXT = "The old bridge in Ulm was closed on Monday. It will open again in March, mayor Anna Weber said.\n"


def test_an_article_from_upload_to_deletion(start: Start) -> None:
    client = start()
    upload = {
        "text": TEXT,
        "title": "Bridge closed",
        "source": "Daily",
        "published": "2026-01-07",
        "name": "bridge.txt",
    }

    added = client.post("/v1/articles", json=upload)
    assert added.status_code == 201
    entry = added.json()
    assert entry.pop("outcome") == "added"
    assert (entry["id"], entry["version"], entry["title"]) == ("bridge", 1, "Bridge closed")
    assert (entry["source"], entry["published"], entry["language"]) == ("Daily", "2026-01-07", "en")
    assert entry["paragraph_count"] == 1

    listed = client.get("/v1/articles").json()
    assert [article["id"] for article in listed] == [BUNDLED_ID, "bridge"]
    assert listed[1] == entry

    article = client.get("/v1/articles/bridge").json()
    assert article["text"] == TEXT
    (body,) = [p for p in article["paragraphs"] if p["kind"] == "body"]
    assert article["text"][body["start"] : body["end"]] == TEXT.strip()

    again = client.post("/v1/articles", json=upload)
    assert (again.status_code, again.json()["outcome"], again.json()["version"]) == (200, "unchanged", 1)

    edited = client.post("/v1/articles", json={**upload, "text": TEXT.replace("March", "April")})
    assert (edited.status_code, edited.json()["outcome"]) == (200, "replaced")
    assert (edited.json()["id"], edited.json()["version"]) == ("bridge", 2)

    question = {"question": "When will the bridge in Ulm open again?", "article_ids": ["bridge"]}
    answer = client.post("/v1/ask", json=question).json()
    assert "April" in answer["text"]
    assert {quote["version"] for quote in answer["quotes"]} == {2}
    assert {quote["article_id"] for quote in answer["quotes"]} == {"bridge"}

    deleted = client.delete("/v1/articles/bridge")
    assert (deleted.status_code, deleted.content) == (204, b"")
    assert_typed(client.delete("/v1/articles/bridge"), 404, "unknown_article")
    assert_typed(client.get("/v1/articles/bridge"), 404, "unknown_article")
    assert_typed(client.post("/v1/ask", json=question), 404, "unknown_article")

    assert client.delete(f"/v1/articles/{BUNDLED_ID}").status_code == 204
    assert client.get("/v1/articles").json() == []
    assert_typed(client.post("/v1/ask", json={"question": "Why?"}), 409, "nothing_indexed")
    assert_typed(client.post("/v1/search", json={"question": "Why?"}), 409, "nothing_indexed")
    ready = client.get("/readyz")
    assert (ready.status_code, ready.json()["articles"], ready.json()["passages"]) == (200, 0, 0)
    assert client.post("/v1/articles", json=upload).status_code == 201


def test_markdown_and_html_are_read(start: Start) -> None:
    client = start()
    markdown = {"text": f"# The *bridge*\n\n{TEXT}", "format": "markdown"}
    html = {"text": f"<html><head><title>A page</title></head><body><p>{TEXT}</p></body></html>", "format": "html"}
    for body, title in ((markdown, "The bridge"), (html, "A page")):
        response = client.post("/v1/articles", json=body)
        assert response.status_code == 201, response.text
        assert response.json()["title"] == title
        text = client.get(f"/v1/articles/{response.json()['id']}").json()["text"]
        assert "<" not in text
        assert "*" not in text


def test_what_no_store_takes_is_left_out(start: Start) -> None:
    client = start()
    body = rb'{"text": "The bridge\ud800 was closed\u0000 on Monday. It opens soon.", "title": "A\u0000B\nC", "name": "../x\u0000"}'
    response = client.post("/v1/articles", content=body, headers={"content-type": "application/json"})
    assert response.status_code == 201, response.text
    assert response.json()["title"] == "AB C"
    article = client.get(f"/v1/articles/{response.json()['id']}").json()
    assert article["text"] == "The bridge was closed on Monday. It opens soon."


def test_a_long_article_is_refused_by_its_bytes(start: Start, index_settings: IndexSettings) -> None:
    limited = IndexSettings(data_dir=index_settings.data_dir, max_bytes=100)
    client = start(index=limited)
    assert_typed(client.post("/v1/articles", json={"text": "م" * 51}), 413, "article_too_large")
    assert client.post("/v1/articles", json={"text": "م" * 50}).status_code == 201
