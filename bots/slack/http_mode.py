"""HTTP mode: Slack calls the bot at `POST /slack/events` of the API's server."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

from anyio import CapacityLimiter, to_thread
from fastapi import APIRouter, FastAPI, Request, Response
from slack_bolt import BoltRequest, BoltResponse
from slack_bolt.adapter.starlette.handler import to_bolt_request, to_starlette_response
from slack_sdk.signature import SignatureVerifier

from bots.slack.app import open_bot
from bots.slack.settings import SlackSettings
from bots.slack.workspaces import INSTALL_PATH, REDIRECT_PATH, ManyWorkspaces
from rag.chat_engine import ChatEngine

PATH = "/slack/events"
_ACKNOWLEDGING_THREADS = 8


def mount(api: FastAPI, engine: Callable[[], ChatEngine], settings: SlackSettings) -> None:
    """Add the bot to an app before it starts. Raises ConfigurationError where a token or a secret is missing.

    `engine` is called when the app starts, inside its own lifespan; the bot answers what it took before that
    ends. Slack itself is first called when an event arrives.
    """
    if settings.has_many_workspaces:
        settings.require_client()
    else:
        settings.require_bot_token()
    verifier = SignatureVerifier(settings.require_signing_secret())

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[Mapping[str, Any]]:
        opened = open_bot(engine(), settings)
        bot = await to_thread.run_sync(opened.__enter__)
        many = bot.workspaces if isinstance(bot.workspaces, ManyWorkspaces) else None
        try:
            # Threads of their own: the server's may all be busy with answers, and Slack waits 3 s.
            yield {
                "slack_app": bot.app,
                "slack_installer": many.oauth_flow() if many else None,
                "slack_threads": CapacityLimiter(_ACKNOWLEDGING_THREADS),
            }
        finally:
            await to_thread.run_sync(opened.__exit__, None, None, None)

    router = APIRouter(lifespan=lifespan)

    @router.post(PATH, include_in_schema=False)
    async def slack_events(request: Request) -> Response:
        body = await request.body()
        # Bolt verifies too, but only after it has parsed what anyone may have sent.
        if not _is_signed(verifier, body, request):
            return Response("The request is not signed by Slack.", status_code=401)
        # Not Bolt's own handler: it would call Slack, and wait, in the server's event loop.
        return await _in_thread(request, request.state.slack_app.dispatch, body)

    if settings.has_many_workspaces:

        @router.get(INSTALL_PATH, include_in_schema=False)
        async def install(request: Request) -> Response:
            return await _in_thread(request, request.state.slack_installer.handle_installation)

        @router.get(REDIRECT_PATH, include_in_schema=False)
        async def oauth_redirect(request: Request) -> Response:
            return await _in_thread(request, request.state.slack_installer.handle_callback)

    api.include_router(router)


async def _in_thread(request: Request, handle: Callable[[BoltRequest], BoltResponse], body: bytes = b"") -> Response:
    answer = await to_thread.run_sync(handle, to_bolt_request(request, body), limiter=request.state.slack_threads)
    return to_starlette_response(answer)


def _is_signed(verifier: SignatureVerifier, body: bytes, request: Request) -> bool:
    try:
        return verifier.is_valid_request(body, request.headers)
    except (TypeError, ValueError):  # a body that is not UTF-8, a timestamp that is no number, a signature not in ASCII
        return False
