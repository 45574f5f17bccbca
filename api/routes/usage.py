"""How much the service is used, and by which keys."""

from datetime import UTC, date, datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Query

from api.dependencies import Engine
from api.schemas import Day, UsageBody

router = APIRouter(tags=["administration"])
_DAYS = 30


@router.get("/usage", summary="Count the answers")
def get_usage(
    engine: Engine,
    *,
    since: Annotated[Day | None, Query(description="first day (UTC); without it, the last 30 days")] = None,
    until: Annotated[Day | None, Query(description="last day (UTC), included; without it, today")] = None,
) -> UsageBody:
    """How many answers were given, by day, verdict, language and the name of the key."""
    until = until or datetime.now(UTC).date()
    since = since or until - min(timedelta(days=_DAYS - 1), until - date.min)
    return UsageBody.of(since, until, engine.answers.usage(since, until))
