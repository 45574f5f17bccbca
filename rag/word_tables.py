"""The data files of `rag`, most of them words by language, and patterns of such words."""

import json
import re
from collections.abc import Iterable
from functools import cache
from importlib import resources
from typing import Any


@cache
def read_table(name: str) -> dict[str, Any]:
    """What a JSON file of `rag` holds, read once."""
    table: dict[str, Any] = json.loads(resources.files("rag").joinpath(name).read_text(encoding="utf-8"))
    return table


def any_of(alternatives: Iterable[str]) -> str:
    """A regular expression for one of the words, the longest that fits; nothing fits an empty list."""
    return "|".join(sorted(map(re.escape, alternatives), key=len, reverse=True)) or r"(?!)"
