"""Paragraphs for a question: nearest in meaning and matching in words."""

from collections.abc import Sequence

from llama_index.core.base.base_retriever import BaseRetriever
from llama_index.core.schema import NodeWithScore, QueryBundle, TextNode

from index.article_index import ArticleIndex
from index.passages import Passage
from rag.fusion import DEPTH, fuse


class HybridRetriever(BaseRetriever):
    """Dense search in Chroma and BM25 over words and names, for one question's language and articles.

    A node's `score` is the fused one. Its metadata holds the sides' own as `cosine` and `bm25`, the cosine of each
    of its sentences in their order as `sentence_cosines`, and the article's `language`.
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
        depth = max(DEPTH, self._limit)
        near = self._index.search_vectors(question, depth, self._article_ids)
        matching = self._index.search_words(question, self._language, depth, self._article_ids)
        cosines, bm25 = dict(near), dict(matching)
        vector = self._index.question_vector(question)
        found = list(dict.fromkeys([*cosines, *bm25]))
        of_sentences = {
            passage: (vectors @ vector).tolist()
            for passage, vectors in zip(found, self._index.sentence_vectors(found), strict=True)
        }
        languages = self._index.languages()
        best = {passage: max(each) for passage, each in of_sentences.items()}
        fused = fuse(near, matching, best, {passage: len(passage.text) for passage in found})
        return [
            NodeWithScore(
                node=to_node(
                    passage,
                    language=languages.get(passage.article_id, ""),
                    cosine=cosines.get(passage, 0.0),
                    bm25=bm25.get(passage, 0.0),
                    sentence_cosines=of_sentences[passage],
                ),
                score=score,
            )
            for passage, score in fused[: self._limit]
        ]


def to_node(passage: Passage, **evidence: float | str | list[float]) -> TextNode:
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
