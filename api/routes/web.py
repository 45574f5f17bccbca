"""The page and its files; for people, without a key: the page asks for one where `/v1` needs it."""

from importlib import resources
from pathlib import Path

from fastapi import APIRouter
from fastapi.responses import FileResponse
from starlette.staticfiles import StaticFiles

from api.headers import CONTENT_SECURITY_POLICY

_FOLDER = Path(str(resources.files("api"))) / "web"
# Nor may a script of the page itself put text into the document as HTML.
_POLICY = f"{CONTENT_SECURITY_POLICY}; require-trusted-types-for 'script'; trusted-types 'none'"

router = APIRouter(include_in_schema=False)
files = StaticFiles(directory=_FOLDER)
"""What the page consists of, served with an ETag below `/web`, and nothing else of the disk."""


@router.get("/")
async def page() -> FileResponse:
    """The page."""
    return _page()


@router.get("/a/{answer_id}")
async def page_of_answer(answer_id: str) -> FileResponse:  # noqa: ARG001 - the page reads it from its address.
    """The page, which shows the answer of its address with its proof."""
    return _page()


def _page() -> FileResponse:
    return FileResponse(_FOLDER / "index.html", headers={"Content-Security-Policy": _POLICY})
