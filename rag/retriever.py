"""Paragraphs for a question: nearest in meaning and matching in words."""

from collections.abc import Mapping, Sequence
from functools import lru_cache

from llama_index.core.base.base_retriever import BaseRetriever
from llama_index.core.schema import NodeWithScore, QueryBundle, TextNode

from index.article_index import ArticleIndex
from index.passages import Passage
from index.sentences import sentence_spans
from index.stemming import index_terms, query_words
from rag.follow_ups import leans_on_what_precedes
from rag.fusion import DEPTH, Evidence, fuse, sentence_score
from rag.overlap import Readings, covered, readings
from rag.question_kinds import gives, kind_of


class HybridRetriever(BaseRetriever):
    """Dense search in Chroma and BM25 over words and names, for one question's language and articles.

    A node's `score` is the fused one. Its metadata holds the sides' own as `cosine` and `bm25`, the cosine of each
    of its sentences in their order as `sentence_cosines`, the share of the question's words in each as
    `sentence_words`, and the article's `language`.
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
        found = list(dict.fromkeys([*cosines, *bm25]))
        sentences = self._sentences(question, found)
        fused = fuse(near, matching, self._evidence(question, found, sentences))
        languages = self._index.languages()
        return [
            NodeWithScore(
                node=to_node(
                    passage,
                    language=languages.get(passage.article_id, ""),
                    cosine=cosines.get(passage, 0.0),
                    bm25=bm25.get(passage, 0.0),
                    sentence_cosines=[cosine for cosine, _ in sentences[passage]],
                    sentence_words=[words for _, words in sentences[passage]],
                ),
                score=score,
            )
            for passage, score in fused[: self._limit]
        ]

    def _sentences(self, question: str, passages: Sequence[Passage]) -> dict[Passage, list[tuple[float, float]]]:
        """For each passage its sentences' cosine with the question, and share of the question's words."""
        vector, languages = self._index.question_vector(question), self._index.languages()
        words = query_words(question, self._language)
        read: dict[str, Readings] = {}
        found = {}
        for passage, vectors in zip(passages, self._index.sentence_vectors(passages), strict=True):
            target = languages.get(passage.article_id, "")
            if target not in read:
                read[target] = readings(words, self._language, target)
            shares = [covered(read[target], terms) for terms in _sentence_terms(passage.text, target)]
            found[passage] = list(zip((vectors @ vector).tolist(), shares, strict=True))
        return found

    def _evidence(
        self, question: str, passages: Sequence[Passage], sentences: Mapping[Passage, list[tuple[float, float]]]
    ) -> dict[Passage, Evidence]:
        vector, languages = self._index.question_vector(question), self._index.languages()
        headings = [heading for heading in dict.fromkeys(p.heading for p in passages) if heading]
        near = dict(zip(headings, (self._index.heading_vectors(headings) @ vector).tolist(), strict=True))
        kind = kind_of(question, self._language)
        return {
            passage: Evidence(
                sentence=max(sentence_score(*each) for each in sentences[passage]),
                length=len(passage.text),
                heading=near.get(passage.heading, 0.0),
                is_of_kind=bool(gives(kind, passage.text, languages.get(passage.article_id, ""))),
            )
            for passage in passages
        }


@lru_cache(maxsize=2_000)
def _sentence_terms(text: str, language: str) -> tuple[frozenset[str], ...]:
    """The terms of each sentence; one that leans on the sentence before it has the terms of that, too."""
    found, before = [], frozenset[str]()
    for start, end in sentence_spans(text):
        sentence = text[start:end]
        own = frozenset(index_terms(sentence, language))
        found.append(own | before if leans_on_what_precedes(sentence, language) else own)
        before = own
    return tuple(found)


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
