"""The indexed articles: list, read, add, replace, delete."""

from collections.abc import Callable
from typing import TypeVar

from anyio import to_thread
from fastapi import APIRouter, Request, Response

from api.dependencies import Engine
from api.errors import documented
from api.schemas import ArticleBody, ArticleRequest, ArticleTextBody, UploadBody
from index.articles import Article, hash_text
from index.exceptions import ArticleTooLarge
from index.ingestion import add_article, remove_article
from index.normalization import clean
from index.readers import read_text
from rag.facts import Facts, facts_of

router = APIRouter(prefix="/articles", tags=["articles"])
T = TypeVar("T")


@router.get("", summary="List the articles")
def list_articles(engine: Engine) -> list[ArticleBody]:
    """What is known of each indexed article, without its text."""
    return [ArticleBody.of(entry) for entry in engine.index.articles()]


@router.get("/{article_id}", summary="Read an article", responses=documented(404))
def get_article(article_id: str, engine: Engine) -> ArticleTextBody:
    """The article with its text, to which the offsets of quotes and paragraphs refer."""
    return ArticleTextBody.of(engine.index.catalog.article(article_id))


@router.get("/{article_id}/facts", summary="List an article's facts", responses=documented(404))
def get_facts(article_id: str, engine: Engine) -> Facts:
    """The people, numbers, dates and places that the article names, each with its letters and where they stand."""
    return facts_of(engine.index.catalog.article(article_id))


@router.post(
    "",
    summary="Add or replace an article",
    status_code=201,
    responses={200: {"model": UploadBody, "description": "Replaced, or known already"}},
)
async def post_article(body: ArticleRequest, engine: Engine, request: Request, response: Response) -> UploadBody:
    """Index an article: 201 when it is new; 200 when it replaces the one of its name, or is known already."""
    done = await _write(request, lambda: add_article(engine.index, _read(body, engine.index.settings.max_bytes)))
    if done.outcome != "added":
        response.status_code = 200
    return UploadBody.of(done.entry, outcome=done.outcome)


@router.delete("/{article_id}", summary="Delete an article", status_code=204, responses=documented(404))
async def delete_article(article_id: str, engine: Engine, request: Request) -> None:
    """Take the article out of the index, in all its versions."""
    await _write(request, lambda: remove_article(engine.index, article_id))


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


async def _write(request: Request, work: Callable[[], T]) -> T:
    return await to_thread.run_sync(work, limiter=request.app.state.writing)
