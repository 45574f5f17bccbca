"""The chat engine: a question becomes a cited answer, inside a conversation or alone."""

import time
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass

from llama_index.core.llms import LLM
from llama_index.core.schema import NodeWithScore

from index.article_index import ArticleIndex
from index.languages import detect_language
from index.normalization import clean
from rag.answers import Answer, Event, Quote, Restart, Source, Token
from rag.exceptions import BadQuestion, LlmError, NothingIndexed
from rag.extractive import best_sentences, is_silent
from rag.follow_ups import is_follow_up, join_questions
from rag.generative import Generated, condense, stream_answer
from rag.memory import Conversations, Turn
from rag.phrases import languages, phrase
from rag.quotes import introduction, place, quotation
from rag.retriever import HybridRetriever
from rag.settings import RagSettings
from rag.speakers import attribute

_CLOSEST = 3
_HISTORY_FOR_LLM = 6


@dataclass(frozen=True, slots=True)
class _Question:
    """A question that has been checked: as asked, as understood, the answer's language, the articles asked."""

    asked: str
    understood_as: str
    language: str
    answer_language: str
    article_ids: Sequence[str] | None
    started: float


class ChatEngine:
    """Answers questions from an index; safe for threads, holds no state of a conversation itself."""

    def __init__(
        self, index: ArticleIndex, conversations: Conversations, settings: RagSettings, llm: LLM | None = None
    ) -> None:
        self.index = index
        self.conversations = conversations
        self._settings = settings
        self._llm = llm

    @property
    def model(self) -> str:
        """`extractive`, or the name of the language model."""
        return self._llm.metadata.model_name if self._llm else "extractive"

    def ask(
        self,
        question: str,
        *,
        conversation: str | None = None,
        article_ids: Sequence[str] | None = None,
        language: str | None = None,
    ) -> Answer:
        """The answer to a question about all articles, or those named.

        In a conversation, a follow-up is understood through the questions before it, and the turn is remembered.
        `language` (ISO 639-1) sets the answer's; without it, it is the question's. Raises BadQuestion,
        NothingIndexed, UnknownArticle, BadConversationId, and what the index raises.
        """
        events = self.stream(question, conversation=conversation, article_ids=article_ids, language=language)
        return last_answer(events)

    def stream(
        self,
        question: str,
        *,
        conversation: str | None = None,
        article_ids: Sequence[str] | None = None,
        language: str | None = None,
    ) -> Iterator[Event]:
        """The same, piece by piece; the last event is the whole answer.

        The question is checked and its paragraphs are found before this returns: errors come from the call.
        """
        prepared = self._prepare(question, conversation, article_ids, language)
        retriever = HybridRetriever(self.index, language=prepared.language, article_ids=article_ids)
        nodes = retriever.retrieve(prepared.understood_as)
        return self._events(prepared, nodes, conversation)

    def search(self, question: str, *, article_ids: Sequence[str] | None = None, limit: int = 8) -> list[NodeWithScore]:
        """The paragraphs found for a question, best first. Raises as `ask` does."""
        question = self._checked(question)
        self.check(article_ids)
        language = detect_language(question)
        return HybridRetriever(self.index, language=language, article_ids=article_ids, limit=limit).retrieve(question)

    def _prepare(
        self, question: str, conversation: str | None, article_ids: Sequence[str] | None, language: str | None
    ) -> _Question:
        started = time.perf_counter()
        asked = self._checked(question)
        self.check(article_ids)
        if language and language not in languages():
            raise BadQuestion(
                f"No answer can be given in the language {language!r}.", f"Use one of: {', '.join(languages())}."
            )
        turns = self.conversations.turns(conversation) if conversation else []
        detected = detect_language(asked, default=detect_language(turns[-1].question) if turns else "en")
        return _Question(
            asked=asked,
            understood_as=self._understand(asked, detected, turns),
            language=detected,
            answer_language=language or detected,
            article_ids=article_ids,
            started=started,
        )

    def _understand(self, question: str, language: str, turns: list[Turn]) -> str:
        if not turns:
            return question
        if self._llm:
            history = [(turn.question, turn.answer) for turn in turns[-_HISTORY_FOR_LLM:]]
            # Where the model fails, or what it writes is no question, the rules below do without it.
            with suppress(LlmError, BadQuestion):
                return self._checked(condense(self._llm, history, question))
        if not is_follow_up(question, language):
            return question
        topic = next((t.question for t in reversed(turns) if t.question == t.understood_as), turns[-1].question)
        return join_questions(topic, question)[-self._settings.max_question :]

    def _events(self, question: _Question, nodes: list[NodeWithScore], conversation: str | None) -> Iterator[Event]:
        events = self._generated(self._llm, question, nodes) if self._llm else self._extracted(question, nodes, [])
        for event in events:
            if isinstance(event, Answer) and conversation:
                self.conversations.append(conversation, Turn(question.asked, question.understood_as, event.text))
            yield event

    def _extracted(self, question: _Question, nodes: list[NodeWithScore], notes: list[str]) -> Iterator[Event]:
        if is_silent(nodes, question.language):
            yield from self._silent(question, nodes, "extractive", notes)
            return
        found = best_sentences(question.understood_as, question.language, nodes, self.index.encoder)
        quotes = [self._attributed(quote) for quote in found]
        yield from quotes
        # A quotation has lines of its own: no reader has to untangle two directions in one.
        parts = [
            introduction(quote, question.answer_language, self._place(quote, question), is_first=i == 0)
            + "\n"
            + quotation(quote)
            for i, quote in enumerate(quotes)
        ]
        text = "\n\n".join(parts)
        yield Token(text)
        yield self._answer(
            question, text=text, quotes=quotes, sources=_rested_on(quotes, nodes), model="extractive", notes=notes
        )

    def _generated(self, llm: LLM, question: _Question, nodes: list[NodeWithScore]) -> Iterator[Event]:
        generated = Generated()
        pieces: list[str] = []
        try:
            for piece in stream_answer(llm, question.understood_as, question.answer_language, nodes, generated):
                pieces.append(piece)
                yield Token(piece)
        except LlmError as error:
            if pieces:
                yield Restart()
            note = phrase("llm_failed", question.answer_language, reason=error.message)
            yield from self._extracted(question, nodes, [note])
            return
        if generated.is_silent:
            yield from self._silent(question, nodes, self.model, [])
            return
        cited = [nodes[i] for i in generated.cited]
        quotes = [self._attributed(quote) for quote in generated.quotes]
        yield from quotes
        notes = [phrase("unquoted", question.answer_language, text=text) for text in generated.rejected]
        sources = [to_source(node) for node in cited]
        yield self._answer(
            question,
            text="".join(pieces).strip(),
            quotes=quotes,
            sources=sources,
            model=self.model,
            notes=notes,
        )

    def _silent(self, question: _Question, nodes: list[NodeWithScore], model: str, notes: list[str]) -> Iterator[Event]:
        closest = [to_source(node) for node in nodes[:_CLOSEST]]
        text = phrase("silent", question.answer_language)
        if closest:
            places = ", ".join(self._place(source, question) for source in closest)
            text += " " + phrase("closest", question.answer_language, places=places)
        yield Token(text)
        yield self._answer(question, text=text, quotes=[], sources=[], model=model, notes=notes, closest=closest)

    def _answer(
        self,
        question: _Question,
        *,
        text: str,
        quotes: list[Quote],
        sources: list[Source],
        model: str,
        notes: list[str],
        closest: list[Source] | None = None,
    ) -> Answer:
        return Answer(
            question=question.asked,
            understood_as=question.understood_as,
            language=question.answer_language,
            verdict="answered" if closest is None else "not_in_article",
            text=text,
            quotes=quotes,
            sources=sources,
            closest=closest or [],
            model=model,
            notes=notes,
            took_ms=round((time.perf_counter() - question.started) * 1000, 1),
        )

    def _attributed(self, quote: Quote) -> Quote:
        """The quote with who says it."""
        article = self.index.catalog.article(quote.article_id).article
        said = attribute(article.text, quote.start, quote.end, article.language)
        return quote.model_copy(update={"speaker": said.speaker, "is_hedged": said.is_hedged})

    def _place(self, cited: Quote | Source, question: _Question) -> str:
        asked = len(question.article_ids) if question.article_ids else len(self.index.languages())
        return place(cited, name_article=asked > 1)

    def _checked(self, question: str) -> str:
        question = " ".join(clean(question).split())
        if not any(unicodedata.category(char)[0] in "LN" for char in question):
            raise BadQuestion("The question is empty.", "Ask in words, for example: Why did Tokayev call in the CSTO?")
        if len(question) > self._settings.max_question:
            raise BadQuestion(
                f"The question has {len(question):,} characters; {self._settings.max_question:,} are accepted.",
                "Ask it in fewer words, or raise RAG_MAX_QUESTION.",
            )
        return question

    def check(self, article_ids: Sequence[str] | None = None) -> None:
        """Whether there is an article to ask. Raises UnknownArticle, NothingIndexed."""
        if article_ids is not None and not article_ids:
            raise BadQuestion(
                "The list of articles to ask is empty.", "Name articles, or leave the list out to ask all."
            )
        known = self.index.catalog.article_ids()
        for article_id in set(article_ids or []) - known:
            self.index.catalog.article(article_id)
        if not known:
            raise NothingIndexed(
                "No article is indexed.",
                "Run `maqal index FILE`, or `maqal index --bundled` for the article that comes with maqal.",
            )


def last_answer(events: Iterable[Event]) -> Answer:
    """The whole answer, which is the last event."""
    return next(event for event in events if isinstance(event, Answer))


def to_source(node: NodeWithScore) -> Source:
    """The source that a retrieved node stands for."""
    metadata = node.node.metadata
    return Source(
        article_id=metadata["article_id"],
        version=metadata["version"],
        paragraph=metadata["paragraph"],
        heading=metadata["heading"],
        text=node.node.get_content(),
        score=round(node.score or 0.0, 4),
    )


def _rested_on(quotes: Sequence[Quote], nodes: Sequence[NodeWithScore]) -> list[Source]:
    """The paragraphs that the quotes are from, in the order of the quotes."""
    sources = [to_source(node) for node in nodes]
    places = dict.fromkeys((q.article_id, q.paragraph) for q in quotes)
    return [s for place in places for s in sources if (s.article_id, s.paragraph) == place]
