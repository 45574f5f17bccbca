"""maqal as tools, called by the official MCP client: over a subprocess's stdin and stdout, and over HTTP."""

import json
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest
from jsonschema import Draft202012Validator
from mcp import Client
from mcp.client.stdio import StdioServerParameters, stdio_client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared._httpx_utils import create_mcp_http_client
from mcp_types import CallToolResult, TextContent

from api.keys import open_keys
from api.settings import ApiSettings
from index.settings import IndexSettings
from rag.settings import RagSettings
from tests.api.conftest import Start, assert_typed
from tests.conftest import BUNDLED_ID

QUESTION = "When was the CSTO founded?"
TOOLS = {"ask", "search", "check_quote", "list_articles", "facts"}
MAQAL = str(Path(sys.executable).with_name("maqal"))
INITIALIZE = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-06-18",
        "capabilities": {},
        "clientInfo": {"name": "test", "version": "1"},
    },
}
ACCEPT = {"Accept": "application/json, text/event-stream"}

Connect = Callable[[], AbstractAsyncContextManager[Client]]


@asynccontextmanager
async def over_http(service: httpx.Client, key: str = "", mode: str = "auto") -> AsyncIterator[Client]:
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    async with create_mcp_http_client(headers) as http_client:
        transport = streamable_http_client(f"{service.base_url}/mcp", http_client=http_client)
        async with Client(transport, mode=mode) as client:
            yield client


@asynccontextmanager
async def over_stdio(data_dir: Path, errors: Path, mode: str = "auto") -> AsyncIterator[Client]:
    server = StdioServerParameters(command=MAQAL, args=["mcp"], env={"INDEX_DATA_DIR": str(data_dir)})
    with errors.open("w", encoding="utf-8") as errlog:
        async with Client(stdio_client(server, errlog), mode=mode) as client:
            yield client


def run(test: Callable[[], Awaitable[None]]) -> None:
    anyio.run(test)


def text_of(result: CallToolResult) -> str:
    (content,) = result.content
    assert isinstance(content, TextContent)
    return content.text


async def called(client: Client, tool: str, **arguments: Any) -> dict[str, Any]:
    """What a tool gives, checked against the schema that the tool announces."""
    result = await client.call_tool(tool, arguments)
    assert isinstance(result, CallToolResult)
    assert not result.is_error, result
    tools = {each.name: each for each in (await client.list_tools()).tools}
    structured: dict[str, Any] = result.structured_content
    Draft202012Validator(tools[tool].output_schema).validate(structured)
    # Clients that know no structured results read the same as text.
    assert json.loads(text_of(result)).keys() == structured.keys()
    return structured


async def check_all_tools(client: Client) -> None:
    tools = (await client.list_tools()).tools
    assert {tool.name for tool in tools} == TOOLS
    for tool in tools:
        assert tool.title
        assert len(tool.description or "") > 40
        assert tool.annotations
        assert tool.annotations.read_only_hint
        Draft202012Validator.check_schema(tool.input_schema)
        for name, schema in tool.input_schema["properties"].items():
            assert schema.get("description"), (tool.name, name)

    (article,) = (await called(client, "list_articles"))["articles"]
    assert (article["id"], article["language"]) == (BUNDLED_ID, "ar")

    answer = await called(client, "ask", question=QUESTION, article_ids=[article["id"]], language="fr")
    assert (answer["verdict"], answer["language"]) == ("answered", "fr")
    assert "1999" in answer["text"]
    quote = answer["quotes"][0]

    check = await called(client, "check_quote", text=quote["text"])
    assert check["verdict"] == "exact"
    assert check["places"][0]["quote"]["paragraph"] == quote["paragraph"]
    pieces = await called(client, "check_quote", text=f"{quote['text'][:30]} … {quote['text'][-30:]}")
    assert len(pieces["pieces"]) == 2

    found = await called(client, "search", question=QUESTION, limit=2)
    assert len(found["paragraphs"]) == 2

    facts = await called(client, "facts", article_id=article["id"])
    assert facts["people"]
    assert facts["numbers"]

    silent = await called(client, "ask", question="What is the recipe for apple pie?")
    assert (silent["verdict"], silent["quotes"]) == ("not_in_article", [])


@pytest.mark.parametrize("mode", ["auto", "legacy"])
def test_all_tools_over_http(client: httpx.Client, mode: str) -> None:
    async def test() -> None:
        async with over_http(client, mode=mode) as mcp:
            assert "not_in_article" in (mcp.instructions or "")
            await check_all_tools(mcp)

    run(test)


def test_all_tools_over_stdio(index_settings: IndexSettings, tmp_path: Path) -> None:
    async def test() -> None:
        async with over_stdio(index_settings.data_dir, tmp_path / "errors", mode="legacy") as mcp:
            await check_all_tools(mcp)

    run(test)
    assert "Traceback" not in (tmp_path / "errors").read_text()


