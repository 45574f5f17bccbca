"""maqal as a model, asked by the official `openai` client."""

import json
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from openai.types.responses import Response, ResponseCompletedEvent, ResponseFailedEvent, ResponseTextDeltaEvent

from api.keys import open_keys
from api.settings import ApiSettings
from index.exceptions import VectorStoreError
from index.settings import IndexSettings
from rag.settings import RagSettings
from tests.api.conftest import Start
from tests.api.test_stream import failing_engine
from tests.conftest import BUNDLED_ID
from tests.llm_server import ScriptedLlm, half_then_die

QUESTION = "When was the CSTO founded?"
FOLLOW_UP = "And who belongs to it?"
ARTICLE_MODEL = f"maqal/{BUNDLED_ID}"


@contextmanager
def openai_client(service: httpx.Client, key: str = "none") -> Iterator[openai.OpenAI]:
    with (
        httpx.Client(trust_env=False) as transport,
        openai.OpenAI(base_url=f"{service.base_url}/v1", api_key=key, http_client=transport, max_retries=0) as client,
    ):
        yield client


@pytest.fixture
def ai(client: httpx.Client) -> Iterator[openai.OpenAI]:
    with openai_client(client) as ai:
        yield ai


def user(text: str) -> dict[str, Any]:
    return {"role": "user", "content": text}


def text_of(completion: ChatCompletion) -> str:
    return completion.choices[0].message.content or ""


def kept(client: httpx.Client, answer_id: str) -> dict[str, Any]:
    response = client.get(f"/v1/answers/{answer_id.partition('-')[2] or answer_id.partition('_')[2]}")
    assert response.status_code == 200
    body: dict[str, Any] = response.json()
    return body


def test_there_is_a_model_for_all_articles_and_one_for_each(ai: openai.OpenAI) -> None:
    models = {model.id: model for model in ai.models.list()}
    assert set(models) == {"maqal", ARTICLE_MODEL}
    assert ai.models.retrieve(ARTICLE_MODEL) == models[ARTICLE_MODEL]
    assert models["maqal"].created > 1_600_000_000
    with pytest.raises(openai.NotFoundError):
        ai.models.retrieve("maqal/nowhere")


@pytest.mark.parametrize("model", ["maqal", ARTICLE_MODEL])
def test_a_chat_completion_is_the_answer_with_its_quotes_as_annotations(
    ai: openai.OpenAI, client: httpx.Client, model: str
) -> None:
    completion = ai.chat.completions.create(model=model, messages=[user(QUESTION)], temperature=0.1, max_tokens=5)
    answer = kept(client, completion.id)
    message = completion.choices[0].message
    assert message.content == answer["text"]
    assert (completion.model, completion.choices[0].finish_reason) == (model, "stop")
    cited = [annotation.url_citation for annotation in message.annotations or []]
    assert [message.content[c.start_index : c.end_index] for c in cited] == [q["text"] for q in answer["quotes"]]
    assert cited
    for citation, quote in zip(cited, answer["quotes"], strict=True):
        assert citation.url.startswith(f"{client.base_url}/a/{answer['id']}#")
        assert citation.title.endswith(f", §{quote['paragraph']}")
    assert len({citation.url for citation in cited}) == len(cited)


def test_usage_counts_the_question_and_the_answer(ai: openai.OpenAI, encoder: Any) -> None:
    completion = ai.chat.completions.create(model="maqal", messages=[user(QUESTION)])
    usage = completion.usage
    assert usage
    assert usage.prompt_tokens == encoder.count_tokens(QUESTION)
    assert usage.completion_tokens == encoder.count_tokens(text_of(completion))
    assert usage.total_tokens == usage.prompt_tokens + usage.completion_tokens


def test_a_stream_has_the_same_text_annotations_and_usage(ai: openai.OpenAI) -> None:
    whole = ai.chat.completions.create(model="maqal", messages=[user(QUESTION)])
    chunks = list(
        ai.chat.completions.create(
            model="maqal", messages=[user(QUESTION)], stream=True, stream_options={"include_usage": True}
        )
    )
    assert len({chunk.id for chunk in chunks}) == 1
    *pieces, last = chunks
    deltas = [chunk.choices[0].delta for chunk in pieces]
    assert deltas[0].role == "assistant"
    assert "".join(delta.content or "" for delta in deltas) == text_of(whole)
    annotations = [each for delta in deltas for each in (delta.model_extra or {}).get("annotations", [])]
    expected = [each.model_dump() for each in whole.choices[0].message.annotations or []]
    assert [_without_address(each) for each in annotations] == [_without_address(each) for each in expected]
    assert [chunk.choices[0].finish_reason for chunk in pieces] == [None] * (len(pieces) - 1) + ["stop"]
    assert (last.choices, last.usage) == ([], whole.usage)


