"""Bytes of a file to text: UTF-8, UTF-16 by its mark, or what charset-normalizer is sure of."""

from index.exceptions import EmptyArticle, UnreadableArticle

_SIGNATURES = (b"%PDF", b"PK\x03\x04", b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"\x1f\x8b", b"\x7fELF", b"{\\rtf")
# Wrong letters would be quoted as the article's: among more candidates, Turkish is taken for Mac Latin 2.
_OLD_ENCODINGS = ["cp1256", "cp1251", "koi8_r", "cp1252", "cp1254", "gb18030", "big5"]
_MOST_DISORDER, _LEAST_COHERENCE = 0.1, 0.2
_TEXT_FIX = "Save the article as UTF-8 text, Markdown or HTML and index that file."


def decode(data: bytes, name: str) -> str:
    """The text in the bytes. Raises EmptyArticle or UnreadableArticle (binary, unknown encoding)."""
    if not data.strip(b" \t\r\n\0"):
        raise EmptyArticle(f"{name} is empty.", "Give a file with the article's text in it.")
    if data.startswith(_SIGNATURES):
        raise UnreadableArticle(f"{name} is not a text file.", _TEXT_FIX)
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return _decode_strictly(data, "utf-16", name)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return _decode_detected(data, name)
    # A stray NUL in a text is dropped; many of them are another kind of file.
    if text.count("\0") > len(text) // 100 + 1:
        raise UnreadableArticle(f"{name} is not a text file.", _TEXT_FIX)
    return text


def _decode_strictly(data: bytes, encoding: str, name: str) -> str:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        raise UnreadableArticle(f"{name} begins like {encoding} but is not.", _TEXT_FIX) from error


def _decode_detected(data: bytes, name: str) -> str:
    from charset_normalizer import from_bytes

    if b"\0" not in data:
        best = from_bytes(data, threshold=_MOST_DISORDER, cp_isolation=_OLD_ENCODINGS).best()
        if best is not None and best.coherence >= _LEAST_COHERENCE:
            return str(best)
    raise UnreadableArticle(f"{name} is neither UTF-8 nor text in an encoding that can be told.", _TEXT_FIX)
