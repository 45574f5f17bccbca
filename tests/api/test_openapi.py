"""The schema describes what the service does."""

import json

import httpx
from jsonschema import Draft202012Validator

from tests.api.conftest import Start


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
                    content = response["content"]["application/problem+json"]
                    assert content["schema"]["$ref"].endswith("/Problem"), (method, path, status)


def test_the_examples_work(start: Start) -> None:
    client = start()
    schema = client.get("/openapi.json").json()
    tried = 0
    for path, item in schema["paths"].items():
        if "requestBody" not in item.get("post", {}):
            continue
        name = item["post"]["requestBody"]["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
        for example in schema["components"]["schemas"][name]["examples"]:
            response = client.post(path.replace("{conversation}", "one"), json=example)
            assert response.status_code in {200, 201}, response.text
            tried += 1
    assert tried >= 7
