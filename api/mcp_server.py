"""maqal as tools for other models, by the Model Context Protocol: `maqal mcp` over stdio, the service at /mcp."""

import logging
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import version
from typing import Annotated

from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp.server.transport_security import TransportSecuritySettings
from mcp_types import ToolAnnotations
from pydantic import BaseModel, Field

from api.schemas import ArticleBody
from api.streams import Ask
from index.exceptions import MaqalError
from rag.answers import Answer, Source
from rag.chat_engine import ChatEngine
from rag.facts import Facts, facts_of
from rag.quote_check import QuoteCheck
from rag.sources import to_source

_INSTRUCTIONS = """\
maqal answers questions about news articles from what the articles say and nothing else. Ask in any language; the \
articles may be in another one. Every quote in an answer is the article's letters, checked: repeat it as it stands, \
with its paragraph (§) and speaker, and never put quotation marks around anything else. When the verdict is \
`not_in_article`, say that the articles do not say. Before you print a quotation that did not come from `ask`, check \
it with `check_quote`."""

_READS = ToolAnnotations(read_only_hint=True, destructive_hint=False, idempotent_hint=True, open_world_hint=False)

MakeAnswer = Callable[[Ask], Awaitable[Answer]]
"""Turns the engine's events into the whole answer, in a thread."""

ArticleIds = Annotated[
    list[str] | None, Field(description="ids of the articles to ask, as `list_articles` gives them; without it, all")
]


class FoundParagraphs(BaseModel):
    """Paragraphs, best first."""

    paragraphs: list[Source]


class ArticleList(BaseModel):
    """The indexed articles, without their text."""

    articles: list[ArticleBody]


def make_mcp_server(engine_of: Callable[[], ChatEngine], make_answer: MakeAnswer) -> MCPServer[None]:
    """A server with maqal's tools over the engine that `engine_of` gives when a tool is called."""
    with _root_logger_as_it_is():
        server: MCPServer[None] = MCPServer(
            "maqal", title="maqal", instructions=_INSTRUCTIONS, version=version("maqal"), log_level="WARNING"
        )

    @server.tool(title="Ask the articles", annotations=_READS)
    async def ask(
        context: Context,
        question: Annotated[str, Field(description="one question, in any language, that stands alone")],
        article_ids: ArticleIds = None,
        language: Annotated[
            str | None, Field(description="language of the answer, ISO 639-1; without it, the question's")
        ] = None,
    ) -> Answer:
        """Answer a question from what the news articles say, with quotes that are checked letter by letter.

        `text` is the answer to show. Each of `quotes` has its article, paragraph (§) and speaker. The verdict
        `not_in_article` means that the articles do not say; `closest` then holds the nearest paragraphs.
        """
        request = context.request_context.request
        client = request.state.client.name if request else ""
        with _told():
            return await make_answer(
                lambda: engine_of().stream(question, article_ids=article_ids, language=language, client=client)
            )

    @server.tool(title="Find paragraphs", annotations=_READS)
    def search(
        question: Annotated[str, Field(description="a question or words, in any language")],
        article_ids: ArticleIds = None,
        limit: Annotated[int, Field(ge=1, le=50, description="most paragraphs to return")] = 8,
    ) -> FoundParagraphs:
        """Find the paragraphs of the articles that fit a question best, without an answer."""
        with _told():
            nodes = engine_of().search(question, article_ids=article_ids, limit=limit)
            return FoundParagraphs(paragraphs=[to_source(node) for node in nodes])

    @server.tool(title="Check a quote", annotations=_READS)
    def check_quote(
        text: Annotated[
            str,
            Field(description="what is said to be a quote; `…` or `[...]` where words were left out"),
        ],
        article_ids: ArticleIds = None,
    ) -> QuoteCheck:
        """Say whether a quote stands in the articles letter for letter, was altered, is near in meaning, or is absent.

        Only `exact` and `normalised` may be printed in quotation marks. `diff` shows what was altered.
        """
        with _told():
            return engine_of().check_quote(text, article_ids=article_ids)

    @server.tool(title="List the articles", annotations=_READS)
    def list_articles() -> ArticleList:
        """List the articles that can be asked: id, title, publisher, date, language, version."""
        with _told():
            return ArticleList(articles=[ArticleBody.of(entry) for entry in engine_of().index.articles()])

    @server.tool(title="List an article's facts", annotations=_READS)
    def facts(
        article_id: Annotated[str, Field(description="id of the article, as `list_articles` gives it")],
    ) -> Facts:
        """List the people (with their office), numbers, dates (ISO 8601) and places that an article names.

        Each has the article's letters and the paragraph where they stand.
        """
        with _told():
            return facts_of(engine_of().index.catalog.article(article_id))

    return server


def over_http(server: MCPServer[None], max_body_bytes: int) -> StreamableHTTPSessionManager:
    """What serves the server over streamable HTTP while its `run()` is entered, once only."""
    # Each request stands alone: a client goes on after a restart, and nothing piles up. Hosts and origins are checked
    # before, for the whole service (api.origins).
    server.streamable_http_app(
        stateless_http=True,
        max_request_body_size=max_body_bytes,
        transport_security=TransportSecuritySettings(enable_dns_rebinding_protection=False),
    )
    return server.session_manager


@contextmanager
def _told() -> Iterator[None]:
    """What is meant for people reaches the model that called the tool."""
    try:
        yield
    except MaqalError as error:
        raise ToolError(f"{error.message} {error.fix}".strip()) from error


@contextmanager
def _root_logger_as_it_is() -> Iterator[None]:
    """MCPServer sets up the root logger where that has no handler; how the service logs is not its matter."""
    root, taken = logging.getLogger(), logging.NullHandler()
    root.addHandler(taken)
    try:
        yield
    finally:
        root.removeHandler(taken)
