"""Step `train`: the student learns its teacher's vectors from translations, and to answer from passages.

Each step draws its own batch from the recipe's seed and its number: a run that was interrupted goes on from its
last checkpoint with the same batches that it would have had.
"""

import json
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from tokenizers import Tokenizer
from torch.nn.functional import cross_entropy
from transformers import AutoModel

from training.pairs import PAIRS, PIVOTS, QUESTIONS, read_rows
from training.steps import DONE, Work
from training.student import save_student
from training.teach import TEXTS, VECTORS
from training.teacher import mean_pooled, padded, quickest_dtype
from training.vocabulary import TOKENIZER

LOG, CHECKPOINT = "log.jsonl", "checkpoint.pt"
_KINDS = ("translation", "pivot", "question")
_SCALE = 25.0
_SHORTEST_BATCH, _LONGEST_BATCH = 16, 384
# The teacher's vectors of other texts, which cost no pass of a network, as further negatives.
_OTHER_TEXTS = 1024
# A batch is drawn from so many times its size of rows of like length: little is padding, and no two are alike.
_WINDOW = 16
_LOG_EVERY = 100


@dataclass(frozen=True, slots=True)
class _Side:
    """Texts as word-piece ids, in order of their rows; the order of rows by length, and in it the sum of their weights.

    A row weighs the root of its length: batches hold so many tokens, and by rows alone long texts would hardly be seen.
    """

    ids: list[npt.NDArray[np.int32]]
    by_length: npt.NDArray[np.int64]
    weights: npt.NDArray[np.float64]

    @classmethod
    def of(cls, tokenizer: Tokenizer, texts: Sequence[str], most_tokens: int) -> "_Side":
        encoded = tokenizer.encode_batch(list(texts))
        ids = [np.array([*e.ids[: most_tokens - 1], e.ids[-1]][:most_tokens], np.int32) for e in encoded]
        lengths = np.array([len(row) for row in ids])
        by_length = np.argsort(lengths, kind="stable")
        return cls(ids, by_length, np.cumsum(np.sqrt(lengths[by_length])))


@dataclass(frozen=True, slots=True)
class _Data:
    """All that a batch is drawn from; `target[i]` is the row of the teacher's vector of foreign text i."""

    foreign: _Side
    target: npt.NDArray[np.int64]
    vectors: npt.NDArray[np.float16]
    pivots: tuple[_Side, _Side]
    questions: tuple[_Side, _Side]
    articles: npt.NDArray[np.int64]


def train_student(work: Work, output: Path) -> dict[str, Any]:
    """Write the trained student as a sentence-transformers folder, and `log.jsonl` with the losses."""
    recipe = work.recipe
    device = "cuda" if torch.cuda.is_available() else "cpu"
    torch.manual_seed(recipe.seed)
    tokenizer = Tokenizer.from_file(str(work.output("vocabulary") / TOKENIZER))
    data = _read(work, tokenizer)
    network: Any = AutoModel.from_pretrained(work.output("student"), dtype=torch.float32).to(device)
    for module in network.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    embeddings = network.get_input_embeddings().weight
    body = [p for p in network.parameters() if p is not embeddings]
    optimizer = torch.optim.AdamW(
        [{"params": [embeddings]}, {"params": body}], lr=0.0, betas=(0.9, 0.98), weight_decay=0.0, fused=True
    )
    kept = work.folder / f"train.{CHECKPOINT}"
    log = kept.with_suffix(".jsonl")
    first = _restore(kept, network, optimizer, work)
    began, sums, counts = time.monotonic(), dict.fromkeys(_KINDS, 0.0), dict.fromkeys(_KINDS, 0)
    for step in range(first, recipe.steps):
        _schedule(optimizer, body, step, work)
        kind, loss = _loss(network, data, np.random.default_rng([recipe.seed, step]), work, device)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_([p for p in network.parameters() if p.grad is not None], 1.0)
        optimizer.step()
        sums[kind] += float(loss.detach())
        counts[kind] += 1
        if (step + 1) % _LOG_EVERY == 0 or step + 1 == recipe.steps:
            line = {"step": step + 1, "seconds": round(time.monotonic() - began, 1)}
            line |= {k: round(sums[k] / counts[k], 4) for k in _KINDS if counts[k]}
            with log.open("a", encoding="utf-8") as file:
                file.write(json.dumps(line) + "\n")
            work.report(f"train: {json.dumps(line)}")
            sums, counts = dict.fromkeys(_KINDS, 0.0), dict.fromkeys(_KINDS, 0)
        if (step + 1) % recipe.steps_between_checkpoints == 0:
            _keep(kept, network, optimizer, step + 1, work)
    if not all(torch.isfinite(p).all() for p in network.parameters()):
        raise ArithmeticError("The student's weights are not finite: lower the learning rates.")
    save_student(network.cpu(), tokenizer, recipe.most_tokens, output)
    shutil.copy(log, output / LOG)
    kept.unlink(missing_ok=True)
    log.unlink()
    return {"steps": recipe.steps, "resumed_at": first, "device": device}


