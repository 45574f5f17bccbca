"""Conversations: follow-up questions, whole answers or streams of events, and what was said."""

import logging
from collections.abc import Iterator
from typing import Annotated

from fastapi import APIRouter, Depends
from fastapi.sse import EventSourceResponse, ServerSentEvent

from api.dependencies import Engine
from api.errors import documented, problem_of, problem_of_status
from api.schemas import ConversationBody, MessageRequest
from index.exceptions import MaqalError
from rag.answers import Answer, Event, Quote, Restart, Status
from rag.memory import Turn, new_conversation_id

_log = logging.getLogger(__name__)
router = APIRouter(prefix="/conversations", tags=["conversations"])


@router.post("", summary="Begin a conversation", status_code=201)
async def begin() -> ConversationBody:
    """A new id that no one can guess; whoever has it can read and continue the conversation."""
    return ConversationBody(id=new_conversation_id())


@router.get("/{conversation}/messages", summary="Read a conversation")
def history(conversation: str, engine: Engine) -> list[Turn]:
    """The turns, oldest first; none for an id that nothing was asked under."""
    return engine.conversations.turns(conversation)


@router.post("/{conversation}/messages", summary="Ask in a conversation", responses=documented(404, 409))
def ask(conversation: str, body: MessageRequest, engine: Engine) -> Answer:
    """Answer a question that may lean on the ones before it."""
    return engine.ask(body.question, conversation=conversation, article_ids=body.article_ids, language=body.language)


def _started(conversation: str, body: MessageRequest, engine: Engine) -> Iterator[Event]:
    """The events, after the question was checked and its paragraphs found: an error still has its own status."""
    return engine.stream(body.question, conversation=conversation, article_ids=body.article_ids, language=body.language)


@router.post(
    "/{conversation}/messages/stream",
    summary="Ask in a conversation, answered piece by piece",
    response_class=EventSourceResponse,
    responses=documented(404, 409),
)
def stream(events: Annotated[Iterator[Event], Depends(_started)]) -> Iterator[ServerSentEvent]:
    """Events as they come: `status`, `quote` (a Quote), `token` ({"text"}), `restart` (what came so far is void).

    `answer` holds the whole Answer; in its stead may come `error` (problem details). The last event is always
    `done`.
    """
    try:
        for event in events:
            yield _sent(event)
    except MaqalError as error:
        _log.exception("A stream failed")
        yield ServerSentEvent(event="error", data=problem_of(error))
    except Exception:  # noqa: BLE001 - the status is sent; what is left is to say so in the stream.
        _log.exception("A stream failed")
        yield ServerSentEvent(event="error", data=problem_of_status(500, "The answer"))
    yield ServerSentEvent(event="done", data={})


def _sent(event: Event) -> ServerSentEvent:
    if isinstance(event, Status):
        return ServerSentEvent(event="status", data=event)
    if isinstance(event, Quote):
        return ServerSentEvent(event="quote", data=event)
    if isinstance(event, Answer):
        return ServerSentEvent(event="answer", data=event)
    if isinstance(event, Restart):
        return ServerSentEvent(event="restart", data={})
    return ServerSentEvent(event="token", data={"text": event.text})
