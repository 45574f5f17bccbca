"""The Model Context Protocol over streamable HTTP, behind the same keys as the rest."""

from fastapi import APIRouter, Request, Response
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from starlette.types import Receive, Scope, Send

router = APIRouter(tags=["mcp"])


class _Handed(Response):
    """Lets the MCP server answer, once the route's dependencies have let the request pass."""

    def __init__(self, manager: StreamableHTTPSessionManager) -> None:
        super().__init__()
        self._manager = manager

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._manager.handle_request(scope, receive, send)


# There is nothing to listen to and no session to end: GET and DELETE are 405, as the protocol provides for.
@router.post("/mcp", include_in_schema=False)
async def mcp(request: Request) -> Response:
    """JSON-RPC as the protocol has it; its clients know the rest."""
    return _Handed(request.app.state.mcp)
