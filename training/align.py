"""Step `align`: the new word pieces moved until the mean of a sentence's pieces tells its translation from others.

No network runs here, so that all pairs can be seen in minutes; an hour of training would see a part of them. What
IBM Model 1 says of each piece alone is corrected by what the pieces of a sentence have to say together.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from tokenizers import Tokenizer
from torch.nn.functional import cross_entropy, embedding_bag, normalize

from training.initialise import EMBEDDINGS
from training.pairs import PAIRS, read_rows
from training.steps import Work
from training.vocabulary import TEACHER_IDS, TOKENIZER

_BATCH, _SCALE, _WARM_UP = 1024, 20.0, 50
_MOST_TOKENS = 64
_SAMPLE = 40_000
_REPORT_EVERY = 200


class _Bags:
    """Texts as word pieces, laid end to end."""

    def __init__(self, tokenizer: Tokenizer, texts: Sequence[str]) -> None:
        encoded = tokenizer.encode_batch(list(texts), add_special_tokens=False)
        self.lengths = np.array([min(len(e.ids), _MOST_TOKENS) for e in encoded])
        self._starts = np.cumsum(self.lengths) - self.lengths
        self._ids = np.fromiter((i for e in encoded for i in e.ids[:_MOST_TOKENS]), np.int64, int(self.lengths.sum()))

    def means(self, embeddings: torch.Tensor, rows: npt.NDArray[np.int64]) -> torch.Tensor:
        """The mean vector of each text's pieces, shape (rows, d)."""
        lengths = self.lengths[rows]
        starts = np.cumsum(lengths) - lengths
        places = np.arange(int(lengths.sum())) - np.repeat(starts - self._starts[rows], lengths)
        ids = torch.from_numpy(self._ids[places]).to(embeddings.device)
        return embedding_bag(ids, embeddings, torch.from_numpy(starts).to(embeddings.device), mode="mean")


def align_embeddings(work: Work, output: Path) -> dict[str, Any]:
    """Write `embeddings.npy`, float16, shape (pieces, dimension): halfway from the input to where the loss leads.

    Halfway is better than either end for most languages: the end has left the region of English pieces, which the
    teacher's body knows.
    """
    recipe = work.recipe
    device = "cuda" if torch.cuda.is_available() else "cpu"
    tokenizer = Tokenizer.from_file(str(work.output("vocabulary") / TOKENIZER))
    known = len(json.loads((work.output("vocabulary") / TEACHER_IDS).read_text()))
    initial = torch.from_numpy(np.load(work.output("initialise") / EMBEDDINGS).astype(np.float32)).to(device)
    rows = read_rows(work.output("pairs") / PAIRS)
    foreign, english = _Bags(tokenizer, [r[3] for r in rows]), _Bags(tokenizer, [r[2] for r in rows])
    numbers: dict[str, int] = {}
    text = np.array([numbers.setdefault(r[2], len(numbers)) for r in rows])
    usable = np.flatnonzero((foreign.lengths > 0) & (english.lengths > 0))
    rng = np.random.default_rng(recipe.seed)
    centre, whitening, variance = _whitening(
        english.means(initial, rng.choice(usable, min(_SAMPLE, len(usable)), replace=False))
    )
    moved = torch.nn.Parameter(initial[known:].clone())
    optimizer = torch.optim.Adam([moved], lr=0.0, betas=(0.9, 0.98), fused=True)
    size = min(_BATCH, len(usable))
    batches = int(recipe.align_epochs * len(usable) / size)
    order: npt.NDArray[np.int64] = np.zeros(0, np.int64)
    hits = 0.0
    for number in range(batches):
        if len(order) < size:
            order = rng.permutation(usable)
        chosen, order = order[:size], order[size:]
        ours = foreign.means(torch.cat([initial[:known], moved]), chosen)
        theirs = english.means(initial, chosen)
        same = torch.from_numpy(text[chosen][:, None] == text[chosen][None]).to(device)
        loss, right = _loss((ours - centre) @ whitening, (theirs - centre) @ whitening, same)
        loss = loss + (ours - theirs).pow(2).sum(-1).mean() / variance
        decay = max(0.05, 1 - number / batches) * min(1.0, (number + 1) / _WARM_UP)
        optimizer.param_groups[0]["lr"] = recipe.align_rate * decay
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        hits += right
        if (number + 1) % _REPORT_EVERY == 0:
            work.report(f"align: {number + 1:,} of {batches:,}, right {hits / _REPORT_EVERY:.3f}")
            hits = 0.0
    halfway = (initial[known:] + moved.detach()) / 2
    np.save(output / EMBEDDINGS, torch.cat([initial[:known], halfway]).cpu().numpy().astype(np.float16))
    return {"batches": batches, "moved": round(float((halfway - initial[known:]).norm(dim=1).mean()), 3)}


def _loss(ours: torch.Tensor, theirs: torch.Tensor, same: torch.Tensor) -> tuple[Any, float]:
    """In-batch contrastive loss in both directions, and the share of texts whose own translation is the nearest."""
    diagonal = torch.arange(len(same), device=same.device)
    scores = _SCALE * normalize(ours, dim=-1) @ normalize(theirs, dim=-1).T
    scores = scores.masked_fill(same & (diagonal[:, None] != diagonal[None]), -1e4)
    right = float((scores.argmax(1) == diagonal).float().mean())
    return cross_entropy(scores, diagonal) + 0.5 * cross_entropy(scores.T, diagonal), right


def _whitening(means: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Centre, whitening matrix (damped) and total variance of vectors of shape (texts, d)."""
    centre = means.mean(0)
    variances, directions = torch.linalg.eigh(torch.cov((means - centre).T))
    return centre, directions / torch.sqrt(variances + 0.1 * variances.mean()), variances.sum()
