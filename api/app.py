"""The FastAPI app: the routes over one chat engine."""

from collections.abc import AsyncIterator
from contextlib import AbstractContextManager, asynccontextmanager
from importlib.metadata import version

from anyio import CapacityLimiter, to_thread
from fastapi import APIRouter, Depends, FastAPI

from api import errors
from api.auth import require_key
from api.body_limit import BodyLimit
from api.routes import articles, ask, conversations, health, quotes, search
from api.settings import ApiSettings
from index.settings import IndexSettings
from rag.chat_engine import ChatEngine
from rag.factory import open_engine
from rag.settings import RagSettings


def create_app(
    index_settings: IndexSettings,
    rag_settings: RagSettings,
    api_settings: ApiSettings,
    *,
    engine: AbstractContextManager[ChatEngine] | None = None,
) -> FastAPI:
    """The app; it opens its engine when it starts and closes it when it stops.

    `engine` is a context to enter instead of opening one: `nullcontext(engine)` shares an engine that
    someone else closes. Raises ConfigurationError.
    """
    api_settings.check()
    opening = engine or open_engine(index_settings, rag_settings, writable=True)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        # Routes are plain functions that run in threads: this many at a time, others wait in line.
        to_thread.current_default_thread_limiter().total_tokens = api_settings.threads
        # Articles are written by one thread beside those, so that an upload holds up no question.
        app.state.writing = CapacityLimiter(1)
        with opening as app.state.engine:
            yield

    app = FastAPI(
        title="maqal",
        version=version("maqal"),
        description="Answers questions about news articles from what the articles say, with verified quotes.",
        lifespan=lifespan,
        redirect_slashes=False,
        # Their pages load scripts from elsewhere; the schema itself is at /openapi.json.
        docs_url=None,
        redoc_url=None,
    )
    app.state.settings = api_settings
    errors.install(app)
    app.add_middleware(BodyLimit, max_bytes=api_settings.max_body_bytes)
    v1 = APIRouter(
        prefix="/v1", dependencies=[Depends(require_key)], responses=errors.documented(400, 401, 413, 422, 500, 503)
    )
    for routes in (ask, conversations, articles, search, quotes):
        v1.include_router(routes.router)
    app.include_router(v1)
    app.include_router(health.router)
    return app
