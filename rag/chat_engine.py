"""The chat engine: a question becomes a cited answer, inside a conversation or alone."""

import time
import unicodedata
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from typing import Literal

from llama_index.core.llms import LLM
from llama_index.core.schema import NodeWithScore

from index.article_index import ArticleIndex
from index.languages import detect_language
from index.normalization import clean
from rag.answer_store import AnswerStore
from rag.answers import Answer, Event, Place, Quote, Restart, Source, Status, Token, last_answer
from rag.citations import Style, cite
from rag.exceptions import BadQuestion, LlmError, NothingIndexed
from rag.extractive import MAX_QUOTES, best_sentences
from rag.follow_ups import is_follow_up, join_questions, understand
from rag.generative import UNSUPPORTED, Generated, condense, stream_answer
from rag.memory import Conversations, Turn
from rag.phrases import languages, phrase
from rag.question_kinds import Kind, kind_of, split_question
from rag.quote_check import QuoteCheck, QuoteChecker
from rag.quotes import introduction, place, quotation, translation_line
from rag.refusal import confidence, evidence, threshold
from rag.retriever import HybridRetriever
from rag.settings import RagSettings
from rag.sources import merged, rested_on, to_source
from rag.speakers import attribute
from rag.translation import LlmTranslator, Translator, translated

_CLOSEST = 3
_HISTORY_FOR_LLM = 6


@dataclass(frozen=True, slots=True)
class _Question:
    """A question that has been checked: as asked, as understood, the answer's language, the articles asked."""

    answer_id: str
    asked: str
    understood_as: str
    language: str
    answer_language: str
    article_ids: Sequence[str] | None
    started: float


@dataclass(frozen=True, slots=True)
class _Part:
    """One of the questions that a double question asks, or the whole one, with the paragraphs found for it."""

    question: str
    kind: Kind
    nodes: list[NodeWithScore]
    confidence: float

    @property
    def is_answered(self) -> bool:
        return self.confidence >= threshold()


