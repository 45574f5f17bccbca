"""Answers without a language model: the article's own sentences that fit the question best."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from llama_index.core.schema import NodeWithScore

from index.embedding import Encoder
from index.sentences import sentence_spans
from index.stemming import index_terms, query_terms
from rag.answers import Quote
from rag.quotes import Span

MAX_QUOTES = 3
_PARAGRAPHS_READ = 5
_WORD_WEIGHT = 0.5
_RANK_WEIGHT = 0.3
_MARGIN = 0.25

# A first cut, set on the development questions (tests/data/questions): the nearest paragraph's cosine, with
# a bonus for shared words, below which the article is said to be silent. A question in the article's own
# language lies nearer to every paragraph than one in another language.
_BM25_BONUS = 0.15
_SILENT_BELOW = {"same": 0.42, "other": 0.30}


@dataclass(frozen=True, slots=True)
class _Sentence:
    quote: Quote
    text: str
    language: str
    rank: int


def is_silent(nodes: Sequence[NodeWithScore], language: str) -> bool:
    """Whether the retrieved paragraphs are too far from a question in the language to answer it."""
    if not nodes:
        return True
    kind = "same" if language in {node.node.metadata["language"] for node in nodes} else "other"
    evidence = max(node.node.metadata["cosine"] + _BM25_BONUS * min(node.node.metadata["bm25"], 1.0) for node in nodes)
    return bool(evidence < _SILENT_BELOW[kind])


def best_sentences(question: str, language: str, nodes: Sequence[NodeWithScore], encoder: Encoder) -> list[Quote]:
    """At most three sentences of the retrieved paragraphs, verbatim, best first.

    A sentence's score is its cosine with the question, plus the share of the question's terms in it, plus a
    bonus for its paragraph's rank; one that is far behind the best is left out.
    """
    sentences = _sentences(nodes[:_PARAGRAPHS_READ])
    if not sentences:
        return []
    question_vector = encoder.encode_queries([question])[0]
    cosines = encoder.encode_passages([s.text for s in sentences]) @ question_vector
    wanted = set(query_terms(question, language))
    scored: list[Quote] = []
    for sentence, cosine in zip(sentences, cosines, strict=True):
        terms = index_terms(sentence.text, sentence.language)
        share = len(wanted.intersection(terms)) / len(wanted) if wanted else 0.0
        score = float(cosine) + _WORD_WEIGHT * share + _RANK_WEIGHT / (1 + sentence.rank)
        scored.append(sentence.quote.model_copy(update={"score": round(score, 4)}))
    order = np.argsort([-quote.score for quote in scored], kind="stable")[:MAX_QUOTES]
    best = [scored[i] for i in order if scored[i].score >= scored[order[0]].score - _MARGIN]
    return _merge_neighbours(best, nodes)


def _merge_neighbours(quotes: list[Quote], nodes: Sequence[NodeWithScore]) -> list[Quote]:
    """Sentences that follow one another in a paragraph become one quote, in the place of the better one."""
    merged: list[Quote] = []
    for quote in quotes:
        for i, other in enumerate(merged):
            joined = _join(quote, other, nodes)
            if joined:
                merged[i] = joined
                break
        else:
            merged.append(quote)
    return merged


def _join(one: Quote, other: Quote, nodes: Sequence[NodeWithScore]) -> Quote | None:
    if one.article_id != other.article_id:
        return None
    first, second = sorted((one, other), key=lambda quote: quote.start)
    for node in nodes:
        span = Span.of_metadata(node.node.metadata, node.node.get_content())
        start, end = first.start - span.start, second.end - span.start
        between = span.text[max(first.end - span.start, 0) : max(second.start - span.start, 0)]
        if span.article_id == first.article_id and 0 <= start < end <= len(span.text) and not between.strip():
            return span.quote(start, end, max(first.score, second.score))
    return None


def _sentences(nodes: Sequence[NodeWithScore]) -> list[_Sentence]:
    found = []
    for rank, node in enumerate(nodes):
        span = Span.of_metadata(node.node.metadata, node.node.get_content())
        language = node.node.metadata["language"]
        for start, end in sentence_spans(span.text):
            found.append(_Sentence(span.quote(start, end, 0.0), span.text[start:end], language, rank))
    return found
