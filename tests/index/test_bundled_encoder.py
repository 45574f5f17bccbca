"""The encoder that ships: small, whole, and the same network as the folder that it was exported from."""

import json
from importlib import resources
from pathlib import Path

import numpy as np
import pytest

from index.embedding import BUNDLED, Encoder, load_encoder
from index.readers import read_bundled, read_file
from index.sentences import sentence_spans

ROOT = Path(__file__).parents[2]
FLOAT = ROOT / "training" / "encoder"


def some_texts() -> list[str]:
    """500 sentences and questions, in nine languages."""
    articles = [read_bundled(), *(read_file(p, 10**6) for p in sorted((ROOT / "tests/data/articles").iterdir()))]
    paragraphs = [article.text_of(p) for article in articles for p in article.body]
    sentences = [text[a:b] for text in paragraphs for a, b in sentence_spans(text)]
    files = sorted((ROOT / "tests/data/questions").glob("*.jsonl"))
    questions = [json.loads(line)["question"] for f in files for line in f.read_text(encoding="utf-8").splitlines()]
    halves = [sentence[: len(sentence) // 2] for sentence in sentences]
    return list(dict.fromkeys([*questions, *sentences, *halves]))[:500]


def test_it_is_small_and_says_what_it_is() -> None:
    files = list(resources.files("index").joinpath("encoders", BUNDLED).iterdir())
    assert sum(file.stat().st_size for file in map(Path, map(str, files))) <= 45_000_000
    assert {"encoder.json", "README.md"} <= {file.name for file in files}


def test_it_agrees_with_the_network_that_it_was_exported_from(encoder: Encoder) -> None:
    pytest.importorskip("sentence_transformers")
    texts = some_texts()
    assert len(texts) == 500
    cosines = (encoder.encode_passages(texts) * load_encoder(str(FLOAT)).encode_passages(texts)).sum(1)
    assert cosines.mean() >= 0.99
    assert np.quantile(cosines, 0.01) >= 0.97


def test_the_folder_holds_no_code() -> None:
    assert not list(FLOAT.rglob("*.py"))
    assert list(FLOAT.glob("*.safetensors"))
