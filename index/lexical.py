"""The lexical index: BM25 over stems and name skeletons, with bm25s, in memory."""

from collections.abc import Collection, Sequence

import numpy as np

from index.lexicon import translations
from index.passages import Passage
from index.stemming import index_terms, query_terms


class LexicalIndex:
    """Passages of all articles, searchable by their words."""

    def __init__(self, passages: Sequence[Passage], languages: dict[str, str]) -> None:
        """Index passages; `languages` gives the language of each article by its id."""
        import bm25s

        self._ids = [p.id for p in passages]
        # What a term of one passage weighs (Lucene's idf): in its units, scores of short and long lists compare.
        self._rarest = float(np.log(1 + (len(passages) - 0.5) / 1.5)) if passages else 1.0
        self._languages = frozenset(languages.values())
        self._article_ids = np.array([p.article_id for p in passages])
        terms = [index_terms(p.text, languages.get(p.article_id, "")) for p in passages]
        self._bm25 = bm25s.BM25(method="lucene") if any(terms) else None
        if self._bm25:
            self._bm25.index(terms, show_progress=False)

    def query(
        self, question: str, language: str, limit: int, article_ids: Collection[str] | None = None
    ) -> list[tuple[str, float]]:
        """The passages that share terms with the question, as `(id, BM25 score)`, best first.

        A question in another language than an article's is also asked in the likeliest translations of its terms,
        each counting by its probability.
        """
        if self._bm25 is None:
            return []
        known = self._bm25.vocab_dict
        weights = {term: w for term, w in self._weights(question, language).items() if term in known}
        if not weights:
            return []
        scores = np.sum([w * self._bm25.get_scores([term]) for term, w in weights.items()], axis=0) / self._rarest
        if article_ids is not None:
            scores = np.where(np.isin(self._article_ids, list(article_ids)), scores, 0)
        best = np.argsort(-scores, kind="stable")[:limit]
        return [(self._ids[i], float(scores[i])) for i in best if scores[i] > 0]

    def _weights(self, question: str, language: str) -> dict[str, float]:
        weights: dict[str, float] = {}
        for term in query_terms(question, language):
            weights[term] = weights.get(term, 0.0) + 1.0
            for other in self._languages:
                for translation, probability in translations(term, language, other).items():
                    weights[translation] = weights.get(translation, 0.0) + probability
        return weights
