"""Support for what a model writes: measured on hand-made sentences about the bundled article."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from index.embedding import Encoder
from index.readers import read_bundled
from rag.quotes import Span
from rag.support import Support

ARTICLE = read_bundled()
SPANS = [Span("a", 1, p.number, p.start, ARTICLE.text_of(p)) for p in ARTICLE.body]
SENTENCES: list[dict[str, Any]] = [
    json.loads(line)
    for line in (Path(__file__).parents[1] / "data" / "support" / "sentences.jsonl")
    .read_text(encoding="utf-8")
    .splitlines()
]


@pytest.fixture(scope="module")
def support(encoder: Encoder) -> Support:
    return Support(SPANS, ["ar"] * len(SPANS), encoder)


def test_how_often_it_errs(support: Support) -> None:
    """Prints the table that the README tells (`pytest -s`), and holds it."""
    marked: Counter[tuple[str, str]] = Counter()
    of: Counter[tuple[str, str]] = Counter()
    for row in SENTENCES:
        key = (row["language"], row["kind"])
        of[key] += 1
        is_marked = not support.holds(row["sentence"], row["language"], [n - 1 for n in row["cites"]])
        marked[key] += is_marked
        if is_marked == (row["kind"] == "true"):
            print(("wrongly marked: " if is_marked else f"missed ({row['kind']}): ") + row["sentence"])
    print("\nmarked / of")
    for key in sorted(of):
        print(*key, f"{marked[key]}/{of[key]}")
    true = [key for key in of if key[1] == "true"]
    false = [key for key in of if key[1] != "true"]
    wrongly = sum(marked[k] for k in true) / sum(of[k] for k in true)
    missed = 1 - sum(marked[k] for k in false) / sum(of[k] for k in false)
    print(f"true sentences marked {wrongly:.1%}, false ones missed {missed:.1%}")
    assert wrongly <= 0.10
    assert missed <= 0.20


@pytest.mark.parametrize(
    ("sentence", "cites", "holds"),
    [
        ("About 2,500 soldiers arrived in Kazakhstan.", [2], True),
        ("About 2 500 soldiers arrived in Kazakhstan.", [2], True),
        ("About 2.5 soldiers arrived in Kazakhstan.", [2], False),
        ("About 25,000 soldiers arrived in Kazakhstan.", [2], False),
        ("وصل ٢٥٠٠ جندي إلى كازاخستان.", [2], True),
        ("About 2,500 soldiers arrived in Kazakhstan.", [], False),
        ("About 2,500 soldiers arrived in Kazakhstan.", [18], False),
        ("The talks in Geneva begin on 10 January.", [3, 14], True),
    ],
)
def test_numbers_and_citations(support: Support, sentence: str, cites: list[int], holds: bool) -> None:
    language = "ar" if "و" in sentence else "en"
    assert support.holds(sentence, language, [n - 1 for n in cites]) is holds