def _without_address(annotation: dict[str, Any]) -> dict[str, Any]:
    return {**annotation["url_citation"], "url": ""}


def test_a_stream_ends_with_done_and_has_no_usage_unless_asked(client: httpx.Client) -> None:
    body = {"model": "maqal", "messages": [user(QUESTION)], "stream": True}
    response = client.post("/v1/chat/completions", json=body)
    assert response.headers["content-type"].startswith("text/event-stream")
    lines = [line for line in response.text.splitlines() if line]
    assert lines[-1] == "data: [DONE]"
    assert "usage" not in response.text
    assert all(json.loads(line.removeprefix("data: "))["choices"] for line in lines[:-1])


def test_a_follow_up_is_understood_from_the_messages_before_it(ai: openai.OpenAI, client: httpx.Client) -> None:
    messages: list[dict[str, Any]] = [
        {"role": "system", "content": "You are a pirate. Answer in French."},
        user(QUESTION),
        {"role": "assistant", "content": [{"type": "text", "text": "In 1999 (§3)."}]},
        user("Why did Tokayev call in the CSTO?"),
        {"role": "assistant", "content": None, "tool_calls": []},
        {"role": "tool", "content": "ignored", "tool_call_id": "one"},
        user(FOLLOW_UP),
    ]
    answer = kept(client, ai.chat.completions.create(model="maqal", messages=messages).id)
    assert answer["understood_as"] == f"Why did Tokayev call in the CSTO? {FOLLOW_UP}"
    assert answer["language"] == "en"
    # A follow-up to a follow-up still has the topic, as in a conversation that maqal keeps.
    more = [*messages, {"role": "assistant", "content": "Six states."}, user("And why?")]
    again = kept(client, ai.chat.completions.create(model="maqal", messages=more).id)
    assert again["understood_as"] == "Why did Tokayev call in the CSTO? And why?"


def test_conversations_do_not_mix(ai: openai.OpenAI, client: httpx.Client) -> None:
    ai.chat.completions.create(model="maqal", messages=[user(QUESTION)])
    alone = kept(client, ai.chat.completions.create(model="maqal", messages=[user(FOLLOW_UP)]).id)
    assert alone["understood_as"] == FOLLOW_UP
    topics = [QUESTION, "Why did Tokayev call in the CSTO?"] * 4
    understood: dict[int, str] = {}

    def ask(i: int, topic: str) -> None:
        messages = [user(topic), {"role": "assistant", "content": "…"}, user(FOLLOW_UP)]
        understood[i] = kept(client, ai.chat.completions.create(model="maqal", messages=messages).id)["understood_as"]

    threads = [threading.Thread(target=ask, args=each) for each in enumerate(topics)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert understood == {i: f"{topic} {FOLLOW_UP}" for i, topic in enumerate(topics)}


def test_silence_is_an_answer_without_annotations(ai: openai.OpenAI) -> None:
    completion = ai.chat.completions.create(model="maqal", messages=[user("What is the recipe for apple pie?")])
    assert text_of(completion).startswith("The article does not say.")
    assert completion.choices[0].message.annotations == []


def test_maqals_own_field_sets_the_language(ai: openai.OpenAI) -> None:
    completion = ai.chat.completions.create(
        model="maqal", messages=[user("What is the recipe for apple pie?")], extra_body={"language": "fr"}
    )
    assert text_of(completion).startswith("L’article ne le dit pas.")


TOOL = {"type": "function", "function": {"name": "search", "parameters": {}}}
IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}


