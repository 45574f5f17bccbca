"""Step `initialise`: a vector for each word piece, the new ones as means of their English translations."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from tokenizers import Tokenizer

from training.pairs import PAIRS, read_rows
from training.steps import Work
from training.teacher import Teacher
from training.translation import TranslationTable, learn_translations
from training.vocabulary import TEACHER_IDS, TOKENIZER

EMBEDDINGS = "embeddings.npy"
# Longer sentences have so many candidate links that memory ends before they teach anything.
_MOST_FOREIGN, _MOST_ENGLISH = 40, 36
_NOISE = 0.01


def make_embeddings(work: Work, output: Path) -> dict[str, Any]:
    """Write `embeddings.npy`, float16, shape (pieces, dimension)."""
    recipe = work.recipe
    teacher = Teacher.load(recipe.teacher)
    vocabulary = work.output("vocabulary")
    tokenizer = Tokenizer.from_file(str(vocabulary / TOKENIZER))
    teacher_ids = np.array(json.loads((vocabulary / TEACHER_IDS).read_text()))
    known = teacher.embeddings()
    vectors = np.zeros((tokenizer.get_vocab_size(), known.shape[1]), np.float32)
    vectors[: len(teacher_ids)] = known[teacher_ids]
    rows = read_rows(work.output("pairs") / PAIRS)
    translated: dict[str, int] = {}
    for language in recipe.languages:
        own = [row for row in rows if row[0] == language]
        foreign = [e.ids[:_MOST_FOREIGN] for e in tokenizer.encode_batch([r[3] for r in own], add_special_tokens=False)]
        english = [
            e.ids[:_MOST_ENGLISH] for e in teacher.tokenizer.encode_batch([r[2] for r in own], add_special_tokens=False)
        ]
        table = learn_translations(foreign, english, recipe.model1_rounds, len(teacher.pieces))
        translated[language] = _fill(vectors, len(teacher_ids), table, known, work)
        work.report(f"initialise: {language}, {translated[language]:,} pieces")
    empty = ~vectors.any(axis=1)
    rng = np.random.default_rng(recipe.seed)
    vectors[empty] = known.mean(0) + rng.normal(size=(int(empty.sum()), known.shape[1])) * _NOISE
    np.save(output / EMBEDDINGS, vectors.astype(np.float16))
    return {"pieces": len(vectors), "translated": translated, "without_translation": int(empty.sum())}


def _fill(
    vectors: npt.NDArray[np.float32], first: int, table: TranslationTable, known: npt.NDArray[np.float32], work: Work
) -> int:
    """Set the vectors of new pieces that have translations; the language that comes first keeps a shared piece."""
    filled = 0
    for piece in np.unique(table.foreign[table.foreign >= first]):
        if vectors[piece].any():
            continue
        english, probability = table.best(int(piece), work.recipe.model1_translations)
        weights = probability**work.recipe.model1_sharpness
        vectors[piece] = (weights / weights.sum()) @ known[english]
        filled += 1
    return filled
