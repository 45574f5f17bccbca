"""Step `pairs`: which texts the encoder learns from, and in what mixture."""

import json
import lzma
import random
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

from index.exceptions import ConfigurationError
from index.normalization import fold
from index.sentences import sentence_spans
from training.recipe import Recipe
from training.steps import Work

PAIRS, PIVOTS, QUESTIONS = "pairs.tsv", "pivots.tsv", "questions.tsv"
_LONGEST = 1200
_LEAST_SENTENCES_OF_PASSAGE = 3


class Pair(NamedTuple):
    """An English text and its translation."""

    language: str
    source: str
    english: str
    foreign: str


class Question(NamedTuple):
    """A question, a passage that answers it, and the name of the article that the passage is from."""

    language: str
    source: str
    question: str
    passage: str
    article: str


def make_pairs(work: Work, output: Path) -> dict[str, Any]:
    """Write `pairs.tsv`, `pivots.tsv` and `questions.tsv`, shuffled; nothing of a development set is in them."""
    recipe, rng = work.recipe, random.Random(work.recipe.seed)  # noqa: S311 - a mixture, no secret
    held_back = _development_texts(work.data / "evaluation" / "dev")
    pairs: list[Pair] = []
    prose: list[Pair] = []
    overlapping = 0
    for language in recipe.languages:
        found = list(_read_pairs(work.data / "parallel", language, recipe))
        kept = [p for p in found if fold(p.english) not in held_back and fold(p.foreign) not in held_back]
        overlapping += len(found) - len(kept)
        prose += [p for p in kept if p.source in recipe.paragraph_sources]
        chosen = _choose(kept, recipe, recipe.most_pairs[language], rng)
        pairs += chosen
        work.report(f"pairs: {language} {len(chosen):,}")
    pivots = _pivots(pairs, recipe, rng)
    pairs += _paragraphs(prose, recipe.sentences_of_paragraph)
    questions = [q for q in _questions(work.data / "evaluation" / "train", rng) if fold(q.question) not in held_back]
    for rows in (pairs, pivots, questions):
        rng.shuffle(rows)
    _write(output / PAIRS, pairs)
    _write(output / PIVOTS, pivots)
    _write(output / QUESTIONS, questions)
    if not pairs:
        raise ConfigurationError(f"No pair was found in {work.data / 'parallel'}.", "Name the folder with --data.")
    return {
        "pairs": dict(Counter(p.language for p in pairs)),
        "sources": dict(Counter(p.source for p in pairs).most_common()),
        "pivots": len(pivots),
        "questions": dict(Counter(q.source for q in questions)),
        "left_out_as_development_text": overlapping,
    }


def read_rows(path: Path) -> list[list[str]]:
    """Rows of a file that this step wrote, their columns in order."""
    return [line.split("\t") for line in path.read_text(encoding="utf-8").split("\n") if line]


def _read_pairs(folder: Path, language: str, recipe: Recipe) -> Iterator[Pair]:
    interface = frozenset(recipe.interface_sources)
    seen: set[tuple[str, str]] = set()
    for source, english, foreign in _lines(folder / f"en-{language}.tsv.xz", columns=3):
        key = (fold(english), fold(foreign))
        if key in seen or key[0] == key[1] or len(english) > _LONGEST or len(foreign) > _LONGEST or not all(key):
            continue
        is_too_short = len(english.split()) < recipe.least_words_of_interface
        if is_too_short and source in interface and language not in recipe.whole_interface_of:
            continue
        seen.add(key)
        yield Pair(language, source, english, foreign)
    for name, most in (("names", recipe.most_names), ("words", recipe.most_words)):
        path = folder / f"{name}-{language}.tsv.xz"
        if path.exists():
            rows = [Pair(language, name, english, foreign) for english, foreign in _lines(path, columns=2)]
            random.Random(recipe.seed).shuffle(rows)  # noqa: S311
            yield from rows[:most]


def _choose(pairs: Iterable[Pair], recipe: Recipe, most: int, rng: random.Random) -> list[Pair]:
    """Pairs of all sources, each within its limit: core sources whole, the others up to `most` in all."""
    of_source: dict[str, list[Pair]] = defaultdict(list)
    for pair in pairs:
        of_source[pair.source].append(pair)
    core: list[Pair] = []
    others: list[Pair] = []
    for source, rows in sorted(of_source.items()):
        rng.shuffle(rows)
        limit = len(rows) if source in {"names", "words"} else recipe.default_pairs_of_source
        chosen = core if source in recipe.core_sources else others
        chosen += rows[: recipe.pairs_of_source.get(source, limit)]
    rng.shuffle(others)
    return core + others[: max(0, most - len(core))]


