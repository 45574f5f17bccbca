"""Plain text to paragraphs: which lines are headings, captions, byline, and which are the article."""

import re

from index.articles import Kind
from index.normalization import fold
from index.readers.layout import Layout, first_words, is_byline
from index.sentences import sentence_spans

_LINE = re.compile(r"[^\n]+")
_SHORT = 120
_WRAPPED_AT = 100
_SENTENCE_END = re.compile(r"""[.!?؟…。！？]["”»’'）)\]]*$""")
_QUESTION = re.compile(r"""[^"“«„'‘‹—–-].*[?؟？]$""")
# Under headings, on average; an answer in an interview is often shorter.
_FEWEST_PARAGRAPHS = 2
# Who is asked in an interview, folded.
_YOU = re.compile(
    r"\b(?:you|your|vous|votre|vos|вы|вас|вам|вами|ваш\w*|siz\w*|usted\w*|انت|انتم|رايك\w*|لديك\w*|تعتقد\w*|برايك\w*)\b"
)

Span = tuple[int, int]


def read_plain_text(text: str) -> Layout:
    """The text unchanged, its lines told apart by length, punctuation and the empty lines around them."""
    blocks = _blocks(text)
    if _is_hard_wrapped(text, blocks):
        lines = [(block[0][0], block[-1][1]) for block in blocks]
        attached: set[Span] = set()
    else:
        lines = [line for block in blocks for line in block]
        attached = {line for block in blocks for line in block[:-1]}
    kinds = _kinds(text, lines, attached)
    spans: list[tuple[Kind, int, int]] = [(kind, *line) for kind, line in zip(kinds, lines, strict=True)]
    return Layout(text, spans, title=_title(text, spans), source=_source(text, spans))


def _blocks(text: str) -> list[list[Span]]:
    """Lines that stand together, each without the white space around it."""
    blocks: list[list[Span]] = []
    previous_end = -2
    for match in _LINE.finditer(text):
        line = match.group()
        stripped = line.strip()
        if not stripped:
            continue
        start = match.start() + len(line) - len(line.lstrip())
        span = (start, start + len(stripped))
        if text.count("\n", max(previous_end, 0), start) > 1 or not blocks:
            blocks.append([span])
        else:
            blocks[-1].append(span)
        previous_end = span[1]
    return blocks


def _is_hard_wrapped(text: str, blocks: list[list[Span]]) -> bool:
    """Whether lines were broken at a column: several to a block, none long, few ending a sentence."""
    inner = [line for block in blocks for line in block[:-1]]
    if not inner or any(end - start > _WRAPPED_AT for block in blocks for start, end in block):
        return False
    ended = sum(bool(_SENTENCE_END.search(text[start:end])) for start, end in inner)
    return ended * 2 < len(inner)


def _kinds(text: str, lines: list[Span], attached: set[Span]) -> list[Kind]:
    questions = _question_headings([text[start:end] for start, end in lines])
    is_title_like = [i in questions or _is_title_like(text[start:end]) for i, (start, end) in enumerate(lines)]
    if all(is_title_like):  # One line, or a text without punctuation: all of it is the article.
        return ["body"] * len(lines)
    last = len(lines) - 1
    first_body, last_body = is_title_like.index(False), last - is_title_like[::-1].index(False)
    has_attached_headings = any(
        is_title_like[i] and line in attached and not is_title_like[i + 1] for i, line in enumerate(lines[:-1])
    )
    kinds: list[Kind] = []
    for i, (start, end) in enumerate(lines):
        line = text[start:end]
        if not is_title_like[i]:
            kinds.append("body")
        elif i in questions:
            kinds.append("heading")
        elif i == 0 and line.endswith(":"):
            kinds.append("section")
        elif (i < first_body and is_byline(line)) or (i == last and i > last_body):
            kinds.append("byline")
        elif i < first_body or (lines[i] in attached and i < last) or not has_attached_headings:
            kinds.append("heading")
        else:  # Where headings touch their paragraph, a short line that stands alone is a caption.
            kinds.append("caption")
    return kinds


def _question_headings(lines: list[str]) -> set[int]:
    """Which lines are headings that ask: a single short question above a paragraph, no longer than half its neighbours.

    None are where questions and answers take turns, or a question says "you": those are an interview's own text.
    """
    found = set()
    for i, line in enumerate(lines[:-1]):
        around = [other for other in (*lines[max(i - 1, 0) : i], lines[i + 1]) if not _is_title_like(other)]
        is_question = len(line) <= _SHORT and bool(_QUESTION.match(line)) and len(sentence_spans(line)) == 1
        if is_question and not _is_title_like(lines[i + 1]) and all(2 * len(line) <= len(other) for other in around):
            found.add(i)
    take_turns = len(found) > 1 and len(lines) - min(found) < len(found) * (1 + _FEWEST_PARAGRAPHS)
    is_interview = take_turns or any(_YOU.search(fold(lines[i])) for i in found)
    return set() if is_interview else found


def _is_title_like(line: str) -> bool:
    return len(line) <= _SHORT and not _SENTENCE_END.search(line)


def _title(text: str, spans: list[tuple[Kind, int, int]]) -> str:
    for wanted in ("heading", "body"):
        for kind, start, end in spans:
            if kind == wanted:
                return first_words(text[start:end]) if wanted == "body" else text[start:end]
    return ""


def _source(text: str, spans: list[tuple[Kind, int, int]]) -> str | None:
    """A last line that is no sentence names the publisher."""
    if not spans:
        return None
    kind, start, end = spans[-1]
    return text[start:end] if kind == "byline" else None
