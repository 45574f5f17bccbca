"""Unofficial translations: by a Marian model made here, by a scripted language model, and where they are shown."""

import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest

from bots.doctor import examine
from bots.slack.answer_blocks import answer_messages
from index.settings import IndexSettings
from rag.answers import Answer, Quote
from rag.exceptions import LlmError, TranslatorUnavailable
from rag.factory import open_engine
from rag.llm import make_llm
from rag.phrases import languages, phrase
from rag.quotes import translation_line
from rag.settings import RagSettings
from rag.translation import LlmTranslator, MarianTranslator, make_translator, translated
from tests.llm_server import Script, ScriptedLlm, slow

QUESTION = "What did Sushkov write on Twitter?"
TEXTS = ["وصل 2500 جندي إلى كازاخستان.", "اتخذ بوتين القرار.", "troops arrived in Kazakhstan", "Putin decided it"]


@pytest.fixture(scope="session")
def marian(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A real Marian model with random weights, and its sentencepiece tokenizer: opus-mt-ar-en."""
    pytest.importorskip("transformers")
    import sentencepiece
    import torch
    from transformers import MarianConfig, MarianMTModel

    folder = tmp_path_factory.mktemp("models") / "opus-mt-ar-en"
    folder.mkdir()
    corpus = folder / "corpus"
    corpus.write_text("\n".join(TEXTS * 20), encoding="utf-8")
    for side in ("source", "target"):
        sentencepiece.SentencePieceTrainer.train(
            input=str(corpus), model_prefix=str(folder / side), vocab_size=80, character_coverage=1.0,
            hard_vocab_limit=False, minloglevel=2,
        )  # fmt: skip
        (folder / f"{side}.model").rename(folder / f"{side}.spm")
        (folder / f"{side}.vocab").unlink()
    corpus.unlink()
    pieces = sentencepiece.SentencePieceProcessor(model_file=str(folder / "source.spm"))
    vocabulary = [
        "</s>",
        "<unk>",
        *(p for i in range(len(pieces)) if (p := pieces.IdToPiece(i)) not in ("</s>", "<unk>", "<s>")),
    ]
    vocabulary.append("<pad>")
    (folder / "vocab.json").write_text(json.dumps({piece: i for i, piece in enumerate(vocabulary)}), encoding="utf-8")
    (folder / "tokenizer_config.json").write_text(
        json.dumps({"source_lang": "ara", "target_lang": "eng", "model_max_length": 512})
    )
    torch.manual_seed(1)
    pad = len(vocabulary) - 1
    config = MarianConfig(
        vocab_size=len(vocabulary), d_model=16, encoder_layers=1, decoder_layers=1, encoder_attention_heads=2,
        decoder_attention_heads=2, encoder_ffn_dim=32, decoder_ffn_dim=32, max_position_embeddings=128,
        pad_token_id=pad, eos_token_id=0, bos_token_id=0, decoder_start_token_id=pad, forced_eos_token_id=0,
    )  # fmt: skip
    MarianMTModel(config).save_pretrained(folder)
    assert (folder / "model.safetensors").is_file()
    return folder


@pytest.fixture
def copy(marian: Path, tmp_path: Path) -> Path:
    """The model again, to be spoiled."""
    return Path(shutil.copytree(marian, tmp_path / "opus-mt-ar-en"))


def quote(text: str, article_id: str = "a") -> Quote:
    return Quote(text=text, article_id=article_id, version=1, paragraph=1, start=0, end=len(text), score=1.0)


class TestMarian:
    def test_it_translates_each_sentence(self, marian: Path) -> None:
        translator = MarianTranslator(str(marian))
        assert translator.pair == ("ar", "en")
        one, other, both = translator.translate([TEXTS[0], TEXTS[1], f"{TEXTS[0]} {TEXTS[1]}"], "ar", "en")
        assert one.strip()
        assert both == f"{one} {other}"
        assert translator.translate([TEXTS[0]], "ar", "en") == [one]

    def test_a_sentence_that_is_too_long_is_left_out(self, marian: Path) -> None:
        translator = MarianTranslator(str(marian))
        assert translator.translate(["وصل " * 200, TEXTS[1]], "ar", "en")[0] == ""

    @pytest.mark.parametrize(("source", "target"), [("ru", "en"), ("ar", "fr"), ("en", "ar")])
    def test_other_languages_are_refused(self, marian: Path, source: str, target: str) -> None:
        with pytest.raises(TranslatorUnavailable, match=f"from ar to en, not from {source} to {target}"):
            MarianTranslator(str(marian)).translate(["x"], source, target)

    def test_the_name_tells_where_the_configuration_does_not(self, copy: Path) -> None:
        (copy / "tokenizer_config.json").write_text("{}")
        assert MarianTranslator(str(copy)).pair == ("ar", "en")

    def test_a_model_that_tells_no_pair_is_refused(self, copy: Path) -> None:
        (copy / "tokenizer_config.json").write_text("{}")
        folder = copy.rename(copy.parent / "some-model")
        with pytest.raises(TranslatorUnavailable, match="which two languages"):
            _ = MarianTranslator(str(folder)).pair

    def test_a_model_of_many_languages_is_refused(self, copy: Path) -> None:
        (copy / "tokenizer_config.json").write_text(json.dumps({"source_lang": "mul", "target_lang": "eng"}))
        with pytest.raises(TranslatorUnavailable, match="mul to en"):
            _ = MarianTranslator(str(copy)).pair

    def test_program_code_is_refused(self, copy: Path) -> None:
        (copy / "modeling.py").write_text("raise SystemExit")
        with pytest.raises(TranslatorUnavailable, match=r"program code \(modeling\.py\)"):
            _ = MarianTranslator(str(copy)).pair

    def test_pickled_weights_are_refused(self, copy: Path) -> None:
        (copy / "model.safetensors").rename(copy / "pytorch_model.bin")
        with pytest.raises(TranslatorUnavailable, match=r"no \.safetensors"):
            _ = MarianTranslator(str(copy)).pair

    @pytest.mark.parametrize("name", ["model.safetensors", "source.spm", "vocab.json", "config.json"])
    def test_a_damaged_model_is_refused_without_a_traceback(self, copy: Path, name: str) -> None:
        (copy / name).write_bytes(b"nonsense")
        translator = MarianTranslator(str(copy))
        for _ in range(2):
            with pytest.raises(TranslatorUnavailable, match="does not load"):
                _ = translator.pair

    def test_another_kind_of_model_is_refused(self, copy: Path) -> None:
        config = json.loads((copy / "config.json").read_text())
        (copy / "config.json").write_text(json.dumps({**config, "model_type": "bart"}))
        with pytest.raises(TranslatorUnavailable):
            _ = MarianTranslator(str(copy)).pair

    def test_nothing_is_configured_or_loaded_by_default(self, tmp_path: Path) -> None:
        assert make_translator(RagSettings()) is None
        assert make_translator(RagSettings(translator=str(tmp_path / "nowhere"))) is not None


class Parrot:
    """A translator that says what it was asked, in quotation marks."""

    def translate(self, texts: Sequence[str], source: str, target: str) -> list[str]:
        if source == "ru":
            raise TranslatorUnavailable("not from ru", "")
        return [f" “{source}→{target}”\n‘{text}’ it’s «so» \u2068x\u2069 " for text in texts]


class TestTranslated:
    def test_only_quotes_of_other_languages_and_no_marks(self) -> None:
        quotes = [quote("one", "ar"), quote("two", "en"), quote("three", "ru"), quote("four", "ar")]
        done, reason = translated(quotes, {"ar": "ar", "en": "en", "ru": "ru"}, "en", Parrot())
        assert [q.translation for q in done] == ["ar→en one it’s so x", "", "", "ar→en four it’s so x"]
        assert [q.text for q in done] == ["one", "two", "three", "four"]
        assert reason == "not from ru"

    def test_without_a_translator_there_is_none(self) -> None:
        assert translated([quote("one", "ar")], {"ar": "ar"}, "en", None) == ([quote("one", "ar")], "")

    @pytest.mark.parametrize("language", languages())
    def test_it_has_a_line_of_its_own_in_every_language(self, language: str) -> None:
        shown = translation_line(quote("x").model_copy(update={"translation": "Ünïcode"}), language)
        assert shown.startswith("\n")
        assert shown.count("Ünïcode") == 1
        assert shown[1] in "(（"
        assert not set('“”«»"‘') & set(shown)
        assert translation_line(quote("x"), language) == ""
        assert phrase("untranslated", language, reason="R").endswith("R")
        assert phrase("unsupported", language, sign="(?)").count("(?)") == 1


@pytest.fixture
def ask(index_settings: IndexSettings) -> Iterator[Callable[..., Answer]]:
    with ExitStack() as stack:

        def ask(language: str = "en", **fields: object) -> Answer:
            settings = RagSettings(**fields)  # type: ignore[arg-type]
            engine = stack.enter_context(open_engine(index_settings, settings))
            return engine.ask(QUESTION, language=language)

        yield ask


class TestShown:
    def test_under_each_quote(self, ask: Callable[..., Answer], marian: Path) -> None:
        answer = ask(translator=str(marian))
        assert answer.notes == []
        lines = answer.text.split("\n")
        assert any(quote.translation for quote in answer.quotes)
        for quote in filter(lambda quote: quote.translation, answer.quotes):
            at = next(i for i, line in enumerate(lines) if quote.text in line)
            assert lines[at + 1] == f"(unofficial translation: {quote.translation})"
        blocks = "\n".join(message.text for message in answer_messages(answer))
        assert "(unofficial translation: " in blocks

    def test_a_reader_of_the_articles_language_needs_none(self, ask: Callable[..., Answer], marian: Path) -> None:
        answer = ask("ar", translator=str(marian))
        assert not any(quote.translation for quote in answer.quotes)
        assert answer.notes == []

    def test_a_model_for_other_languages_is_told(self, ask: Callable[..., Answer], marian: Path) -> None:
        answer = ask("fr", translator=str(marian))
        assert not any(quote.translation for quote in answer.quotes)
        assert answer.notes == ["Pas de traduction : opus-mt-ar-en translates from ar to en, not from ar to fr."]

    def test_a_model_that_does_not_load_spoils_no_answer(self, ask: Callable[..., Answer], tmp_path: Path) -> None:
        (tmp_path / "empty").mkdir()
        answer = ask(translator=str(tmp_path / "empty"))
        assert answer.quotes
        assert "no .safetensors" in answer.notes[0]

    def test_the_doctor_says_whether_it_loads(
        self, index_settings: IndexSettings, marian: Path, tmp_path: Path
    ) -> None:
        (tmp_path / "empty").mkdir()
        for name, status, detail in (
            (marian, "ok", "opus-mt-ar-en, from ar to en"),
            (tmp_path / "empty", "broken", "no .safetensors"),
        ):
            findings = examine(index_settings, RagSettings(translator=str(name)))
            (found,) = [f for f in findings if f.what == "translator"]
            assert found.status == status
            assert detail in found.detail
        assert "translator" not in {f.what for f in examine(index_settings, RagSettings())}


@pytest.mark.filterwarnings("ignore:Exception ignored in. <socket:pytest.PytestUnraisableExceptionWarning")
@pytest.mark.usefixtures("leaked_sockets")
class TestLlm:
    @staticmethod
    def translate(script: Script, text: str = "تردَّدَت “أصداء مخيفة”", deadline: float = 30) -> list[str]:
        pytest.importorskip("llama_index.llms.ollama")
        with ScriptedLlm(script) as server:
            llm = make_llm(RagSettings(llm="ollama", llm_model="m", llm_url=server.url))
            assert llm
            return LlmTranslator(llm, deadline).translate([text], "ar", "en")

    def test_marks_are_removed(self) -> None:
        assert self.translate(lambda _: "“‘Fearful echoes’ rang,”\n \"it’s\" «said» 'so'.") == [
            "Fearful echoes rang, it’s said so."
        ]

    @pytest.mark.parametrize(
        "reply", ["", " “” ", "تردّدت أصداء مخيفة", "x" * 9000], ids=["none", "marks", "echo", "endless"]
    )
    def test_what_is_no_translation_is_refused(self, reply: str) -> None:
        with pytest.raises(LlmError, match="did not translate" if reply else "said nothing"):
            self.translate(lambda _: reply)

    def test_it_has_its_time(self) -> None:
        with pytest.raises(LlmError, match="took too long"):
            self.translate(lambda _: slow("late", 2), deadline=0.3)

    @pytest.mark.parametrize("reply", ["", "A crisis in which “Moscow” can be useful"])
    def test_beside_an_answer_s_quotes(self, ask: Callable[..., Answer], reply: str) -> None:
        pytest.importorskip("llama_index.llms.ollama")

        def script(prompt: str) -> str:
            return reply if prompt.startswith("Translate") else "He wrote “أزمة يمكن لموسكو أن تكون مفيدة فيها” [1]."

        with ScriptedLlm(script) as server:
            answer = ask(llm="ollama", llm_model="m", llm_url=server.url)
        assert answer.quotes[0].translation == reply.replace("“", "").replace("”", "")
        if reply:
            assert answer.text.endswith("\u2069\n(unofficial translation: A crisis in which Moscow can be useful)")
            assert answer.notes == []
        else:
            assert "translation" not in answer.text
            assert answer.notes == ["No translation: it said nothing"]
