"""HTTP mode: Slack calls the bot at `POST /slack/events` of the API's server."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

from anyio import CapacityLimiter, to_thread
from fastapi import APIRouter, FastAPI, Request, Response
from slack_bolt.adapter.starlette.handler import to_bolt_request, to_starlette_response
from slack_sdk.signature import SignatureVerifier

from bots.slack.app import finish_answers, make_app
from bots.slack.deliveries import FILE_NAME, Deliveries
from bots.slack.settings import SlackSettings
from rag.chat_engine import ChatEngine

PATH = "/slack/events"
_ACKNOWLEDGING_THREADS = 4


def mount(api: FastAPI, engine: Callable[[], ChatEngine], settings: SlackSettings) -> None:
    """Add the bot to an app before it starts. Raises ConfigurationError where the token or the secret is missing.

    `engine` is called when the app starts, inside its own lifespan; the bot finishes its answers before that
    ends. Slack itself is first called when an event arrives.
    """
    settings.require_bot_token()
    verifier = SignatureVerifier(settings.require_signing_secret())

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[Mapping[str, Any]]:
        opened = engine()
        bot = make_app(opened, settings, Deliveries(opened.index.settings.data_dir / FILE_NAME))
        try:
            # Threads of their own: the server's may all be busy with answers, and Slack waits 3 s.
            yield {"slack_bot": bot, "slack_threads": CapacityLimiter(_ACKNOWLEDGING_THREADS)}
        finally:
            await to_thread.run_sync(finish_answers, bot)

    router = APIRouter(lifespan=lifespan)

    @router.post(PATH, include_in_schema=False)
    async def slack_events(request: Request) -> Response:
        body = await request.body()
        # Bolt verifies too, but only after it has parsed what anyone may have sent.
        if not _is_signed(verifier, body, request):
            return Response("The request is not signed by Slack.", status_code=401)
        # Not Bolt's own handler: it would call Slack, and wait, in the server's event loop.
        state = request.state
        answer = await to_thread.run_sync(
            state.slack_bot.dispatch, to_bolt_request(request, body), limiter=state.slack_threads
        )
        return to_starlette_response(answer)

    api.include_router(router)


def _is_signed(verifier: SignatureVerifier, body: bytes, request: Request) -> bool:
    try:
        return verifier.is_valid_request(body, request.headers)
    except (TypeError, ValueError):  # a body that is not UTF-8, a timestamp that is no number, a signature not in ASCII
        return False
