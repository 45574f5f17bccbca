"""Whether the article answers a question at all: a score fitted on development questions, not one cut-off.

`python -m benchmarks.refusal` fits the weights in `refusal.json` and reports both kinds of error.
"""

import math
import re
from collections.abc import Sequence
from functools import cache, lru_cache

import numpy as np
from llama_index.core.schema import NodeWithScore

from index.normalization import fold
from index.sentences import sentence_spans
from index.stemming import index_terms, query_words
from rag.overlap import coverage
from rag.question_kinds import Kind, gives
from rag.word_tables import read_table

# A capital letter means a name in these; in German every noun has one.
_NAMES_HAVE_CAPITALS = frozenset({"en", "ru", "fr", "tr", "es", "kk"})
_MOST_BM25 = 3.0
_NUMBER = re.compile(r"\d+")

FEATURES = (
    "cosine", "sentence", "lead", "bm25", "words", "words_anywhere", "names_missing", "numbers_missing", "given",
    "not_given", "same_language", "same_language_cosine",
)  # fmt: skip
"""What the score is made of, in the order of the weights; see `evidence`."""


def evidence(question: str, kind: Kind, language: str, nodes: Sequence[NodeWithScore]) -> dict[str, float]:
    """The features of a question and the paragraphs found for it (at least one).

    `cosine` of the nearest paragraph, of the best `sentence`; the `lead` of the nearest over the mean; `bm25` of the
    best match, from 0 to 1; the share of the question's `words` in one of the best paragraphs, and in any; shares of
    its names and numbers that no paragraph has; whether the best sentences have a thing of the kind asked for
    (`given`, `not_given`).
    """
    cosines = [node.node.metadata["cosine"] for node in nodes]
    sentences = [max(node.node.metadata["sentence_cosines"]) for node in nodes]
    languages = {node.node.metadata["language"] for node in nodes}
    is_same = float(language in languages)
    words = query_words(question, language)
    names = {t for word in words for t in word if t.startswith("~")} if language in _NAMES_HAVE_CAPITALS else set()
    terms = [_terms(node.node.get_content(), node.node.metadata["language"]) for node in nodes]
    found = frozenset[str]().union(*terms)
    covered = [coverage(words, language, t, n.node.metadata["language"]) for t, n in zip(terms, nodes, strict=True)]
    numbers = set(_NUMBER.findall(fold(question)))
    known_numbers = {n for node in nodes for n in _numbers(node.node.get_content())}
    is_given = _is_given(kind, nodes)
    return {
        "cosine": max(cosines),
        "sentence": max(sentences),
        "lead": max(cosines) - float(np.mean(cosines)),
        "bm25": min(max(node.node.metadata["bm25"] for node in nodes), _MOST_BM25) / _MOST_BM25,
        "words": max(covered[:3]),
        "words_anywhere": coverage(words, language, found, nodes[0].node.metadata["language"]),
        "names_missing": len(names - found) / len(names) if names else 0.0,
        "numbers_missing": float(bool(numbers - known_numbers)),
        "given": float(is_given is True),
        "not_given": float(is_given is False),
        "same_language": is_same,
        "same_language_cosine": is_same * max(cosines),
    }


def confidence(features: dict[str, float]) -> float:
    """The probability, from 0 to 1, that the article answers."""
    model = _model()
    values = (np.array([features[name] for name in FEATURES]) - model["mean"]) / model["scale"]
    return 1 / (1 + math.exp(-float(values @ model["weights"] + model["bias"])))


def threshold() -> float:
    """The confidence below which the article is said to be silent."""
    return float(_model()["threshold"])


def _is_given(kind: Kind, nodes: Sequence[NodeWithScore]) -> bool | None:
    """Whether a sentence that is nearly the best has what is asked for; None for kinds that words do not tell."""
    found: bool | None = None
    best = max(max(node.node.metadata["sentence_cosines"]) for node in nodes)
    for node in nodes:
        text, language = node.node.get_content(), node.node.metadata["language"]
        for (start, end), cosine in zip(sentence_spans(text), node.node.metadata["sentence_cosines"], strict=True):
            if cosine >= best - 0.1:
                given = gives(kind, text[start:end], language)
                found = given if found is None else found or bool(given)
    return found


# The same paragraphs are found again and again.
@lru_cache(maxsize=2_000)
def _terms(text: str, language: str) -> frozenset[str]:
    return frozenset(index_terms(text, language))


@lru_cache(maxsize=2_000)
def _numbers(text: str) -> frozenset[str]:
    return frozenset(_NUMBER.findall(fold(text)))


@cache
def _model() -> dict[str, np.ndarray]:
    stored = read_table("refusal.json")
    return {key: np.array(stored[key]) for key in ("mean", "scale", "weights", "bias", "threshold")}
