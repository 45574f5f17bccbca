"""Prompts for a language model, each a text file beside this module."""

from importlib import resources

from llama_index.core.prompts import PromptTemplate


def load_prompt(name: str) -> PromptTemplate:
    """The prompt in `<name>.txt`, with its `{fields}` to fill in."""
    return PromptTemplate(resources.files("rag.prompts").joinpath(f"{name}.txt").read_text(encoding="utf-8"))