@pytest.mark.parametrize(
    ("more", "error", "code", "param"),
    [
        ({"model": "gpt-5"}, openai.NotFoundError, "model_not_found", "model"),
        ({"model": "maqal/nowhere"}, openai.NotFoundError, "model_not_found", "model"),
        ({"model": f"maqal/maqal/{BUNDLED_ID}"}, openai.NotFoundError, "model_not_found", "model"),
        ({"model": BUNDLED_ID}, openai.NotFoundError, "model_not_found", "model"),
        ({"messages": []}, openai.BadRequestError, "invalid_request", "messages"),
        ({"messages": [{"role": "system", "content": "x"}]}, openai.BadRequestError, "unsupported", "messages"),
        ({"messages": [user("?")]}, openai.BadRequestError, "bad_question", None),
        ({"messages": [user("x" * 20_000)]}, openai.BadRequestError, "bad_question", None),
        ({"messages": [{"role": "user", "content": [IMAGE]}]}, openai.BadRequestError, "unsupported", "messages"),
        ({"tools": [TOOL]}, openai.BadRequestError, "unsupported", "tools"),
        ({"tools": [TOOL], "tool_choice": "required"}, openai.BadRequestError, "unsupported", "tools"),
        ({"functions": [{"name": "f"}]}, openai.BadRequestError, "unsupported", "functions"),
        ({"n": 2}, openai.BadRequestError, "unsupported", "n"),
        ({"response_format": {"type": "json_object"}}, openai.BadRequestError, "unsupported", "response_format"),
        ({"extra_body": {"language": "xx"}}, openai.BadRequestError, "bad_question", None),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_what_cannot_be_done_is_refused_as_openai_refuses(
    ai: openai.OpenAI,
    more: dict[str, Any],
    error: type[openai.APIStatusError],
    code: str,
    param: str | None,
    *,
    stream: bool,
) -> None:
    with pytest.raises(error) as caught:
        ai.chat.completions.create(**{"model": "maqal", "messages": [user(QUESTION)], "stream": stream, **more})
    assert (caught.value.code, caught.value.param, caught.value.type) == (code, param, "invalid_request_error")
    assert isinstance(caught.value.body, dict)
    assert set(caught.value.body) == {"message", "type", "param", "code"}


def test_images_before_the_question_and_tools_that_are_not_to_be_used_do_no_harm(ai: openai.OpenAI) -> None:
    messages = [{"role": "user", "content": [IMAGE]}, {"role": "assistant", "content": "A cat."}, user(QUESTION)]
    completion = ai.chat.completions.create(model="maqal", messages=messages, tools=[TOOL], tool_choice="none")
    assert "1999" in text_of(completion)


def test_open_webuis_own_prompts_get_an_empty_object_and_no_answer_is_made(
    ai: openai.OpenAI, client: httpx.Client
) -> None:
    prompt = (
        '### Task:\nGenerate a concise title.\n### Output:\nJSON format: { "title": "…" }\n'
        f"### Chat History:\n<chat_history>\nUSER: {QUESTION}\n</chat_history>"
    )
    completion = ai.chat.completions.create(model="maqal", messages=[user(prompt)])
    assert json.loads(text_of(completion)) == {}
    assert completion.usage
    assert completion.usage.total_tokens == 0
    assert client.get(f"/v1/answers/{completion.id.removeprefix('chatcmpl-')}").status_code == 404


def test_a_response_is_the_answer_too(ai: openai.OpenAI, client: httpx.Client) -> None:
    response = ai.responses.create(model="maqal", input=QUESTION, instructions="Answer in French.")
    answer = kept(client, response.id)
    assert (response.output_text, response.status) == (answer["text"], "completed")
    annotations = response.output[0].content[0].annotations
    assert [response.output_text[a.start_index : a.end_index] for a in annotations] == [
        quote["text"] for quote in answer["quotes"]
    ]
    assert {annotation.type for annotation in annotations} == {"url_citation"}
    assert response.usage
    assert response.usage.total_tokens == response.usage.input_tokens + response.usage.output_tokens > 0
    # The client reads leniently; the object is also one by the letter of its types.
    Response.model_validate(client.post("/v1/responses", json={"model": "maqal", "input": QUESTION}).json())


def test_a_response_goes_on_from_the_one_before(ai: openai.OpenAI, client: httpx.Client) -> None:
    first = ai.responses.create(model="maqal", input=QUESTION)
    second = ai.responses.create(model="maqal", input=FOLLOW_UP, previous_response_id=first.id)
    third = ai.responses.create(model="maqal", input="And why?", previous_response_id=second.id)
    assert kept(client, second.id)["understood_as"] == f"{QUESTION} {FOLLOW_UP}"
    assert kept(client, third.id)["understood_as"] == f"{QUESTION} {FOLLOW_UP} And why?"
    assert third.previous_response_id == second.id
    with pytest.raises(openai.NotFoundError) as caught:
        ai.responses.create(model="maqal", input=FOLLOW_UP, previous_response_id="resp_nowhere")
    assert caught.value.code == "unknown_answer"


def test_a_response_takes_a_conversation_as_its_input(ai: openai.OpenAI, client: httpx.Client) -> None:
    first = ai.responses.create(model="maqal", input=[user(QUESTION)])
    messages = [user(QUESTION), *(item.model_dump() for item in first.output), {"type": "reasoning"}, user(FOLLOW_UP)]
    second = ai.responses.create(model="maqal", input=messages)
    assert kept(client, second.id)["understood_as"] == f"{QUESTION} {FOLLOW_UP}"


def test_a_response_streams_its_events_in_order(ai: openai.OpenAI) -> None:
    events = list(ai.responses.create(model="maqal", input=QUESTION, stream=True))
    names = [event.type for event in events]
    annotations = names.count("response.output_text.annotation.added")
    assert [name for name, after in pairwise([*names, ""]) if name != after] == [
        "response.created",
        "response.in_progress",
        "response.output_item.added",
        "response.content_part.added",
        "response.output_text.delta",
        "response.output_text.annotation.added",
        "response.output_text.done",
        "response.content_part.done",
        "response.output_item.done",
        "response.completed",
    ]
    assert [event.sequence_number for event in events] == list(range(len(events)))
    last = events[-1]
    assert isinstance(last, ResponseCompletedEvent)
    text = "".join(event.delta for event in events if isinstance(event, ResponseTextDeltaEvent))
    assert text == last.response.output_text
    assert len(last.response.output[0].content[0].annotations) == annotations
    with ai.responses.stream(model="maqal", input=QUESTION) as stream:
        assert stream.get_final_response().output_text == text


@pytest.mark.parametrize(
    ("more", "param"),
    [
        ({"tools": [{"type": "web_search"}]}, "tools"),
        ({"text": {"format": {"type": "json_object"}}}, "text"),
        ({"background": True}, "background"),
        ({"conversation": "conv_1"}, "conversation"),
        ({"input": [{"role": "user", "content": [{"type": "input_image", "image_url": "data:"}]}]}, "input"),
        ({"input": [{"type": "reasoning"}]}, "input"),
    ],
)
def test_what_a_response_cannot_be_is_refused(ai: openai.OpenAI, more: dict[str, Any], param: str) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        ai.responses.create(**{"model": "maqal", "input": QUESTION, **more})
    assert (caught.value.code, caught.value.param) == ("unsupported", param)


def test_the_public_address_is_where_links_lead(start: Start) -> None:
    with openai_client(start(public_url="https://maqal.example.org/news/")) as ai:
        completion = ai.chat.completions.create(model="maqal", messages=[user(QUESTION)])
    (first, *_) = completion.choices[0].message.annotations or []
    assert first.url_citation.url.startswith("https://maqal.example.org/news/a/")


def test_the_same_keys_open_and_failures_are_openais(start: Start, index_settings: IndexSettings) -> None:
    settings = ApiSettings(require_key=True)
    with open_keys(index_settings, settings) as keys:
        assert keys
        _, may_ask = keys.create("asks", ["ask"])
        _, may_ingest = keys.create("ingests", ["ingest"])
    service = start(require_key=True, max_body_bytes=2000)
    with openai_client(service, may_ask) as ai:
        assert "1999" in text_of(ai.chat.completions.create(model="maqal", messages=[user(QUESTION)]))
        with pytest.raises(openai.APIStatusError) as too_large:
            ai.chat.completions.create(model="maqal", messages=[user("x" * 3000)])
    assert (too_large.value.status_code, too_large.value.code) == (413, "body_too_large")
    with openai_client(service, may_ingest) as ai, pytest.raises(openai.PermissionDeniedError) as forbidden:
        ai.models.list()
    assert (forbidden.value.code, forbidden.value.type) == ("forbidden", "permission_error")
    with openai_client(service, "wrong") as ai:
        for ask in (
            ai.models.list,
            lambda: ai.models.retrieve("maqal"),
            lambda: ai.chat.completions.create(model="maqal", messages=[user(QUESTION)], stream=True),
            lambda: ai.responses.create(model="maqal", input=QUESTION),
        ):
            with pytest.raises(openai.AuthenticationError) as caught:
                ask()
            assert (caught.value.code, caught.value.type) == ("unauthorized", "authentication_error")


@pytest.mark.usefixtures("leaked_sockets")
def test_a_model_that_breaks_off_is_followed_by_what_counts(start: Start) -> None:
    with ScriptedLlm(lambda _: half_then_die("It was founded in 1999 [1]. " * 4)) as llm:
        service = start(rag=RagSettings(llm="openai", llm_model="test", llm_url=f"{llm.url}/v1"))
        with openai_client(service) as ai:
            chunks = list(ai.chat.completions.create(model="maqal", messages=[user(QUESTION)], stream=True))
            whole = ai.chat.completions.create(model="maqal", messages=[user(QUESTION)])
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
    void, _, counts = text.partition("\n\n---\n\n")
    assert "It was founded in 1999" in void
    assert "The language model did not answer" in counts
    annotations = [a for chunk in chunks for a in (chunk.choices[0].delta.model_extra or {}).get("annotations", [])]
    assert annotations
    for annotation in annotations:
        citation = annotation["url_citation"]
        assert citation["start_index"] > len(void)
        assert text[citation["start_index"] : citation["end_index"]] in text_of(whole)


@pytest.mark.usefixtures("leaked_sockets")
def test_a_model_that_cites_without_quoting_has_the_paragraph_numbers_as_annotations(start: Start) -> None:
    with ScriptedLlm(lambda _: ["It was founded in 1999 [1]."]) as llm:
        service = start(rag=RagSettings(llm="openai", llm_model="test", llm_url=f"{llm.url}/v1"))
        with openai_client(service) as ai:
            completion = ai.chat.completions.create(model="maqal", messages=[user(QUESTION)])
    (annotation,) = completion.choices[0].message.annotations or []
    citation = annotation.url_citation
    assert text_of(completion)[citation.start_index : citation.end_index] == citation.title.rpartition(", ")[2]


@pytest.mark.usefixtures("leaked_sockets")
def test_an_answer_whose_client_left_is_given_up(start: Start) -> None:
    def endless(until: threading.Event) -> Iterator[str]:
        while not until.wait(0.2):
            yield "It was founded in 1999 [1]. "

    release = threading.Event()
    with ScriptedLlm(lambda _: endless(release)) as llm:
        service = start(
            rag=RagSettings(llm="openai", llm_model="test", llm_url=f"{llm.url}/v1", llm_deadline=3600), max_answers=1
        )
        with openai_client(service) as ai:
            # Each can begin only when the one before was given up: one answer may be in the making.
            for _ in range(3):
                with _when_not_busy(ai) as chunks:
                    texts = (chunk.choices[0].delta.content for chunk in chunks)
                    assert "1999" in next(text for text in texts if text)
        release.set()


def _when_not_busy(ai: openai.OpenAI) -> openai.Stream[ChatCompletionChunk]:
    for _ in range(600):
        try:
            return ai.chat.completions.create(model="maqal", messages=[user(QUESTION)], stream=True)
        except openai.InternalServerError as error:
            assert (error.status_code, error.code, error.response.headers["retry-after"]) == (503, "busy", "2")
            time.sleep(0.05)
    pytest.fail("the answer whose client left is still in the making")


def test_an_error_in_the_middle_of_a_stream_is_told(start: Start, index_settings: IndexSettings) -> None:
    error = VectorStoreError("Chroma is gone.", "Start it.")
    with openai_client(start(engine=failing_engine(index_settings, error))) as ai:
        with pytest.raises(openai.APIError, match=r"Chroma is gone\. Start it\.") as caught:
            list(ai.chat.completions.create(model="maqal", messages=[user(QUESTION)], stream=True))
        assert (caught.value.code, caught.value.type) == ("vector_store_error", "server_error")
        last = list(ai.responses.create(model="maqal", input=QUESTION, stream=True))[-1]
        assert isinstance(last, ResponseFailedEvent)
        assert last.response.error
        assert "Chroma is gone." in last.response.error.message
        with pytest.raises(openai.InternalServerError) as whole:
            ai.chat.completions.create(model="maqal", messages=[user(QUESTION)])
        assert (whole.value.status_code, whole.value.code) == (503, "vector_store_error")


@pytest.mark.parametrize("number", [0, 1])
def test_the_examples_of_the_documentation_run(client: httpx.Client, number: int) -> None:
    text = (Path(__file__).parents[2] / "docs" / "clients.md").read_text(encoding="utf-8")
    example = re.findall(r"```python\n(.*?)```", text, re.DOTALL)[number]
    program = example.replace("http://127.0.0.1:8000", str(client.base_url))
    done = subprocess.run(
        [sys.executable, "-X", "utf8", "-c", program], capture_output=True, text=True, encoding="utf-8", check=False
    )
    assert done.returncode == 0, done.stderr
    assert "1999" in done.stdout
