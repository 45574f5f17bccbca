"""Whether what is said to be a quote stands in an article, and where it was altered if it was.

Letters decide first, then words in their order, and last the encoder. Two thresholds, set on the bundled article
and measured again by tests/rag/test_quote_check.py, which holds the sentences:

- `_ALTERED_FROM`, the share of what is said (by letters) whose words stand in order around one place. The article's 27
  sentences have at least 0.82 with one word replaced at random, and 0.76 with two; with a third of the words, 128 of
  135 have 0.6. A sentence that was taken out of the article finds at most 0.4 in the rest.
- `_NEAR`, the cosine of what is said and the nearest paragraph or sentence, with the bundled encoder (maqal-base).
  It is reached by 23 of 24 sentences translated by hand (English, Russian) and 3 of 6 put in other Arabic words; of
  24 that the article does not have (English, Russian, Arabic, most on its subject) by 2. Another encoder may need
  another one.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from index.article_index import ArticleIndex
from index.articles import IndexedArticle, Kind
from index.languages import detect_language
from index.normalization import clean, fold
from index.passages import Passage
from rag.answers import Quote, Source
from rag.exceptions import BadQuestion
from rag.quote_check.edges import grown
from rag.quote_check.places import FoldedArticle, in_order, is_cut, paragraphs_of, quote_at, quotes_in
from rag.quote_check.text import MOST_PIECES, STOPS, bare, pieces
from rag.quote_check.word_diff import Change, Difference, Op, align, diff, differences, is_harmless, tokens

Verdict = Literal["exact", "normalised", "altered", "translated_or_paraphrased", "absent"]

_VERDICTS: tuple[Verdict, ...] = ("exact", "normalised", "altered", "translated_or_paraphrased", "absent")
_ALTERED_FROM = 0.6
_NEAR = 0.43
_FEWEST_WORDS = 2
_MOST_PLACES = 50
_PASSAGES_READ = 8
_CLOSEST = 3
_TOLD: dict[Verdict, str] = {
    "exact": "The letters stand in the article.",
    "normalised": "The words stand in the article, the letters differ in: {kinds}.",
    "altered": "Most of the words stand in the article; some were replaced, left out or added.",
    "translated_or_paraphrased": "No article has these words. The closest paragraphs may say it in another language"
    " or in other words; read them, for this is not verified.",
    "absent": "No article has these words, and none comes near them in meaning.",
}
_CUT_OFF = "The words stand in the article, but a negation or a part of a number that belongs to them is left out."
_OTHER_WORDS = " One letter or mark can make another word: compare them."
_IN_ORDER = (
    "{count} pieces around an ellipsis, which stand in one article in this order; whether what is left out between"
    " them matters is not judged."
)
_NOT_IN_ORDER = (
    "{count} pieces around an ellipsis, which do not all stand in one article in this order; each is judged alone."
)


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True)


class WordChange(_Frozen):
    """A step from what was said to the article's letters; the slices of all steps, joined, are the two texts."""

    op: Op = Field(description="equal; delete: only said; insert: only in the article; replace")
    said: str
    article: str


class Place(_Frozen):
    """A place in an article where the quote, or what it was made from, stands."""

    quote: Quote = Field(description="the article's own letters, verified")
    kind: Kind = Field(description="the kind of paragraph; the quote's `paragraph` counts within the kind")
    passage: str = Field(description="the whole paragraph, or the paragraphs that it goes over")
    differs_in: list[Difference] = Field(
        default=[], description="in what the letters differ where the words do not; empty: in nothing"
    )


class QuoteCheck(_Frozen):
    """What became of a quote that was looked for in the articles."""

    text: str = Field(description="what was looked for: without the quotation marks around it")
    verdict: Verdict = Field(
        description="exact: the letters stand there; normalised: all but what `differs_in` says; altered: most of the"
        " words, see `diff`; translated_or_paraphrased: perhaps, and not verified, see `closest`; absent"
    )
    explanation: str = Field(description="the verdict in a sentence, in English")
    places: list[Place] = Field(
        default=[],
        description="where it stands, one for each paragraph, the most exact first, 50 at most; where it was altered,"
        " what it was made from; of a quote with an ellipsis, one for each piece",
    )
    diff: list[WordChange] = Field(default=[], description="where words differ: the steps to the first place's letters")
    closest: list[Source] = Field(default=[], description="where no article has it: the nearest paragraphs")
    pieces: list["QuoteCheck"] = Field(default=[], description="the parts around an ellipsis, each checked")


@dataclass(frozen=True, slots=True)
class _Snapshot:
    """The articles with their folded texts after so many changes of the catalog."""

    changes: int
    articles: list[FoldedArticle]