class ChatEngine:
    """Answers questions from an index; safe for threads, holds no state of a conversation itself."""

    def __init__(
        self,
        index: ArticleIndex,
        conversations: Conversations,
        answers: AnswerStore,
        settings: RagSettings,
        *,
        llm: LLM | None = None,
        translator: Translator | None = None,
    ) -> None:
        self.index = index
        self.conversations = conversations
        self.answers = answers
        self._settings = settings
        self._llm = llm
        self._translator = translator
        self._quote_checker = QuoteChecker(index, settings.max_quote)

    @property
    def model(self) -> str:
        """`extractive`, or the name of the language model."""
        return self._llm.metadata.model_name if self._llm else "extractive"

    def ask(
        self,
        question: str,
        *,
        conversation: str | None = None,
        turns: Sequence[Turn] = (),
        article_ids: Sequence[str] | None = None,
        language: str | None = None,
        client: str = "",
    ) -> Answer:
        """The answer to a question about all articles, or those named.

        In a conversation, a follow-up is understood through the questions before it, and the turn is remembered.
        A client that keeps the conversation itself gives its `turns` instead (`follow_ups.turns_of`); none is kept.
        `language` (ISO 639-1) sets the answer's; without it, it is the question's. The answer is counted for the
        `client`. Raises BadQuestion, NothingIndexed, UnknownArticle, BadConversationId, and what the index raises.
        """
        events = self.stream(
            question, conversation=conversation, turns=turns, article_ids=article_ids, language=language, client=client
        )
        return last_answer(events)

    def stream(
        self,
        question: str,
        *,
        conversation: str | None = None,
        turns: Sequence[Turn] = (),
        article_ids: Sequence[str] | None = None,
        language: str | None = None,
        client: str = "",
    ) -> Iterator[Event]:
        """The same, piece by piece; the last event is the whole answer.

        The question is checked and its paragraphs are found before this returns: errors come from the call.
        """
        if conversation:
            turns = self.conversations.turns(conversation)
        prepared = self._prepare(question, turns, article_ids, language)
        parts = [self._part(text, prepared) for text in _questions_in(prepared)]
        return self._events(prepared, parts, conversation, client)

    def search(self, question: str, *, article_ids: Sequence[str] | None = None, limit: int = 8) -> list[NodeWithScore]:
        """The paragraphs found for a question, best first. Raises as `ask` does."""
        question = self._checked(question)
        self.check(article_ids)
        language = detect_language(question)
        return HybridRetriever(self.index, language=language, article_ids=article_ids, limit=limit).retrieve(question)

    def check_quote(self, text: str, *, article_ids: Sequence[str] | None = None) -> QuoteCheck:
        """Whether a quote stands in the articles, or was altered, perhaps translated, or is absent.

        Raises BadQuestion, NothingIndexed, UnknownArticle, and what the index raises.
        """
        self.check(article_ids)
        return self._quote_checker.check(text, article_ids)

    def cite(self, quotes: Sequence[Quote], style: Style) -> list[str]:
        """The citation of each quote. Raises BadQuestion where its article was replaced, UnknownArticle."""
        return [cite(quote, self.index.catalog.article(quote.article_id), style) for quote in quotes]

    def _prepare(
        self, question: str, turns: Sequence[Turn], article_ids: Sequence[str] | None, language: str | None
    ) -> _Question:
        started = time.perf_counter()
        asked = self._checked(question)
        self.check(article_ids)
        if language and language not in languages():
            raise BadQuestion(
                f"No answer can be given in the language {language!r}.", f"Use one of: {', '.join(languages())}."
            )
        detected = detect_language(asked, default=detect_language(turns[-1].question) if turns else "en")
        return _Question(
            answer_id=uuid.uuid4().hex,
            asked=asked,
            understood_as=self._understand(asked, detected, turns),
            language=detected,
            answer_language=language or detected,
            article_ids=article_ids,
            started=started,
        )

    def _understand(self, question: str, language: str, turns: Sequence[Turn]) -> str:
        if not turns:
            return question
        if self._llm:
            history = [(turn.question, turn.answer) for turn in turns[-_HISTORY_FOR_LLM:]]
            # Where the model fails, or what it writes is no question, the rules below do without it.
            with suppress(LlmError, BadQuestion):
                return self._checked(condense(self._llm, history, question, deadline=self._settings.llm_deadline))
        return understand(question, language, turns)[-self._settings.max_question :]

    def _part(self, text: str, question: _Question) -> _Part:
        retriever = HybridRetriever(self.index, language=question.language, article_ids=question.article_ids)
        nodes, kind = retriever.retrieve(text), kind_of(text, question.language)
        found = confidence(evidence(text, kind, question.language, nodes)) if nodes else 0.0
        return _Part(text, kind, nodes, found)

    def _events(
        self, question: _Question, parts: list[_Part], conversation: str | None, client: str
    ) -> Iterator[Event]:
        yield _status("reading", question, parts)
        events = self._generated(self._llm, question, parts) if self._llm else self._extracted(question, parts, [])
        for event in events:
            if isinstance(event, Answer):
                self.answers.add(event, conversation, client=client)
                if conversation:
                    turn = Turn(question.asked, question.understood_as, event.text, event.id)
                    self.conversations.append(conversation, turn)
            yield event

    def _extracted(self, question: _Question, parts: list[_Part], notes: list[str]) -> Iterator[Event]:
        if not any(part.is_answered for part in parts):
            yield from self._silent(question, parts, "extractive", notes)
            return
        missing = [part.question for part in parts if not part.is_answered]
        notes = [*notes, *(phrase("part_silent", question.answer_language, text=text) for text in missing)]
        quotes = self._found(question, parts)
        quotes, untranslated = self._translated(quotes, question, self._translator)
        notes = [*notes, *untranslated]
        yield from quotes
        # A quotation has lines of its own: no reader has to untangle two directions in one.
        lines = [
            introduction(quote, question.answer_language, self._place(quote, question), is_first=i == 0)
            + "\n"
            + quotation(quote)
            + translation_line(quote, question.answer_language)
            for i, quote in enumerate(quotes)
        ]
        text = "\n\n".join(lines)
        yield Token(text)
        yield self._answer(
            question,
            parts,
            text=text,
            quotes=quotes,
            sources=rested_on(quotes, merged(part.nodes for part in parts)),
            model="extractive",
            notes=notes,
        )

    def _found(self, question: _Question, parts: list[_Part]) -> list[Quote]:
        """The best quote for each part that is answered, then their other ones; three at most, with who says them."""
        attributed = self._attributer()

        def speaker_of(quote: Quote) -> str:
            return attributed(quote).speaker

        found = [
            best_sentences(part.question, part.kind, question.language, part.nodes, speaker_of)
            for part in parts
            if part.is_answered
        ]
        in_turn = [quotes[i] for i in range(MAX_QUOTES) for quotes in found if i < len(quotes)]
        distinct: dict[tuple[str, int, int], Quote] = {}
        for quote in in_turn:
            distinct.setdefault((quote.article_id, quote.start, quote.end), quote)
        return [attributed(quote) for quote in list(distinct.values())[:MAX_QUOTES]]

    def _generated(self, llm: LLM, question: _Question, parts: list[_Part]) -> Iterator[Event]:
        generated = Generated()
        nodes = merged(part.nodes for part in parts)
        pieces: list[str] = []
        early = self._found(question, parts)
        yield from early
        yield _status("writing", question, parts)
        try:
            for piece in stream_answer(
                llm,
                question.understood_as,
                question.answer_language,
                nodes,
                generated,
                encoder=self.index.encoder,
                deadline=self._settings.llm_deadline,
            ):
                pieces.append(piece)
                yield Token(piece)
        except LlmError as error:
            if pieces or early:
                yield Restart()
            note = phrase("llm_failed", question.answer_language, reason=error.message)
            yield from self._extracted(question, parts, [note])
            return
        if generated.is_silent:
            if pieces or early:
                yield Restart()
            yield from self._silent(question, parts, self.model, [])
            return
        cited = [nodes[i] for i in generated.cited]
        quotes = list(map(self._attributer(), generated.quotes))
        translator = self._translator or LlmTranslator(llm, self._settings.llm_timeout)
        quotes, untranslated = self._translated(quotes, question, translator)
        for quote in quotes:
            if line := translation_line(quote, question.answer_language):
                pieces.append(f"\n\n{quotation(quote)}{line}")
                yield Token(pieces[-1])
        shown = {(quote.article_id, quote.start, quote.end) for quote in early}
        yield from (quote for quote in quotes if (quote.article_id, quote.start, quote.end) not in shown)
        notes = [phrase("unquoted", question.answer_language, text=text) for text in generated.rejected] + untranslated
        if generated.unsupported:
            notes.append(phrase("unsupported", question.answer_language, sign=UNSUPPORTED))
        sources = [to_source(node) for node in cited]
        yield self._answer(
            question,
            parts,
            text="".join(pieces).strip(),
            quotes=quotes,
            sources=sources,
            model=self.model,
            notes=notes,
        ).model_copy(update={"unsupported": generated.unsupported})

    def _silent(self, question: _Question, parts: list[_Part], model: str, notes: list[str]) -> Iterator[Event]:
        closest = [to_source(node) for node in merged(part.nodes for part in parts)[:_CLOSEST]]
        text = phrase("silent", question.answer_language)
        if closest:
            places = ", ".join(self._place(source, question) for source in closest)
            text += " " + phrase("closest", question.answer_language, places=places)
        yield Token(text)
        yield self._answer(question, parts, text=text, quotes=[], sources=[], model=model, notes=notes, closest=closest)

    def _answer(
        self,
        question: _Question,
        parts: list[_Part],
        *,
        text: str,
        quotes: list[Quote],
        sources: list[Source],
        model: str,
        notes: list[str],
        closest: list[Source] | None = None,
    ) -> Answer:
        return Answer(
            id=question.answer_id,
            question=question.asked,
            understood_as=question.understood_as,
            language=question.answer_language,
            verdict="answered" if closest is None else "not_in_article",
            text=text,
            quotes=quotes,
            sources=sources,
            closest=closest or [],
            confidence=round(max(part.confidence for part in parts), 3),
            model=model,
            notes=notes,
            took_ms=round((time.perf_counter() - question.started) * 1000, 1),
        )

    def _translated(
        self, quotes: list[Quote], question: _Question, translator: Translator | None
    ) -> tuple[list[Quote], list[str]]:
        """The quotes with translations for the reader, and a note where one cannot be had."""
        done, reason = translated(quotes, self.index.languages(), question.answer_language, translator)
        return done, [phrase("untranslated", question.answer_language, reason=reason)] if reason else []

    def _attributer(self) -> Callable[[Quote], Quote]:
        """What adds to each quote of one answer who says it; an article is read once."""
        read = cache(self.index.catalog.article)

        def attributed(quote: Quote) -> Quote:
            article = read(quote.article_id).article
            said = attribute(article.text, quote.start, quote.end, article.language)
            return quote.model_copy(update={"speaker": said.speaker, "is_hedged": said.is_hedged})

        return attributed

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
            raise BadQuestion("The list of articles to ask is empty.", "Name articles, or leave it out to ask all.")
        known = self.index.catalog.article_ids()
        for article_id in set(article_ids or []) - known:
            self.index.catalog.article(article_id)
        if not known:
            raise NothingIndexed(
                "No article is indexed.",
                "Run `maqal index FILE`, or `maqal index --bundled` for the article that comes with maqal.",
            )


def _questions_in(question: _Question) -> list[str]:
    """The question as understood, or the parts of a double one, a part that leans on the first together with it."""
    first, *others = split_question(question.understood_as, question.language)
    return [first, *(join_questions(first, o) if is_follow_up(o, question.language) else o for o in others)]


def _status(stage: Literal["reading", "writing"], question: _Question, parts: Sequence[_Part]) -> Status:
    found = [to_source(node) for node in merged(part.nodes for part in parts)]
    places = [Place(article_id=source.article_id, paragraph=source.paragraph) for source in found]
    return Status(answer_id=question.answer_id, stage=stage, places=places)
