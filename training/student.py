"""Step `student`: the network that learns, the teacher's body under new embeddings, as a folder."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.base.modules.normalize import Normalize
from sentence_transformers.sentence_transformer.modules import Pooling, Transformer
from tokenizers import Tokenizer
from transformers import AutoModel, PreTrainedTokenizerFast

from training.initialise import EMBEDDINGS
from training.steps import Work
from training.teacher import Teacher
from training.vocabulary import SPECIAL, TOKENIZER

_PROBES = ["Troops arrived in Kazakhstan.", "The price of apples fell."]
# Rounding the embeddings to half precision moves a vector by less than this.
_AGREEMENT = 0.999


def make_student(work: Work, output: Path) -> dict[str, Any]:
    """Write the untrained student; on English it must still be its teacher."""
    recipe = work.recipe
    teacher = Teacher.load(recipe.teacher)
    vectors = torch.from_numpy(np.load(work.output("align") / EMBEDDINGS).astype(np.float32))
    tokenizer = Tokenizer.from_file(str(work.output("vocabulary") / TOKENIZER))
    network: Any = AutoModel.from_pretrained(teacher.folder, dtype=torch.float32)
    network.resize_token_embeddings(len(vectors), mean_resizing=False)
    network.get_input_embeddings().weight.data = vectors
    network.pooler = None  # The mean of the tokens is taken, not the pooler's vector.
    pad = tokenizer.token_to_id("[PAD]")
    network.config.pad_token_id = network.get_input_embeddings().padding_idx = pad
    save_student(network, tokenizer, recipe.most_tokens, output)
    agreement = _agreement(output, teacher, recipe.most_tokens)
    if agreement < _AGREEMENT:
        raise ArithmeticError(f"On English the student differs from its teacher: cosine {agreement:.4f}.")
    parameters = sum(p.numel() for p in network.parameters())
    return {"parameters": parameters, "pieces": len(vectors), "english_agreement": round(agreement, 5)}


def save_student(network: Any, tokenizer: Tokenizer, most_tokens: int, output: Path) -> None:
    """Write the network and its tokenizer as a sentence-transformers folder, half precision, safetensors, no code."""
    base = output / "base"
    names = dict(zip(("pad_token", "unk_token", "cls_token", "sep_token", "mask_token"), SPECIAL, strict=True))
    fast: Any = PreTrainedTokenizerFast(tokenizer_object=tokenizer, model_max_length=most_tokens, **names)  # type: ignore[no-untyped-call]
    fast.save_pretrained(base)
    network.half().save_pretrained(base)
    modules = [
        Transformer(str(base), max_seq_length=most_tokens), Pooling(network.config.hidden_size, "mean"), Normalize(),
    ]  # fmt: skip
    SentenceTransformer(modules=modules, device="cpu").half().save(str(output), create_model_card=False)
    for path in base.iterdir():
        path.unlink()
    base.rmdir()


def _agreement(folder: Path, teacher: Teacher, most_tokens: int) -> float:
    student = SentenceTransformer(str(folder), device="cpu", model_kwargs={"dtype": torch.float32})
    ours = np.asarray(student.encode(_PROBES, normalize_embeddings=True, show_progress_bar=False))
    theirs = teacher.encode(_PROBES, most_tokens).astype(np.float32)
    return float((ours * theirs).sum(1).min())
