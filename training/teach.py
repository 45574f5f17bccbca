"""Step `teach`: the teacher's vector of every English text, which its translations are to have too."""

import zlib
from pathlib import Path
from typing import Any

import numpy as np

from training.pairs import PAIRS, QUESTIONS, read_rows
from training.recipe import Recipe
from training.steps import Work
from training.teacher import Teacher

VECTORS, TEXTS = "vectors.npy", "texts.txt"


def make_targets(work: Work, output: Path) -> dict[str, Any]:
    """Write the distinct English texts (`texts.txt`, one a line) and their vectors (`vectors.npy`, float16)."""
    folder = work.output("pairs")
    english = [row[2] for row in read_rows(folder / PAIRS) if _is_taught(row, work.recipe)]
    for row in read_rows(folder / QUESTIONS):
        if row[0] == "en":
            english += row[2:4]
    texts = list(dict.fromkeys(english))
    reported = 0

    def progress(done: int) -> None:
        nonlocal reported
        if done * 20 // len(texts) > reported:
            reported = done * 20 // len(texts)
            work.report(f"teach: {done:,} of {len(texts):,}")

    vectors = Teacher.load(work.recipe.teacher).encode(texts, work.recipe.most_tokens, progress)
    lengths = np.linalg.norm(vectors.astype(np.float32), axis=1)
    if not np.allclose(lengths, 1, atol=0.01):
        raise ArithmeticError(f"The teacher's vectors have lengths from {lengths.min()} to {lengths.max()}.")
    np.save(output / VECTORS, vectors)
    (output / TEXTS).write_text("\n".join(texts) + "\n", encoding="utf-8")
    return {"texts": len(texts), "dimension": vectors.shape[1]}


def _is_taught(row: list[str], recipe: Recipe) -> bool:
    """Whether a pair's English text is among the share of its source; the same text is chosen in all languages."""
    language, source, english, _ = row
    if language in recipe.whole_interface_of:
        return True
    return zlib.crc32(english.encode()) / 2**32 < recipe.taught_share.get(source, 1.0)
