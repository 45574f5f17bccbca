"""One question, one answer, whole or piece by piece."""

from fastapi import APIRouter

from api.asking import EventStream, Questions
from api.errors import documented
from api.schemas import STREAM_RESPONSE, AskRequest
from rag.answers import Answer

router = APIRouter(tags=["answers"])


@router.post("/ask", summary="Ask about the articles", responses=documented(404, 409))
async def ask(body: AskRequest, questions: Questions) -> Answer:
    """Answer a question from what the articles say, with verified quotes, or say that they do not say."""
    return await questions.whole(body, body.conversation)


@router.post(
    "/ask/stream",
    summary="Ask about the articles, answered piece by piece",
    response_class=EventStream,
    responses={**STREAM_RESPONSE, **documented(404, 409)},
)
async def stream(body: AskRequest, questions: Questions) -> EventStream:
    """Events as they come: `status`, `quote` (a Quote), `token` ({"text"}), `restart` (what came so far is void).

    `answer` holds the whole Answer; in its stead may come `error` (problem details). The last event is always
    `done`. The answer is made and kept even if the connection breaks: `GET /v1/answers/{answer_id}/events` goes on.
    """
    return await questions.streamed(body, body.conversation)
