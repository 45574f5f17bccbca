"""What is said to be a quote beside an article's own words: aligned, compared word by word and mark by mark."""

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Literal

from index.normalization import fold_with_offsets

Op = Literal["equal", "delete", "insert", "replace"]
Difference = Literal["case", "marks", "letter_forms", "digits", "punctuation", "white_space"]

_UNSPACED = "\u3040-\u30ff\u3400-\u9fff"  # kana and Han: each character counts as a word
_WORD = rf"(?:(?![{_UNSPACED}])\w)+"
_TOKEN = re.compile(rf"[{_UNSPACED}]|\d+(?:[.,'\u066b\u066c]\d+)*(?!\w)|{_WORD}(?:'{_WORD})*|[^\w\s]")
# Marks that may differ without another sense, where no digit stands beside them.
_HARMLESS_MARKS = frozenset("\"',.;:-()[]")
_SENTENCE_ENDS = frozenset(".!?")
# A word that occurs so often on both sides starts no match: the time stays proportional to the length.
_MOST_PAIRS = 2000
_MARGIN = 10  # tokens
_LONGEST_OPEN_END = 3  # tokens
# How far from the others a matching piece may lie, in tokens, and for each of its own words.
_GAP, _GAP_PER_WORD = 3, 4


@dataclass(frozen=True, slots=True)
class Token:
    """A word, number or mark: folded, with its `start` in the text it is from."""

    key: str
    start: int

    @property
    def weight(self) -> int:
        """Letters and digits of a word; 0 for a mark."""
        return len(self.key) if self.key[0].isalnum() else 0


@dataclass(frozen=True, slots=True)
class Change:
    """A step from what is said to what the article has, as slices of both, the white space after them included."""

    op: Op
    said: str
    article: str


@dataclass(frozen=True, slots=True)
class Alignment:
    """Where the article comes closest, `article[start:end]`; `share` of what is said, by letters, is there in order."""

    start: int
    end: int
    share: float


def tokens(text: str, start: int = 0, end: int | None = None) -> list[Token]:
    """The words, numbers and marks of `text[start:end]`, with their offsets in `text`."""
    piece = text[start:end]
    folded, offsets = fold_with_offsets(piece)
    found: list[Token] = []
    for match in _TOKEN.finditer(folded):
        at, last = offsets[match.start()], offsets[match.end() - 1]
        key = match.group()
        # Folding makes 10² and 2½ of other numbers' digits: such a number equals only itself.
        if any(char.isnumeric() and not char.isdecimal() for char in piece[at : last + 1]):
            key += piece[at : last + 1]
        if found and found[-1].start == start + at:  # one character that folds to several marks
            found[-1] = Token(found[-1].key + key, start + at)
        else:
            found.append(Token(key, start + at))
    return found


def align(said: Sequence[Token], article: Sequence[Token], text: str) -> Alignment | None:
    """The stretch of the article's tokens (of `text`) that has most of what is said, in order; None where none has any.

    A window of as many tokens as are said is moved over the article; around the best one the matching pieces
    are found by difflib, and those far from the heaviest are left out.
    """
    total = sum(token.weight for token in said)
    if not total or not article:
        return None
    window = _best_window(said, article)
    low = max(0, window - len(said) - _MARGIN)
    region = article[low : window + 2 * len(said) + _MARGIN]
    blocks = _near_blocks(said, _matching_blocks(said, region))
    if not blocks:
        return None
    matched = sum(token.weight for a, _, size in blocks for token in said[a : a + size])
    first, last = blocks[0], blocks[-1]
    begin = low + first[1] - _open_before(region, first[1], first[0], text)
    beyond = len(said) - last[0] - last[2]
    finish = low + last[1] + last[2] + _open_after(region, last[1] + last[2], beyond, text)
    end = _end_of(text, article[finish - 1].start, article[finish].start if finish < len(article) else len(text))
    return Alignment(article[begin].start, end, matched / total)


def diff(said: str, article: str) -> list[Change]:
    """The changes from one text to the other, both with words; their slices, joined, are the two texts."""
    a, b = tokens(said), tokens(article)
    starts_a = [0, *(token.start for token in a[1:]), len(said)] if a else [len(said)]
    starts_b = [0, *(token.start for token in b[1:]), len(article)] if b else [len(article)]
    changes = []
    i = j = 0
    for block in [*_matching_blocks(a, b), (len(a), len(b), 0)]:
        ops: list[tuple[Op, int, int]] = [
            (_op(block[0] - i, block[1] - j), block[0], block[1]),
            ("equal", block[0] + block[2], block[1] + block[2]),
        ]
        for op, to_a, to_b in ops:
            if (to_a, to_b) != (i, j):
                changes.append(Change(op, said[starts_a[i] : starts_a[to_a]], article[starts_b[j] : starts_b[to_b]]))
            i, j = to_a, to_b
    return changes


def is_harmless(changes: Sequence[Change]) -> bool:
    """Whether the changes touch commas, stops, quotation marks and the like only, and none beside a digit."""
    for i, change in enumerate(changes):
        if change.op == "equal":
            continue
        if any(token.key not in _HARMLESS_MARKS for side in (change.said, change.article) for token in tokens(side)):
            return False
        before = changes[i - 1].article[-1:] if i else ""
        after = changes[i + 1].article[:1] if i + 1 < len(changes) else ""
        if before.isnumeric() or after.isnumeric():
            return False
    return True


