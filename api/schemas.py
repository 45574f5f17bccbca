"""What requests and responses hold, where `rag.answers` and `rag.memory` do not say it already."""

import re
from dataclasses import asdict
from datetime import date
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Discriminator, Field, JsonValue, Tag

from index.articles import IndexedArticle, Kind
from index.ingestion import Outcome
from index.normalization import clean
from rag.answer_store import Rating, Usage
from rag.answers import Answer, Quote
from rag.citations import Style
from rag.memory import Turn


def _line(text: str) -> str:
    """One line that every store takes: no NUL, no lone surrogate, which JSON may carry."""
    return " ".join(clean(text).split())


_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def _iso_day(value: object) -> object:
    """Pydantic would take a number for the seconds since 1970."""
    if (isinstance(value, str) and not _DAY.fullmatch(value)) or isinstance(value, int | float):
        raise ValueError("a date is written YYYY-MM-DD")
    return value


Day = Annotated[date, BeforeValidator(_iso_day)]
Line = Annotated[str, Field(max_length=500), AfterValidator(_line)]


STREAM_RESPONSE: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "Server-sent events; the data of each is JSON",
        "content": {
            "text/event-stream": {
                "schema": {
                    "type": "object",
                    "description": "one event",
                    "properties": {
                        "event": {"enum": ["status", "quote", "token", "restart", "answer", "error", "done"]},
                        "data": {"type": "string", "contentMediaType": "application/json"},
                        "id": {"type": "string", "description": "for the header Last-Event-ID"},
                    },
                    "required": ["event", "data"],
                },
                "example": {
                    "event": "token",
                    "data": '{"text":"It will open again in March."}',
                    "id": "0123456789abcdef0123456789abcdef:3",
                },
            }
        },
    }
}
"""What a stream's route documents."""


def _examples(*bodies: dict[str, JsonValue]) -> ConfigDict:
    return ConfigDict(json_schema_extra={"examples": list(bodies)})


class _Request(BaseModel):
    model_config = ConfigDict(extra="forbid")


class MessageRequest(_Request):
    """A question inside a conversation."""

    model_config = _examples(
        {"question": "Why did Tokayev call in the CSTO?"},
        {"question": "ماذا كتب سوشكوف على تويتر؟", "article_ids": ["kazakhstan-csto-2022.ar"], "language": "en"},
    )

    question: str = Field(description="in any language")
    article_ids: list[Line] | None = Field(
        default=None, min_length=1, max_length=100, description="articles to ask; without it, all"
    )
    language: Line | None = Field(
        default=None, min_length=1, description="language of the answer, ISO 639-1; without it, the question's"
    )


class AskRequest(MessageRequest):
    """A question, alone or in a conversation."""

    conversation: str | None = Field(
        default=None, min_length=1, description="id of the conversation that the question continues"
    )


class SearchRequest(_Request):
    """A question whose paragraphs are wanted."""

    model_config = _examples({"question": "How many soldiers arrived in Kazakhstan?", "limit": 3})

    question: str
    article_ids: list[Line] | None = Field(default=None, min_length=1, max_length=100)
    limit: int = Field(default=8, ge=1, le=50, description="most paragraphs to return")


class QuoteRequest(_Request):
    """What is said to be a quote from the articles."""

    model_config = _examples(
        {"text": "“أزمةً يمكن لموسكو أن تكون مفيدةً فيها”"},
        {"text": "وصل 3500 جندي من أرمينيا وبيلاروسيا", "article_ids": ["kazakhstan-csto-2022.ar"]},
    )

    text: str = Field(description="with or without quotation marks; `…` or `[...]` where words were left out")
    article_ids: list[Line] | None = Field(
        default=None, min_length=1, max_length=100, description="articles to look in; without it, all"
    )


class ArticleRequest(_Request):
    """An article to index; a second one with the same `name` (or title) replaces the first."""

    model_config = _examples(
        {
            "text": "The bridge was closed on Monday. It will open again in March, the mayor said.",
            "title": "Bridge closed",
            "published": "2026-01-07",
            "name": "bridge.txt",
        }
    )

    text: str
    format: Literal["text", "markdown", "html"] = "text"
    title: Line | None = Field(default=None, description="wins over the one in the text")
    source: Line | None = Field(default=None, description="publisher")
    published: Day | None = Field(default=None, description="ISO 8601 date")
    name: Line | None = Field(default=None, description="your name for the article")


class UrlArticle(_Request):
    """An article to fetch and index, where the service allows it; a second one from the same address replaces it."""

    model_config = _examples({"url": "https://example.org/news/bridge.html", "source": "Daily"})

    url: str = Field(min_length=1, max_length=2_000, description="http or https")
    title: Line | None = Field(default=None, description="wins over the one in the page")
    source: Line | None = Field(default=None, description="publisher")
    published: Day | None = Field(default=None, description="ISO 8601 date")