class QuoteChecker:
    """Checks quotes against an index's articles; safe for threads. Folded texts are kept until an article changes."""

    def __init__(self, index: ArticleIndex, max_characters: int) -> None:
        self._index = index
        self._max_characters = max_characters
        self._snapshot = _Snapshot(-1, [])

    def check(self, text: str, article_ids: Sequence[str] | None = None) -> QuoteCheck:
        """What became of a quote in all articles, or those named. Raises BadQuestion where it is empty or too long."""
        said = self._checked(text)
        articles = [a for a in self._articles() if article_ids is None or a.entry.id in article_ids]
        if len(pieces(said)) > 1:
            return _standing(said, articles) or self._in_pieces(said, articles, article_ids)
        return self._whole(said, articles, article_ids)

    def nearness(self, said: str, passages: Sequence[Passage]) -> list[tuple[Passage, float]]:
        """Each passage with the cosine of what is said and the passage, or its nearest sentence; nearest first."""
        if not passages:
            return []
        vector = self._index.encoder.encode_passages([said])[0]
        cosines = self._index.vectors(passages) @ vector
        of_sentences = self._index.sentence_vectors(passages)
        best = [max(float(c), float((s @ vector).max())) for c, s in zip(cosines, of_sentences, strict=True)]
        return sorted(zip(passages, best, strict=True), key=lambda pair: -pair[1])

    def _checked(self, text: str) -> str:
        if len(text) > self._max_characters:
            raise BadQuestion(
                f"The quote has {len(text):,} characters; {self._max_characters:,} are accepted.",
                "Check it in parts, or raise RAG_MAX_QUOTE.",
            )
        said = bare(clean(text))
        if not any(char.isalnum() for char in said):
            raise BadQuestion("The quote is empty.", "Give the words to look for, with or without quotation marks.")
        count = len(pieces(said))
        if count > MOST_PIECES:
            raise BadQuestion(
                f"The quote has {count} pieces around ellipses; {MOST_PIECES} are accepted.", "Check it in parts."
            )
        return said

    def _whole(self, said: str, articles: Sequence[FoldedArticle], article_ids: Sequence[str] | None) -> QuoteCheck:
        found = _standing(said, articles)
        if found:
            return found
        entries = {article.entry.id: article.entry for article in articles}
        near = self._index.search_vectors(said, _PASSAGES_READ, article_ids)
        matching = self._index.search_words(said, detect_language(said), _PASSAGES_READ, article_ids)
        found_passages = {passage.id: passage for passage, _ in [*near, *matching]}
        # An article that was replaced in the meantime is left out.
        passages = [
            passage
            for passage in found_passages.values()
            if passage.article_id in entries and passage.version == entries[passage.article_id].version
        ]
        return _by_words(said, passages, entries) or self._by_meaning(said, passages)

    def _in_pieces(self, said: str, articles: Sequence[FoldedArticle], article_ids: Sequence[str] | None) -> QuoteCheck:
        """The check of a quote with an ellipsis: its pieces in order in one article, or each for itself."""
        parts = pieces(said)
        ordered = next(((article.entry, quotes) for article in articles if (quotes := in_order(parts, article))), None)
        if ordered:
            entry, quotes = ordered
            checks = [
                _stands(part, [_place(entry, quote.start, quote.end, part)])
                for part, quote in zip(parts, quotes, strict=True)
            ]
        else:
            checks = [self._whole(part, articles, article_ids) for part in parts]
        least: Verdict = "exact" if ordered else "altered"
        return QuoteCheck(
            text=said,
            verdict=max([least, *(check.verdict for check in checks)], key=_VERDICTS.index),
            explanation=(_IN_ORDER if ordered else _NOT_IN_ORDER).format(count=len(checks)),
            places=[check.places[0] for check in checks if check.places],
            pieces=checks,
        )

    def _by_meaning(self, said: str, passages: Sequence[Passage]) -> QuoteCheck:
        scored = self.nearness(said, passages)[:_CLOSEST]
        is_near = bool(scored) and scored[0][1] >= _NEAR
        verdict: Verdict = "translated_or_paraphrased" if is_near else "absent"
        closest = [
            Source(
                article_id=passage.article_id,
                version=passage.version,
                paragraph=passage.paragraph,
                heading=passage.heading,
                text=passage.text,
                score=round(score, 4),
            )
            for passage, score in scored
        ]
        return QuoteCheck(text=said, verdict=verdict, explanation=_TOLD[verdict], closest=closest)

    def _articles(self) -> list[FoldedArticle]:
        """The articles with their folded texts, as the catalog has them now."""
        changes, snapshot = self._index.catalog.change_count(), self._snapshot
        if snapshot.changes != changes:
            known = {article.entry.article.text: article.folded for article in snapshot.articles}
            articles = [
                FoldedArticle(entry, known.get(entry.article.text) or fold(entry.article.text))
                for entry in self._index.articles()
            ]
            self._snapshot = snapshot = _Snapshot(changes, articles)
        return snapshot.articles


