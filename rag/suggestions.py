"""Questions that an article answers, made from what it names, in the reader's language.

A candidate is a phrase of `suggestions.json` around a person, organisation, country, date or heading of the article.
It is kept only if the engine finds an answer in a paragraph that names it. People and headings stand in the article's
letters, so that they are used where the reader's language has the same script; the rest has names in every language.
Of people only those are taken whose words the article reports.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from itertools import chain, zip_longest

from babel import Locale
from babel.dates import format_date

from index.articles import IndexedArticle
from index.languages import detect_language
from index.normalization import fold
from index.organisations import organisations
from index.sentences import sentence_spans
from rag.chat_engine import ChatEngine
from rag.exceptions import BadQuestion
from rag.facts import Facts, facts_of
from rag.phrases import languages
from rag.question_kinds import kind_of
from rag.refusal import confidence, evidence, threshold
from rag.retriever import HybridRetriever
from rag.speakers import attribute
from rag.word_tables import read_table

_MOST = 4
_TRIED_OF_EACH = 4
_MOST_KEPT = 1_000
_LONGEST_HEADING = 60
_DAY = {"de": "d. MMMM y", "es": "d 'de' MMMM 'de' y", "zh": "y年M月d日"}
_SCRIPTS = {"ar": "Arabic", "ru": "Cyrillic", "kk": "Cyrillic", "zh": "Han"}
# In the order in which a reader would ask.
_KINDS = ("person", "organisation", "country", "heading", "day", "year")


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A question, and the body paragraphs that name what it asks about."""

    question: str
    kind: str
    paragraphs: frozenset[int]


class Suggester:
    """Makes the suggestions for articles once for each version and language; safe for threads."""

    def __init__(self, engine: ChatEngine) -> None:
        self._engine = engine
        self._made: dict[tuple[str, int, str], list[str]] = {}

    def suggestions(self, article_id: str, language: str) -> list[str]:
        """At most four questions in the language (ISO 639-1) that the article answers, of different kinds first.

        Raises UnknownArticle, BadQuestion where no answer can be given in the language.
        """
        if language not in languages():
            raise BadQuestion(
                f"There are no suggestions in the language {language!r}.", f"Use one of: {', '.join(languages())}."
            )
        entry = self._engine.index.catalog.article(article_id)
        key = (entry.id, entry.version, language)
        if key not in self._made:
            if len(self._made) >= _MOST_KEPT:
                self._made.clear()
            self._made[key] = self._make(entry, language)
        return self._made[key]

    def _make(self, entry: IndexedArticle, language: str) -> list[str]:
        by_kind: dict[str, list[str]] = {kind: [] for kind in _KINDS}
        for candidate in _candidates(entry, language):
            if self._is_answered(candidate, entry.id):
                by_kind[candidate.kind].append(candidate.question)
        in_turn = chain.from_iterable(zip_longest(*by_kind.values()))
        return list(dict.fromkeys(question for question in in_turn if question))[:_MOST]

    def _is_answered(self, candidate: _Candidate, article_id: str) -> bool:
        """Whether the article answers, and first of all in a paragraph that names what is asked about."""
        question = candidate.question
        language = detect_language(question)
        nodes = HybridRetriever(self._engine.index, language=language, article_ids=[article_id]).retrieve(question)
        if not nodes or nodes[0].node.metadata["paragraph"] not in candidate.paragraphs:
            return False
        return confidence(evidence(question, kind_of(question, language), language, nodes)) >= threshold()


def _candidates(entry: IndexedArticle, language: str) -> Iterator[_Candidate]:
    phrases = read_table("suggestions.json")[language]
    for kind, names in _named(entry, language).items():
        # What is named in most paragraphs first: the article is about that.
        often = sorted(names.items(), key=lambda item: -len(item[1]))[:_TRIED_OF_EACH]
        for name, paragraphs in often:
            yield _Candidate(phrases[kind].format(name=name), kind, frozenset(paragraphs))


def _named(entry: IndexedArticle, language: str) -> dict[str, dict[str, set[int]]]:
    """Of each kind, what the article names, as the reader calls it, with the paragraphs that do."""
    facts = facts_of(entry)
    days, years = _dates(facts, language, entry.article.published or date.today())  # noqa: DTZ011 - a day, no instant
    named = {"organisation": _organisations(entry, language), "country": _countries(facts, language)}
    named |= {"day": days, "year": years}
    if _script(language) == _script(entry.article.language):
        named["person"] = _speakers(entry, facts)
        headings: dict[str, set[int]] = {}
        for paragraph, heading in entry.article.body_under_headings():
            name = heading.strip(" “”«»\"'.:?؟")
            if 0 < len(name) <= _LONGEST_HEADING:
                headings.setdefault(name, set()).add(paragraph.number)
        named["heading"] = headings
    return named


def _speakers(entry: IndexedArticle, facts: Facts) -> dict[str, set[int]]:
    """The people whose words the article reports, with the paragraphs that do."""
    article = entry.article
    said: dict[int, set[str]] = {}
    for paragraph in article.body:
        for start, end in sentence_spans(article.text_of(paragraph)):
            speaker = attribute(article.text, paragraph.start + start, paragraph.start + end, article.language).speaker
            said.setdefault(paragraph.number, set()).update(_words(speaker))
    found: dict[str, set[int]] = {}
    for person in facts.people:
        surname = _words(person.name.text)[-1]
        if paragraphs := {number for number, words in said.items() if surname in words}:
            found[person.name.text] = paragraphs
    return found


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", fold(text))


def _organisations(entry: IndexedArticle, language: str) -> dict[str, set[int]]:
    article = entry.article
    texts = {paragraph.number: article.text_of(paragraph) for paragraph in article.body}
    found: dict[str, set[int]] = {}
    for organisation in organisations():
        acronyms, names = organisation["acronyms"], organisation["names"]
        acronym, name = acronyms.get(article.language, ""), names.get(article.language, "")
        paragraphs = {
            # An acronym has its capitals: "who" is not the WHO.
            number
            for number, text in texts.items()
            if _has(acronym, text) or _has(fold(name), fold(text))
        }
        shown = acronyms.get(language) or names.get(language)
        if paragraphs and shown:
            found[shown] = paragraphs
    return found


def _has(name: str, text: str) -> bool:
    """Whether the text has the name as whole words; an Arabic one may be written together with a preposition."""
    return bool(name and re.search(rf"(?<!\w)[وفبكل]{{0,2}}{re.escape(name)}(?!\w)", text))


def _countries(facts: Facts, language: str) -> dict[str, set[int]]:
    names = Locale.parse(language).territories
    return {
        names[place.country]: {mention.paragraph for mention in place.mentions}
        for place in facts.places
        if place.country and place.country in names
    }


def _dates(facts: Facts, language: str, until: date) -> tuple[dict[str, set[int]], dict[str, set[int]]]:
    """Days and years until a day: what is to come has not happened."""
    days: dict[str, set[int]] = {}
    years: dict[str, set[int]] = {}
    for found in facts.dates:
        iso = found.iso or ""
        if iso > until.isoformat():
            continue
        if re.fullmatch(r"\d{4}-\d\d-\d\d", iso):
            name = format_date(date.fromisoformat(iso), _DAY.get(language, "d MMMM y"), locale=language)
            days.setdefault(name, set()).add(found.paragraph)
        elif re.fullmatch(r"\d{4}", iso):
            years.setdefault(iso, set()).add(found.paragraph)
    return days, years


def _script(language: str) -> str:
    return _SCRIPTS.get(language, "Latin")
