"""Sentence boundaries as offsets, for the scripts that maqal reads."""

import re

_END = re.compile(
    r"""(?P<mark>[.!?؟…]+|[。！？]+)(?P<closing>["”»’'）)\]]*)(?=\s|$)|(?P<wide>[。！？]+[”’」』）]*)|\n+"""
)
_OPENING_QUOTES = {"“": "”", "«": "»", "„": "“”", "「": "」"}
# A full stop after one of these, or after a single letter, ends no sentence.
_ABBREVIATION = re.compile(
    r"(?:^|[\s(“\"«])(?:\w|Mr|Mrs|Ms|Dr|Doç|Prof|St|Gen|Col|Lt|Sgt|Sen|Rep|Gov|vs|etc|No|Jan|Feb|Mar|Apr|Aug|Sept?|Oct|Nov|Dec"
    r"|U\.S|U\.K|U\.N|a\.m|p\.m|e\.g|i\.e|M|Mme|Mlle|Hr|Fr|bzw|z\.B|Sr|Sra|г|гг|т\.е|т\.д|им|стр|руб|млн|млрд|тыс)$"
)
_QUOTED_SENTENCE_LIMIT = 700


def sentence_spans(text: str) -> list[tuple[int, int]]:
    """`(start, end)` of each sentence in the text, without the white space around it.

    Sentences inside one pair of quotation marks stay together (up to 700 characters), so that no
    sentence carries half a pair. An Arabic comma or semicolon ends nothing.
    """
    spans: list[tuple[int, int]] = []
    start = 0
    for match in _END.finditer(text):
        if not _ends_sentence(text, start, match):
            continue
        _add(spans, text, start, match.end())
        start = match.end()
    _add(spans, text, start, len(text))
    return spans


def _ends_sentence(text: str, start: int, match: re.Match[str]) -> bool:
    mark = match["mark"]
    if mark == "..":  # Arabic headlines use two dots as a dash.
        return False
    if mark == "." and _ABBREVIATION.search(text, start, match.start()):
        return False
    return not _inside_quotation(text, start, match.end())


def _inside_quotation(text: str, start: int, end: int) -> bool:
    if end - start > _QUOTED_SENTENCE_LIMIT:
        return False
    closing = ""
    for char in text[start:end]:
        if not closing:
            closing = _OPENING_QUOTES.get(char, "")
        elif char in closing:
            closing = ""
    ahead = text[end : start + _QUOTED_SENTENCE_LIMIT]
    return bool(closing) and any(char in ahead for char in closing)


def _add(spans: list[tuple[int, int]], text: str, start: int, end: int) -> None:
    piece = text[start:end]
    if stripped := piece.strip():
        start += len(piece) - len(piece.lstrip())
        spans.append((start, start + len(stripped)))
