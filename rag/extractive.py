"""Answers without a language model: the article's own sentences that fit the question best."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from llama_index.core.schema import NodeWithScore

from index.sentences import sentence_spans
from index.stemming import index_terms, query_words
from rag.answers import Quote
from rag.follow_ups import leans_on_what_precedes
from rag.fusion import sentence_score
from rag.question_kinds import Kind, gives
from rag.quotes import Span

MAX_QUOTES = 3
_PARAGRAPHS_READ = 5
# Set on the development questions (tests/data/questions), and on how often a quote from XQuAD holds the answer.
_RANK_WEIGHT = 0.2
_KIND_WEIGHT = 0.2
_MARGIN = 0.25


@dataclass(frozen=True, slots=True)
class _Sentence:
    quote: Quote
    language: str
    score: float
    rank: int


def best_sentences(
    question: str, kind: Kind, language: str, nodes: Sequence[NodeWithScore], speaker_of: Callable[[Quote], str]
) -> list[Quote]:
    """At most three sentences of the retrieved paragraphs, verbatim, best first; for yes or no, the one that decides.

    A sentence's score is its cosine with the question, plus the share of the question's terms in it, plus a
    bonus for its paragraph's rank and for what the kind asks for: a number, a time, a cause, a speaker whom the
    question names. One that is far behind the best is left out. A sentence that leans on the one before it
    ("this …") is shown together with that.
    """
    sentences = _sentences(nodes[:_PARAGRAPHS_READ])
    words = query_words(question, language)
    scored: list[Quote] = []
    for sentence in sentences:
        score = sentence.score + _RANK_WEIGHT / (1 + sentence.rank)
        score += _KIND_WEIGHT * _is_of_kind(kind, sentence, words, speaker_of)
        scored.append(sentence.quote.model_copy(update={"score": round(score, 4)}))
    most = 1 if kind == "yes_no" else MAX_QUOTES
    order = np.argsort([-quote.score for quote in scored], kind="stable")[:most]
    best = [scored[i] for i in order if scored[i].score >= scored[order[0]].score - _MARGIN]
    return _merge_neighbours([_with_context(quote, nodes) for quote in best], nodes)


def _is_of_kind(
    kind: Kind, sentence: _Sentence, words: Sequence[Sequence[str]], speaker_of: Callable[[Quote], str]
) -> bool:
    if kind == "said":
        speaker = set(index_terms(speaker_of(sentence.quote), sentence.language))
        return any(speaker.intersection(word) for word in words)
    return bool(gives(kind, sentence.quote.text, sentence.language))


def _with_context(quote: Quote, nodes: Sequence[NodeWithScore]) -> Quote:
    """The quote together with the sentence before it, where it leans on that."""
    for node in nodes:
        span = Span.of_metadata(node.node.metadata, node.node.get_content())
        start = quote.start - span.start
        if span.article_id == quote.article_id and 0 < start < len(span.text):
            before = [a for a, b in sentence_spans(span.text) if b <= start]
            if before and leans_on_what_precedes(quote.text, node.node.metadata["language"]):
                return span.quote(before[-1], quote.end - span.start, quote.score)
    return quote


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
        start, end = first.start - span.start, max(first.end, second.end) - span.start
        between = span.text[max(first.end - span.start, 0) : max(second.start - span.start, 0)]
        if span.article_id == first.article_id and 0 <= start < end <= len(span.text) and not between.strip():
            return span.quote(start, end, max(first.score, second.score))
    return None


def _sentences(nodes: Sequence[NodeWithScore]) -> list[_Sentence]:
    found = []
    for rank, node in enumerate(nodes):
        metadata = node.node.metadata
        span = Span.of_metadata(metadata, node.node.get_content())
        scores = map(sentence_score, metadata["sentence_cosines"], metadata["sentence_words"])
        for (start, end), score in zip(sentence_spans(span.text), scores, strict=True):
            found.append(_Sentence(span.quote(start, end, 0.0), metadata["language"], score, rank))
    return found
