"""The indexed articles: list, read, add, replace, delete."""

from pathlib import PurePosixPath
from typing import Annotated, Any

from anyio import to_thread
from fastapi import APIRouter, Depends, Form, Header, Query, Request, Response, UploadFile

from api.auth import require
from api.conditions import check_match, etag_of, is_unchanged
from api.dependencies import Engine
from api.errors import documented
from api.exceptions import BadCursor
from api.schemas import (
    ArticleBody,
    ArticleListBody,
    ArticleRequest,
    ArticleTextBody,
    Day,
    Line,
    NewArticle,
    UploadBody,
)
from api.uploads import UploadQueue
from index.articles import Article, hash_text
from index.exceptions import ArticleTooLarge, UnreadableArticle
from index.fetching import fetch_article
from index.ingestion import remove_article
from index.normalization import clean
from index.readers import SUFFIXES, read_bytes, read_text, with_metadata
from rag.facts import Facts, facts_of

router = APIRouter(prefix="/articles", tags=["articles"])
Version = Annotated[int | None, Query(ge=1, le=2**31, description="an older version; without it, the current one")]
_INGEST = [Depends(require("ingest"))]
_CURSOR_LIMIT = 2**63
_UPLOADED: dict[int | str, dict[str, Any]] = {
    200: {"model": UploadBody, "description": "Replaced, or known already"},
    201: {"model": UploadBody, "description": "Added"},
    **documented(403, 502),
}


@router.get("", summary="List the articles")
def list_articles(
    engine: Engine,
    *,
    limit: Annotated[int, Query(ge=1, le=200, description="most articles to return")] = 50,
    cursor: Annotated[str, Query(max_length=20, description="`next` of the page before; empty: the first page")] = "",
) -> ArticleListBody:
    """What is known of the indexed articles, without their texts, in the order in which they were first added."""
    # One more than is shown tells whether there is another page.
    found = engine.index.catalog.page(_place(cursor), limit + 1)
    shown = found[:limit]
    return ArticleListBody(
        articles=[ArticleBody.of(entry) for _, entry in shown],
        next=str(shown[-1][0]) if len(found) > limit else None,
    )


@router.get(
    "/{article_id}",
    summary="Read an article",
    responses={
        200: {"headers": {"ETag": {"description": "names this version's content", "schema": {"type": "string"}}}},
        304: {"description": "The client has this version already"},
        **documented(404),
    },
)
def get_article(
    article_id: str,
    engine: Engine,
    response: Response,
    *,
    version: Version = None,
    if_none_match: Annotated[str | None, Header(description="ETag of what the client has")] = None,
) -> ArticleTextBody:
    """The article with its text, to which the offsets of quotes and paragraphs refer."""
    entry = engine.index.catalog.article(article_id, version)
    etag = etag_of(entry)
    response.headers["ETag"] = etag
    if is_unchanged(if_none_match, etag):
        # A response of one's own passes the model by.
        return Response(status_code=304, headers={"ETag": etag})  # type: ignore[return-value]
    return ArticleTextBody.of(entry)


@router.get("/{article_id}/versions", summary="List an article's versions", responses=documented(404))
def list_versions(article_id: str, engine: Engine) -> list[ArticleBody]:
    """All versions of the article, newest first, without their texts; `GET …?version=` reads one."""
    return [ArticleBody.of(entry) for entry in engine.index.catalog.versions(article_id)]


@router.get("/{article_id}/facts", summary="List an article's facts", responses=documented(404))
def get_facts(article_id: str, engine: Engine) -> Facts:
    """The people, numbers, dates and places that the article names, each with its letters and where they stand."""
    return facts_of(engine.index.catalog.article(article_id))


@router.post(
    "",
    summary="Add or replace an article",
    status_code=201,
    response_model=UploadBody,
    responses=_UPLOADED,
    dependencies=_INGEST,
)
async def post_article(body: NewArticle, engine: Engine, uploads: UploadQueue, request: Request) -> Response:
    """Index a text, or the page at a URL where INDEX_ALLOW_URLS allows that.

    201 when it is new; 200 when it replaces the one of its name or address, or is known already.
    """
    settings, asked = engine.index.settings, ascii(body).encode()
    if isinstance(body, ArticleRequest):
        return await uploads.add(lambda: _read(body, settings.max_bytes), asked)
    if seen := await uploads.seen(asked):
        return seen
    # The web may be slow; other uploads need not wait for it.
    article = await to_thread.run_sync(fetch_article, body.url, settings, limiter=request.app.state.fetching)
    described = with_metadata(article, title=body.title, source=body.source, published=body.published)
    return await uploads.add(lambda: described, asked)


@router.post(
    "/file",
    summary="Add or replace an article from a file",
    status_code=201,
    response_model=UploadBody,
    responses=_UPLOADED,
    dependencies=_INGEST,
)
async def post_file(
    file: UploadFile,
    engine: Engine,
    uploads: UploadQueue,
    *,
    title: Annotated[Line | None, Form(description="wins over the one in the file")] = None,
    source: Annotated[Line | None, Form(description="publisher")] = None,
    published: Annotated[Day | None, Form(description="ISO 8601 date")] = None,
) -> Response:
    """Index the article in a text file, Markdown, HTML or document; one of the same file name is replaced."""
    max_bytes = engine.index.settings.max_bytes
    # What was posted lies on the disk by now; a byte too many is enough to refuse it.
    data = await file.read(max_bytes + 1)
    name = PurePosixPath(clean(file.filename or "").replace("\\", "/")).name

    def read() -> Article:
        if PurePosixPath(name).suffix.casefold() not in SUFFIXES:
            raise UnreadableArticle(
                f"The file name {name[:100]!r} has no suffix that maqal reads.",
                f"Send a file whose name ends in one of {', '.join(SUFFIXES)}.",
            )
        article = read_bytes(data, name, origin=f"upload:{name}", max_bytes=max_bytes)
        return with_metadata(article, title=title, source=source, published=published)

    return await uploads.add(read, data, ascii((name, title, source, published)).encode())


@router.delete(
    "/{article_id}", summary="Delete an article", status_code=204, responses=documented(404, 412), dependencies=_INGEST
)
async def delete_article(
    article_id: str,
    engine: Engine,
    uploads: UploadQueue,
    *,
    if_match: Annotated[str | None, Header(description="ETag of the version that may be deleted")] = None,
) -> None:
    """Take the article out of the index, in all its versions."""

    def remove() -> None:
        with engine.index.writing():
            check_match(if_match, etag_of(engine.index.catalog.article(article_id)))
            remove_article(engine.index, article_id)

    await uploads.write(remove)


def _read(body: ArticleRequest, max_bytes: int) -> Article:
    text = clean(body.text)
    size = len(text.encode())
    if size > max_bytes:
        raise ArticleTooLarge(
            f"The article has {size:,} bytes; {max_bytes:,} are accepted.", "Split it, or raise INDEX_MAX_BYTES."
        )
    return read_text(
        text,
        origin=f"upload:{body.name or body.title or hash_text(text)[:16]}",
        format=body.format,
        title=body.title,
        source=body.source,
        published=body.published,
    )


def _place(cursor: str) -> int:
    if not cursor:
        return 0
    if not (cursor.isascii() and cursor.isdecimal() and int(cursor) < _CURSOR_LIMIT):
        raise BadCursor(f"{cursor!r} is no cursor.", "Use `next` of the page before as it is, or leave it out.")
    return int(cursor)
