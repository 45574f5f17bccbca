"""`python -m api.openapi > docs/openapi.json`: the schema of the service, as it is committed."""

import json
import sys

from api.app import create_app
from api.settings import ApiSettings
from index.settings import IndexSettings
from rag.settings import RagSettings


def document() -> str:
    """The OpenAPI schema, as JSON; it is the same whatever the settings are."""
    app = create_app(IndexSettings(), RagSettings(llm=""), ApiSettings(host="127.0.0.1", require_key=False))
    return json.dumps(app.openapi(), ensure_ascii=False, indent=1) + "\n"


if __name__ == "__main__":
    sys.stdout.reconfigure(encoding="utf-8")  # type: ignore[union-attr]
    sys.stdout.write(document())
