"""What a measurement under load shares with others: its questions, percentiles, and the table of its results."""

import json
import random
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from rich.table import Table


class Row(NamedTuple):
    """One line of the table; `is_met` is None where nothing is to be reached."""

    measure: str
    target: str
    measured: str
    is_met: bool | None = None


def read_questions(folder: Path) -> list[str]:
    """All questions, in an order that mixes their languages and articles."""
    lines = [line for path in sorted(folder.glob("*.jsonl")) for line in path.read_text().splitlines() if line.strip()]
    questions = list(dict.fromkeys(json.loads(line)["question"] for line in lines))
    random.Random(0).shuffle(questions)  # noqa: S311 - to be repeatable
    return questions


def percentile(seconds: Sequence[float], percent: int) -> float:
    """The percentile; not a number where there is nothing."""
    if len(seconds) < 2:
        return seconds[0] if seconds else float("nan")
    return statistics.quantiles(seconds, n=100, method="inclusive")[percent - 1]


def milliseconds(seconds: float) -> str:
    """As it is shown."""
    return f"{seconds * 1000:,.1f} ms"


def _sign(row: Row) -> str:
    return {True: "yes", False: "NO", None: ""}[row.is_met]


def markdown(rows: Sequence[Row]) -> str:
    """The rows as a table in Markdown."""
    lines = ["| | to reach | measured | reached |", "|---|---|---|---|"]
    return "\n".join([*lines, *(f"| {r.measure} | {r.target} | {r.measured} | {_sign(r)} |" for r in rows)])


def table(rows: Sequence[Row]) -> Table:
    """The rows as a table for a terminal."""
    shown = Table("", "to reach", "measured", "reached")
    for row in rows:
        shown.add_row(row.measure, row.target, row.measured, _sign(row))
    return shown
