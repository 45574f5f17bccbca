"""Encoders: texts to unit vectors; the bundled one through onnxruntime, any other through sentence-transformers."""

import hashlib
import json
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import numpy.typing as npt

from index.exceptions import EncoderUnavailable
from index.model_folders import refuse_unsafe
from index.prompts import prompts_of

if TYPE_CHECKING:
    import torch
    from sentence_transformers import SentenceTransformer

Vectors = npt.NDArray[np.float32]

BUNDLED = "base"
MANIFEST = "encoder.json"
_UNKNOWN_FREE_MEMORY = 4 * 2**30
_HUB_FIX = "Set INDEX_ENCODER to a folder that SentenceTransformer loads, or leave it empty for the bundled encoder."


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """What makes vectors comparable: same name, same revision (hash of the model), same dimension."""

    name: str
    revision: str
    dimension: int

    def __str__(self) -> str:
        return f"{self.name}@{self.revision[:12]}/{self.dimension}"


class Encoder(Protocol):
    """Turns texts into float32 vectors of length 1, shape (texts, dimension)."""

    @property
    def fingerprint(self) -> Fingerprint:
        """Identity of the model."""

    @property
    def max_tokens(self) -> int:
        """Longest text in tokens that the model reads whole, special tokens excluded."""

    def count_tokens(self, text: str) -> int:
        """Tokens of the text, special ones excluded."""

    def encode_queries(self, texts: Sequence[str]) -> Vectors:
        """Vectors of questions."""

    def encode_passages(self, texts: Sequence[str]) -> Vectors:
        """Vectors of passages."""


def load_encoder(name_or_path: str = "", device: str = "") -> Encoder:
    """The bundled encoder for an empty name, a folder's, or a sentence-transformers model's.

    Raises EncoderUnavailable.
    """
    if not name_or_path:
        with resources.as_file(resources.files("index").joinpath("encoders", BUNDLED)) as folder:
            return OnnxEncoder(folder)
    folder = Path(name_or_path).expanduser()
    if folder.joinpath(MANIFEST).is_file():
        return OnnxEncoder(folder)
    return SentenceTransformerEncoder(name_or_path, device)


class OnnxEncoder:
    """A folder with `encoder.json`, an ONNX model and its `tokenizer.json`, each checked against its hash before use.

    The model takes `input_ids` and `attention_mask` and gives `embedding`, pooled and of length 1.
    """

    def __init__(self, folder: Path) -> None:
        manifest = _read_manifest(folder)
        model, tokenizer = (_read_verified(folder, manifest, key) for key in ("model", "tokenizer"))

        import onnxruntime
        from tokenizers import Tokenizer

        self.fingerprint = Fingerprint(manifest["name"], manifest["files"]["model"]["sha256"], manifest["dimension"])
        self.max_tokens: int = manifest["max_tokens"] - 2
        self._query_prefix: str = manifest.get("query_prefix", "")
        self._passage_prefix: str = manifest.get("passage_prefix", "")
        self._counter = Tokenizer.from_buffer(tokenizer)
        self._counter.no_truncation()
        self._counter.no_padding()
        self._tokenizer = Tokenizer.from_buffer(tokenizer)
        self._tokenizer.enable_truncation(manifest["max_tokens"])
        self._tokenizer.no_padding()
        # A text is too little work to share between threads: each runs on one, several texts side by side.
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])

    def count_tokens(self, text: str) -> int:
        """Tokens of the text, special ones excluded."""
        return len(self._counter.encode(text, add_special_tokens=False))

    def encode_queries(self, texts: Sequence[str]) -> Vectors:
        """Vectors of questions, shape (texts, dimension)."""
        return self._encode([self._query_prefix + text for text in texts])

    def encode_passages(self, texts: Sequence[str]) -> Vectors:
        """Vectors of passages, shape (texts, dimension)."""
        return self._encode([self._passage_prefix + text for text in texts])

    def _encode(self, texts: list[str]) -> Vectors:
        """One text a run: quantisation scales depend on all texts of a batch, and so would each vector."""
        ids = [encoding.ids for encoding in self._tokenizer.encode_batch(texts)]
        vectors = np.zeros((len(ids), self.fingerprint.dimension), np.float32)
        if len(ids) == 1:
            vectors[0] = self._run(ids[0])
        elif ids:
            with ThreadPoolExecutor(_processors()) as pool:
                vectors[:] = list(pool.map(self._run, ids))
        return vectors

    def _run(self, ids: list[int]) -> Vectors:
        """The vector of one text, shape (dimension,)."""
        input_ids = np.array([ids], np.int64)
        found: Vectors = self._session.run(
            ["embedding"], {"input_ids": input_ids, "attention_mask": np.ones_like(input_ids)}
        )[0][0]
        return found


