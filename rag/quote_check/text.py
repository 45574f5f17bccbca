"""A text that is said to be a quote, laid bare: without the marks around it, in pieces where words were left out."""

import re

STOPS = " .…,،;؛:"
MOST_PIECES = 20
_ELLIPSIS = re.compile(r"\s*(?:\[\s*(?:…|\.{3,})\s*\]|\(\s*(?:…|\.{3,})\s*\)|…|\.{3,})\s*")
_INVISIBLE = re.compile("[\u200b-\u200f\u202a-\u202e\u2066-\u2069]")
_CLOSERS = {"“": "”", "«": "»", "„": "“”", "‘": "’", "‹": "›", "「": "」", "『": "』", '"': '"', "'": "'"}
_OPENERS = {closer: opening for opening, closers in _CLOSERS.items() for closer in closers}


def pieces(text: str) -> list[str]:
    """The pieces of a bare text around its ellipses, each bare; one where there is no ellipsis in the middle."""
    return [piece for piece in map(bare, _ELLIPSIS.split(text)) if any(char.isalnum() for char in piece)]


def bare(text: str) -> str:
    """The text without white space, invisible characters and quotation marks around it, and an ellipsis at its ends."""
    text = _INVISIBLE.sub("", text).strip()
    while True:
        before = text
        leading = _ELLIPSIS.match(text)
        text = text[leading.end() :] if leading else text
        trailing = list(_ELLIPSIS.finditer(text))
        text = text[: trailing[-1].start()] if trailing and trailing[-1].end() == len(text) else text
        text = _without_marks(text).strip()
        if text == before:
            return text


def _without_marks(text: str) -> str:
    """Without one pair of marks around the text, or one mark without a partner at an end of it."""
    opening = text[:1]
    stripped = text.rstrip(STOPS)
    closing = stripped[-1:]
    inner = text[1:]
    if opening in _CLOSERS and closing in _CLOSERS[opening] and len(stripped) > 1:
        inside = stripped[1:-1]
        if _is_balanced(inside, opening, _CLOSERS[opening]):
            return inside
    elif opening in _CLOSERS and not any(closer in inner for closer in _CLOSERS[opening]):
        return inner
    elif (
        closing in _OPENERS
        and closing not in "'’"
        and not any(opener in stripped[:-1] for opener, closers in _CLOSERS.items() if closing in closers)
    ):
        return stripped[:-1]
    return text


def _is_balanced(inside: str, opening: str, closers: str) -> bool:
    """Whether no pair that was opened before `inside` is closed in it."""
    depth = 0
    for i, char in enumerate(inside):
        if char in closers and char in "'’" and inside[i + 1 : i + 2].isalnum():
            continue
        if char == opening and char not in closers:
            depth += 1
        elif char in closers:
            if depth == 0:
                return False
            depth -= 1
    return True