def differences(said: str, article: str) -> list[Difference]:
    """The kinds of difference between two texts that are equal after folding; none where every letter is the same."""
    said, article = unicodedata.normalize("NFC", said), unicodedata.normalize("NFC", article)
    (folded, at_a), (_, at_b) = fold_with_offsets(said), fold_with_offsets(article)
    found: set[Difference] = set()
    for i in range(min(len(folded), len(at_b))):
        found.update(_difference(said[at_a[i]], article[at_b[i]]))
    dropped_a, dropped_b = _dropped(said, at_a), _dropped(article, at_b)
    if [char for char in dropped_a if not char.isspace()] != [char for char in dropped_b if not char.isspace()]:
        found.add("marks")
    if [char for char in dropped_a if char.isspace()] != [char for char in dropped_b if char.isspace()]:
        found.add("white_space")
    return sorted(found)


def same_numbers(said: str, article: str) -> bool:
    """Whether two texts that are equal after folding have the same digits, raised ones and fractions told apart."""

    def numbers(text: str) -> list[str]:
        return [str(unicodedata.decimal(char, char)) for char in text if char.isnumeric()]

    return numbers(said) == numbers(article)


def _best_window(said: Sequence[Token], article: Sequence[Token]) -> int:
    """Where the stretch of `len(said)` tokens begins that shares most with what is said, each word counted once."""
    left = Counter(token.key for token in said)
    weight = {token.key: token.weight for token in said}
    score = best = start = 0
    for i, token in enumerate(article):
        if i >= len(said) and (gone := article[i - len(said)].key) in left:
            left[gone] += 1
            score -= weight[gone] if left[gone] > 0 else 0
        if token.key in left:
            score += weight[token.key] if left[token.key] > 0 else 0
            left[token.key] -= 1
        if score > best:
            best, start = score, max(0, i - len(said) + 1)
    return start


def _matching_blocks(a: Sequence[Token], b: Sequence[Token]) -> list[tuple[int, int, int]]:
    """`(offset in a, offset in b, tokens)` of the pieces that match, in order."""
    keys_a, keys_b = [token.key for token in a], [token.key for token in b]
    counts_a, counts_b = Counter(keys_a), Counter(keys_b)

    def is_crowded(key: str) -> bool:
        return counts_a[key] * counts_b[key] > _MOST_PAIRS

    matcher = SequenceMatcher(is_crowded, keys_a, keys_b, autojunk=False)
    return [(block.a, block.b, block.size) for block in matcher.get_matching_blocks() if block.size]


def _near_blocks(said: Sequence[Token], blocks: list[tuple[int, int, int]]) -> list[tuple[int, int, int]]:
    """The heaviest block, and to both sides of it those that are not too far for their size."""

    def words(block: tuple[int, int, int]) -> int:
        return sum(token.weight > 0 for token in said[block[0] : block[0] + block[2]])

    def weight(block: tuple[int, int, int]) -> int:
        return sum(token.weight for token in said[block[0] : block[0] + block[2]])

    blocks = [block for block in blocks if words(block)]
    if not blocks:
        return []
    heart = max(range(len(blocks)), key=lambda i: weight(blocks[i]))
    low = high = heart
    for i in range(heart - 1, -1, -1):
        if blocks[low][1] - blocks[i][1] - blocks[i][2] > _GAP + _GAP_PER_WORD * words(blocks[i]):
            break
        low = i
    for i in range(heart + 1, len(blocks)):
        if blocks[i][1] - blocks[high][1] - blocks[high][2] > _GAP + _GAP_PER_WORD * words(blocks[i]):
            break
        high = i
    return blocks[low : high + 1]


def _open_before(region: Sequence[Token], begin: int, unmatched: int, text: str) -> int:
    """How many tokens before a match at `begin` stand in the place of unmatched ones: of the same sentence, a few."""
    taken = 0
    while unmatched <= _LONGEST_OPEN_END and taken < min(unmatched, begin):
        token, following = region[begin - taken - 1], region[begin - taken].start
        if token.key in _SENTENCE_ENDS or "\n" in text[token.start : following]:
            break
        taken += 1
    return taken


def _open_after(region: Sequence[Token], end: int, unmatched: int, text: str) -> int:
    taken = 0
    while unmatched <= _LONGEST_OPEN_END and taken < min(unmatched, len(region) - end):
        token, previous = region[end + taken], region[end + taken - 1].start
        if token.key in _SENTENCE_ENDS or "\n" in text[previous : token.start]:
            break
        taken += 1
    return taken


def _end_of(text: str, start: int, limit: int) -> int:
    """Where the token at `start` ends: before the white space that precedes the next one."""
    return start + len(text[start:limit].rstrip())


def _op(said: int, article: int) -> Op:
    if said and article:
        return "replace"
    return "delete" if said else "insert"


def _difference(said: str, article: str) -> list[Difference]:
    """The kind of difference between two characters that fold to the same."""
    if said == article:
        return []
    if said.isspace() or article.isspace():
        return ["white_space"]
    if said.isdecimal() and article.isdecimal():
        return ["digits"]
    if said.casefold() == article.casefold():
        return ["case"]
    if unicodedata.category(said)[0] in "PS" and unicodedata.category(article)[0] in "PS":
        return ["punctuation"]
    return ["letter_forms"]


def _dropped(text: str, offsets: Sequence[int]) -> list[str]:
    """The characters that folding leaves out: marks on letters, tatweel, invisible ones, more than one space."""
    kept = set(offsets)
    return [char for i, char in enumerate(text.strip()) if i not in kept]