def _paragraphs(prose: Iterable[Pair], sentences: int) -> list[Pair]:
    """Neighbouring sentences of a source as one text, where a language has all of them; the same in each language."""
    order: dict[str, dict[str, None]] = defaultdict(dict)
    translation: dict[tuple[str, str, str], str] = {}
    for pair in prose:
        order[pair.source][pair.english] = None
        translation[pair.language, pair.source, pair.english] = pair.foreign
    paragraphs = []
    for language in sorted({language for language, _, _ in translation}):
        for source, distinct in order.items():
            lines = list(distinct)
            for chunk in (lines[i : i + sentences] for i in range(0, len(lines), sentences)):
                foreign = [translation.get((language, source, line)) for line in chunk]
                if len(chunk) > 1 and all(foreign):
                    text = " ".join(filter(None, foreign))
                    paragraphs.append(Pair(language, f"{source}-paragraph", " ".join(chunk), text))
    return paragraphs


def _pivots(pairs: Iterable[Pair], recipe: Recipe, rng: random.Random) -> list[tuple[str, str, str, str]]:
    """Translations of one English sentence into two other languages: `(language, text, language, text)`."""
    of_english: dict[str, list[Pair]] = defaultdict(list)
    for pair in pairs:
        if pair.source not in {"names", "words"}:
            of_english[fold(pair.english)].append(pair)
    pivots = []
    for translations in of_english.values():
        shuffled = rng.sample(translations, len(translations))
        pivots += [
            (one.language, one.foreign, other.language, other.foreign)
            for one, other in pairwise(shuffled)
            if one.language != other.language
        ]
    rng.shuffle(pivots)
    return pivots[: recipe.most_pivots]


def _questions(folder: Path, rng: random.Random) -> list[Question]:
    """Questions that people asked of a passage, and sentences taken out of one as if they were asked of it."""
    questions: list[Question] = []
    for name, language in (("arcd-train.json", "ar"), ("tydiqa-goldp.en.json", "en")):
        path = folder / name
        if not path.exists():
            continue
        for number, article in enumerate(json.loads(path.read_text(encoding="utf-8"))["data"]):
            title = _one_line(article.get("title") or f"{path.stem}-{number}")
            for paragraph in article["paragraphs"]:
                passage = _one_line(paragraph["context"])
                asked = {_one_line(qa["question"]).lstrip("-– ") for qa in paragraph["qas"]}
                questions += [Question(language, path.stem, q, passage, title) for q in sorted(asked) if q]
                questions += _inverse_cloze(language, path.stem, passage, title, rng)
    return questions


def _inverse_cloze(language: str, source: str, passage: str, title: str, rng: random.Random) -> list[Question]:
    """A sentence of a long passage, and the passage without it (Lee, Chang & Toutanova 2019)."""
    spans = sentence_spans(passage)
    if len(spans) < _LEAST_SENTENCES_OF_PASSAGE:
        return []
    start, end = rng.choice(spans)
    rest = f"{passage[:start]}{passage[end:]}".strip()
    return [Question(language, f"{source}-cloze", passage[start:end], rest, title)]


def _development_texts(folder: Path) -> set[str]:
    """Folded texts of the development sets."""
    texts: set[str] = set()
    for path in [*folder.glob("flores200/*"), *folder.glob("tatoeba/*")]:
        texts.update(map(fold, path.read_text(encoding="utf-8").splitlines()))
    for path in folder.glob("*.json"):
        found = json.loads(path.read_text(encoding="utf-8"))
        if "questions" in found:
            texts.update(fold(q["question"]) for q in found["questions"])
            texts.update(map(fold, found["paragraphs"]))
    return texts


def _lines(path: Path, columns: int) -> Iterator[list[str]]:
    """The columns of each line. Raises ConfigurationError with the line's number where there are fewer."""
    try:
        with lzma.open(path, "rt", encoding="utf-8") as file:
            for number, line in enumerate(file, 1):
                fields = [field.strip() for field in line.rstrip("\n").split("\t")]
                if len(fields) < columns:
                    raise ConfigurationError(f"Line {number} of {path} has too few columns.", "Get the file anew.")
                yield fields[:columns]
    except (OSError, lzma.LZMAError, EOFError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            f"{path} cannot be read: {error}.", "Name the folder of the data with --data."
        ) from error


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _write(path: Path, rows: Iterable[tuple[str, ...]]) -> None:
    path.write_text("".join("\t".join(map(_one_line, row)) + "\n" for row in rows), encoding="utf-8")
