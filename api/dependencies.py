"""What routes are given."""

from typing import Annotated

from fastapi import Depends, Request

from api.auth import Client
from rag.chat_engine import ChatEngine


async def _engine(request: Request) -> ChatEngine:
    engine: ChatEngine = request.app.state.engine
    return engine


Engine = Annotated[ChatEngine, Depends(_engine)]
"""The chat engine that the app opened when it started."""


async def _client(request: Request) -> Client:
    client: Client = request.state.client
    return client


RequestClient = Annotated[Client, Depends(_client)]
"""Who sends the request, as `auth.require` found."""
