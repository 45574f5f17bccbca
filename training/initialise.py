"""Step `initialise`: a vector for each word piece, the new ones as means of their English translations."""

import json
import multiprocessing
from concurrent.futures import ProcessPoolExecutor
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
# A language's candidate links take up to five gigabytes of memory.
_PROCESSES = 2


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
    # Processes of their own, begun anew: a fork of one that has begun threads may never end.
    with ProcessPoolExecutor(_PROCESSES, multiprocessing.get_context("spawn")) as pool:
        tables = {
            language: pool.submit(
                learn_translations,
                _ids(tokenizer, [r[3] for r in rows if r[0] == language], _MOST_FOREIGN),
                _ids(teacher.tokenizer, [r[2] for r in rows if r[0] == language], _MOST_ENGLISH),
                recipe.model1_rounds,
                len(teacher.pieces),
            )
            for language in recipe.languages
        }
        for language, table in tables.items():
            translated[language] = _fill(vectors, len(teacher_ids), table.result(), known, work)
            work.report(f"initialise: {language}, {translated[language]:,} pieces")
    empty = ~vectors.any(axis=1)
    rng = np.random.default_rng(recipe.seed)
    vectors[empty] = known.mean(0) + rng.normal(size=(int(empty.sum()), known.shape[1])) * _NOISE
    np.save(output / EMBEDDINGS, vectors.astype(np.float16))
    return {"pieces": len(vectors), "translated": translated, "without_translation": int(empty.sum())}


def _ids(tokenizer: Tokenizer, texts: list[str], most: int) -> list[list[int]]:
    return [e.ids[:most] for e in tokenizer.encode_batch(texts, add_special_tokens=False)]


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
