"""`python -m training.curve LOG PICTURE`: the losses of a run over its steps, as a picture (.svg or .png)."""

import json
import sys
from pathlib import Path

from matplotlib.figure import Figure

_KINDS = ("translation", "pivot", "question")


def draw(log: Path, picture: Path) -> None:
    """Draw `log.jsonl`, as step `train` wrote it."""
    lines = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    figure = Figure(figsize=(8, 4.5), layout="constrained")
    axes = figure.add_subplot()
    for kind in _KINDS:
        points = [(line["step"], line[kind]) for line in lines if kind in line]
        axes.plot(*zip(*points, strict=True), marker=".", label=kind)
    axes.set(xlabel="step", ylabel="loss, mean over 100 steps", ylim=(0, None))
    axes.grid(alpha=0.3)
    axes.legend(frameon=False)
    figure.savefig(picture, metadata={"Date": None} if picture.suffix == ".svg" else None)


if __name__ == "__main__":
    draw(*map(Path, sys.argv[1:3]))
