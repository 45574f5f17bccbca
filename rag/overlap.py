"""How much of a question's words a passage has, in its own language or as their translations."""

from collections import defaultdict
from collections.abc import Collection, Sequence

from index.lexicon import translations

Readings = list[tuple[frozenset[str], dict[str, float]]]
"""For each word of a question its own terms, and those that translate it, with shares that sum to 1."""


def coverage(words: Sequence[Sequence[str]], language: str, terms: Collection[str], target: str) -> float:
    """The share of a question's words (`index.stemming.query_words`) that the terms of a passage stand for, 0 to 1.

    A word whose translation the passage has counts by how likely that is. One that no lexicon knows says nothing:
    it is left out unless the passage has it.
    """
    return covered(readings(words, language, target), terms)


def readings(words: Sequence[Sequence[str]], language: str, target: str) -> Readings:
    """What the words may read as in passages of the target language; made once where there are many passages.

    A word of the target language, or one that has a translation there, is expected in a passage; other ones have
    no shares, and count only where they are found.
    """
    read: Readings = []
    for word in words:
        likely: dict[str, float] = defaultdict(float)
        for term in word:
            for translation, probability in translations(term, language, target).items():
                likely[translation] += probability
        total = sum(likely.values())
        shares = {term: probability / total for term, probability in likely.items()}
        read.append((frozenset(word), shares or (dict.fromkeys(word, 1.0) if language == target else {})))
    return read


def covered(readings: Readings, terms: Collection[str]) -> float:
    """The share of the words that the terms of a passage stand for, 0 to 1."""
    found = []
    for own, shares in readings:
        if not own.isdisjoint(terms):
            found.append(1.0)
        elif shares:
            found.append(sum(share for term, share in shares.items() if term in terms))
    return sum(found) / len(found) if found else 0.0