def _kind_of_article(body: object) -> str:
    return "url" if isinstance(body, UrlArticle) or (isinstance(body, dict) and "url" in body) else "text"


NewArticle = Annotated[
    Annotated[ArticleRequest, Tag("text")] | Annotated[UrlArticle, Tag("url")], Discriminator(_kind_of_article)
]
"""An article's text, or where it is."""


class FeedbackRequest(_Request):
    """What a reader thinks of an answer."""

    model_config = _examples({"rating": "up"}, {"rating": "down", "reason": "It quotes the wrong paragraph."})

    rating: Rating
    reason: Annotated[str, AfterValidator(clean)] = Field(
        default="", max_length=2_000, description="in the reader's words"
    )
    surface: Literal["rest", "web"] = Field(default="rest", description="where it was given")


class ConversationBody(BaseModel):
    """A conversation that was begun."""

    id: str


class TurnBody(BaseModel):
    """A question of a conversation, and its answer."""

    question: str
    understood_as: str = Field(description="the question with what the conversation adds to it")
    answer: str = Field(description="the answer's text")
    answer_id: str = Field(description="of GET /v1/answers/{id}; empty in turns from before answers had one")
    whole: Answer | None = Field(default=None, description="with `full`: the answer, if it is still kept")

    @classmethod
    def of(cls, turn: Turn, whole: Answer | None) -> Self:
        """The body for a turn."""
        return cls(**asdict(turn), whole=whole)


class ArticleBody(BaseModel):
    """What is known of an indexed article."""

    id: str
    version: int = Field(description="from 1; counts the texts that the article has had")
    title: str
    source: str | None
    published: date | None
    language: str = Field(description="ISO 639-1")
    paragraph_count: int = Field(description="paragraphs that answers can cite")
    added: str = Field(description="ISO 8601, UTC")

    @classmethod
    def of(cls, entry: IndexedArticle, **more: object) -> Self:
        """The body for an article of the catalog; `more` is what the article itself does not hold."""
        known = asdict(entry.article)
        count = len(entry.article.body)
        return cls.model_validate(
            {**known, "id": entry.id, "version": entry.version, "added": entry.added, "paragraph_count": count, **more}
        )


class ParagraphBody(BaseModel):
    """A span of the article's text, in characters, and its role."""

    kind: Kind
    number: int = Field(description="from 1 within the kind")
    start: int
    end: int


class ArticleTextBody(ArticleBody):
    """An article with its text; every quote from it is `text[start:end]`."""

    text: str
    paragraphs: list[ParagraphBody]


class ArticleListBody(BaseModel):
    """Some of the articles, in the order in which they were first added."""

    articles: list[ArticleBody]
    next: str | None = Field(description="the `cursor` that goes on from here; null after the last article")


class UploadBody(ArticleBody):
    """An article after an upload."""

    outcome: Outcome


class SuggestionsBody(BaseModel):
    """Questions that an article answers."""

    language: str = Field(description="of the questions, ISO 639-1")
    questions: list[str] = Field(examples=[["What is the role of NATO?", "What happened in 1968?"]])


class CitationBody(BaseModel):
    """A quote's citation."""

    text: str = Field(description="to print or paste; Arabic and Latin parts stand in bidi isolates")
    style: Style
    quote: Quote


class UsageBody(BaseModel):
    """How many answers were given in some days, counted in four ways; deleted and forgotten answers count too."""

    since: date
    until: date
    answers: int
    by_day: dict[str, int] = Field(description="by the day (UTC)", examples=[{"2026-01-07": 12}])
    by_verdict: dict[str, int] = Field(examples=[{"answered": 9, "not_in_article": 3}])
    by_language: dict[str, int] = Field(description="by the answer's language", examples=[{"en": 12}])
    by_key: dict[str, int] = Field(
        description="by the name of the key; empty: asked elsewhere, e.g. in Slack", examples=[{"newsroom": 12}]
    )

    @classmethod
    def of(cls, since: date, until: date, rows: list[Usage]) -> Self:
        """The body for the counts of the days."""

        def by(name: str) -> dict[str, int]:
            counts: dict[str, int] = {}
            for row in rows:
                key = str(getattr(row, name))
                counts[key] = counts.get(key, 0) + row.answers
            return counts

        return cls(
            since=since,
            until=until,
            answers=sum(row.answers for row in rows),
            by_day=by("day"),
            by_verdict=by("verdict"),
            by_language=by("language"),
            by_key=by("client"),
        )


class HealthBody(BaseModel):
    """The process answers."""

    status: Literal["ok"] = "ok"


class ReadyBody(BaseModel):
    """Questions can be answered."""

    status: Literal["ready"] = "ready"
    articles: int
    passages: int
    model: str = Field(description="`extractive`, or the language model that writes answers")
