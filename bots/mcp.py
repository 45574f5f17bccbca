"""`maqal mcp`: maqal as tools for a program on this machine, by the Model Context Protocol over stdin and stdout."""


def mcp() -> None:
    """Offer the articles as tools to an MCP client that starts this command (docs/clients.md)."""
    from bots.settings import load_settings
    from index.settings import IndexSettings
    from rag.settings import RagSettings

    index_settings, rag_settings = load_settings(IndexSettings), load_settings(RagSettings)

    from anyio import to_thread

    from api.mcp_server import make_mcp_server
    from api.streams import Ask
    from rag.answers import Answer, last_answer
    from rag.factory import open_engine

    async def make_answer(ask: Ask) -> Answer:
        return await to_thread.run_sync(lambda: last_answer(ask()))

    with open_engine(index_settings, rag_settings) as engine:
        make_mcp_server(lambda: engine, make_answer).run("stdio")
