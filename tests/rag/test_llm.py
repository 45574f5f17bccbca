"""The configured language model, and reading its replies within a time."""

import threading
import time
from collections.abc import Iterator

import pytest

from index.exceptions import ConfigurationError
from rag.exceptions import LlmError
from rag.llm import make_llm, read_reply
from rag.settings import RagSettings
from tests.llm_server import PING, Script, ScriptedLlm, half_then_die, slow

pytestmark = [
    pytest.mark.filterwarnings("ignore:Exception ignored in. <socket:pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.usefixtures("leaked_sockets"),
]


class TestConfiguration:
    def test_none_by_default(self) -> None:
        assert make_llm(RagSettings()) is None

    @pytest.mark.parametrize(
        ("settings", "missing"),
        [({"llm": "ollama"}, "RAG_LLM_MODEL"), ({"llm": "openai", "llm_model": "m"}, "RAG_LLM_URL")],
    )
    def test_what_is_missing_is_named(self, settings: dict[str, str], missing: str) -> None:
        with pytest.raises(ConfigurationError, match=missing):
            make_llm(RagSettings(**settings))  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", ["openai", "ollama"])
class TestReadReply:
    @staticmethod
    def read(kind: str, script: Script, seconds: float = 60, timeout: float = 30) -> str:
        pytest.importorskip("llama_index.llms.openai_like")
        with ScriptedLlm(script) as server:
            url = server.url + ("/v1" if kind == "openai" else "")
            llm = make_llm(RagSettings(llm=kind, llm_model="m", llm_url=url, llm_timeout=timeout))  # type: ignore[arg-type]
            assert llm
            return "".join(read_reply(llm, "Say it.", seconds))

    def test_the_reply_is_whole(self, kind: str) -> None:
        assert self.read(kind, lambda prompt: f"{prompt} يقول. " * 50) == "Say it. يقول. " * 50

    def test_pings_before_it_do_no_harm(self, kind: str) -> None:
        def script(_prompt: str) -> Iterator[str]:
            yield from (PING, PING, "Here", PING, " it is.")

        assert self.read(kind, script) == "Here it is."

    @pytest.mark.parametrize(
        ("script", "reason"),
        [
            (lambda _: slow("late", 3), "took too long"),
            (lambda _: half_then_die("It was founded. " * 9), "Error"),
            (lambda _: "x" * 30_000, "did not stop"),
        ],
        ids=["silent", "dying", "endless"],
    )
    def test_failures_have_reasons_without_addresses(self, kind: str, script: Script, reason: str) -> None:
        with pytest.raises(LlmError, match=reason) as error:
            self.read(kind, script, timeout=0.5)
        assert "127.0.0.1" not in error.value.message

    def test_a_drip_ends_at_the_deadline_and_so_does_its_reader(self, kind: str) -> None:
        def drip(_prompt: str) -> Iterator[str]:
            while True:
                yield from slow("drop ", 0.05)

        started = time.monotonic()
        with pytest.raises(LlmError, match="took too long"):
            self.read(kind, drip, seconds=0.5)
        assert 0.5 <= time.monotonic() - started < 5
        for _ in range(200):
            if not any(thread.name == "llm-reply" for thread in threading.enumerate()):
                return
            time.sleep(0.05)
        pytest.fail("the thread that reads goes on")
