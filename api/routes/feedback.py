"""What readers thought of the answers, for those who make them better."""

from collections.abc import Iterator

from fastapi import APIRouter

from api.dependencies import Engine
from rag.answer_store import Feedback

router = APIRouter(tags=["administration"])


@router.get("/feedback", summary="Export the feedback")
def export_feedback(engine: Engine) -> Iterator[Feedback]:
    """All feedback with the answers it is about, one JSON object a line, oldest first."""
    yield from engine.answers.feedback()
