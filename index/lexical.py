"""The lexical index: BM25 over stems and name skeletons, with bm25s, in memory."""

from collections.abc import Collection, Sequence

import numpy as np

from index.passages import Passage
from index.stemming import index_terms, query_terms


class LexicalIndex:
    """Passages of all articles, searchable by their words."""

    def __init__(self, passages: Sequence[Passage], languages: dict[str, str]) -> None:
        """Index passages; `languages` gives the language of each article by its id."""
        import bm25s

        self._ids = [p.id for p in passages]
        self._article_ids = np.array([p.article_id for p in passages])
        terms = [index_terms(p.text, languages.get(p.article_id, "")) for p in passages]
        self._bm25 = bm25s.BM25(method="lucene") if any(terms) else None
        if self._bm25:
            self._bm25.index(terms, show_progress=False)

    def query(
        self, question: str, language: str, limit: int, article_ids: Collection[str] | None = None
    ) -> list[tuple[str, float]]:
        """The passages that share terms with the question, as `(id, BM25 score)`, best first."""
        if self._bm25 is None:
            return []
        terms = [t for t in query_terms(question, language) if t in self._bm25.vocab_dict]
        if not terms:
            return []
        scores = self._bm25.get_scores(terms)
        if article_ids is not None:
            scores = np.where(np.isin(self._article_ids, list(article_ids)), scores, 0)
        best = np.argsort(-scores, kind="stable")[:limit]
        return [(self._ids[i], float(scores[i])) for i in best if scores[i] > 0]
