"""The numbers that Prometheus reads."""

from anyio import to_thread
from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST

from api.dependencies import Engine

router = APIRouter(tags=["health"])


@router.get("/metrics", summary="Read the metrics", response_class=Response)
async def metrics(request: Request, engine: Engine) -> Response:
    """Prometheus' text format: answers by verdict and language, stages in seconds, confidence, what waits."""
    text = await to_thread.run_sync(request.app.state.metrics.text, engine)
    return Response(text, media_type=CONTENT_TYPE_LATEST)
