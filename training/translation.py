"""IBM Model 1 (Brown et al. 1993): how likely an English word piece is the translation of a foreign one."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Ids = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class TranslationTable:
    """`probability[i]` is t(english[i] | foreign[i]); sorted by foreign piece, the likeliest first."""

    foreign: Ids
    english: Ids
    probability: npt.NDArray[np.float32]

    def best(self, foreign_piece: int, most: int) -> tuple[Ids, npt.NDArray[np.float32]]:
        """The likeliest English pieces of a foreign one and their probabilities; empty where it was never seen."""
        low, high = np.searchsorted(self.foreign, [foreign_piece, foreign_piece + 1])
        chosen = slice(int(low), int(min(high, low + most)))
        return self.english[chosen], self.probability[chosen]


def learn_translations(
    foreign_texts: Sequence[Sequence[int]], english_texts: Sequence[Sequence[int]], rounds: int, english_pieces: int
) -> TranslationTable:
    """Expectation maximisation over sentence pairs of word-piece ids, every pair of pieces in a sentence a candidate.

    `english_pieces` is one more than the largest English id.
    """
    links_foreign, links_english, links_slot, slots = _links(foreign_texts, english_texts)
    keys, link_of = np.unique(links_foreign * english_pieces + links_english, return_inverse=True)
    foreign, english = keys // english_pieces, keys % english_pieces
    probability = np.ones(len(keys), np.float32)
    for _ in range(rounds):
        # How much of each English piece's place in its sentence each foreign piece there explains.
        expected = probability[link_of]
        expected /= np.bincount(links_slot, weights=expected, minlength=slots)[links_slot]
        counts = np.bincount(link_of, weights=expected, minlength=len(keys))
        probability = (counts / np.bincount(foreign, weights=counts)[foreign]).astype(np.float32)
    order = np.lexsort((-probability, foreign))
    return TranslationTable(foreign[order], english[order], probability[order])


def _links(foreign_texts: Sequence[Sequence[int]], english_texts: Sequence[Sequence[int]]) -> tuple[Ids, Ids, Ids, int]:
    """Each foreign piece with each English piece of its sentence, and the number of the English piece's place."""
    foreign_parts, english_parts, slot_parts, slots = [], [], [], 0
    for foreign, english in zip(foreign_texts, english_texts, strict=True):
        if foreign and english:
            foreign_parts.append(np.repeat(np.asarray(foreign, np.int64), len(english)))
            english_parts.append(np.tile(np.asarray(english, np.int64), len(foreign)))
            slot_parts.append(slots + np.tile(np.arange(len(english)), len(foreign)))
            slots += len(english)
    if not foreign_parts:
        empty = np.zeros(0, np.int64)
        return empty, empty, empty, 0
    return np.concatenate(foreign_parts), np.concatenate(english_parts), np.concatenate(slot_parts), slots
