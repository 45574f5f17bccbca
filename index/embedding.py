"""Encoders: texts to unit vectors; the bundled one through onnxruntime, any other through sentence-transformers."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import numpy.typing as npt

from index.exceptions import EncoderUnavailable

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

Vectors = npt.NDArray[np.float32]

BUNDLED = "preview"
MANIFEST = "encoder.json"
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
        self._session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])

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
        vectors = np.zeros((len(texts), self.fingerprint.dimension), np.float32)
        for row, encoding in enumerate(self._tokenizer.encode_batch(texts)):
            input_ids = np.array([encoding.ids], np.int64)
            feeds = {"input_ids": input_ids, "attention_mask": np.ones_like(input_ids)}
            vectors[row] = self._session.run(["embedding"], feeds)[0][0]
        return vectors


class SentenceTransformerEncoder:
    """Any model that `SentenceTransformer(name_or_path)` loads, without running code that a folder brings."""

    def __init__(self, name_or_path: str, device: str = "") -> None:
        folder = Path(name_or_path).expanduser()
        if folder.exists():
            _refuse_unsafe(folder)
        self._model = _load_sentence_transformer(str(folder) if folder.exists() else name_or_path, device)
        dimension = self._model.get_embedding_dimension()
        if dimension is None:
            raise EncoderUnavailable(f"{name_or_path} does not tell the size of its vectors.", _HUB_FIX)
        revision = _folder_hash(folder) if folder.exists() else self._hub_revision()
        self.fingerprint = Fingerprint(folder.name if folder.exists() else name_or_path, revision, dimension)
        self.max_tokens: int = (self._model.max_seq_length or 512) - 2

    def count_tokens(self, text: str) -> int:
        """Tokens of the text, special ones excluded."""
        return len(self._model.tokenizer.encode(text, add_special_tokens=False, verbose=False))

    def encode_queries(self, texts: Sequence[str]) -> Vectors:
        """Vectors of questions, shape (texts, dimension), with the model's own query prompt where it has one."""
        return self._unit(self._model.encode_query(list(texts), convert_to_numpy=True, show_progress_bar=False))

    def encode_passages(self, texts: Sequence[str]) -> Vectors:
        """Vectors of passages, shape (texts, dimension), with the model's own document prompt where it has one."""
        return self._unit(self._model.encode_document(list(texts), convert_to_numpy=True, show_progress_bar=False))

    def _hub_revision(self) -> str:
        config = getattr(self._model[0], "auto_model", None)
        return str(getattr(getattr(config, "config", None), "_commit_hash", None) or "unknown")

    @staticmethod
    def _unit(raw: Any) -> Vectors:
        vectors: Vectors = np.asarray(raw, np.float32)
        vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
        return vectors


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


def _refuse_unsafe(folder: Path) -> None:
    if not folder.is_dir():
        raise EncoderUnavailable(f"{folder} is not a model folder.", _HUB_FIX)
    scripts = sorted(folder.rglob("*.py"))
    if scripts:
        raise EncoderUnavailable(
            f"{folder} brings program code ({scripts[0].name}), which maqal does not run.",
            "Use a model folder without .py files, its weights in safetensors.",
        )
    if not any(folder.rglob("*.safetensors")):
        raise EncoderUnavailable(f"{folder} holds no .safetensors weights.", _HUB_FIX)


def _folder_hash(folder: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(p for p in folder.rglob("*") if p.suffix in {".json", ".safetensors", ".txt", ".model"}):
        digest.update(path.relative_to(folder).as_posix().encode())
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()
