"""Articles on their way into the index: one at a time, and the same upload only once."""

import hashlib
from collections.abc import Callable
from typing import Annotated, TypeVar
from urllib.parse import quote

from anyio import CapacityLimiter, to_thread
from fastapi import Depends, Header, Request, Response

from api.conditions import etag_of
from api.dependencies import Engine
from api.idempotency import Attempt, IdempotencyStore, KeptResponse
from api.schemas import UploadBody
from index.articles import Article
from index.ingestion import add_article
from rag.chat_engine import ChatEngine

T = TypeVar("T")
IdempotencyKey = Annotated[
    str | None,
    Header(
        min_length=1,
        max_length=255,
        description="a word of yours for this upload: sent again within 24 hours, it gets the same response",
    ),
]


class Uploads:
    """Writes articles for the client of the request; others wait in line, questions do not."""

    def __init__(
        self, engine: ChatEngine, writing: CapacityLimiter, kept: IdempotencyStore, client: str, key: str | None
    ) -> None:
        self._engine = engine
        self._writing = writing
        self._kept = kept
        self._client = client
        self._key = key

    async def write(self, work: Callable[[], T]) -> T:
        """Do the work in a thread, alone."""
        return await to_thread.run_sync(work, limiter=self._writing)

    async def seen(self, *request: bytes) -> Response | None:
        """The response that the same upload, made of these parts, got before. Raises IdempotencyKeyReused."""
        attempt = self._attempt(request)
        kept = await to_thread.run_sync(self._kept.find, attempt) if attempt else None
        return _response(kept, is_replayed=True) if kept else None

    async def add(self, read: Callable[[], Article], *request: bytes) -> Response:
        """Index the article: 201 when it is new; 200 when it replaces the one of its name, or is known already."""
        attempt = self._attempt(request)

        def work() -> Response:
            # Sent twice at once, the second upload has waited here for the first.
            if attempt and (kept := self._kept.find(attempt)):
                return _response(kept, is_replayed=True)
            done = add_article(self._engine.index, read())
            response = KeptResponse(
                status=201 if done.outcome == "added" else 200,
                etag=etag_of(done.entry),
                location=f"/v1/articles/{quote(done.entry.id)}",
                body=UploadBody.of(done.entry, outcome=done.outcome).model_dump_json(),
            )
            if attempt:
                self._kept.keep(attempt, response)
            return _response(response)

        return await self.write(work)

    def _attempt(self, request: tuple[bytes, ...]) -> Attempt | None:
        if self._key is None:
            return None
        digest = hashlib.sha256()
        for part in request:
            digest.update(hashlib.sha256(part).digest())
        return Attempt(self._client, self._key, digest.hexdigest())


async def _uploads(request: Request, engine: Engine, idempotency_key: IdempotencyKey = None) -> Uploads:
    state = request.app.state
    return Uploads(engine, state.writing, state.idempotency, request.state.client.key_id, idempotency_key)


UploadQueue = Annotated[Uploads, Depends(_uploads)]
"""Where a route's articles go."""


def _response(kept: KeptResponse, *, is_replayed: bool = False) -> Response:
    headers = {"ETag": kept.etag, "Location": kept.location}
    if is_replayed:
        headers["Idempotent-Replayed"] = "true"
    return Response(kept.body, kept.status, headers, media_type="application/json")