def _standing(said: str, articles: Sequence[FoldedArticle]) -> QuoteCheck | None:
    """The check of a quote whose words stand somewhere as they are said; None where they do not."""
    places: list[Place] = []
    cut: Place | None = None
    for article in articles:
        for quote in quotes_in(said, article):
            if not is_cut(article.entry, quote):
                places.append(_place(article.entry, quote.start, quote.end, said))
            elif cut is None:
                cut = _place(article.entry, quote.start, quote.end)
            if len(places) == _MOST_PLACES:
                return _stands(said, places)
    if places:
        return _stands(said, places)
    return _altered(said, cut, _CUT_OFF) if cut else None


def _by_words(said: str, passages: Sequence[Passage], entries: dict[str, IndexedArticle]) -> QuoteCheck | None:
    """The check of a quote most of whose words stand in order around one of the passages; None where they do not."""
    wanted = tokens(said)
    found = [
        (aligned, entry)
        for entry, low, high in _regions(passages, len(said), entries)
        if (aligned := align(wanted, tokens(entry.article.text, low, high), entry.article.text))
    ]
    if not found:
        return None
    best, entry = max(found, key=lambda pair: pair[0].share)
    place = _place(entry, best.start, best.end, score=best.share)
    changes = diff(said, place.quote.text)
    equal = [change for change in changes if change.op == "equal"]
    words = sum(token.weight > 0 for change in equal for token in tokens(change.said))
    if best.share < _ALTERED_FROM or words < _FEWEST_WORDS:
        return None
    if len(equal) < len(changes) and not is_harmless(changes):
        return _altered(said, place, _TOLD["altered"])
    kinds = {kind for change in equal for kind in differences(change.said.strip(), change.article.strip())}
    if len(equal) < len(changes):
        kinds.add("punctuation")
    check = _stands(said, [place.model_copy(update={"differs_in": sorted(kinds)})])
    return check.model_copy(update={"diff": _word_changes(changes)}) if len(equal) < len(changes) else check


def _regions(
    passages: Sequence[Passage], margin: int, entries: dict[str, IndexedArticle]
) -> Iterator[tuple[IndexedArticle, int, int]]:
    """`(article, start, end)` around the passages, wider by the margin to both sides; overlapping ones are joined."""
    regions: list[tuple[str, int, int]] = []
    for passage in sorted(passages, key=lambda p: (p.article_id, p.start)):
        low, high = max(0, passage.start - margin), passage.end + margin
        if regions and regions[-1][0] == passage.article_id and low <= regions[-1][2]:
            regions[-1] = (passage.article_id, regions[-1][1], max(high, regions[-1][2]))
        else:
            regions.append((passage.article_id, low, high))
    for article_id, low, high in regions:
        yield entries[article_id], low, min(high, len(entries[article_id].article.text))


def _stands(said: str, places: Sequence[Place]) -> QuoteCheck:
    places = sorted(places, key=lambda place: len(place.differs_in))
    differs_in = places[0].differs_in
    verdict: Verdict = "normalised" if differs_in else "exact"
    told = _TOLD[verdict].format(kinds=", ".join(kind.replace("_", " ") for kind in differs_in))
    if {"marks", "letter_forms"} & set(differs_in):
        told += _OTHER_WORDS
    return QuoteCheck(text=said, verdict=verdict, explanation=told, places=places)


def _altered(said: str, place: Place, told: str) -> QuoteCheck:
    changes = _word_changes(diff(said, place.quote.text))
    return QuoteCheck(text=said, verdict="altered", explanation=told, places=[place], diff=changes)


def _word_changes(changes: Sequence[Change]) -> list[WordChange]:
    return [WordChange(op=change.op, said=change.said, article=change.article) for change in changes]


def _place(entry: IndexedArticle, start: int, end: int, said: str = "", score: float = 1.0) -> Place:
    """The place of `article.text[start:end]`, grown where that is cut off; `said` is what stands there."""
    article = entry.article
    start, end = grown(article.text, start, end, article.language)
    held = paragraphs_of(entry, start, end)
    quote = quote_at(entry, start, end, score)
    return Place(
        quote=quote,
        kind=held[0].kind,
        passage=article.text[held[0].start : held[-1].end],
        differs_in=_differences(said, quote.text) if said else [],
    )


def _differences(said: str, letters: str) -> list[Difference]:
    """In what the letters differ; stops at the ends, which belong to the sentence that quotes, are not counted."""
    return [] if said == letters else differences(said.strip(STOPS), letters.strip(STOPS))
