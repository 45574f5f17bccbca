"""One question, one answer."""

from fastapi import APIRouter

from api.dependencies import Engine
from api.errors import documented
from api.schemas import AskRequest
from rag.answers import Answer

router = APIRouter(tags=["answers"])


@router.post("/ask", summary="Ask about the articles", responses=documented(404, 409))
def ask(body: AskRequest, engine: Engine) -> Answer:
    """Answer a question from what the articles say, with verified quotes, or say that they do not say."""
    return engine.ask(
        body.question, conversation=body.conversation, article_ids=body.article_ids, language=body.language
    )
