"""What is compared: encoders by cosine, maqal's BM25, and both fused as maqal fuses them."""

from collections.abc import Sequence

import numpy as np

from benchmarks.encoder.data import RankingTask, Texts
from benchmarks.encoder.metrics import Ranking
from index.embedding import Encoder, Vectors
from index.lexical import LexicalIndex
from index.passages import Passage
from index.sentences import sentence_spans
from rag.fusion import DEPTH, fuse

Scored = list[tuple[int, float]]


class DenseRanker:
    """An encoder; each set of texts is encoded once."""

    def __init__(self, name: str, encoder: Encoder) -> None:
        self.name = name
        self.encoder = encoder
        self._vectors: dict[tuple[str, tuple[str, ...]], Vectors] = {}

    def score(self, task: RankingTask) -> list[Scored]:
        """For each query the candidates nearest by cosine, best first, `DEPTH` at most.

        Both sides of a translation task are encoded as queries: models with prompts ask for that between equals.
        """
        queries = self._encode("query", task.queries)
        candidates = self._encode("query" if task.is_translation else "passage", task.candidates)
        cosines = queries @ candidates.T
        nearest = np.argsort(-cosines, axis=1, kind="stable")[:, :DEPTH]
        return [[(int(i), float(cosines[q, i])) for i in row] for q, row in enumerate(nearest)]

    def best_sentences(self, task: RankingTask) -> Vectors:
        """The cosine of each query with the best sentence of each candidate, shape (queries, candidates)."""
        spans = [sentence_spans(text) for text in task.candidates.texts]
        sentences = [text[a:b] for text, each in zip(task.candidates.texts, spans, strict=True) for a, b in each]
        cosines = self._encode("query", task.queries) @ self._encode("passage", Texts("", tuple(sentences))).T
        starts = np.cumsum([0, *(len(each) for each in spans[:-1])])
        best: Vectors = np.maximum.reduceat(cosines, starts, axis=1)
        return best

    def _encode(self, role: str, texts: Texts) -> Vectors:
        key = (role, texts.texts)
        if key not in self._vectors:
            encode = self.encoder.encode_queries if role == "query" else self.encoder.encode_passages
            self._vectors[key] = encode(texts.texts)
        return self._vectors[key]


class LexicalRanker:
    """BM25 over maqal's stems and name skeletons; the language of a text is given, not detected."""

    name = "BM25"

    def __init__(self) -> None:
        self._indexes: dict[Texts, LexicalIndex] = {}

    def score(self, task: RankingTask) -> list[Scored]:
        """For each query the candidates that share terms with it, with their BM25, best first, `DEPTH` at most."""
        if task.candidates not in self._indexes:
            self._indexes[task.candidates] = index_texts(task.candidates)
        index = self._indexes[task.candidates]
        found = (index.query(query, task.queries.language, DEPTH) for query in task.queries.texts)
        return [[(int(id_), score) for id_, score in row] for row in found]


def index_texts(texts: Texts) -> LexicalIndex:
    """A lexical index in which a text's id is its number."""
    passages = [Passage(str(i), "article", 1, i, 0, len(text), "", text) for i, text in enumerate(texts.texts)]
    return LexicalIndex(passages, {"article": texts.language})


def rank_by_each(
    task: RankingTask, encoders: Sequence[DenseRanker], lexical: LexicalRanker
) -> dict[str, list[Ranking]]:
    """Rankings by the name of what made them; fused ones for retrieval."""
    matching = lexical.score(task)
    rankings: dict[str, list[Ranking]] = {}
    for ranker in encoders:
        near = ranker.score(task)
        rankings[ranker.name] = _ranked(near)
        if not task.is_translation:
            best = [dict(enumerate(row)) for row in ranker.best_sentences(task).tolist()]
            length = dict(enumerate(map(len, task.candidates.texts)))
            fused = [fuse(*sides, length) for sides in zip(near, matching, best, strict=True)]
            rankings[f"{ranker.name} + BM25"] = _ranked(fused)
    return rankings | {lexical.name: _ranked(matching)}


def _ranked(scored: Sequence[Scored]) -> list[Ranking]:
    return [[candidate for candidate, _ in row] for row in scored]
