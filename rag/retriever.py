"""Paragraphs for a question: nearest in meaning and matching in words, fused by rank."""

from collections.abc import Sequence

from llama_index.core.base.base_retriever import BaseRetriever
from llama_index.core.schema import NodeWithScore, QueryBundle, TextNode

from index.article_index import ArticleIndex
from index.passages import Passage

# Reciprocal rank fusion: Cormack, Clarke & Büttcher 2009.
_RRF_CONSTANT = 60
_DEPTH = 20


class HybridRetriever(BaseRetriever):
    """Dense search in Chroma and BM25 over words and names, for one question's language and articles.

    A node's `score` is its fused rank score. Its metadata holds the two sides' own as `cosine` and `bm25`, and
    the article's `language`.
    """

    def __init__(
        self, index: ArticleIndex, *, language: str, article_ids: Sequence[str] | None = None, limit: int = 8
    ) -> None:
        super().__init__()
        self._index = index
        self._language = language
        self._article_ids = article_ids
        self._limit = limit

    def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        question = query_bundle.query_str
        depth = max(_DEPTH, self._limit)
        near = self._index.search_vectors(question, depth, self._article_ids)
        matching = self._index.search_words(question, self._language, depth, self._article_ids)
        passages: dict[str, Passage] = {}
        fused: dict[str, float] = {}
        for found in (near, matching):
            for rank, (passage, _) in enumerate(found):
                passages[passage.id] = passage
                fused[passage.id] = fused.get(passage.id, 0.0) + 1.0 / (_RRF_CONSTANT + rank)
        cosines = {passage.id: score for passage, score in near}
        bm25 = {passage.id: score for passage, score in matching}
        languages = self._index.languages()
        best = sorted(fused, key=lambda id_: (-fused[id_], -cosines.get(id_, 0.0)))[: self._limit]
        return [
            NodeWithScore(
                node=to_node(
                    passages[id_],
                    language=languages.get(passages[id_].article_id, ""),
                    cosine=cosines.get(id_, 0.0),
                    bm25=bm25.get(id_, 0.0),
                ),
                score=fused[id_],
            )
            for id_ in best
        ]


def to_node(passage: Passage, **evidence: float | str) -> TextNode:
    """The passage as llama-index knows it; `evidence` goes into the metadata."""
    return TextNode(
        id_=passage.id,
        text=passage.text,
        metadata={
            "article_id": passage.article_id,
            "version": passage.version,
            "paragraph": passage.paragraph,
            "heading": passage.heading,
            "start": passage.start,
            "end": passage.end,
            **evidence,
        },
    )
