"""Text made clean for keeping, and folded for matching; folding is never shown to anyone."""

import re
import unicodedata
from functools import lru_cache

_NEWLINES = re.compile("\r\n?|\u2028|\u2029")
# NUL, other control characters but tab and newline, lone surrogates, byte-order mark, non-characters.
_UNSTORABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufeff\ufffe\uffff]")

# Bidi controls, zero-width characters, tatweel; combining marks go by category.
_INVISIBLE = re.compile("[\u0640\u00ad\u061c\u200b-\u200f\u202a-\u202e\u2060-\u2069]")
_LETTERS = str.maketrans(
    {
        "أ": "ا", "إ": "ا", "آ": "ا", "ٱ": "ا", "ى": "ي", "ئ": "ي", "ؤ": "و", "ة": "ه",
        "ی": "ي", "ک": "ك", "ё": "е",
        "“": '"', "”": '"', "„": '"', "«": '"', "»": '"', "‟": '"',
        "‘": "'", "’": "'", "ʼ": "'", "‚": "'",
        "–": "-", "—": "-", "‑": "-", "−": "-", "،": ",", "؛": ";", "؟": "?",
    }
)  # fmt: skip


def clean(text: str) -> str:
    """The text with uniform newlines and without characters that no store takes (NUL, lone surrogates)."""
    return _UNSTORABLE.sub("", _NEWLINES.sub("\n", text))


def fold(text: str) -> str:
    """The text for comparing: NFKC, lower case, no marks or tatweel, one form of alef, ya, digits, quotes, space."""
    return fold_with_offsets(text)[0]


def fold_with_offsets(text: str) -> tuple[str, list[int]]:
    """The folded text, and for each of its characters the offset of the one it came from.

    Runs of white space become one space; none is kept at the ends.
    """
    folded: list[str] = []
    offsets: list[int] = []
    for offset, original in enumerate(text):
        for char in _fold_char(original):
            if char == " " and (not folded or folded[-1] == " "):
                continue
            folded.append(char)
            offsets.append(offset)
    if folded and folded[-1] == " ":
        folded.pop()
        offsets.pop()
    return "".join(folded), offsets


@lru_cache(maxsize=20_000)
def _fold_char(original: str) -> str:
    if _INVISIBLE.match(original):
        return ""
    if original.isspace():
        return " "
    # The letters first: NFKD would take the hamza of ئ and ؤ apart and lose what they stand for.
    spread = unicodedata.normalize("NFKD", original.translate(_LETTERS).casefold())
    plain = (c for c in spread if not unicodedata.combining(c))
    return "".join(str(unicodedata.digit(c, c)) if c.isdigit() else c for c in plain).translate(_LETTERS)
