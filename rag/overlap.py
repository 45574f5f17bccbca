"""How much of a question's words a passage has, in its own language or as their translations."""

from collections.abc import Collection, Sequence

from index.lexicon import translations


def coverage(words: Sequence[Sequence[str]], language: str, terms: Collection[str], target: str) -> float:
    """The share of a question's words (`index.stemming.query_words`) that the terms of a passage stand for, 0 to 1.

    A word whose translation the passage has counts by how likely that is. One that no lexicon knows says nothing:
    it is left out unless the passage has it.
    """
    found = [share for share in (_found(word, language, terms, target) for word in words) if share is not None]
    return sum(found) / len(found) if found else 0.0


def _found(word: Sequence[str], language: str, terms: Collection[str], target: str) -> float | None:
    if any(term in terms for term in word):
        return 1.0
    likely = [translations(term, language, target) for term in word]
    total = sum(sum(each.values()) for each in likely)
    if not total:
        return 0.0 if language == target else None
    return sum(p for each in likely for translation, p in each.items() if translation in terms) / total