@pytest.mark.parametrize(
    ("tool", "arguments", "said"),
    [
        ("ask", {"question": "?"}, "The question is empty. Ask in words"),
        ("ask", {"question": QUESTION, "article_ids": ["nowhere"]}, "There is no article 'nowhere'. See the ids"),
        ("ask", {"question": QUESTION, "language": "xx"}, "Use one of: en, ar, "),
        ("ask", {}, "Field required"),
        ("search", {"question": QUESTION, "limit": 500}, "less than or equal to 50"),
        ("search", {"question": QUESTION, "article_ids": []}, "Name articles, or leave"),
        ("check_quote", {"text": ""}, "empty"),
        ("facts", {"article_id": "nowhere"}, "There is no article 'nowhere'. See the ids"),
        ("forget", {}, "Unknown tool"),
    ],
)
def test_a_failure_is_a_tool_error_with_its_fix(
    client: httpx.Client, tool: str, arguments: dict[str, Any], said: str
) -> None:
    async def test() -> None:
        async with over_http(client) as mcp:
            result = await mcp.call_tool(tool, arguments)
            assert isinstance(result, CallToolResult)
            assert result.is_error
            assert said in text_of(result)
            assert "Traceback" not in text_of(result)

    run(test)


def test_nothing_indexed_is_told_over_stdio(tmp_path: Path) -> None:
    async def test() -> None:
        async with over_stdio(tmp_path / "empty", tmp_path / "errors") as mcp:
            assert (await called(mcp, "list_articles"))["articles"] == []
            result = await mcp.call_tool("ask", {"question": QUESTION})
            assert isinstance(result, CallToolResult)
            assert result.is_error
            assert "maqal index" in text_of(result)

    run(test)


def test_standard_output_holds_messages_only(index_settings: IndexSettings) -> None:
    messages = [
        INITIALIZE,
        {"jsonrpc": "2.0", "method": "notifications/initialized"},
        *(
            {"jsonrpc": "2.0", "id": i, "method": "tools/call", "params": {"name": "ask", "arguments": {"question": q}}}
            for i, q in enumerate((QUESTION, "?"), 2)
        ),
    ]
    with subprocess.Popen(
        [MAQAL, "mcp"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin
        assert process.stdout
        for message in messages:
            process.stdin.write(json.dumps(message) + "\n")
            process.stdin.flush()
        got = [json.loads(process.stdout.readline()) for _ in range(3)]
        rest, errors = process.communicate(timeout=60)
    assert {message["id"] for message in got} == {1, 2, 3}
    assert all(message["jsonrpc"] == "2.0" for message in got)
    assert rest == ""
    assert process.returncode == 0, errors


def test_a_broken_setting_ends_the_command_with_a_word_to_the_person(tmp_path: Path) -> None:
    done = subprocess.run(
        [MAQAL, "mcp"],
        input="",
        capture_output=True,
        text=True,
        check=False,
        env={"RAG_MAX_QUESTION": "many", "INDEX_DATA_DIR": str(tmp_path / "data")},
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert "RAG_MAX_QUESTION" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_same_keys_open_it(start: Start, index_settings: IndexSettings) -> None:
    with open_keys(index_settings, ApiSettings(require_key=True)) as keys:
        assert keys
        _, may_ask = keys.create("asks", ["ask"])
        _, may_ingest = keys.create("ingests", ["ingest"])
    service = start(require_key=True)

    async def test() -> None:
        async with over_http(service, may_ask) as mcp:
            assert (await called(mcp, "ask", question=QUESTION))["verdict"] == "answered"

    run(test)
    for headers in ({}, {"Authorization": f"Bearer {may_ask}x"}, {"Authorization": f"Basic {may_ask}"}):
        assert_typed(service.post("/mcp", json=INITIALIZE, headers={**ACCEPT, **headers}), 401, "unauthorized")
    refused = service.post("/mcp", json=INITIALIZE, headers={**ACCEPT, "Authorization": f"Bearer {may_ingest}"})
    assert_typed(refused, 403, "forbidden")


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Host": "evil.example"}, 400),
        ({"Host": "evil.example", "Origin": "http://evil.example"}, 400),
    ],
)
def test_a_page_of_another_site_or_a_rebound_name_is_refused(
    client: httpx.Client, headers: dict[str, str], status: int
) -> None:
    assert client.post("/mcp", json=INITIALIZE, headers={**ACCEPT, **headers}).status_code == status


def test_what_is_no_message_is_refused_and_harms_nothing(start: Start) -> None:
    service = start(max_body_bytes=5000)
    assert service.post("/mcp", content=b"{", headers={**ACCEPT, "Content-Type": "application/json"}).status_code == 400
    assert service.post("/mcp", json=[], headers=ACCEPT).status_code == 400
    assert service.post("/mcp", json={**INITIALIZE, "method": "x" * 9000}, headers=ACCEPT).status_code == 413
    assert_typed(service.get("/mcp", headers=ACCEPT), 405, "method_not_allowed")
    assert service.post("/mcp", json=INITIALIZE, headers=ACCEPT).status_code == 200


def test_many_clients_at_once(start: Start) -> None:
    service = start(rag=RagSettings(llm=""))
    verdicts: list[str] = []

    async def one() -> None:
        async with over_http(service) as mcp:
            verdicts.append((await called(mcp, "ask", question=QUESTION))["verdict"])

    async def test() -> None:
        async with anyio.create_task_group() as group:
            for _ in range(12):
                group.start_soon(one)

    run(test)
    assert verdicts == ["answered"] * 12
