"""Prompts for a language model, each a text file beside this module, and the fence around what is not ours in them."""

import hashlib
import re
from collections.abc import Sequence
from importlib import resources

from llama_index.core.prompts import PromptTemplate

LANGUAGE_NAMES = {
    "ar": "Arabic", "de": "German", "en": "English", "es": "Spanish", "fr": "French", "kk": "Kazakh", "ru": "Russian",
    "tr": "Turkish", "zh": "Chinese",
}  # fmt: skip
NOT_IN_ARTICLE = "NOT_IN_ARTICLE"
# Folding ignores it: what a model copies with it is still found in the article.
_WORD_JOINER = "\u2060"
# Servers read `<|im_start|>`, `</s>`, `[INST]` in a text as their own marks; `[1]` would be a citation.
_FRAME_MARK = re.compile(r"(?<=[<\[{|])(?=[\w/|<>\[{])|(?<=NOT)(?=_IN_ARTICLE)", re.IGNORECASE)


def load_prompt(name: str) -> PromptTemplate:
    """The prompt in `<name>.txt`, with its `{fields}` to fill in."""
    return PromptTemplate(resources.files("rag.prompts").joinpath(f"{name}.txt").read_text(encoding="utf-8"))


def fence_for(texts: Sequence[str]) -> str:
    """A code of eight letters and digits that stands in none of the texts, the same for the same texts."""
    material = "\n".join(texts)
    digest = hashlib.sha256(material.encode("utf-8", "surrogatepass")).hexdigest()
    while digest[:8] in material.casefold():
        digest = hashlib.sha256(digest.encode()).hexdigest()
    return digest[:8]


def on_one_line(text: str) -> str:
    """The text without line breaks, and without marks that could pass for those of the prompt or of a server.

    Letters stay as they are: each such mark is only broken by a character that is not seen.
    """
    return _FRAME_MARK.sub(_WORD_JOINER, " ".join(text.split()))
