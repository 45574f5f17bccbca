"""Questions, conversations and searches."""

import json
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any

import httpx
import pytest

from api.keys import FILE_NAME, KeyStore
from index.settings import IndexSettings
from tests.api.conftest import Start, assert_typed
from tests.conftest import BUNDLED_ID


def ask(client: httpx.Client, question: str, **fields: object) -> dict[str, Any]:
    response = client.post("/v1/ask", json={"question": question, **fields})
    assert response.status_code == 200, response.text
    return response.json()


@pytest.mark.parametrize(
    ("question", "language", "paragraph"),
    [
        ("Why did Tokayev call in the CSTO?", "en", 4),
        ("ماذا كتب سوشكوف على تويتر؟", "ar", 7),
        ("Сколько солдат прибыло в Казахстан?", "ru", 2),
    ],
)
def test_an_answer_quotes_the_article_letter_by_letter(
    client: httpx.Client, question: str, language: str, paragraph: int
) -> None:
    answer = ask(client, question)
    text = client.get(f"/v1/articles/{BUNDLED_ID}").json()["text"]
    assert (answer["verdict"], answer["language"], answer["model"]) == ("answered", language, "extractive")
    assert answer["quotes"]
    for quote in answer["quotes"]:
        assert quote["text"] == text[quote["start"] : quote["end"]]
        assert quote["text"] in answer["text"]
    assert paragraph in {quote["paragraph"] for quote in answer["quotes"]}


def test_the_language_and_the_articles_can_be_chosen(client: httpx.Client) -> None:
    answer = ask(client, "When was the CSTO founded?", language="ru", article_ids=[BUNDLED_ID])
    assert answer["language"] == "ru"
    assert "В статье сказано" in answer["text"]


def test_what_the_article_does_not_say(client: httpx.Client) -> None:
    answer = ask(client, "What is the recipe for apple pie?")
    assert (answer["verdict"], answer["quotes"]) == ("not_in_article", [])
    assert answer["closest"]


def test_a_follow_up_is_understood_through_its_own_conversation(client: httpx.Client) -> None:
    topics = ["What did Sushkov write on Twitter?", "When was the CSTO founded?"]
    ids = [client.post("/v1/conversations").json()["id"] for _ in topics]
    assert ids[0] != ids[1]

    def say(conversation: str, question: str) -> dict[str, Any]:
        return client.post(f"/v1/conversations/{conversation}/messages", json={"question": question}).json()

    for conversation, topic in zip(ids, topics, strict=True):
        assert say(conversation, topic)["understood_as"] == topic
    for conversation, topic in zip(ids, topics, strict=True):
        assert say(conversation, "And why?")["understood_as"] == f"{topic} And why?"
        turns = client.get(f"/v1/conversations/{conversation}/messages").json()
        assert [turn["question"] for turn in turns] == [topic, "And why?"]
        assert all(turn["answer"] for turn in turns)


def test_ask_can_continue_a_conversation(client: httpx.Client) -> None:
    conversation = client.post("/v1/conversations").json()["id"]
    ask(client, "When was the CSTO founded?", conversation=conversation)
    assert "CSTO" in ask(client, "And why?", conversation=conversation)["understood_as"]
    assert ask(client, "And why?")["understood_as"] == "And why?"


def test_a_conversation_that_no_one_had_is_empty(client: httpx.Client) -> None:
    assert client.get("/v1/conversations/nobody/messages").json() == []


def test_an_answer_can_be_read_again(client: httpx.Client) -> None:
    answer = ask(client, "When was the CSTO founded?")
    assert client.get(f"/v1/answers/{answer['id']}").json() == answer
    assert_typed(client.get("/v1/answers/nothing"), 404, "unknown_answer")


def test_a_conversation_is_read_with_its_answers_and_deleted_with_them(client: httpx.Client) -> None:
    other = ask(client, "When was the CSTO founded?", conversation="kept")
    answers = [ask(client, question, conversation="gone") for question in ("When was the CSTO founded?", "And why?")]
    client.post(f"/v1/answers/{answers[0]['id']}/feedback", json={"rating": "up"})
    path = "/v1/conversations/gone/messages"
    assert [turn["answer_id"] for turn in client.get(path).json()] == [answer["id"] for answer in answers]
    assert all("whole" not in turn for turn in client.get(path).json())
    assert [turn["whole"] for turn in client.get(f"{path}?full=true").json()] == answers

    for _ in range(2):
        assert client.delete("/v1/conversations/gone").status_code == 204
    assert client.get(path).json() == []
    for answer in answers:
        assert_typed(client.get(f"/v1/answers/{answer['id']}"), 404, "unknown_answer")
    assert client.get(f"/v1/answers/{other['id']}").json() == other
    assert len(client.get("/v1/conversations/kept/messages").json()) == 1


