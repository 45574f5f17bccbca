"""Unofficial translations of quotes, for readers of another language: by a local Marian model, or by the LLM."""

import re
import threading
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from llama_index.core.llms import LLM

from index.model_folders import refuse_unsafe
from index.normalization import clean, fold
from index.sentences import sentence_spans
from rag.answers import Quote
from rag.exceptions import LlmError, TranslatorUnavailable
from rag.llm import read_reply
from rag.prompts import LANGUAGE_NAMES, fence_for, load_prompt, on_one_line
from rag.settings import RagSettings

_FIX = "Set RAG_TRANSLATOR to a Marian model with safetensors weights, a folder or a hub name, or unset it."
_PAIR_IN_NAME = re.compile(r"-([a-z]{2,3})-([a-z]{2,3})$", re.IGNORECASE)
_THREE_LETTERS = {
    "ara": "ar", "deu": "de", "ger": "de", "eng": "en", "spa": "es", "fra": "fr", "fre": "fr", "kaz": "kk", "rus": "ru",
    "tur": "tr", "zho": "zh", "chi": "zh", "cmn": "zh",
}  # fmt: skip
_MARKS = re.compile("[“”«»„‟‹›「」『』\"\u2066-\u2069]|(?<!\\w)[‘’‚']|[‘’‚'](?!\\w)")
_MOST_TOKENS = 512


class Translator(Protocol):
    """Turns texts of one language into another, both ISO 639-1."""

    def translate(self, texts: Sequence[str], source: str, target: str) -> list[str]:
        """The translation of each text, empty where there is none. Raises TranslatorUnavailable, LlmError."""


def make_translator(settings: RagSettings) -> "MarianTranslator | None":
    """The model of `RAG_TRANSLATOR`, not yet loaded, or None when none is configured."""
    return MarianTranslator(settings.translator) if settings.translator else None


def translated(
    quotes: Sequence[Quote], languages: Mapping[str, str], target: str, translator: Translator | None
) -> tuple[list[Quote], str]:
    """The quotes, those of articles in another language with a translation; and why some have none, or empty.

    `languages` tells each article's. A translation holds no quotation mark: it is nobody's words.
    """
    done = list(quotes)
    reason = ""
    for source in dict.fromkeys(languages.get(quote.article_id, "") for quote in quotes):
        if translator is None or source in {"", target}:
            continue
        at = [i for i, quote in enumerate(quotes) if languages.get(quote.article_id) == source]
        try:
            texts = translator.translate([quotes[i].text for i in at], source, target)
        except (TranslatorUnavailable, LlmError) as error:
            reason = error.message
            continue
        for i, text in zip(at, texts, strict=True):
            done[i] = quotes[i].model_copy(update={"translation": _unmarked(text)})
    return done, reason


class LlmTranslator:
    """The language model that answers, asked for one quote at a time; each reply has `deadline` seconds."""

    def __init__(self, llm: LLM, deadline: float) -> None:
        self._llm = llm
        self._deadline = deadline

    def translate(self, texts: Sequence[str], source: str, target: str) -> list[str]:
        """The translation of each text. Raises LlmError when the model fails or writes none."""
        return [self._translate(text, source, target) for text in texts]

    def _translate(self, text: str, source: str, target: str) -> str:
        reply = _unmarked("".join(read_reply(self._llm, translation_prompt(text, source, target), self._deadline)))
        if not reply or fold(reply) == fold(_unmarked(text)) or len(reply) > 5 * len(text) + 200:
            raise LlmError("it did not translate", "")
        return reply


def translation_prompt(text: str, source: str, target: str) -> str:
    """What the language model is asked for one quote."""
    line = on_one_line(text)
    return load_prompt("translate").format(
        source=LANGUAGE_NAMES.get(source, source), target=LANGUAGE_NAMES.get(target, target), text=line,
        fence=fence_for([line]),
    )  # fmt: skip