def _read(work: Work, tokenizer: Tokenizer) -> _Data:
    pairs = work.output("pairs")
    targets = {text: row for row, text in enumerate((work.output("teach") / TEXTS).read_text("utf-8").split("\n")[:-1])}
    most = work.recipe.most_tokens
    rows = [(foreign, targets[english]) for _, _, english, foreign in read_rows(pairs / PAIRS) if english in targets]
    # English itself is learned again, else the shared body forgets it.
    english = list(targets)
    rng = np.random.default_rng(work.recipe.seed)
    again = rng.choice(len(english), int(len(rows) * work.recipe.english_share), replace=True)
    rows += [(english[i], int(i)) for i in again]
    pivots, questions = read_rows(pairs / PIVOTS), read_rows(pairs / QUESTIONS)
    numbers: dict[str, int] = {}
    return _Data(
        foreign=_Side.of(tokenizer, [text for text, _ in rows], most),
        target=np.array([target for _, target in rows]),
        vectors=np.load(work.output("teach") / VECTORS),
        pivots=(_Side.of(tokenizer, [r[1] for r in pivots], most), _Side.of(tokenizer, [r[3] for r in pivots], most)),
        questions=(
            _Side.of(tokenizer, [r[2] for r in questions], most), _Side.of(tokenizer, [r[3] for r in questions], most),
        ),
        articles=np.array([numbers.setdefault(r[4], len(numbers)) for r in questions]),
    )  # fmt: skip


