"""Quotes: checked against the articles, and cited."""

from typing import Annotated

from fastapi import APIRouter, Query

from api.dependencies import Engine
from api.errors import documented
from api.schemas import CitationBody, QuoteRequest
from rag.citations import Style, cite, quote_to_cite
from rag.quote_check import QuoteCheck

router = APIRouter(tags=["quotes"])


@router.post("/quotes/check", summary="Check a quote", responses=documented(404, 409))
def check_quote(body: QuoteRequest, engine: Engine) -> QuoteCheck:
    """Say whether a quote stands in the articles letter for letter, was altered, is near in meaning, or is absent."""
    return engine.check_quote(body.text, article_ids=body.article_ids)


@router.get("/articles/{article_id}/citation", summary="Cite a quote", responses=documented(404))
def get_citation(
    article_id: str,
    engine: Engine,
    *,
    start: Annotated[int, Query(ge=0, description="as the quote has it")],
    end: Annotated[int, Query(ge=1, description="as the quote has it")],
    version: Annotated[
        int | None, Query(ge=1, description="as the quote has it; refused if the article has another one by now")
    ] = None,
    style: Style = "plain",
) -> CitationBody:
    """The citation of `text[start:end]` of the article: quote, speaker, title, outlet, date, paragraph, hash."""
    entry = engine.index.catalog.article(article_id)
    quote = quote_to_cite(entry, start, end, version)
    return CitationBody(text=cite(quote, entry, style), style=style, quote=quote)