class SentenceTransformerEncoder:
    """Any model that `SentenceTransformer(name_or_path)` loads, without running code that a folder brings.

    Questions and passages get the prompts that the model brings, else those of `index.prompts`.
    """

    def __init__(self, name_or_path: str, device: str = "") -> None:
        folder = Path(name_or_path).expanduser()
        if folder.exists():
            refuse_unsafe(folder, EncoderUnavailable, _HUB_FIX)
        self._model = _load_sentence_transformer(str(folder) if folder.exists() else name_or_path, device)
        dimension = self._model.get_embedding_dimension()
        if dimension is None:
            raise EncoderUnavailable(f"{name_or_path} does not tell the size of its vectors.", _HUB_FIX)
        revision = _folder_hash(folder) if folder.exists() else self._hub_revision()
        self.fingerprint = Fingerprint(folder.name if folder.exists() else name_or_path, revision, dimension)
        self.max_tokens: int = (self._model.max_seq_length or 512) - 2
        if not any(self._model.prompts.values()):
            query, passage = prompts_of(self.fingerprint.name)
            self._model.prompts = {"query": query, "document": passage}
        self._batch = _batch_size(_free_memory(self._model.device), self.max_tokens, dimension)

    def count_tokens(self, text: str) -> int:
        """Tokens of the text, special ones excluded."""
        return len(self._model.tokenizer.encode(text, add_special_tokens=False, verbose=False))

    def encode_queries(self, texts: Sequence[str]) -> Vectors:
        """Vectors of questions, shape (texts, dimension)."""
        return self._encode(self._model.encode_query, texts)

    def encode_passages(self, texts: Sequence[str]) -> Vectors:
        """Vectors of passages, shape (texts, dimension)."""
        return self._encode(self._model.encode_document, texts)

    def _encode(self, encode: Callable[..., Any], texts: Sequence[str]) -> Vectors:
        """Encode in batches that fit into memory; where one does not, in halves of it from then on."""
        from torch import OutOfMemoryError

        while True:
            try:
                raw = encode(list(texts), batch_size=self._batch, convert_to_numpy=True, show_progress_bar=False)
            except OutOfMemoryError as error:
                if self._batch == 1:
                    raise EncoderUnavailable(
                        f"{self.fingerprint.name} does not fit into the memory of {self._model.device}.",
                        "Choose a smaller model, or set INDEX_ENCODER_DEVICE=cpu.",
                    ) from error
                self._batch = max(1, self._batch // 2)
            else:
                vectors: Vectors = np.asarray(raw, np.float32).reshape(-1, self.fingerprint.dimension)
                vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
                return vectors

    def _hub_revision(self) -> str:
        config = getattr(self._model[0], "auto_model", None)
        return str(getattr(getattr(config, "config", None), "_commit_hash", None) or "unknown")


def _processors() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _batch_size(free_bytes: int, max_tokens: int, dimension: int) -> int:
    """Texts of full length whose activations take an eighth of the free memory, from 1 to 64.

    A layer keeps about 24 float32 vectors for each token at once: its input, attention, and four times as wide the
    hidden part of its feed-forward network.
    """
    return int(min(64, max(1, free_bytes // 8 // (24 * 4 * max_tokens * dimension))))


def _free_memory(device: "torch.device") -> int:
    """Bytes that the device has free; for the processor, free memory of the machine."""
    if device.type == "cuda":
        import torch

        return int(torch.cuda.mem_get_info(device)[0])
    if "SC_AVPHYS_PAGES" in os.sysconf_names:
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return _UNKNOWN_FREE_MEMORY


def _load_sentence_transformer(name_or_path: str, device: str) -> "SentenceTransformer":
    try:
        from sentence_transformers import SentenceTransformer
    except ImportError as error:
        raise EncoderUnavailable(
            f"The encoder {name_or_path} needs sentence-transformers, which is not installed.",
            "Run: pip install 'maqal[sentence-transformers]'. Or leave INDEX_ENCODER empty for the bundled encoder.",
        ) from error
    try:
        return SentenceTransformer(
            name_or_path, device=device or None, trust_remote_code=False, model_kwargs={"use_safetensors": True}
        )
    except Exception as error:  # The library raises many kinds; each means that this model cannot be had.
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise EncoderUnavailable(f"The encoder {name_or_path} does not load: {reason}", _HUB_FIX) from error


def _read_manifest(folder: Path) -> dict[str, Any]:
    try:
        manifest: dict[str, Any] = json.loads(folder.joinpath(MANIFEST).read_text(encoding="utf-8"))
        for key in ("model", "tokenizer"):
            manifest["files"][key]["name"], manifest["files"][key]["sha256"]
        manifest["name"], int(manifest["dimension"]), int(manifest["max_tokens"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise EncoderUnavailable(f"{folder / MANIFEST} is not a readable encoder manifest.", _HUB_FIX) from error
    return manifest


def _read_verified(folder: Path, manifest: dict[str, Any], key: str) -> bytes:
    entry = manifest["files"][key]
    path = folder / Path(entry["name"]).name
    try:
        data = path.read_bytes()
    except OSError as error:
        raise EncoderUnavailable(f"{path} is missing.", "Install maqal again.") from error
    if hashlib.sha256(data).hexdigest() != entry["sha256"]:
        raise EncoderUnavailable(f"{path} is not the file that its manifest names.", "Install maqal again.")
    return data


def _folder_hash(folder: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(p for p in folder.rglob("*") if p.suffix in {".json", ".safetensors", ".txt", ".model"}):
        digest.update(path.relative_to(folder).as_posix().encode())
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()
