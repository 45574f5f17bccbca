"""Questions, conversations and searches."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

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
