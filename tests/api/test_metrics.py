"""`GET /metrics`: the numbers after answers, refusals and failures, and who may read them."""

import re
import threading

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from api.keys import open_keys
from api.settings import ApiSettings
from index.settings import IndexSettings
from rag.settings import RagSettings
from tests.api.conftest import Start, assert_typed, events
from tests.api.test_stream import failing_engine
from tests.llm_server import ScriptedLlm, then_silent

ANSWERED = "Why did Tokayev call in the CSTO?"
SILENT = "ما هي عاصمة أستراليا؟"


def numbers(client: httpx.Client, **headers: str) -> dict[tuple[str, ...], float]:
    """Each sample by its name and the values of its labels, in the order of their names."""
    response = client.get("/metrics", headers=headers)
    assert response.status_code == 200
    assert response.headers["content-type"].startswith("text/plain; version=")
    return {
        (sample.name, *(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(response.text)
        for sample in family.samples
    }


def test_answers_by_verdict_and_language(start: Start) -> None:
    client = start()
    assert client.post("/v1/ask", json={"question": ANSWERED}).json()["verdict"] == "answered"
    assert client.post("/v1/ask", json={"question": ANSWERED, "language": "fr"}).json()["language"] == "fr"
    confidence = client.post("/v1/ask", json={"question": SILENT}).json()
    assert confidence["verdict"] == "not_in_article"
    assert events(client.post("/v1/ask/stream", json={"question": SILENT}))[-1] == ("done", {})
    found = numbers(client)
    answers = {labels[1:]: value for labels, value in found.items() if labels[0] == "maqal_answers_total"}
    assert answers == {
        ("en", "answered", "extractive"): 1,
        ("fr", "answered", "extractive"): 1,
        ("ar", "not_in_article", "extractive"): 2,
    }
    for stage in ("waiting", "retrieval", "first_text", "whole"):
        assert found["maqal_answer_stage_seconds_count", stage] == 4
    assert found["maqal_answer_stage_seconds_sum", "retrieval"] < found["maqal_answer_stage_seconds_sum", "whole"]
    assert found[("maqal_answer_confidence_count",)] == 4
    low = next(edge for edge in (0.1, 0.2, 0.3, 0.4, 0.5) if edge >= confidence["confidence"])
    assert found["maqal_answer_confidence_bucket", str(low)] >= 2
    assert found[("maqal_answers_in_the_making",)] == 0
    assert (found[("maqal_index_articles",)], found[("maqal_index_paragraphs",)]) == (1, 20)
    assert not [labels for labels in found if labels[0] == "maqal_answer_failures_total"]


def test_a_question_that_no_one_can_answer_is_a_failure(start: Start, index_settings: IndexSettings) -> None:
    client = start(index=IndexSettings(data_dir=index_settings.data_dir / "empty"))
    assert_typed(client.post("/v1/ask", json={"question": ANSWERED}), 409, "nothing_indexed")
    found = numbers(client)
    assert found["maqal_answer_failures_total", "NothingIndexed"] == 1
    assert found[("maqal_answers_in_the_making",)] == 0
    assert found[("maqal_index_paragraphs",)] == 0
    assert not [labels for labels in found if labels[0] == "maqal_answers_total"]


def test_an_answer_that_fails_in_its_midst_is_a_failure(start: Start, index_settings: IndexSettings) -> None:
    client = start(engine=failing_engine(index_settings, RuntimeError("secret")))
    assert client.post("/v1/ask", json={"question": ANSWERED}).status_code == 500
    found = numbers(client)
    assert found["maqal_answer_failures_total", "RuntimeError"] == 1
    assert found["maqal_answer_stage_seconds_count", "retrieval"] == 1
    assert ("maqal_answer_stage_seconds_count", "whole") not in found
    assert found[("maqal_answers_in_the_making",)] == 0
    assert found["maqal_http_request_seconds_count", "POST", "/v1/ask", "500"] == 1


def test_an_answer_that_is_being_made_shows(start: Start) -> None:
    never = threading.Event()
    with ScriptedLlm(lambda _: then_silent("It was founded in 1999 [1]. And ", never)) as llm:
        client = start(rag=RagSettings(llm="openai", llm_model="secret-model", llm_url=f"{llm.url}/v1"))
        with client.stream("POST", "/v1/ask/stream", json={"question": "When was the CSTO founded?"}) as response:
            lines = response.iter_lines()
            assert next(lines) == "event: status"
            assert numbers(client)[("maqal_answers_in_the_making",)] == 1
            never.set()
            assert "event: answer" in list(lines)
    found = numbers(client)
    assert found[("maqal_answers_in_the_making",)] == 0
    assert found["maqal_answers_total", "en", "answered", "llm"] == 1


def test_labels_are_few_and_hold_nothing_that_clients_wrote(start: Start) -> None:
    client = start()
    answer = client.post("/v1/ask", json={"question": ANSWERED}).json()
    client.get(f"/v1/answers/{answer['id']}?secret-query=1")
    client.get("/secret-path")
    client.get("/v1/articles/secret-article")
    client.request("SECRETMETHOD", "/v1/ask")
    client.request("ANOTHERMETHOD", "/v1/ask")
    for probe in ("/healthz", "/readyz"):
        client.get(probe)
    text = client.get("/metrics").text
    assert "secret" not in text.lower()
    assert answer["id"] not in text
    assert "Tokayev" not in text
    assert "ANOTHERMETHOD" not in text
    routes = set(re.findall(r'route="([^"]*)"', text))
    assert routes == {"/v1/ask", "/v1/answers/{answer_id}", "/v1/articles/{article_id}", "none"}


@pytest.mark.parametrize("scope", ["ask", "ingest", "admin"])
def test_only_a_key_of_the_scope_admin_reads_them(scope: str, start: Start, index_settings: IndexSettings) -> None:
    with open_keys(index_settings, ApiSettings(require_key=True)) as keys:
        assert keys
        _, secret = keys.create("prometheus", [scope])
    client = start(require_key=True)
    assert_typed(client.get("/metrics"), 401, "unauthorized")
    authorization = {"Authorization": f"Bearer {secret}"}
    if scope == "admin":
        assert numbers(client, **authorization)[("maqal_index_articles",)] == 1
    else:
        assert_typed(client.get("/metrics", headers=authorization), 403, "forbidden")
