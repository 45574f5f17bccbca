"""A language model's answers, honest and lying, over the real wire protocols."""

from collections.abc import Callable, Iterator

import pytest
from pydantic import SecretStr

from index.exceptions import ConfigurationError
from index.settings import IndexSettings
from rag.answers import Answer, Restart, Token
from rag.chat_engine import ChatEngine
from rag.factory import open_engine
from rag.llm import make_llm
from rag.settings import RagSettings
from tests.llm_server import Script, ScriptedLlm, half_then_die, slow

QUESTION = "What did Sushkov write on Twitter?"
Ask = Callable[..., Answer]


def second(engine: ChatEngine) -> int:
    """Number of the paragraph that is passage [2] of the prompt."""
    return int(engine.search(QUESTION)[1].node.metadata["paragraph"])


def says(text: str) -> Script:
    return lambda _prompt: text


@pytest.fixture(params=["openai", "ollama"])
def ask(
    request: pytest.FixtureRequest, index_settings: IndexSettings
) -> Iterator[Callable[..., tuple[ChatEngine, ScriptedLlm]]]:
    """Makes an engine whose language model follows a script."""
    pytest.importorskip("llama_index.llms.openai_like")
    opened = []

    def make(script: Script, *, timeout: float = 10) -> tuple[ChatEngine, ScriptedLlm]:
        server = ScriptedLlm(script)
        url = server.url + ("/v1" if request.param == "openai" else "")
        settings = RagSettings(
            llm=request.param, llm_model="scripted", llm_url=url, llm_key=SecretStr("k"), llm_timeout=timeout
        )
        engine = open_engine(index_settings, settings)
        opened.append((engine, server))
        return engine.__enter__(), server

    yield make
    for engine, server in opened:
        engine.__exit__(None, None, None)
        server.close()


Make = Callable[..., tuple[ChatEngine, ScriptedLlm]]
pytestmark = [
    pytest.mark.filterwarnings("ignore:Exception ignored in. <socket:pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.usefixtures("leaked_sockets"),
]


class TestHonest:
    def test_citations_become_paragraphs_and_quotes_the_articles_letters(self, ask: Make) -> None:
        engine, _ = ask(
            says("Sushkov wrote that it was “أزمة يمكن لموسكو أن تكون مفيدة فيها” [1]. He is a scholar [2].")
        )
        answer = engine.ask(QUESTION)
        assert answer.verdict == "answered"
        assert answer.model == "scripted"
        assert answer.text == (
            "Sushkov wrote that it was \u2068“أزمةً يمكن لموسكو أن تكون مفيدةً فيها”\u2069 (§7)."
            f" He is a scholar (§{second(engine)})."
        )
        assert [q.paragraph for q in answer.quotes] == [7]
        assert [s.paragraph for s in answer.sources] == [7, second(engine)]
        assert answer.notes == []

    def test_tokens_are_the_text(self, ask: Make) -> None:
        engine, _ = ask(says("First “دعاية” [2]. Second [1].\nThird [1]."))
        *events, answer = engine.stream(QUESTION)
        assert isinstance(answer, Answer)
        tokens = [e.text for e in events if isinstance(e, Token)]
        assert len(tokens) > 1
        assert "".join(tokens).strip() == answer.text

    def test_silence(self, ask: Make) -> None:
        engine, _ = ask(says("NOT_IN_ARTICLE"))
        answer = engine.ask(QUESTION)
        assert answer.verdict == "not_in_article"
        assert answer.closest
        assert "NOT_IN_ARTICLE" not in answer.text

    def test_passages_and_question_are_in_the_prompt(self, ask: Make) -> None:
        engine, server = ask(says("It is so [1]."))
        engine.ask(QUESTION, language="fr")
        (prompt,) = server.prompts
        assert "[1] وكتب سوشكوف على منصة تويتر" in prompt
        assert QUESTION in prompt
        assert "French" in prompt

    def test_follow_ups_are_condensed_by_the_model(self, ask: Make) -> None:
        engine, server = ask(lambda prompt: "Who is Sushkov?" if "Rewrite" in prompt else "He is a scholar [1].")
        engine.ask(QUESTION, conversation="c")
        answer = engine.ask("Who is he?", conversation="c")
        assert answer.understood_as == "Who is Sushkov?"
        assert f"Q: {QUESTION}" in server.prompts[1]


class TestLying:
    def test_an_invented_quote_loses_its_marks_and_is_told(self, ask: Make) -> None:
        engine, _ = ask(says("He wrote “Moscow will win easily” [1]."))
        answer = engine.ask(QUESTION)
        assert answer.text == "He wrote Moscow will win easily (§7)."
        assert answer.quotes == []
        assert answer.notes == ["Not in the article, so not shown as a quote: Moscow will win easily"]

    def test_an_invented_citation_is_dropped(self, ask: Make) -> None:
        engine, _ = ask(says("It is so [1]. It is otherwise [99]. And [0, 2]."))
        answer = engine.ask(QUESTION)
        assert answer.text == f"It is so (§7). It is otherwise. And (§{second(engine)})."

    def test_an_answer_without_citations_is_not_shown(self, ask: Make) -> None:
        engine, _ = ask(says("I know that from elsewhere."))
        *events, answer = engine.stream(QUESTION)
        assert any(isinstance(e, Restart) for e in events)
        self.assert_extractive(answer)

    def test_half_an_answer_is_void(self, ask: Make) -> None:
        engine, _ = ask(lambda _: half_then_die("It is so [1]. " * 20))
        *events, answer = engine.stream(QUESTION)
        after = events[max(i for i, e in enumerate(events) if isinstance(e, Restart)) :]
        self.assert_extractive(answer)
        assert isinstance(answer, Answer)
        assert "".join(e.text for e in after if isinstance(e, Token)) == answer.text

    @pytest.mark.parametrize("text", ["", "   ", "x" * 30_000], ids=["empty", "blank", "endless"])
    def test_nonsense(self, ask: Make, text: str) -> None:
        engine, _ = ask(says(text))
        self.assert_extractive(engine.ask(QUESTION))

    def test_a_slow_model_is_given_up(self, ask: Make) -> None:
        engine, _ = ask(lambda _: slow("It is so [1].", 3), timeout=0.3)
        answer = engine.ask(QUESTION)
        self.assert_extractive(answer)
        assert "took too long" in answer.notes[0]

    def test_a_refused_key_is_not_shown(self, ask: Make) -> None:
        def refuse(_prompt: str) -> str:
            raise PermissionError

        engine, _ = ask(refuse)
        answer = engine.ask(QUESTION)
        self.assert_extractive(answer)
        assert "401" in answer.notes[0]

    def test_a_server_that_is_gone(self, ask: Make) -> None:
        engine, server = ask(says(""))
        server.close()
        self.assert_extractive(engine.ask(QUESTION))

    @staticmethod
    def assert_extractive(answer: object) -> None:
        assert isinstance(answer, Answer)
        assert answer.model == "extractive"
        assert answer.quotes[0].paragraph == 7
        assert answer.notes[0].startswith("The language model did not answer")


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
