"""Conversations: follow-up questions, whole answers or streams of events, and what was said."""

from contextlib import suppress
from typing import Annotated

from fastapi import APIRouter, Query

from api.asking import EventStream, Questions
from api.dependencies import Engine
from api.errors import documented
from api.schemas import STREAM_RESPONSE, ConversationBody, MessageRequest, TurnBody
from rag.answers import Answer
from rag.chat_engine import ChatEngine
from rag.exceptions import UnknownAnswer
from rag.memory import Turn, new_conversation_id

router = APIRouter(prefix="/conversations", tags=["conversations"])


@router.post("", summary="Begin a conversation", status_code=201)
async def begin() -> ConversationBody:
    """A new id that no one can guess; whoever has it can read and continue the conversation."""
    return ConversationBody(id=new_conversation_id())


@router.get("/{conversation}/messages", summary="Read a conversation", response_model_exclude_none=True)
def history(
    conversation: str,
    engine: Engine,
    *,
    full: Annotated[bool, Query(description="whether each turn has its whole answer, if that is still kept")] = False,
) -> list[TurnBody]:
    """The turns, oldest first; none for an id that nothing was asked under."""
    turns = engine.conversations.turns(conversation)
    return [TurnBody.of(turn, _kept(engine, turn) if full else None) for turn in turns]


@router.post("/{conversation}/messages", summary="Ask in a conversation", responses=documented(404, 409))
async def ask(conversation: str, body: MessageRequest, questions: Questions) -> Answer:
    """Answer a question that may lean on the ones before it."""
    return await questions.whole(body, conversation)


@router.post(
    "/{conversation}/messages/stream",
    summary="Ask in a conversation, answered piece by piece",
    response_class=EventStream,
    responses={**STREAM_RESPONSE, **documented(404, 409)},
)
async def stream(conversation: str, body: MessageRequest, questions: Questions) -> EventStream:
    """The events of `POST /v1/ask/stream`, for a question that may lean on the ones before it."""
    return await questions.streamed(body, conversation)


@router.delete("/{conversation}", summary="Delete a conversation", status_code=204)
def delete(conversation: str, engine: Engine) -> None:
    """Forget its turns, its answers and what readers thought of them; nothing happens where there are none."""
    engine.conversations.forget(conversation)
    engine.answers.forget(conversation)


def _kept(engine: ChatEngine, turn: Turn) -> Answer | None:
    with suppress(UnknownAnswer):
        return engine.answers.answer(turn.answer_id)
    return None
