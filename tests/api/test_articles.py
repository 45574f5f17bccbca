"""Articles over HTTP: added, listed, read, replaced, deleted; each upload once."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any, ClassVar

import httpx
import pytest

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
    assert [article["id"] for article in listed["articles"]] == [BUNDLED_ID, "bridge"]
    assert listed["articles"][1] == entry
    assert listed["next"] is None

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
    assert client.get("/v1/articles").json() == {"articles": [], "next": None}
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


def test_a_list_goes_on_from_its_cursor(start: Start) -> None:
    client = start()
    for n in range(4):
        client.post("/v1/articles", json={"text": f"{TEXT} It has {n} lanes.", "name": f"a{n}"})
    # A new version leaves an article where it stands in the list.
    client.post("/v1/articles", json={"text": f"{TEXT} It has ten lanes.", "name": "a0"})

    def pages(limit: int) -> list[list[str]]:
        found, cursor = [], ""
        while cursor is not None:
            page = client.get("/v1/articles", params={"limit": limit, "cursor": cursor}).json()
            found.append([article["id"] for article in page["articles"]])
            cursor = page["next"]
        return found

    everything = [BUNDLED_ID, "a0", "a1", "a2", "a3"]
    assert pages(5) == pages(50) == [everything]
    assert pages(2) == [everything[:2], everything[2:4], everything[4:]]
    first = client.get("/v1/articles?limit=2").json()
    client.delete("/v1/articles/a0")
    rest = client.get("/v1/articles", params={"cursor": first["next"]}).json()
    assert [article["id"] for article in rest["articles"]] == everything[2:]


@pytest.mark.parametrize("query", ["cursor=x", "cursor=-1", "cursor=٣", "cursor=99999999999999999999"])
def test_a_cursor_that_no_list_gave(client: httpx.Client, query: str) -> None:
    assert_typed(client.get(f"/v1/articles?{query}"), 422, "bad_cursor")


def test_older_versions_can_be_read(start: Start) -> None:
    client = start()
    texts = [TEXT, TEXT.replace("March", "April"), TEXT.replace("March", "May")]
    for text in texts:
        client.post("/v1/articles", json={"text": text, "name": "bridge"})
    versions = client.get("/v1/articles/bridge/versions").json()
    assert [version["version"] for version in versions] == [3, 2, 1]
    assert "text" not in versions[0]
    for number, text in enumerate(texts, 1):
        read = client.get(f"/v1/articles/bridge?version={number}").json()
        assert (read["text"], read["version"]) == (text, number)
    assert client.get("/v1/articles/bridge").json()["text"] == texts[2]
    for number in (4, 2**31):
        assert_typed(client.get(f"/v1/articles/bridge?version={number}"), 404, "unknown_article")
    assert_typed(client.get(f"/v1/articles/bridge?version={2**70}"), 422, "invalid_request")
    assert_typed(client.get("/v1/articles/nowhere/versions"), 404, "unknown_article")


class TestETag:
    PATH = "/v1/articles/bridge"

    @pytest.fixture
    def client(self, start: Start) -> httpx.Client:
        client = start()
        client.post("/v1/articles", json={"text": TEXT, "name": "bridge"})
        return client

    def test_an_article_that_is_known_is_not_sent_again(self, client: httpx.Client) -> None:
        etag = client.get(self.PATH).headers["etag"]
        assert etag.startswith('"1-')
        for known in (etag, f"W/{etag}", f'"x", {etag}', "*"):
            response = client.get(self.PATH, headers={"If-None-Match": known})
            assert (response.status_code, response.content, response.headers["etag"]) == (304, b"", etag)
        for other in ('"x"', etag[:-2] + '"', ""):
            response = client.get(self.PATH, headers={"If-None-Match": other})
            assert (response.status_code, response.json()["text"]) == (200, TEXT)

    def test_it_changes_with_the_text_and_with_what_is_known_of_it(self, client: httpx.Client) -> None:
        etags = [client.get(self.PATH).headers["etag"]]
        for more in ({"text": TEXT + "More."}, {"text": TEXT + "More.", "title": "Bridge"}):
            uploaded = client.post("/v1/articles", json={"name": "bridge", **more})
            assert uploaded.headers["location"] == self.PATH
            etags.append(client.get(self.PATH).headers["etag"])
            assert uploaded.headers["etag"] == etags[-1]
        assert len(set(etags)) == 3
        assert client.get(f"{self.PATH}?version=1").headers["etag"] == etags[0]

    def test_only_the_version_that_is_meant_is_deleted(self, client: httpx.Client) -> None:
        etag = client.get(self.PATH).headers["etag"]
        client.post("/v1/articles", json={"text": TEXT + "More.", "name": "bridge"})
        for other in (etag, f"W/{client.get(self.PATH).headers['etag']}", '"x"', ""):
            assert_typed(client.delete(self.PATH, headers={"If-Match": other}), 412, "precondition_failed")
        now = client.get(self.PATH).headers["etag"]
        assert client.delete(self.PATH, headers={"If-Match": f'"x", {now}'}).status_code == 204
        assert_typed(client.delete(self.PATH, headers={"If-Match": "*"}), 404, "unknown_article")


class TestFile:
    @staticmethod
    def post(client: httpx.Client, name: str, data: bytes, **fields: str) -> httpx.Response:
        return client.post("/v1/articles/file", files={"file": (name, data)}, data=fields)

    @pytest.mark.parametrize(
        ("name", "data", "id"),
        [
            ("bridge.txt", TEXT.encode(), "bridge"),
            ("bridge.txt", TEXT.encode("utf-16"), "bridge"),
            ("ulm.MD", f"# A bridge\n\n{TEXT}".encode(), "ulm"),
            ("page.html", f"<html><title>A bridge</title><body><p>{TEXT}</p></body></html>".encode(), "page"),
            ("../../etc/جسر.txt", TEXT.encode(), "جسر"),
            ("C:\\news\\ulm.txt", TEXT.encode(), "ulm"),
        ],
    )
    def test_it_is_read_by_its_suffix(self, start: Start, name: str, data: bytes, id: str) -> None:
        client = start()
        response = self.post(client, name, data)
        assert response.status_code == 201, response.text
        assert response.json()["id"] == id
        text = client.get(f"/v1/articles/{id}").json()["text"]
        assert TEXT.strip() in text
        assert "<" not in text

    def test_what_is_said_of_it_wins(self, start: Start) -> None:
        fields = {"title": "Bridge closed", "source": "Daily", "published": "2026-01-07"}
        client = start()
        entry = self.post(client, "bridge.txt", TEXT.encode(), **fields).json()
        assert {name: entry[name] for name in fields} == fields
        # The same name as in JSON is the same article.
        again = client.post("/v1/articles", json={"text": TEXT, "name": "bridge.txt", **fields})
        assert again.json()["outcome"] == "unchanged"

    @pytest.mark.parametrize(
        ("name", "data", "status", "code"),
        [
            ("bridge.exe", b"text", 422, "unreadable_article"),
            ("bridge", b"text", 422, "unreadable_article"),
            (".txt", b"text", 422, "unreadable_article"),
            ("bridge.txt", b"", 422, "empty_article"),
            ("bridge.txt", b"\x00\x01\x02\xff" * 100, 422, "unreadable_article"),
            ("bridge.pdf", b"%PDF-1.7 and nothing more", 422, "unreadable_article"),
            ("bridge.docx", b"PK\x03\x04", 422, "unreadable_article"),
        ],
    )
    def test_what_cannot_be_read(self, client: httpx.Client, name: str, data: bytes, status: int, code: str) -> None:
        assert_typed(self.post(client, name, data), status, code)

    def test_too_many_bytes(self, start: Start, index_settings: IndexSettings) -> None:
        client = start(index=IndexSettings(data_dir=index_settings.data_dir, max_bytes=100))
        assert_typed(self.post(client, "a.txt", b"x" * 101), 413, "article_too_large")

    def test_a_body_that_is_too_large(self, start: Start) -> None:
        client = start(max_body_bytes=1000)
        assert_typed(self.post(client, "a.txt", b"x" * 1001), 413, "body_too_large")

    @pytest.mark.parametrize(
        ("content_type", "body", "status"),
        [
            ("multipart/form-data", b"", 400),
            ("multipart/form-data; boundary=x", b"", 422),
            ("multipart/form-data; boundary=x", b"--x\r\nnonsense", 422),
            ("multipart/form-data; boundary=x", b"--x\r\nnon\x00sense: a\r\n\r\n", 400),
            (
                "multipart/form-data; boundary=x",
                b'--x\r\nContent-Disposition: form-data; name="file"\r\n\r\na\r\n--x--',
                422,
            ),
            ("multipart/form-data; boundary=" + "x" * 5000, b"--x", 400),
            ("application/json", b"{}", 422),
            ("text/plain", b"a", 422),
        ],
    )
    def test_what_is_no_form(self, client: httpx.Client, content_type: str, body: bytes, status: int) -> None:
        response = client.post("/v1/articles/file", content=body, headers={"content-type": content_type})
        assert_typed(response, status, "invalid_request")


class TestIdempotencyKey:
    UPLOAD: ClassVar = {"text": TEXT, "name": "bridge"}

    @staticmethod
    def post(client: httpx.Client, key: str, body: dict[str, Any]) -> httpx.Response:
        return client.post("/v1/articles", json=body, headers={"Idempotency-Key": key})

    def test_the_same_upload_is_answered_as_the_first_time(self, start: Start) -> None:
        client = start()
        first = self.post(client, "one", self.UPLOAD)
        assert "idempotent-replayed" not in first.headers
        # Without the key it would be 200, `unchanged`.
        second = self.post(client, "one", {"name": "bridge", "text": TEXT})
        assert second.headers["idempotent-replayed"] == "true"
        for other in (second, self.post(client, "one", self.UPLOAD)):
            assert (other.status_code, other.json()) == (first.status_code, first.json()) == (201, first.json())
            assert (other.headers["etag"], other.headers["location"]) == (
                first.headers["etag"],
                first.headers["location"],
            )
        assert self.post(client, "two", self.UPLOAD).status_code == 200
        assert client.post("/v1/articles", json=self.UPLOAD).status_code == 200

    def test_another_upload_with_the_key_is_refused(self, start: Start) -> None:
        client = start()
        self.post(client, "one", self.UPLOAD)
        other = self.post(client, "one", {**self.UPLOAD, "text": TEXT + "More."})
        assert_typed(other, 422, "idempotency_key_reused")
        as_file = client.post(
            "/v1/articles/file", files={"file": ("bridge.txt", TEXT)}, headers={"Idempotency-Key": "one"}
        )
        assert_typed(as_file, 422, "idempotency_key_reused")
        assert client.get("/v1/articles/bridge").json()["version"] == 1

    def test_a_file_too(self, start: Start) -> None:
        client = start()

        def post(data: str, title: str = "") -> httpx.Response:
            return client.post(
                "/v1/articles/file",
                files={"file": ("bridge.txt", data)},
                data={"title": title},
                headers={"Idempotency-Key": "one"},
            )

        assert [post(TEXT).status_code for _ in range(2)] == [201, 201]
        assert_typed(post(TEXT + "More."), 422, "idempotency_key_reused")
        assert_typed(post(TEXT, "Bridge"), 422, "idempotency_key_reused")

    def test_what_failed_may_be_tried_again(self, start: Start) -> None:
        client = start()
        assert_typed(self.post(client, "one", {"text": "", "name": "bridge"}), 422, "empty_article")
        assert self.post(client, "one", self.UPLOAD).status_code == 201

    def test_all_at_once_there_is_one_upload(self, start: Start) -> None:
        client = start()
        with ThreadPoolExecutor(8) as pool:
            responses = list(pool.map(lambda _: self.post(client, "one", self.UPLOAD), range(8)))
        assert {response.status_code for response in responses} == {201}
        assert len({response.text for response in responses}) == 1

    @pytest.mark.parametrize("key", ["", "x" * 256])
    def test_a_key_that_is_none(self, client: httpx.Client, key: str) -> None:
        assert_typed(self.post(client, key, self.UPLOAD), 422, "invalid_request")