def test_feedback_is_exported_line_by_line(start: Start) -> None:
    client = start()
    assert client.get("/v1/feedback").text == ""
    answers = [ask(client, "When was the CSTO founded?") for _ in range(2)]
    for answer, body in zip(
        answers, ({"rating": "up"}, {"rating": "down", "reason": "غلط\nline", "surface": "web"}), strict=True
    ):
        assert client.post(f"/v1/answers/{answer['id']}/feedback", json=body).status_code == 204
    exported = client.get("/v1/feedback")
    assert exported.headers["content-type"] == "application/jsonl"
    lines = [json.loads(line) for line in exported.text.splitlines()]
    assert [line["answer"] for line in lines] == answers
    assert [(line["rating"], line["reason"], line["surface"]) for line in lines] == [
        ("up", "", "rest"),
        ("down", "غلط\nline", "web"),
    ]
    # A key has one opinion of an answer, the last one.
    client.post(f"/v1/answers/{answers[0]['id']}/feedback", json={"rating": "down"})
    again = [json.loads(line) for line in client.get("/v1/feedback").text.splitlines()]
    assert [(line["answer"]["id"], line["rating"]) for line in again] == [
        (answers[1]["id"], "down"),
        (answers[0]["id"], "down"),
    ]


def test_usage_is_counted_by_key(start: Start, index_settings: IndexSettings) -> None:
    with closing(KeyStore(index_settings.data_dir / FILE_NAME)) as keys:
        secrets = {name: keys.create(name, [scope])[1] for name, scope in (("ann", "ask"), ("ben", "admin"))}
    client = start(require_key=True)
    headers = {name: {"Authorization": f"Bearer {secret}"} for name, secret in secrets.items()}
    answered, silent = {"question": "When was the CSTO founded?"}, {"question": "What is the recipe for apple pie?"}
    client.post("/v1/ask", json=answered, headers=headers["ann"])
    client.post("/v1/ask/stream", json=silent, headers=headers["ann"])
    client.post("/v1/conversations/one/messages", json={**answered, "language": "ar"}, headers=headers["ben"])
    for path in ("/v1/usage", "/v1/feedback"):
        assert_typed(client.get(path, headers=headers["ann"]), 403, "forbidden")
    # What is deleted was still used.
    client.delete("/v1/conversations/one", headers=headers["ben"])
    usage = client.get("/v1/usage", headers=headers["ben"]).json()
    assert usage["answers"] == sum(usage["by_day"].values()) == 3
    assert usage["by_verdict"] == {"answered": 2, "not_in_article": 1}
    assert usage["by_language"] == {"ar": 1, "en": 2}
    assert usage["by_key"] == {"ann": 2, "ben": 1}
    past = client.get("/v1/usage?since=2001-01-01&until=2001-12-31", headers=headers["ben"]).json()
    assert (past["answers"], past["by_key"], past["since"]) == (0, {}, "2001-01-01")
    first = client.get("/v1/usage?until=0001-01-02", headers=headers["ben"]).json()
    assert (first["since"], first["until"]) == ("0001-01-01", "0001-01-02")


def test_many_at_once(client: httpx.Client) -> None:
    questions = ["Why did Tokayev call in the CSTO?", "When was the CSTO founded?"] * 6
    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(lambda question: ask(client, question), questions))
    assert [answer["question"] for answer in answers] == questions
    assert len({answer["text"] for answer in answers}) == 2


def test_search_returns_paragraphs(client: httpx.Client) -> None:
    response = client.post("/v1/search", json={"question": "When was the CSTO founded?", "limit": 3})
    sources = response.json()
    assert len(sources) == 3
    assert 3 in {source["paragraph"] for source in sources}
    article = client.get(f"/v1/articles/{BUNDLED_ID}").json()
    assert all(source["text"] in article["text"] for source in sources)