def _loss(network: Any, data: _Data, rng: np.random.Generator, work: Work, device: str) -> tuple[str, torch.Tensor]:
    """One batch's kind and loss."""
    shares = np.array([work.recipe.batch_shares[kind] for kind in _KINDS], float)
    shares *= [True, len(data.pivots[0].ids) > 1, len(data.questions[0].ids) > 1]
    kind = str(rng.choice(_KINDS, p=shares / shares.sum()))
    tokens = work.recipe.tokens_of_batch
    if kind == "translation":
        rows = _draw(data.foreign, tokens, rng)
        vectors = _encode(network, [data.foreign.ids[row] for row in rows], device)
        wanted = torch.from_numpy(data.vectors[data.target[rows]].astype(np.float32)).to(device)
        same = torch.from_numpy(data.target[rows][:, None] == data.target[rows][None]).to(device)
        closeness = (1 - (vectors * wanted).sum(-1)).mean()
        others = rng.choice(len(data.vectors), min(_OTHER_TEXTS, len(data.vectors)), replace=False)
        others = np.setdiff1d(others, data.target[rows])
        strangers = torch.from_numpy(data.vectors[others].astype(np.float32)).to(device)
        return kind, _contrast(vectors, wanted, same, strangers) + 4 * closeness
    if kind == "pivot":
        one, other = data.pivots
        rows = _draw(one, tokens // 2, rng)
        same = torch.eye(len(rows), dtype=torch.bool, device=device)
    else:
        one, other = data.questions
        rows = _draw_with_neighbours(other, data.articles, tokens // 2, rng)
        texts = [other.ids[row].tobytes() for row in rows]
        same = torch.tensor([[a == b for b in texts] for a in texts], device=device)
    left = _encode(network, [one.ids[row] for row in rows], device)
    right = _encode(network, [other.ids[row] for row in rows], device)
    return kind, _contrast(left, right, same)


def _contrast(
    left: torch.Tensor, right: torch.Tensor, same: torch.Tensor, strangers: torch.Tensor | None = None
) -> torch.Tensor:
    """In-batch contrastive loss in both directions; what is the same text is no negative of its own.

    `strangers` are further negatives for the left side.
    """
    scores = _SCALE * left @ right.T
    scores = scores.masked_fill(same & ~torch.eye(len(same), dtype=torch.bool, device=same.device), -1e4)
    diagonal = torch.arange(len(scores), device=scores.device)
    wider = scores if strangers is None else torch.cat([scores, _SCALE * left @ strangers.T], dim=1)
    return cross_entropy(wider, diagonal) + 0.5 * cross_entropy(scores.T, diagonal)


def _encode(network: Any, ids: Sequence[npt.NDArray[np.int32]], device: str) -> torch.Tensor:
    input_ids, mask = (tensor.to(device) for tensor in padded([row.tolist() for row in ids]))
    with torch.autocast(device, torch.bfloat16, enabled=quickest_dtype(device) == torch.bfloat16):
        hidden = network(input_ids=input_ids, attention_mask=mask).last_hidden_state
    return mean_pooled(hidden.float(), mask)


def _draw(side: _Side, tokens: int, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """Rows of about one length, as many as make so many tokens."""
    centre = min(int(np.searchsorted(side.weights, rng.random() * side.weights[-1])), len(side.by_length) - 1)
    longest = len(side.ids[side.by_length[centre]])
    count = min(len(side.by_length), max(_SHORTEST_BATCH, min(_LONGEST_BATCH, tokens // longest)))
    window = min(len(side.by_length), _WINDOW * count)
    low = max(0, min(centre - window // 2, len(side.by_length) - window))
    return rng.choice(side.by_length[low : low + window], count, replace=False)


def _draw_with_neighbours(
    side: _Side, articles: npt.NDArray[np.int64], tokens: int, rng: np.random.Generator
) -> npt.NDArray[np.int64]:
    """Rows drawn as by `_draw`; for half of them, another of the same article: a hard negative."""
    rows = _draw(side, tokens, rng)
    half = rows[: max(1, len(rows) // 2)]
    neighbours = [rng.choice(np.flatnonzero(articles == articles[row])) for row in half]
    return np.unique(np.concatenate([half, neighbours])).astype(np.int64)


def _schedule(optimizer: torch.optim.Optimizer, body: list[torch.nn.Parameter], step: int, work: Work) -> None:
    """Embeddings alone first; then everything. Rates rise over 100 steps and fall to a thirtieth."""
    recipe = work.recipe
    decay = max(0.03, 1 - step / recipe.steps)
    is_frozen = step < recipe.frozen_share * recipe.steps
    for parameter in body:
        parameter.requires_grad_(not is_frozen)
    optimizer.param_groups[0]["lr"] = recipe.embedding_rate * decay * min(1.0, (step + 1) / 100)
    optimizer.param_groups[1]["lr"] = 0.0 if is_frozen else recipe.body_rate * decay


def _keep(path: Path, network: Any, optimizer: torch.optim.Optimizer, step: int, work: Work) -> None:
    state = {"step": step, "network": network.state_dict(), "optimizer": optimizer.state_dict(), "of": _identity(work)}
    unfinished = path.with_suffix(".unfinished")
    torch.save(state, unfinished)
    unfinished.replace(path)


def _restore(path: Path, network: Any, optimizer: torch.optim.Optimizer, work: Work) -> int:
    """The step to go on from: that of the checkpoint, if it is of this recipe and these steps before."""
    if path.is_file():
        state = torch.load(path, weights_only=True)
        if state["of"] == _identity(work):
            network.load_state_dict(state["network"])
            optimizer.load_state_dict(state["optimizer"])
            return int(state["step"])
    path.with_suffix(".jsonl").unlink(missing_ok=True)
    return 0


def _identity(work: Work) -> str:
    """What a checkpoint belongs to: the steps before, and the values that shape the run."""
    recipe = work.recipe
    before = json.loads((work.output("teach") / DONE).read_text())["fingerprint"]
    rates = (recipe.embedding_rate, recipe.body_rate, recipe.frozen_share)
    return repr((before, recipe.steps, recipe.tokens_of_batch, recipe.batch_shares, recipe.english_share, rates))
