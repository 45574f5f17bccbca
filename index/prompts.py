"""What published encoders want before a question and before a passage, where their own folder does not say it.

Sources: the models' cards on the Hugging Face hub. A model that brings prompts of its own (EmbeddingGemma, Qwen3 and
Arctic Embed do) is used with those; this table serves the models that only describe them.
"""

from fnmatch import fnmatch
from typing import NamedTuple

_INSTRUCTION = "Instruct: Given a web search query, retrieve relevant passages that answer the query\n"


class Prompts(NamedTuple):
    """Text put before a question and before a passage."""

    query: str
    passage: str


# The first pattern that matches the end of a model's name in lower case counts.
_BY_NAME = {
    "*e5-*-instruct*": Prompts(f"{_INSTRUCTION}Query: ", ""),
    "*e5-small*": Prompts("query: ", "passage: "),
    "*e5-base*": Prompts("query: ", "passage: "),
    "*e5-large*": Prompts("query: ", "passage: "),
    "qwen3-embedding-*": Prompts(f"{_INSTRUCTION}Query:", ""),
    "embeddinggemma-*": Prompts("task: search result | query: ", "title: none | text: "),
    "snowflake-arctic-embed-*": Prompts("query: ", ""),
    "bge-*-en-v1.5": Prompts("Represent this sentence for searching relevant passages: ", ""),
}


def prompts_of(name: str) -> Prompts:
    """The prompts of a model by its name on the hub or its folder's; empty for a model that is not in the table."""
    last = name.rstrip("/").rsplit("/", 1)[-1].lower()
    return next((prompts for pattern, prompts in _BY_NAME.items() if fnmatch(last, pattern)), Prompts("", ""))
