"""Answers by a language model: every citation resolved and every quotation checked before anyone sees it."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from llama_index.core.llms import LLM
from llama_index.core.schema import NodeWithScore

from index.embedding import Encoder
from index.normalization import fold
from index.sentences import sentence_spans
from rag.answers import Quote
from rag.exceptions import LlmError
from rag.llm import read_reply
from rag.prompts import LANGUAGE_NAMES, NOT_IN_ARTICLE, fence_for, load_prompt, on_one_line
from rag.quotes import FIRST_STRONG_ISOLATE, POP_ISOLATE, Span, check_quotations
from rag.support import Support

UNSUPPORTED = "(?)"
_CITATION = re.compile(r"[ \t]*\[(\d{1,3}(?:\s*,\s*\d{1,3})*)\]")
_CITATIONS_AFTER = re.compile(r"(?:[ \t]*\[[\d,\s]+\][.]?)+")
_MAY_END = re.compile(r"[.!?؟…。！？\n]")
_STOP = re.compile(r"[.!?؟。！？…\s]*$")
_QUOTATION = re.compile(f"({FIRST_STRONG_ISOLATE}[^{POP_ISOLATE}]*{POP_ISOLATE})")
_LONGEST_INTRODUCTION = 6  # words


@dataclass(slots=True)
class Generated:
    """What a model's answer came to, filled while `stream_answer` is read to its end."""

    quotes: list[Quote] = field(default_factory=list)
    cited: list[int] = field(default_factory=list)
    rejected: list[str] = field(default_factory=list)
    unsupported: list[str] = field(default_factory=list)
    is_silent: bool = False


def stream_answer(
    llm: LLM,
    question: str,
    language: str,
    nodes: Sequence[NodeWithScore],
    generated: Generated,
    *,
    encoder: Encoder,
    deadline: float,
) -> Iterator[str]:
    """Pieces of the model's answer, a sentence each, checked.

    `[n]` become paragraph numbers, false quotations lose their marks, a sentence that its citations do not support
    gets the sign UNSUPPORTED, and `generated.cited` gets the cited positions in `nodes`.

    Raises LlmError when the model fails, is silent, has not finished after `deadline` seconds, or answers without
    citing a passage.
    """
    spans = [Span.of_metadata(node.node.metadata, node.node.get_content()) for node in nodes]
    support = Support(spans, [node.node.metadata["language"] for node in nodes], encoder)
    pending = ""
    may_end = False
    for delta in read_reply(llm, answer_prompt(question, language, spans), deadline):
        pending += delta
        if NOT_IN_ARTICLE.startswith(pending.strip()) or pending.strip().startswith(NOT_IN_ARTICLE):
            continue
        # Looked for only where one can be: a model that never stops would make every look longer.
        may_end = may_end or bool(_MAY_END.search(delta))
        while may_end and (cut := _complete_sentence(pending)) > 0:
            yield check_piece(pending[:cut], language, spans, generated, support)
            pending = pending[cut:]
            may_end = bool(_MAY_END.search(pending))
    if pending.strip().startswith(NOT_IN_ARTICLE):
        # An article that holds the word itself may have dictated it.
        if any(fold(NOT_IN_ARTICLE) in fold(text) for text in (question, *(span.text for span in spans))):
            raise LlmError("it repeated what it read", "")
        generated.is_silent = True
        return
    if pending.strip():
        yield check_piece(pending, language, spans, generated, support)
    if not generated.cited:
        raise LlmError("it cited no passage", "")


def condense(llm: LLM, history: Sequence[tuple[str, str]], question: str, *, deadline: float) -> str:
    """The question made independent of the conversation `[(question, answer), …]`. Raises LlmError."""
    lines = [f"{who}: {on_one_line(text[:500])}" for turn in history for who, text in zip("QA", turn, strict=True)]
    fence = fence_for([*lines, question])
    prompt = load_prompt("condense").format(history="\n".join(lines), question=question, fence=fence)
    text = "".join(read_reply(llm, prompt, deadline)).strip().strip('"“”')
    if not text or len(text) > 4 * len(question) + 400:
        raise LlmError("it did not rewrite the question", "")
    return text.splitlines()[0]


def answer_prompt(question: str, language: str, spans: Sequence[Span]) -> str:
    """What the model is asked. No letter of a passage or of the question can pass for the prompt's own frame."""
    lines = [on_one_line(span.text) for span in spans]
    fence = fence_for([*lines, question])
    passages = "\n\n".join(f"[{i}]\n--- {fence} ---\n{line}\n--- {fence} ---" for i, line in enumerate(lines, 1))
    return load_prompt("answer").format(
        language=LANGUAGE_NAMES.get(language, "English"), passages=passages, question=question, fence=fence
    )


def _complete_sentence(text: str) -> int:
    """End of the first sentence that is whole, with its citations, and holds no quotation still open; 0 for none.

    It is whole when the next one has begun: until then a citation may follow its full stop.
    """
    for _, end in sentence_spans(text)[:-1]:
        after = _CITATIONS_AFTER.match(text, end)
        end = after.end() if after else end  # noqa: PLW2901 - the sentence ends after its citations
        begun = text[end:].lstrip(" \t")
        if not begun or begun[0] == "[":
            return 0
        head = text[:end]
        is_open = any(head.count(a) > head.count(b) for a, b in ("“”", "«»", "„“", "「」")) or head.count('"') % 2
        if not is_open:
            return end
    return 0


def check_piece(piece: str, language: str, spans: Sequence[Span], generated: Generated, support: Support | None) -> str:
    """A sentence as it may be shown, with what it quotes and cites added to `generated`; unmarked without `support`."""
    checked = check_quotations(piece, spans)
    generated.quotes += [q for q in checked.quotes if q not in generated.quotes]
    generated.rejected += checked.rejected
    cited: list[int] = []

    def resolve(match: re.Match[str]) -> str:
        positions = [int(n) - 1 for n in re.findall(r"\d+", match.group(1))]
        known = [p for p in dict.fromkeys(positions) if 0 <= p < len(spans)]
        cited.extend(known)
        return " (" + ", ".join(f"§{spans[p].paragraph}" for p in known) + ")" if known else ""

    # A verified quotation stands in isolates; a number in brackets inside it is the article's own.
    parts = _QUOTATION.split(checked.text)
    shown = "".join(part if i % 2 else _CITATION.sub(resolve, part) for i, part in enumerate(parts))
    generated.cited += [p for p in dict.fromkeys(cited) if p not in generated.cited]
    if support is None or not _claims(shown):
        return shown
    claim = "".join(part[2:-2] if i % 2 else _CITATION.sub("", part) for i, part in enumerate(parts)).strip()
    places = {(spans[p].article_id, spans[p].paragraph) for p in cited}
    if all((q.article_id, q.paragraph) in places for q in checked.quotes) and support.holds(claim, language, cited):
        return shown
    generated.unsupported.append(shown.strip())
    end = _STOP.search(shown)
    at = end.start() if end else len(shown)
    return f"{shown[:at]} {UNSUPPORTED}{shown[at:]}"


def _claims(text: str) -> bool:
    """Whether a piece says something that needs support: words, and not only the introduction of what follows."""
    words = text.split()
    introduces = text.rstrip().endswith((":", "：")) and len(words) <= _LONGEST_INTRODUCTION
    return any(char.isalpha() for char in text) and not introduces
