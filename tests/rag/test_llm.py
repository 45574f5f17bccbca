"""The configured language model, and reading its replies within a time."""

import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from llama_index.core.llms import ChatMessage

from index.exceptions import ConfigurationError
from rag.exceptions import LlmError
from rag.llm import make_llm, read_reply
from rag.settings import RagSettings
from tests.llm_server import (
    END,
    FULL,
    PING,
    Anthropic,
    Piece,
    Refused,
    Script,
    ScriptedLlm,
    ends_early,
    half_then_die,
    slow,
)

KINDS = ["openai", "ollama", "anthropic"]

pytestmark = [
    pytest.mark.filterwarnings("ignore:Exception ignored in. <socket:pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.usefixtures("leaked_sockets"),
]


class TestConfiguration:
    def test_none_by_default(self) -> None:
        assert make_llm(RagSettings()) is None

    @pytest.mark.parametrize(
        ("settings", "named"),
        [
            ({"llm": "ollama"}, "RAG_LLM_MODEL"),
            ({"llm": "openai", "llm_model": "m"}, "RAG_LLM_URL"),
            ({"llm": "openai", "llm_model": "m", "llm_url": "127.0.0.1:8080/v1"}, r"RAG_LLM_URL=127\.0\.0\.1:8080/v1"),
            ({"llm": "ollama", "llm_model": "m", "llm_url": "http://["}, "RAG_LLM_URL"),
            ({"llm": "ollama", "llm_model": "m", "llm_url": "http://host:99999"}, "RAG_LLM_URL"),
            ({"llm": "anthropic", "llm_model": "m"}, "RAG_LLM_KEY"),
            ({"llm": "anthropic", "llm_model": "m", "llm_key": "sk-1\n"}, "RAG_LLM_KEY"),
            ({"llm": "anthropic", "llm_model": "m", "llm_key": "sk-1…"}, "RAG_LLM_KEY"),
        ],
    )
    def test_what_is_missing_or_wrong_is_named(self, settings: dict[str, str], named: str) -> None:
        pytest.importorskip("anthropic")
        with pytest.raises(ConfigurationError, match=named) as error:
            make_llm(RagSettings(**settings))  # type: ignore[arg-type]
        assert "sk-1" not in error.value.message + error.value.fix

    @pytest.mark.parametrize(
        ("kind", "library", "extra"),
        [
            ("openai", "llama_index.llms.openai_like", "llm"),
            ("ollama", "llama_index.llms.ollama", "llm"),
            ("anthropic", "anthropic", "anthropic"),
        ],
    )
    def test_what_to_install_is_named(
        self, monkeypatch: pytest.MonkeyPatch, kind: str, library: str, extra: str
    ) -> None:
        monkeypatch.setitem(sys.modules, library, None)
        monkeypatch.delitem(sys.modules, "rag.anthropic_llm", raising=False)
        with pytest.raises(ConfigurationError, match=f"RAG_LLM={kind} needs a library") as error:
            make_llm(RagSettings(llm=kind, llm_model="m", llm_url="http://127.0.0.1:9", llm_key="k"))  # type: ignore[arg-type]
        assert f"pip install 'maqal[{extra}]'" in error.value.fix

    def test_without_an_address_anthropic_s_is_called_whatever_the_sdk_s_variables_say(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        pytest.importorskip("anthropic")
        monkeypatch.setenv("ANTHROPIC_BASE_URL", "http://127.0.0.1:9")
        monkeypatch.setenv("ANTHROPIC_API_KEY", "theirs")
        llm = make_llm(RagSettings(llm="anthropic", llm_model="m", llm_key="ours"))  # type: ignore[arg-type]
        client = llm._client  # type: ignore[union-attr]
        assert (str(client.base_url), client.api_key, client.max_retries) == ("https://api.anthropic.com", "ours", 0)
        assert client.open_telemetry["traces"]["enabled"] is False


def read(
    kind: str,
    script: Script,
    *,
    seconds: float = 60,
    timeout: float = 30,
    url: str = "",
    asked: list[str] | None = None,
) -> str:
    """The reply of a model of the kind that follows the script; its prompts are added to `asked`."""
    pytest.importorskip("anthropic" if kind == "anthropic" else "llama_index.llms.openai_like")
    with ScriptedLlm(script) as server:
        url = (url or server.url) + ("/v1" if kind == "openai" else "")
        llm = make_llm(RagSettings(llm=kind, llm_model="m", llm_url=url, llm_timeout=timeout, llm_key="sk-1"))  # type: ignore[arg-type]
        assert llm
        try:
            return "".join(read_reply(llm, "Say it.", seconds))
        finally:
            assert all(key in {"sk-1", "Bearer sk-1"} for key in server.keys)
            if asked is not None:
                asked += server.prompts


@pytest.mark.parametrize("kind", KINDS)
class TestReadReply:
    def test_the_reply_is_whole(self, kind: str) -> None:
        assert read(kind, lambda prompt: f"{prompt} يقول. " * 50) == "Say it. يقول. " * 50

    def test_pings_before_it_do_no_harm(self, kind: str) -> None:
        def script(_prompt: str) -> Iterator[Piece]:
            yield from (PING, PING, "Here", PING, " it is.")

        assert read(kind, script) == "Here it is."

    @pytest.mark.parametrize(
        ("script", "reason"),
        [
            (lambda _: slow("late", 3), "it took too long"),
            (lambda _: half_then_die("It was founded. " * 9), "its reply broke off"),
            (lambda _: iter(["It was", FULL]), "its reply broke off"),
            (lambda _: "x" * 30_000, "it did not stop"),
            (lambda _: "", "it said nothing"),
        ],
        ids=["silent", "dying", "full", "endless", "empty"],
    )
    def test_failures_have_reasons(self, kind: str, script: Script, reason: str) -> None:
        assert self.reason(kind, script, timeout=0.5) == reason

    @pytest.mark.parametrize(
        ("status", "said", "reason"),
        [
            (400, "prompt is too long", "its server refuses the request, status 400"),
            (401, "invalid key sk-1", "its server refuses the key, status 401"),
            (403, "not yours", "its server refuses the key, status 403"),
            (404, "model 'm' not found", "its server does not know the model"),
            (404, "not found", "its address leads nowhere, status 404"),
            (429, "slow down", "its server allows no more requests now, status 429"),
            (500, "oops", "its server failed, status 500"),
            (529, "overloaded", "its server failed, status 529"),
        ],
    )
    def test_a_refusal_is_told_and_nothing_is_tried_again(self, kind: str, status: int, said: str, reason: str) -> None:
        def refuse(_prompt: str) -> str:
            raise Refused(status, said)

        asked: list[str] = []
        assert self.reason(kind, refuse, asked=asked) == reason
        assert asked == ["Say it."]

    @pytest.mark.parametrize(
        "garbage",
        [b"<html>Welcome</html>\n", b"data: {oops\n\n", b'data: [7]\n\n{"x": 7}\n', b"event: ping\n\n\xff\xfe\n"],
    )
    def test_garbage(self, kind: str, garbage: bytes) -> None:
        reason = self.reason(kind, lambda _: iter([garbage, END]))
        assert reason in {"its server's reply cannot be read", "it said nothing", "its reply broke off"}

    def test_an_error_in_the_midst_of_a_reply(self, kind: str) -> None:
        failures = {
            "openai": b'data: {"error": {"message": "overloaded", "type": "server_error"}}\n\n',
            "ollama": b'{"error": "the model runner has stopped"}\n',
            "anthropic": Anthropic("m").error("overloaded_error", "Overloaded"),
        }
        assert self.reason(kind, lambda _: iter(["It was", failures[kind]])) == "its server failed"

    def test_a_server_that_is_not_there(self, kind: str, free_port: int) -> None:
        url = f"http://127.0.0.1:{free_port}"
        assert self.reason(kind, lambda _: "", url=url) == "its server cannot be reached"

    def test_a_drip_ends_at_the_deadline_and_so_does_its_reader(self, kind: str) -> None:
        def drip(_prompt: str) -> Iterator[Piece]:
            while True:
                yield from slow("drop ", 0.05)

        assert self.reason(kind, drip, seconds=0.5) == "it took too long"
        for _ in range(200):
            if not any(thread.name == "llm-reply" for thread in threading.enumerate()):
                return
            time.sleep(0.05)
        pytest.fail("the thread that reads goes on")

    @staticmethod
    def reason(kind: str, script: Script, **more: Any) -> str:
        with pytest.raises(LlmError) as error:
            read(kind, script, **more)
        return error.value.message


class TestAnthropic:
    @pytest.mark.parametrize(
        ("script", "reason"),
        [
            (lambda _: iter(["No.", Anthropic("m").stop("refusal"), END]), "it declined to answer"),
            (lambda _: ends_early("It was"), "its reply broke off"),
        ],
        ids=["declining", "ending early"],
    )
    def test_a_reply_that_is_not_whole_is_none(self, script: Script, reason: str) -> None:
        with pytest.raises(LlmError, match=reason):
            read("anthropic", script)

    def test_all_ways_to_ask_have_the_same_reply(self) -> None:
        pytest.importorskip("anthropic")
        with ScriptedLlm(lambda prompt: f"{prompt} يقول.") as server:
            llm = make_llm(RagSettings(llm="anthropic", llm_model="m", llm_url=server.url, llm_key="k"))  # type: ignore[arg-type]
            assert llm
            assert llm.metadata.model_name == "m"
            messages = [ChatMessage("Say it.")]
            *_, chatted = llm.stream_chat(messages)
            *_, completed = llm.stream_complete("Say it.")
            replies = [
                chatted.message.content,
                llm.chat(messages).message.content,
                completed.text,
                llm.complete("Say it.").text,
            ]
            assert replies == ["Say it. يقول."] * 4
