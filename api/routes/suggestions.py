"""Questions to begin with: what an article answers."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request

from api.errors import documented
from api.schemas import SuggestionsBody
from rag.suggestions import Suggester

router = APIRouter(prefix="/articles", tags=["articles"])


async def _suggester(request: Request) -> Suggester:
    suggester: Suggester = request.app.state.suggester
    return suggester


@router.get("/{article_id}/suggestions", summary="Suggest questions", responses=documented(404))
def get_suggestions(
    article_id: str,
    suggester: Annotated[Suggester, Depends(_suggester)],
    language: Annotated[str, Query(max_length=8, description="of the questions, ISO 639-1")] = "en",
) -> SuggestionsBody:
    """At most four questions that the article answers, made from the people, places and dates that it names."""
    return SuggestionsBody(language=language, questions=suggester.suggestions(article_id, language))
