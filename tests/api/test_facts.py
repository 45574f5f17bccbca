"""Facts over HTTP."""

import httpx

from tests.api.conftest import Start, assert_typed
from tests.conftest import BUNDLED_ID


def test_facts_of_the_bundled_article(client: httpx.Client) -> None:
    facts = client.get(f"/v1/articles/{BUNDLED_ID}/facts").json()
    text = client.get(f"/v1/articles/{BUNDLED_ID}").json()["text"]
    assert (facts["article_id"], facts["version"], facts["language"]) == (BUNDLED_ID, 1, "ar")
    assert facts["people"][0]["name"]["text"] == "قاسم جومارت توكاييف"
    assert facts["people"][0]["role"]["text"] == "رئيس كازاخستان"
    assert [(n["value"], n["second"], n["paragraph"]) for n in facts["numbers"]] == [
        (2500, None, 2),
        (2500, None, 5),
        (2, 1, 18),
    ]
    for fact in (*facts["numbers"], *facts["dates"], *[m for p in facts["places"] for m in p["mentions"]]):
        assert fact["text"] == text[fact["start"] : fact["end"]]


def test_dates_are_resolved_against_the_day_of_publication(start: Start) -> None:
    client = start()
    text = "Mayor Anna Weber closed the bridge in Austria on Monday. About 2,500 people use it.\n"
    client.post("/v1/articles", json={"text": text, "published": "2022-01-07", "name": "bridge.txt"})
    facts = client.get("/v1/articles/bridge/facts").json()
    assert [(d["text"], d["iso"]) for d in facts["dates"]] == [("Monday", "2022-01-03")]
    assert [(p["name"]["text"], p["country"]) for p in facts["places"]] == [("Austria", "AT")]
    assert [(n["value"], n["unit"]["text"]) for n in facts["numbers"]] == [(2500, "people")]


def test_an_unknown_article(client: httpx.Client) -> None:
    assert_typed(client.get("/v1/articles/nothing/facts"), 404, "unknown_article")
