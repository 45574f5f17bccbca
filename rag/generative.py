"""Answers by a language model: every citation resolved and every quotation checked before anyone sees it."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from llama_index.core.llms import LLM, ChatMessage, MessageRole
from llama_index.core.schema import NodeWithScore

from rag.answers import Quote
from rag.exceptions import LlmError
from rag.prompts import load_prompt
from rag.quotes import FIRST_STRONG_ISOLATE, POP_ISOLATE, Span, check_quotations

NOT_IN_ARTICLE = "NOT_IN_ARTICLE"
LANGUAGE_NAMES = {
    "ar": "Arabic", "de": "German", "en": "English", "es": "Spanish", "fr": "French", "kk": "Kazakh", "ru": "Russian",
    "tr": "Turkish", "zh": "Chinese",
}  # fmt: skip
_CITATION = re.compile(r"[ \t]*\[(\d{1,3}(?:\s*,\s*\d{1,3})*)\]")
_LINE_OR_SENTENCE_END = re.compile(r"\n|[.!?؟。！？…][”»\"’')\]」]*(?:\s*\[[\d,\s]+\][.]?)*(?=\s)")
_MOST_CHARACTERS = 20_000


@dataclass(slots=True)
class Generated:
    """What a model's answer came to, filled while `stream_answer` is read to its end."""

    quotes: list[Quote] = field(default_factory=list)
    cited: list[int] = field(default_factory=list)
    rejected: list[str] = field(default_factory=list)
    is_silent: bool = False


def stream_answer(
    llm: LLM, question: str, language: str, nodes: Sequence[NodeWithScore], generated: Generated
) -> Iterator[str]:
    """Pieces of the model's answer, a sentence each, checked.

    `[n]` become paragraph numbers, false quotations lose their marks, and `generated.cited` gets the cited
    positions in `nodes`.

    Raises LlmError when the model fails, is silent, or answers without citing a passage.
    """
    spans = [Span.of_metadata(node.node.metadata, node.node.get_content()) for node in nodes]
    pending = ""
    for delta in _deltas(llm, _messages(question, language, spans)):
        pending += delta
        if NOT_IN_ARTICLE.startswith(pending.strip()) or pending.strip().startswith(NOT_IN_ARTICLE):
            continue
        while (cut := _complete_sentence(pending)) > 0:
            yield _checked(pending[:cut], spans, generated)
            pending = pending[cut:]
    if pending.strip().startswith(NOT_IN_ARTICLE):
        generated.is_silent = True
        return
    if pending.strip():
        yield _checked(pending, spans, generated)
    if not generated.cited:
        raise LlmError("it cited no passage", "")


def condense(llm: LLM, history: Sequence[tuple[str, str]], question: str) -> str:
    """The question made independent of the conversation `[(question, answer), …]`. Raises LlmError."""
    lines = [line for asked, answered in history for line in (f"Q: {asked}", f"A: {answered[:500]}")]
    prompt = load_prompt("condense").format(history="\n".join(lines), question=question)
    text = "".join(_deltas(llm, [ChatMessage(role=MessageRole.USER, content=prompt)])).strip().strip('"“”')
    if not text or len(text) > 4 * len(question) + 400:
        raise LlmError("it did not rewrite the question", "")
    return text.splitlines()[0]


def _messages(question: str, language: str, spans: Sequence[Span]) -> list[ChatMessage]:
    passages = "\n\n".join(f"[{i}] {span.text}" for i, span in enumerate(spans, 1))
    prompt = load_prompt("answer").format(
        language=LANGUAGE_NAMES.get(language, "English"), passages=passages, question=question
    )
    return [ChatMessage(role=MessageRole.USER, content=prompt)]


def _deltas(llm: LLM, messages: Sequence[ChatMessage]) -> Iterator[str]:
    length = 0
    try:
        for response in llm.stream_chat(messages):
            delta = response.delta or ""
            length += len(delta)
            yield delta
            if length > _MOST_CHARACTERS:
                break
    except Exception as error:  # Each adapter raises its own library's errors; all mean: no answer from it.
        raise LlmError(_reason(error), "") from error
    if length > _MOST_CHARACTERS:
        raise LlmError("it did not stop", "")


def _reason(error: Exception) -> str:
    """Why a model failed, in a few words that hold no key and no address."""
    name = type(error).__name__
    if "timeout" in name.lower():
        return "it took too long"
    if "connect" in name.lower():
        return "its server cannot be reached"
    status = getattr(error, "status_code", None)
    return f"its server answered {status}" if isinstance(status, int) and status > 0 else name


def _complete_sentence(text: str) -> int:
    """End of the first sentence that is whole and holds no quotation still open; 0 where there is none."""
    for match in _LINE_OR_SENTENCE_END.finditer(text):
        head = text[: match.end()]
        is_open = any(head.count(a) > head.count(b) for a, b in ("“”", "«»", "„“", "「」")) or head.count('"') % 2
        if not is_open:
            return match.end()
    return 0


def _checked(piece: str, spans: Sequence[Span], generated: Generated) -> str:
    checked = check_quotations(piece, spans)
    generated.quotes += [q for q in checked.quotes if q not in generated.quotes]
    generated.rejected += checked.rejected

    def resolve(match: re.Match[str]) -> str:
        positions = [int(n) - 1 for n in re.findall(r"\d+", match.group(1))]
        known = [p for p in dict.fromkeys(positions) if 0 <= p < len(spans)]
        generated.cited += [p for p in known if p not in generated.cited]
        return " (" + ", ".join(f"§{spans[p].paragraph}" for p in known) + ")" if known else ""

    # A verified quotation stands in isolates; a number in brackets inside it is the article's own.
    parts = re.split(f"({FIRST_STRONG_ISOLATE}[^{POP_ISOLATE}]*{POP_ISOLATE})", checked.text)
    return "".join(part if i % 2 else _CITATION.sub(resolve, part) for i, part in enumerate(parts))
