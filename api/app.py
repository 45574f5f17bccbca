"""The FastAPI app: the routes over one chat engine."""

from collections.abc import AsyncIterator
from contextlib import AbstractContextManager, asynccontextmanager, closing, suppress
from importlib.metadata import version

from anyio import CapacityLimiter, to_thread
from fastapi import APIRouter, Depends, FastAPI
from prometheus_fastapi_instrumentator.middleware import PrometheusInstrumentatorMiddleware

from api import errors
from api.auth import require
from api.body_limit import BodyLimit
from api.ceiling import Ceiling
from api.headers import SecurityHeaders
from api.idempotency import IdempotencyStore
from api.keys import check_keys, open_keys
from api.logs import RequestLog
from api.mcp_server import make_mcp_server, over_http
from api.metrics import Metrics
from api.origins import SameOrigin, TrustedHosts
from api.rate_limits import RateLimits
from api.routes import (
    answers,
    articles,
    ask,
    conversations,
    feedback,
    health,
    mcp,
    metrics,
    openai,
    quotes,
    search,
    suggestions,
    usage,
    web,
)
from api.settings import ApiSettings
from api.shutdown import on_signal
from api.streams import Ask, Streams
from api.tracing import Tracing
from index.settings import IndexSettings
from rag.answers import Answer
from rag.chat_engine import ChatEngine
from rag.exceptions import NothingIndexed
from rag.factory import open_engine
from rag.settings import RagSettings
from rag.suggestions import Suggester

_THREADS, _THREADS_WITH_LLM, _ROUTE_THREADS = 2, 16, 4


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
    check_keys(index_settings, api_settings)
    rate_limits = RateLimits(api_settings)
    tracing = Tracing()
    # A language model is waited for; without one, more threads only hold each other and the event loop up.
    threads = api_settings.threads or (_THREADS_WITH_LLM if rag_settings.llm else _THREADS)
    opening = engine or open_engine(index_settings, rag_settings, writable=True)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        # Routes that are plain functions run in threads: this many at a time, others wait in line.
        to_thread.current_default_thread_limiter().total_tokens = max(threads, _ROUTE_THREADS)
        # Articles are written by one thread beside those, so that an upload holds up no question.
        app.state.writing = CapacityLimiter(1)
        app.state.fetching = CapacityLimiter(4)
        with (
            open_keys(index_settings, api_settings) as app.state.keys,
            opening as app.state.engine,
            closing(IdempotencyStore(app.state.engine.index.settings.data_dir)) as app.state.idempotency,
        ):
            app.state.suggester = Suggester(app.state.engine)
            await to_thread.run_sync(_warm_up, app.state.engine)
            app.state.streams = Streams(threads, app.state.ceiling, watch)
            # The rest of the grace is for sending what this says.
            on_signal(lambda: app.state.streams.close(0.8 * api_settings.shutdown_grace))
            async with app.state.mcp.run():
                yield
            await app.state.streams.close()
        app.state.metrics.close()
        await to_thread.run_sync(tracing.close)
        await rate_limits.close()

    app = FastAPI(
        title="maqal",
        version=version("maqal"),
        description="Answers questions about news articles from what the articles say, with verified quotes.",
        lifespan=lifespan,
        redirect_slashes=False,
        # Their pages load scripts from elsewhere; the schema itself is at /openapi.json.
        docs_url=None,
        redoc_url=None,
        telemetry=tracing.telemetry,
    )
    app.state.settings = api_settings
    app.state.rate_limits = rate_limits
    app.state.metrics = Metrics()
    app.state.ceiling = Ceiling(api_settings.max_answers, app.state.metrics.open_answers)

    def watch(ask: Ask) -> Ask:
        watched: Ask = app.state.metrics.watch(tracing.watch(ask))
        return watched

    async def make_answer(ask: Ask) -> Answer:
        answer: Answer = await app.state.streams.ask(ask)
        return answer

    app.state.mcp = over_http(make_mcp_server(lambda: app.state.engine, make_answer), api_settings.max_body_bytes)
    errors.install(app)
    # The last one added is the first to see a request.
    app.add_middleware(BodyLimit, max_bytes=api_settings.max_body_bytes)
    if not api_settings.keys_are_required:
        app.add_middleware(SameOrigin)
    app.add_middleware(TrustedHosts, settings=api_settings)
    app.add_middleware(RequestLog, log_bodies=api_settings.log_questions)
    app.add_middleware(SecurityHeaders)
    app.add_middleware(
        PrometheusInstrumentatorMiddleware,
        instrumentations=[app.state.metrics.note_request],
        should_group_status_codes=False,
        excluded_handlers=["^/metrics$", "^/healthz$", "^/readyz$"],
        registry=app.state.metrics.registry,
    )
    v1 = APIRouter(
        prefix="/v1",
        responses=errors.documented(400, 401, 403, 413, 415, 422, 429, 500, 503),
    )
    for routes in (ask, conversations, answers, search, quotes, suggestions):
        v1.include_router(routes.router, dependencies=[Depends(require("ask"))])
    # What writes asks for `ingest` itself.
    v1.include_router(articles.router, dependencies=[Depends(require("ask", "ingest"))])
    for routes in (feedback, usage):
        v1.include_router(routes.router, dependencies=[Depends(require("admin"))])
    app.include_router(v1)
    app.include_router(openai.router, prefix="/v1", dependencies=[Depends(require("ask"))])
    app.include_router(mcp.router, dependencies=[Depends(require("ask"))])
    app.include_router(health.router)
    app.include_router(
        metrics.router, dependencies=[Depends(require("admin"))], responses=errors.documented(401, 403, 429, 500, 503)
    )
    app.include_router(web.router)
    app.mount("/web", web.files)
    return app


def _warm_up(engine: ChatEngine) -> None:
    """Load what a first question needs, so that nobody waits for it."""
    with suppress(NothingIndexed):
        engine.search("When?")
