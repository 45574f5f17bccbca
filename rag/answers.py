"""The answer, as every surface gets it, and the events in which it arrives."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True)


class Quote(_Frozen):
    """Letters of an article: `text` equals `article.text[start:end]` of the version, checked before it is made."""

    text: str
    article_id: str
    version: int = Field(description="version of the article, from 1")
    paragraph: int = Field(description="number of the body paragraph, from 1")
    start: int = Field(description="offset of the first character in the article's text")
    end: int = Field(description="offset after the last character")
    score: float = Field(description="how well it fits the question; higher is better, at most about 1")
    speaker: str = Field(default="", description="who says it, in the article's letters; empty: the article itself")
    is_hedged: bool = Field(default=False, description="whether the article or speaker puts it as uncertain")
    translation: str = Field(
        default="", description="unofficial, in the answer's language, never in quotation marks; empty: there is none"
    )


class Source(_Frozen):
    """A paragraph that was read for the answer."""

    article_id: str
    version: int
    paragraph: int
    heading: str = Field(description="heading above the paragraph, or empty")
    text: str
    score: float


class Answer(_Frozen):
    """A question's answer, or the statement that the articles do not give one."""

    id: str = Field(description="names the answer for as long as it is kept")
    question: str
    understood_as: str = Field(description="the question with what the conversation adds to it")
    language: str = Field(description="language of the answer's frame, ISO 639-1")
    verdict: Literal["answered", "not_in_article"]
    text: str = Field(description="the answer to show; quotations in it stand in bidi isolates")
    quotes: list[Quote] = Field(description="verified quotes, best first")
    sources: list[Source] = Field(description="paragraphs that the answer rests on, best first")
    closest: list[Source] = Field(description="when the article does not say: the paragraphs nearest to the question")
    confidence: float = Field(description="probability, from a calibration, that the articles answer the question")
    model: str = Field(description="`extractive`, or the language model that wrote the text")
    notes: list[str] = Field(default=[], description="what a reader should know of how the answer was made")
    unsupported: list[str] = Field(
        default=[], description="sentences of a language model that the paragraphs they cite do not support"
    )
    took_ms: float


class Place(_Frozen):
    """A body paragraph of an article."""

    article_id: str
    paragraph: int


class Status(_Frozen):
    """What is being done for the answer: its paragraphs are read, or a language model writes."""

    answer_id: str = Field(description="id that the answer will have")
    stage: Literal["reading", "writing"]
    places: list[Place] = Field(description="paragraphs that were found for the question, best first")


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of the answer's text; all of them together are `Answer.text`, but for white space at its ends."""

    text: str


@dataclass(frozen=True, slots=True)
class Restart:
    """The tokens and quotes so far are void: the language model failed, and another answer follows."""


Event = Status | Quote | Token | Restart | Answer
"""What `ChatEngine.stream` yields: status, quotes, the text as it comes, and last the whole answer.

The quotes that come before a language model's text are those that answer without it; `Answer.quotes` has the ones that
its text rests on, and those of them that did not come before come after the text.
"""


def last_answer(events: Iterable[Event]) -> Answer:
    """The whole answer, which is the last event."""
    return next(event for event in events if isinstance(event, Answer))
