"""Step `export`: the trained student as the product runs it, an ONNX file of 8-bit integers beside its tokenizer."""

import hashlib
import json
import shutil
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch
from onnxruntime.quantization import QuantType, quantize_dynamic
from transformers import AutoModel

from index.embedding import MANIFEST, load_encoder
from training.pairs import PAIRS, read_rows
from training.steps import Work
from training.teacher import mean_pooled
from training.vocabulary import TOKENIZER

MODEL = "model_int8.onnx"
_PROBES = 500
_OPSET = 17


class _ByteTable(torch.nn.Module):
    """Vectors of word pieces as 8-bit integers, each with a scale of its own: shape (pieces, d) in, ids to vectors."""

    bytes: torch.Tensor
    scale: torch.Tensor

    def __init__(self, weight: torch.Tensor) -> None:
        super().__init__()
        scale = weight.abs().amax(1, keepdim=True).clamp(min=1e-8) / 127
        self.register_buffer("scale", scale)
        self.register_buffer("bytes", torch.round(weight / scale).to(torch.int8))

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        return self.bytes[ids].float() * self.scale[ids]


class _Embedding(torch.nn.Module):
    """The network with the mean over its tokens: `(texts, tokens)` ids and mask to `(texts, d)` vectors of length 1."""

    def __init__(self, network: torch.nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        hidden = self.network(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        return mean_pooled(hidden, attention_mask)


def export_encoder(work: Work, output: Path) -> dict[str, Any]:
    """Write a folder that `INDEX_ENCODER` takes; it must agree with the student that it was made from."""
    student = work.output("train")
    network: Any = AutoModel.from_pretrained(student, attn_implementation="eager", dtype=torch.float32).eval()
    whole = output / "float.onnx"
    network.embeddings.word_embeddings = _ByteTable(network.get_input_embeddings().weight.data)
    _export(_Embedding(network), whole)
    # A scale for each output channel: with one for a whole matrix the cosine with the student falls to 0.96. Unsigned
    # weights: processors without VNNI add products of signed ones in 16 bits, where they overflow.
    quantize_dynamic(
        whole, output / MODEL, per_channel=True, weight_type=QuantType.QUInt8, op_types_to_quantize=["MatMul"]
    )
    whole.unlink()
    shutil.copy(work.output("vocabulary") / TOKENIZER, output / TOKENIZER)
    _write_manifest(output, work, network.config.hidden_size)
    texts = [row[3] for row in read_rows(work.output("pairs") / PAIRS)[:_PROBES]]
    cosines = (
        load_encoder(str(output)).encode_passages(texts) * load_encoder(str(student)).encode_passages(texts)
    ).sum(1)
    mean, least = float(np.mean(cosines)), float(np.min(cosines))
    if mean < work.recipe.least_agreement:
        raise ArithmeticError(f"Quantisation changes the vectors: cosine {mean:.4f} in the mean, {least:.4f} at worst.")
    megabytes = sum(path.stat().st_size for path in output.iterdir()) / 1e6
    return {
        "agreement": round(mean, 4),
        "worst": round(least, 4),
        "texts": len(texts),
        "megabytes": round(megabytes, 1),
    }


def _export(module: torch.nn.Module, path: Path) -> None:
    axes = {0: "texts", 1: "tokens"}
    example = (torch.randint(5, 20, (2, 12)), torch.ones(2, 12, dtype=torch.long))
    with (
        warnings.catch_warnings()
    ):  # The older exporter is announced as such; the new one writes no dynamic shapes here.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            module,
            example,
            str(path),
            input_names=["input_ids", "attention_mask"],
            output_names=["embedding"],
            opset_version=_OPSET,
            dynamo=False,
            dynamic_axes={"input_ids": axes, "attention_mask": axes, "embedding": {0: "texts"}},
        )


def _write_manifest(folder: Path, work: Work, dimension: int) -> None:
    files = {
        key: {"name": name, "sha256": hashlib.sha256((folder / name).read_bytes()).hexdigest()}
        for key, name in (("model", MODEL), ("tokenizer", TOKENIZER))
    }
    manifest = {
        "name": work.recipe.name,
        "dimension": dimension,
        "max_tokens": work.recipe.most_tokens,
        "query_prefix": "",
        "passage_prefix": "",
        "files": files,
    }
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")
