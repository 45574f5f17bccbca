"""Bytes of a file to text: UTF-8, UTF-16 by its mark, or what charset-normalizer is sure of."""

from index.exceptions import EmptyArticle, UnreadableArticle

_SIGNATURES = (b"%PDF", b"PK\x03\x04", b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"\x1f\x8b", b"\x7fELF", b"{\\rtf")
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
        best = from_bytes(data, threshold=0.15).best()
        if best is not None and best.alphabets and _is_readable(text := str(best)):
            return text
    raise UnreadableArticle(f"{name} is neither UTF-8 nor text in an encoding that can be told.", _TEXT_FIX)


def _is_readable(text: str) -> bool:
    letters = sum(char.isalpha() or char.isspace() for char in text)
    return letters >= 0.7 * len(text)
