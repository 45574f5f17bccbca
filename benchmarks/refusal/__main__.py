"""`python -m benchmarks.refusal`: fit the score of `rag.refusal` on the development questions, and report its errors.

Each article's questions are also scored by weights that were fitted without them: those errors are the honest ones.
"""

import argparse
import json
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from rich.console import Console

from index.article_index import ArticleIndex
from index.ingestion import add_article
from index.languages import detect_language
from index.readers import read_bundled, read_file
from index.settings import IndexSettings
from rag.question_kinds import kind_of
from rag.refusal import FEATURES, evidence
from rag.retriever import HybridRetriever

_DATA = Path("tests/data")
_WEIGHTS = Path("rag/refusal.json")
_BUNDLED = "kazakhstan-csto-2022"
# Ridge on standardised features: as few weights as may be move far on so few questions.
_RIDGE = 1.0
_ROUNDS = 200
# A wrong refusal hides what the article says; at most so many of the answerable questions may meet one.
_MOST_WRONGLY_REFUSED = 0.07

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class _Rows:
    """Features, shape (questions, features), whether each is answered, and which article each is asked of."""

    ids: list[str]
    features: Floats
    is_answered: npt.NDArray[np.bool_]
    articles: npt.NDArray[np.str_]


@dataclass(frozen=True, slots=True)
class _Model:
    mean: Floats
    scale: Floats
    weights: Floats
    bias: float

    def confidence(self, features: Floats) -> Floats:
        logits = ((features - self.mean) / self.scale) @ self.weights + self.bias
        probability: Floats = 1 / (1 + np.exp(-logits))
        return probability


def main() -> int:
    """Print the errors; with `--write`, keep the weights."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.refusal", description=__doc__)
    parser.add_argument("--write", action="store_true", help=f"write the weights to {_WEIGHTS}")
    parser.add_argument("--list", action="store_true", help="name the questions that are judged wrongly")
    parser.add_argument("--work", type=Path, required=True, help="an empty folder for the index")
    arguments = parser.parse_args()
    tell = Console(highlight=False, markup=False, soft_wrap=True).print
    with ArticleIndex(IndexSettings(data_dir=arguments.work), writable=True) as index:
        rows, encoder = _read(index), index.encoder.fingerprint.name
    model, held_out = _fit(rows), np.zeros(len(rows.ids))
    for article in np.unique(rows.articles):
        own = rows.articles == article
        others = _Rows([], rows.features[~own], rows.is_answered[~own], rows.articles[~own])
        held_out[own] = _fit(others).confidence(rows.features[own])
    fitted = model.confidence(rows.features)
    threshold = _threshold(held_out, rows.is_answered)
    tell(f"{len(rows.ids)} questions, {int((~rows.is_answered).sum())} not answered; threshold {threshold:.3f}")
    for name, score in (("fitted on all", fitted), ("each article held out", held_out)):
        refused = score < threshold
        right, wrong = refused[~rows.is_answered].mean(), refused[rows.is_answered].mean()
        tell(f"{name}: refuses what the article does not say {right:.1%}, wrongly refuses {wrong:.1%}")
    for article in np.unique(rows.articles):
        own, refused = rows.articles == article, held_out < threshold
        tell(
            f"  {article}: {refused[own & ~rows.is_answered].mean():.1%}, {refused[own & rows.is_answered].mean():.1%}"
        )
    for name, weight in sorted(zip(FEATURES, model.weights, strict=True), key=lambda item: -abs(item[1])):
        tell(f"  {name:22} {weight:+.2f}")
    if arguments.list:
        for i in np.argsort(held_out):
            if (held_out[i] < threshold) == rows.is_answered[i]:
                tell(f"  {'answerable' if rows.is_answered[i] else 'silent':10} {held_out[i]:.2f} {rows.ids[i]}")
    if arguments.write:
        _write(model, threshold, encoder)
    return 0


def _read(index: ArticleIndex) -> _Rows:
    ids, features, answered, articles = [], [], [], []
    for path in sorted((_DATA / "questions").glob("*.jsonl")):
        files = sorted((_DATA / "articles").glob(f"{path.stem}.*"))
        article = read_bundled() if path.stem == _BUNDLED else read_file(files[0], index.settings.max_bytes)
        article_id = add_article(index, article).entry.id
        for line in path.read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            question, language = row["question"], detect_language(row["question"])
            nodes = HybridRetriever(index, language=language, article_ids=[article_id]).retrieve(question)
            found = evidence(question, kind_of(question, language), language, nodes)
            ids.append(f"{row['id']} {question}")
            features.append([found[name] for name in FEATURES])
            answered.append(bool(row["paragraphs"]))
            articles.append(path.stem)
    return _Rows(ids, np.array(features), np.array(answered), np.array(articles))


def _fit(rows: _Rows) -> _Model:
    """Logistic regression by Newton's method, both classes with equal weight."""
    mean, scale = rows.features.mean(0), rows.features.std(0)
    scale[scale == 0] = 1.0
    values = np.hstack([(rows.features - mean) / scale, np.ones((len(rows.features), 1))])
    target = rows.is_answered.astype(float)
    weight = np.where(rows.is_answered, 0.5 / target.mean(), 0.5 / (1 - target.mean()))
    penalty = np.diag([_RIDGE] * (values.shape[1] - 1) + [0.0])
    weights = np.zeros(values.shape[1])
    for _ in range(_ROUNDS):
        probability = 1 / (1 + np.exp(-values @ weights))
        gradient = values.T @ (weight * (probability - target)) + penalty @ weights
        hessian = (values * (weight * probability * (1 - probability))[:, None]).T @ values + penalty
        step = np.linalg.solve(hessian, gradient)
        weights -= step
        if np.abs(step).max() < 1e-9:
            break
    return _Model(mean, scale, weights[:-1], float(weights[-1]))


def _threshold(confidences: Floats, is_answered: npt.NDArray[np.bool_]) -> float:
    """The highest that wrongly refuses no more than is allowed, by scores of articles that were held out."""
    return float(np.quantile(confidences[is_answered], _MOST_WRONGLY_REFUSED))


def _write(model: _Model, threshold: float, encoder: str) -> None:
    rounded = {
        "encoder": encoder,
        "features": list(FEATURES),
        "mean": [round(float(x), 5) for x in model.mean],
        "scale": [round(float(x), 5) for x in model.scale],
        "weights": [round(float(x), 5) for x in model.weights],
        "bias": round(model.bias, 5),
        "threshold": round(threshold, 4),
    }
    _WEIGHTS.write_text(json.dumps(rounded, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
