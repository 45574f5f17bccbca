"""The lexical index: BM25 over stems and name skeletons, with bm25s, in memory."""

import math
from collections.abc import Collection, Sequence

import numpy as np
import numpy.typing as npt

from index.lexicon import translations
from index.passages import Passage
from index.stemming import index_terms, query_terms


class LexicalIndex:
    """Passages of all articles, searchable by their words."""

    def __init__(self, passages: Sequence[Passage], languages: dict[str, str]) -> None:
        """Index passages; `languages` gives the language of each article by its id."""
        import bm25s

        self._ids = [p.id for p in passages]
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
        asked = np.ones(len(self._ids), bool) if article_ids is None else np.isin(self._article_ids, list(article_ids))
        scores = np.zeros(len(self._ids))
        for term, weight in weights.items():
            of_term = self._bm25.get_scores([term])
            # How rare a term is, is asked of the same articles as the question: each names its own subject throughout.
            rarity = _idf(of_term[asked]) / _idf(of_term)
            scores += weight * rarity * np.where(asked, of_term, 0)
        # What a term of one passage weighs: in its units, scores of short and long lists compare.
        scores /= _idf_of(int(asked.sum()), 1)
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


def _idf(scores: npt.NDArray[np.float32]) -> float:
    """Lucene's inverse document frequency of a term, from its score in each passage."""
    return _idf_of(len(scores), int(np.count_nonzero(scores)))


def _idf_of(passages: int, having: int) -> float:
    return math.log(1 + (passages - having + 0.5) / (having + 0.5))
