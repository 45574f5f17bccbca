"""What is compared: encoders by cosine, maqal's BM25, and both fused as maqal fuses them."""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from benchmarks.encoder.data import RankingTask, Texts
from benchmarks.encoder.metrics import Ranking
from index.embedding import Encoder, Vectors
from index.lexical import LexicalIndex
from index.passages import Passage
from index.sentences import sentence_spans
from index.stemming import index_terms, query_words
from rag.fusion import DEPTH, Evidence, fuse, sentence_score
from rag.overlap import covered, readings
from rag.question_kinds import gives, kind_of

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

    def sentences(self, task: RankingTask) -> Vectors:
        """The cosine of each query with each sentence of the candidates, in their order: (queries, sentences)."""
        texts = tuple(sentence for each in _sentences(task.candidates) for sentence in each)
        cosines: Vectors = self._encode("query", task.queries) @ self._encode("passage", Texts("", texts)).T
        return cosines

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
            rankings[f"{ranker.name} + BM25"] = _ranked(_fused(task, near, matching, ranker.sentences(task)))
    return rankings | {lexical.name: _ranked(matching)}


def _fused(task: RankingTask, near: Sequence[Scored], matching: Sequence[Scored], cosines: Vectors) -> Iterator[Scored]:
    """As `rag.retriever` fuses; these candidates stand under no headings."""
    language, target = task.queries.language, task.candidates.language
    terms = [[set(index_terms(sentence, target)) for sentence in each] for each in _sentences(task.candidates)]
    starts = np.cumsum([0, *map(len, terms)]).tolist()
    for query, sides, of_sentences in zip(task.queries.texts, zip(near, matching, strict=True), cosines, strict=True):
        read, kind = readings(query_words(query, language), language, target), kind_of(query, language)
        evidence = {}
        for i in {candidate for side in sides for candidate, _ in side}:
            text, own = task.candidates.texts[i], of_sentences[starts[i] : starts[i + 1]].tolist()
            best = max(map(sentence_score, own, (covered(read, each) for each in terms[i])))
            evidence[i] = Evidence(best, len(text), is_of_kind=bool(gives(kind, text, target)))
        yield fuse(*sides, evidence)


def _sentences(texts: Texts) -> list[list[str]]:
    return [[text[a:b] for a, b in sentence_spans(text)] for text in texts.texts]


def _ranked(scored: Iterable[Scored]) -> list[Ranking]:
    return [[candidate for candidate, _ in row] for row in scored]