class MarianTranslator:
    """A Marian model of one pair of languages, from a folder or the hub, loaded when it is first needed.

    Only safetensors weights are read, and no code that a folder brings is run. Safe for threads, one at a time.
    """

    def __init__(self, name_or_path: str) -> None:
        folder = Path(name_or_path).expanduser()
        self._name = str(folder) if folder.exists() else name_or_path
        self.name = folder.name or name_or_path
        self._lock = threading.Lock()
        self._loaded: tuple[Any, Any] | None = None
        self._failure: TranslatorUnavailable | None = None

    @property
    def pair(self) -> tuple[str, str]:
        """Languages that it translates from and to, ISO 639-1. Raises TranslatorUnavailable."""
        tokenizer, _ = self._load()
        return _pair(self.name, tokenizer.source_lang, tokenizer.target_lang)

    def translate(self, texts: Sequence[str], source: str, target: str) -> list[str]:
        """The translation of each text, empty where a sentence is too long. Raises TranslatorUnavailable."""
        pair = self.pair
        if pair != (source, target):
            raise TranslatorUnavailable(
                f"{self.name} translates from {pair[0]} to {pair[1]}, not from {source} to {target}.", _FIX
            )
        return [self._translate(text) for text in texts]

    def _translate(self, text: str) -> str:
        import torch

        tokenizer, model = self._load()
        # Such models are trained on single sentences, and drop what follows the first of several.
        batch = tokenizer([text[a:b] for a, b in sentence_spans(text)], return_tensors="pt", padding=True)
        longest = min(_MOST_TOKENS, model.config.max_position_embeddings)
        if batch["input_ids"].shape[1] > longest:
            return ""
        with self._lock, torch.inference_mode():
            ids = model.generate(
                input_ids=batch["input_ids"], attention_mask=batch["attention_mask"], num_beams=4, do_sample=False,
                max_length=longest,
            )  # fmt: skip
        return " ".join(tokenizer.batch_decode(ids, skip_special_tokens=True))

    def _load(self) -> tuple[Any, Any]:
        with self._lock:
            if self._failure:
                raise self._failure
            if self._loaded is None:
                try:
                    self._loaded = _load_marian(self._name)
                except TranslatorUnavailable as error:
                    self._failure = error
                    raise
            return self._loaded


def _load_marian(name: str) -> tuple[Any, Any]:
    """Tokenizer and model. Raises TranslatorUnavailable."""
    folder = Path(name)
    if folder.exists():
        refuse_unsafe(folder, TranslatorUnavailable, _FIX, weights="*.safetensors")
    try:
        import sentencepiece  # noqa: F401 - without it transformers gives a tokenizer that only complains
        from transformers import MarianMTModel, MarianTokenizer
    except ImportError as error:
        raise TranslatorUnavailable(
            f"The translator {name} needs transformers and sentencepiece, which are not installed.",
            "Run: pip install 'maqal[sentence-transformers]'. Or unset RAG_TRANSLATOR.",
        ) from error
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Recommended: pip install sacremoses")
            tokenizer = MarianTokenizer.from_pretrained(name)
            model = MarianMTModel.from_pretrained(name, use_safetensors=True)
    except Exception as error:  # The library raises many kinds; each means that this model cannot be had.
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise TranslatorUnavailable(f"The translator {name} does not load: {reason}", _FIX) from error
    if tokenizer is None or getattr(model.config, "model_type", "") != "marian":
        raise TranslatorUnavailable(f"{name} is not a Marian model.", _FIX)
    _pair(Path(name).name, tokenizer.source_lang, tokenizer.target_lang)
    return tokenizer, model


def _pair(name: str, source: str | None, target: str | None) -> tuple[str, str]:
    """The languages that the tokenizer's configuration tells, else the model's name (`opus-mt-ar-en`)."""
    in_name = _PAIR_IN_NAME.search(name)
    told = (source, target) if source and target else in_name.groups() if in_name else ("?", "?")
    codes = [_THREE_LETTERS.get(code.lower(), code.lower()) for code in map(str, told)]
    if not all(code in LANGUAGE_NAMES for code in codes):
        raise TranslatorUnavailable(
            f"{name} does not tell which two languages it translates between ({' to '.join(codes)}).",
            "Name a model of one pair, like opus-mt-ar-en, or set source_lang, target_lang in tokenizer_config.json.",
        )
    return codes[0], codes[1]


def _unmarked(text: str) -> str:
    """A translation on one line, without quotation marks and isolates; an apostrophe inside a word stays."""
    return " ".join(_MARKS.sub("", clean(text)).split())
