"""The models that OpenAI's clients see: `maqal`, and `maqal/ARTICLE` for each article."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, Field

from api.openai.errors import UnknownModel
from index.articles import IndexedArticle
from rag.chat_engine import ChatEngine

ALL = "maqal"
_PREFIX = f"{ALL}/"


class Model(BaseModel):
    """A model that can be asked."""

    id: str = Field(examples=["maqal/kazakhstan-csto-2022.ar"])
    object: Literal["model"] = "model"
    created: int = Field(description="seconds since 1970")
    owned_by: str = "maqal"
    name: str = Field(description="for people; Open WebUI shows it")


class ModelList(BaseModel):
    """The models that can be asked."""

    object: Literal["list"] = "list"
    data: list[Model]


def models(engine: ChatEngine) -> list[Model]:
    """All models, the one for all articles first."""
    of_articles = [_of_article(entry) for entry in engine.index.articles()]
    created = min((model.created for model in of_articles), default=0)
    return [Model(id=ALL, created=created, name="maqal: all articles"), *of_articles]


def model(engine: ChatEngine, name: str) -> Model:
    """The model of a name. Raises UnknownModel."""
    found = next((model for model in models(engine) if model.id == name), None)
    if found is None:
        raise _unknown(name)
    return found


def article_ids_of(engine: ChatEngine, name: str) -> list[str] | None:
    """The articles that a model asks; None for all. Raises UnknownModel."""
    if name == ALL:
        return None
    article_id = name.removeprefix(_PREFIX)
    if article_id == name or article_id not in engine.index.catalog.article_ids():
        raise _unknown(name)
    return [article_id]


def _unknown(name: str) -> UnknownModel:
    return UnknownModel(
        f"There is no model {name[:100]!r}.", f"Use {ALL!r}, or another one that GET /v1/models lists.", "model"
    )


def _of_article(entry: IndexedArticle) -> Model:
    created = int(datetime.fromisoformat(entry.added).timestamp())
    return Model(id=_PREFIX + entry.id, created=created, name=f"maqal: {entry.article.title or entry.id}")
