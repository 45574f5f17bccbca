"""The paragraphs that a question finds, without an answer."""

from fastapi import APIRouter

from api.dependencies import Engine
from api.errors import documented
from api.schemas import SearchRequest
from rag.answers import Source
from rag.sources import to_source

router = APIRouter(tags=["answers"])


@router.post("/search", summary="Find paragraphs", responses=documented(404, 409))
def search(body: SearchRequest, engine: Engine) -> list[Source]:
    """The paragraphs that fit the question best, best first."""
    nodes = engine.search(body.question, article_ids=body.article_ids, limit=body.limit)
    return [to_source(node) for node in nodes]
