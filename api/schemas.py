"""What requests and responses hold, where `rag.answers` and `rag.memory` do not say it already."""

from dataclasses import asdict
from datetime import date
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, JsonValue

from index.articles import IndexedArticle, Kind
from index.ingestion import Outcome
from index.normalization import clean
from rag.answers import Quote
from rag.citations import Style


def _line(text: str) -> str:
    """One line that every store takes: no NUL, no lone surrogate, which JSON may carry."""
    return " ".join(clean(text).split())


Line = Annotated[str, Field(max_length=500), AfterValidator(_line)]


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
    published: date | None = Field(default=None, description="ISO 8601 date")
    name: Line | None = Field(default=None, description="your name for the article")


class ConversationBody(BaseModel):
    """A conversation that was begun."""

    id: str


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


class UploadBody(ArticleBody):
    """An article after an upload."""

    outcome: Outcome


class CitationBody(BaseModel):
    """A quote's citation."""

    text: str = Field(description="to print or paste; Arabic and Latin parts stand in bidi isolates")
    style: Style
    quote: Quote


class HealthBody(BaseModel):
    """The process answers."""

    status: Literal["ok"] = "ok"


class ReadyBody(BaseModel):
    """Questions can be answered."""

    status: Literal["ready"] = "ready"
    articles: int
    passages: int
    model: str = Field(description="`extractive`, or the language model that writes answers")
