"""Encoders: the bundled one, and any folder that SentenceTransformer loads."""

import json
import shutil
from importlib import resources
from pathlib import Path

import numpy as np
import pytest
import torch

from index.article_index import ArticleIndex
from index.embedding import BUNDLED, MANIFEST, Encoder, OnnxEncoder, SentenceTransformerEncoder, load_encoder
from index.exceptions import EncoderUnavailable
from index.ingestion import add_article
from index.readers import read_bundled
from index.settings import IndexSettings

INSTRUCTION = "Instruct: Given a web search query, retrieve relevant passages that answer the query\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the bundled encoder's folder."""
    with resources.as_file(resources.files("index").joinpath("encoders", BUNDLED)) as bundled:
        shutil.copytree(bundled, tmp_path / "encoder")
    return tmp_path / "encoder"


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A real sentence-transformer with random weights, two layers of 16 dimensions, and prompts."""
    pytest.importorskip("sentence_transformers")
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Pooling, Transformer
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    path = tmp_path_factory.mktemp("tiny")
    words = [
        "[PAD]",
        "[UNK]",
        "[CLS]",
        "[SEP]",
        "[MASK]",
        *"abcdefghijklmnopqrstuvwxyz",
        *(f"##{c}" for c in "abcdefghijklmnopqrstuvwxyz"),
    ]
    tokenizer = Tokenizer(models.WordPiece({w: i for i, w in enumerate(words)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, unk_token="[UNK]", pad_token="[PAD]", cls_token="[CLS]", sep_token="[SEP]", mask_token="[MASK]",
        model_max_length=32,
    ).save_pretrained(path / "base")  # fmt: skip
    BertModel(
        BertConfig(
            vocab_size=len(words), hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32
        )
    ).save_pretrained(path / "base")
    transformer = Transformer(str(path / "base"), max_seq_length=32)
    model = SentenceTransformer(
        modules=[transformer, Pooling(16, "mean")], device="cpu", prompts={"query": "query ", "document": "passage "}
    )
    model.save(str(path / "tiny"))
    return path / "tiny"


class TestBundled:
    def test_vectors_have_length_one_and_meet_across_languages(self, encoder: Encoder) -> None:
        texts = ["Troops arrived in Kazakhstan.", "وصلت القوات إلى كازاخستان.", "The price of apples fell."]
        vectors = encoder.encode_passages(texts)
        assert vectors.shape == (3, encoder.fingerprint.dimension)
        assert vectors.dtype == np.float32
        assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
        assert vectors[0] @ vectors[1] > vectors[0] @ vectors[2] + 0.2

    def test_a_vector_does_not_depend_on_its_neighbours(self, encoder: Encoder) -> None:
        alone = encoder.encode_passages(["Troops arrived."])[0]
        among = encoder.encode_passages(["x", "Troops arrived.", "A much longer text about something else. " * 20])[1]
        assert (alone == among).all()

    def test_no_texts(self, encoder: Encoder) -> None:
        assert encoder.encode_passages([]).shape == (0, encoder.fingerprint.dimension)

    def test_tokens_past_the_limit_are_counted(self, encoder: Encoder) -> None:
        assert encoder.count_tokens("word " * 1000) == 1000

    def test_the_manifest_names_the_files(self, folder: Path, encoder: Encoder) -> None:
        assert load_encoder(str(folder)).fingerprint == encoder.fingerprint


class TestDamagedFolder:
    @pytest.mark.parametrize("name", ["model_int8.onnx", "tokenizer.json"])
    def test_a_changed_file_is_refused(self, folder: Path, name: str) -> None:
        with (folder / name).open("ab") as file:
            file.write(b" ")
        with pytest.raises(EncoderUnavailable, match="not the file that its manifest names"):
            OnnxEncoder(folder)

    def test_a_missing_file_is_refused(self, folder: Path) -> None:
        (folder / "tokenizer.json").unlink()
        with pytest.raises(EncoderUnavailable, match="missing"):
            OnnxEncoder(folder)

    @pytest.mark.parametrize("text", ["", "[]", '{"name": "x"}', "nonsense"])
    def test_a_bad_manifest_is_refused(self, folder: Path, text: str) -> None:
        (folder / MANIFEST).write_text(text)
        with pytest.raises(EncoderUnavailable, match="manifest"):
            OnnxEncoder(folder)

    def test_the_manifest_cannot_name_a_file_elsewhere(self, folder: Path) -> None:
        manifest = json.loads((folder / MANIFEST).read_text())
        manifest["files"]["tokenizer"]["name"] = "../../secret.json"
        (folder / MANIFEST).write_text(json.dumps(manifest))
        with pytest.raises(EncoderUnavailable, match=str(folder / "secret.json")):
            OnnxEncoder(folder)


class TestSentenceTransformer:
    def test_any_folder_becomes_an_encoder(self, tiny_model: Path, tmp_path: Path) -> None:
        tiny = load_encoder(str(tiny_model))
        assert tiny.fingerprint.dimension == 16
        assert tiny.max_tokens == 30
        assert tiny.count_tokens("ab c") == 3
        assert np.allclose(np.linalg.norm(tiny.encode_queries(["abc", "d"]), axis=1), 1, atol=1e-5)
        settings = IndexSettings(data_dir=tmp_path / "data", encoder=str(tiny_model))
        with ArticleIndex(settings, writable=True) as index:
            add_article(index, read_bundled())
            assert len(index.search_vectors("abc", 5)) == 5
            assert all(tiny.count_tokens(p.text) <= tiny.max_tokens for p in index.passages().values())

    def test_the_models_own_prompts_are_used(self, tiny_model: Path) -> None:
        tiny = load_encoder(str(tiny_model))
        assert not np.allclose(tiny.encode_queries(["abc"]), tiny.encode_passages(["abc"]), atol=1e-3)

    @pytest.mark.parametrize(
        ("name", "query", "passage"),
        [
            ("multilingual-e5-small", "query: ", "passage: "),
            ("multilingual-e5-large-instruct", f"{INSTRUCTION}Query: ", ""),
            ("Qwen3-Embedding-0.6B", f"{INSTRUCTION}Query:", ""),
            ("embeddinggemma-300m", "task: search result | query: ", "title: none | text: "),
            ("bge-m3", "", ""),
            ("LaBSE", "", ""),
        ],
    )
    def test_a_model_without_prompts_gets_those_of_its_card(
        self, tiny_model: Path, tmp_path: Path, name: str, query: str, passage: str
    ) -> None:
        copy = shutil.copytree(tiny_model, tmp_path / name)
        config = copy / "config_sentence_transformers.json"
        config.write_text(json.dumps(json.loads(config.read_text()) | {"prompts": {"query": "", "document": ""}}))
        (tmp_path / "plain").mkdir()
        plain = load_encoder(str(shutil.copytree(copy, tmp_path / "plain" / "tiny")))
        assert isinstance(plain, SentenceTransformerEncoder)
        encoder = load_encoder(str(copy))
        assert np.allclose(encoder.encode_queries(["abc"]), plain.encode_queries([f"{query}abc"]), atol=1e-5)
        assert np.allclose(encoder.encode_passages(["abc"]), plain.encode_passages([f"{passage}abc"]), atol=1e-5)

    def test_less_memory_means_smaller_batches(self, tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        texts, whole = ["ab", "c", "def", "g", "hi"], load_encoder(str(tiny_model))
        assert isinstance(whole, SentenceTransformerEncoder)
        model, sizes = whole._model, []
        forward = model.forward

        def limited(features: dict[str, torch.Tensor], **options: object) -> dict[str, torch.Tensor]:
            sizes.append(len(features["input_ids"]))
            if sizes[-1] > 2:
                raise torch.OutOfMemoryError
            return forward(features, **options)

        expected = whole.encode_passages(texts)
        monkeypatch.setattr(model, "forward", limited)
        assert np.allclose(whole.encode_passages(texts), expected, atol=1e-5)
        assert max(sizes) == 5
        assert sizes[-3:] == [2, 2, 1]
        monkeypatch.setattr(model, "forward", lambda *_, **__: (_ for _ in ()).throw(torch.OutOfMemoryError))
        with pytest.raises(EncoderUnavailable, match="memory"):
            whole.encode_passages(texts)

    def test_the_fingerprint_follows_the_weights(self, tiny_model: Path, tmp_path: Path) -> None:
        copy = shutil.copytree(tiny_model, tmp_path / "tiny")
        assert load_encoder(str(copy)).fingerprint == load_encoder(str(tiny_model)).fingerprint
        weights = next(copy.rglob("*.safetensors"))
        data = bytearray(weights.read_bytes())
        data[-1] ^= 1
        weights.write_bytes(data)
        assert load_encoder(str(copy)).fingerprint != load_encoder(str(tiny_model)).fingerprint

    def test_a_folder_with_code_is_refused(self, tiny_model: Path, tmp_path: Path) -> None:
        copy = shutil.copytree(tiny_model, tmp_path / "tiny")
        (copy / "modeling.py").write_text("raise SystemExit")
        with pytest.raises(EncoderUnavailable, match=r"modeling\.py"):
            load_encoder(str(copy))

    def test_pickled_weights_are_refused(self, tiny_model: Path, tmp_path: Path) -> None:
        copy = shutil.copytree(tiny_model, tmp_path / "tiny")
        for weights in copy.rglob("*.safetensors"):
            weights.rename(weights.with_name("pytorch_model.bin"))
        with pytest.raises(EncoderUnavailable, match="safetensors"):
            load_encoder(str(copy))

    def test_a_name_that_cannot_be_had(self, monkeypatch: pytest.MonkeyPatch) -> None:
        pytest.importorskip("sentence_transformers")
        import huggingface_hub.constants

        monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
        with pytest.raises(EncoderUnavailable, match="no-such/model does not load"):
            load_encoder("no-such/model")

    def test_a_file_is_no_folder(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")
        with pytest.raises(EncoderUnavailable, match="not a model folder"):
            load_encoder(str(tmp_path / "file"))
