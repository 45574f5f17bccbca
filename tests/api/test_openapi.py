"""The schema describes what the service does."""

import json
from pathlib import Path

import httpx
from jsonschema import Draft202012Validator

from api.openai.errors import is_openai_path
from api.openapi import document
from tests.api.conftest import Start, assert_typed


def test_the_schema_is_whole(client: httpx.Client) -> None:
    schema = client.get("/openapi.json").json()
    assert schema["openapi"].startswith("3.1")
    schemas = schema["components"]["schemas"]
    for name in schemas:
        Draft202012Validator.check_schema(schemas[name])
    text = json.dumps(schema)
    for part in text.split('"$ref": "#/components/schemas/')[1:]:
        assert part.split('"', 1)[0] in schemas
    for path, item in schema["paths"].items():
        for method, operation in item.items():
            assert operation["tags"], (method, path)
            assert operation["summary"]
            assert operation["description"]
            for status, response in operation["responses"].items():
                if status >= "400":
                    is_openai = is_openai_path(path)
                    media_type = "application/json" if is_openai else "application/problem+json"
                    schema_of_error = response["content"][media_type]["schema"]["$ref"].rpartition("/")[2]
                    assert schema_of_error == ("OpenAIError" if is_openai else "Problem"), (method, path, status)


def test_the_committed_schema_is_the_one_that_is_served(client: httpx.Client) -> None:
    committed = json.loads((Path(__file__).parents[2] / "docs" / "openapi.json").read_text(encoding="utf-8"))
    assert committed == client.get("/openapi.json").json(), "run: python -m api.openapi > docs/openapi.json"
    assert json.loads(document()) == committed


def test_the_examples_work(start: Start) -> None:
    client = start()
    schema = client.get("/openapi.json").json()
    answer_id = client.post("/v1/ask", json={"question": "When was the CSTO founded?"}).json()["id"]
    tried = 0
    for path, item in schema["paths"].items():
        body = item.get("post", {}).get("requestBody", {}).get("content", {}).get("application/json", {})
        for ref in [part["$ref"] for part in body.get("schema", {}).get("oneOf", [body.get("schema", {})]) if part]:
            name = ref.rpartition("/")[2]
            for example in schema["components"]["schemas"][name]["examples"]:
                filled = path.replace("{conversation}", "one").replace("{answer_id}", answer_id)
                response = client.post(filled, json=example)
                if name == "UrlArticle":
                    assert_typed(response, 403, "urls_not_allowed")
                else:
                    assert response.status_code in {200, 201, 204}, response.text
                tried += 1
    assert tried >= 12
