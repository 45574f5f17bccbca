"""Step `lexicon`: which terms of the lexical index are translations of each other, by IBM Model 1 on the pairs.

It serves words, where the encoder serves sentences: a question's terms become the article's language's.
"""

import lzma
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from index.lexicon import file_name
from index.stemming import index_terms
from training.pairs import PAIRS, read_rows
from training.steps import Work
from training.translation import TranslationTable, learn_translations

_LONGEST = 30  # terms
_LEAST_SEEN = 2
_LEAST_PROBABILITY = 0.1
_MOST_TRANSLATIONS = 6


def make_lexicons(work: Work, output: Path) -> dict[str, Any]:
    """Write a file for each language, lines of `English term, foreign term, t(foreign|English), t(English|foreign)`."""
    recipe = work.recipe
    rows = read_rows(work.output("pairs") / PAIRS)
    sizes = {}
    for language in recipe.languages:
        own = [row for row in rows if row[0] == language and not row[1].endswith("-paragraph")][: recipe.lexicon_pairs]
        english = _Numbered([_terms(row[2], "en") for row in own])
        foreign = _Numbered([_terms(row[3], language) for row in own])
        rounds = recipe.model1_rounds
        to_english = learn_translations(foreign.ids, english.ids, rounds, len(english.names))
        from_english = learn_translations(english.ids, foreign.ids, rounds, len(foreign.names))
        there, back = _best(from_english, english, foreign), _best(to_english, foreign, english)
        links = {*there, *((e, f) for f, e in back)}
        lines = [f"{e}\t{f}\t{there.get((e, f), 0):.2f}\t{back.get((f, e), 0):.2f}\n" for e, f in sorted(links)]
        with lzma.open(output / file_name(language), "wt", encoding="utf-8", preset=9) as file:
            file.writelines(lines)
        sizes[language] = len(lines)
        work.report(f"lexicon: {language}, {len(lines):,} translations")
    return {"translations": sizes, "bytes": sum(path.stat().st_size for path in output.iterdir())}


class _Numbered:
    """Texts as numbers of their terms, longer ones cut."""

    def __init__(self, texts: Sequence[Sequence[str]]) -> None:
        self.count = Counter(term for text in texts for term in text)
        self.names = list(self.count)
        number = {name: i for i, name in enumerate(self.names)}
        self.ids = [[number[term] for term in text[:_LONGEST]] for text in texts]


def _terms(text: str, language: str) -> list[str]:
    """Without the skeletons of names, which match across scripts by themselves, and without numbers."""
    return [t for t in index_terms(text, language) if not t.startswith("~") and not t.isdigit()]


def _best(table: TranslationTable, source: _Numbered, target: _Numbered) -> dict[tuple[str, str], float]:
    found = {}
    for piece in np.unique(table.foreign):
        name = source.names[piece]
        if source.count[name] < _LEAST_SEEN:
            continue
        for translation, probability in zip(*table.best(int(piece), _MOST_TRANSLATIONS), strict=True):
            if round(float(probability), 2) >= _LEAST_PROBABILITY:
                found[name, target.names[translation]] = float(probability)
    return found
