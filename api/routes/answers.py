"""Answers that were given: read again, followed to their end, thought good or bad."""

from typing import Annotated

from fastapi import APIRouter, Header

from api.asking import EventStream, Questions
from api.dependencies import Engine, RequestClient
from api.errors import documented
from api.schemas import STREAM_RESPONSE, FeedbackRequest
from rag.answers import Answer

router = APIRouter(prefix="/answers", tags=["answers"])


@router.get("/{answer_id}", summary="Read an answer", responses=documented(404))
def get_answer(answer_id: str, engine: Engine) -> Answer:
    """The answer as it was given, for as long as it is kept (RAG_CONVERSATION_DAYS)."""
    return engine.answers.answer(answer_id)


@router.get(
    "/{answer_id}/events",
    summary="Go on with a stream",
    response_class=EventStream,
    responses={**STREAM_RESPONSE, **documented(404)},
)
async def get_events(
    answer_id: str,
    questions: Questions,
    last_event_id: Annotated[
        str | None,
        Header(pattern=r"^[0-9a-f]{32}:[0-9]{1,9}$", description="id of the last event that arrived; without it, all"),
    ] = None,
) -> EventStream:
    """The events after the last one that arrived.

    Some minutes after an answer's `done` its own events are forgotten; then `restart` comes, and the answer anew.
    """
    of, _, number = (last_event_id or "").rpartition(":")
    return await questions.resumed(answer_id, int(number) if of == answer_id else 0)


@router.post("/{answer_id}/feedback", summary="Rate an answer", status_code=204, responses=documented(404))
def post_feedback(answer_id: str, body: FeedbackRequest, engine: Engine, client: RequestClient) -> None:
    """Keep what a reader thinks of an answer; each key has one opinion of an answer, the last one."""
    engine.answers.rate(answer_id, body.rating, reason=body.reason, reader=client.key_id, surface=body.surface)
