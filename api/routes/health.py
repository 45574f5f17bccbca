"""Whether the process lives, and whether it can answer; for machines, without a key."""

import asyncio

from fastapi import APIRouter

from api.dependencies import Engine
from api.errors import documented
from api.schemas import HealthBody, ReadyBody
from rag.chat_engine import ChatEngine

router = APIRouter(tags=["health"])


@router.get("/healthz", summary="Is the process alive?")
async def healthz() -> HealthBody:
    """Always `ok`."""
    return HealthBody()


@router.get("/readyz", summary="Can it answer?", responses=documented(500, 503))
async def readyz(engine: Engine) -> ReadyBody:
    """Counts, after a search through catalog, encoder and vectors; 503 when one of them cannot serve."""
    # Not in the threads of the routes: waiting in line behind answers is no reason to be called unready.
    return await asyncio.to_thread(_ready, engine)


def _ready(engine: ChatEngine) -> ReadyBody:
    engine.index.search_vectors("ready", 1)
    return ReadyBody(
        articles=len(engine.index.catalog.article_ids()), passages=len(engine.index.passages()), model=engine.model
    )
