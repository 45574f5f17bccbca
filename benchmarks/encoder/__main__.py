"""The command `python -m benchmarks.encoder`: encoders and BM25 side by side, measured in one run."""

import argparse
import json
import os
import platform
import sys
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path

from rich.console import Console

from benchmarks.encoder import data
from benchmarks.encoder.measurement import measure_rankings, measure_speed, measure_startup
from benchmarks.encoder.rankers import DenseRanker, LexicalRanker
from benchmarks.encoder.table import Section, to_json, to_markdown, to_rich
from index.embedding import load_encoder
from index.exceptions import MaqalError

BUNDLED = "bundled"
_QUICK = 200
_READERS = {
    "tatoeba": ("Tatoeba", data.read_tatoeba),
    "flores": ("FLORES-200", data.read_flores),
    "xquad": ("XQuAD", data.read_xquad),
    "tydiqa": ("TyDiQA", data.read_tydiqa),
}
_MEASURES = (*_READERS, "speed", "startup")
_LIBRARIES = ("onnxruntime", "sentence_transformers", "torch")


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; 0, or 2 after an error that the reader can mend."""
    options = _parser().parse_args(arguments)
    errors = Console(stderr=True, soft_wrap=True, highlight=False, markup=False)
    try:
        with errors.status("reading") as status:
            facts, columns, sections = _measure(options, status.update if errors.is_terminal else errors.print)
        if options.json:
            _write_json(options.json, to_json(facts, sections))
    except MaqalError as error:
        errors.print(f"{error.message}\n{error.fix}")
        return 2
    output = Console(highlight=False, markup=False, soft_wrap=options.markdown)
    output.print(" · ".join(f"{name} {value}" for name, value in facts.items()), end="\n\n")
    for table in [to_markdown(sections, columns)] if options.markdown else [to_rich(s, columns) for s in sections]:
        output.print(table)
    return 0


def _measure(
    options: argparse.Namespace, tell: Callable[[str], object]
) -> tuple[dict[str, str], list[str], list[Section]]:
    """What it ran on, the columns, and what was measured."""
    chosen = options.only or _MEASURES
    limit = _QUICK if options.quick else None
    # Everything is read and loaded before anything is measured: a wrong path shows at once.
    tasks = {title: read(options.data, limit) for name, (title, read) in _READERS.items() if name in chosen}
    timed = [data.read_xquad_language(options.data, each, limit) for each in ("en", "ar")] if "speed" in chosen else []
    paths = _by_column(options.model)
    encoders = [DenseRanker(name, load_encoder(path)) for name, path in paths.items()]
    facts = _machine(is_quick=options.quick) | {e.name: str(e.encoder.fingerprint) for e in encoders}

    sections = [section for title in tasks for section in measure_rankings(title, tasks[title], encoders, tell)]
    if timed:
        tell("speed")
        sections.append(measure_speed(timed, encoders))
    if "startup" in chosen:
        tell("start-up")
        sections.append(measure_startup(paths))
    columns = [column for name in paths for column in (name, f"{name} + BM25")]
    return facts, [*columns, LexicalRanker.name], sections


def _by_column(models: Sequence[str]) -> dict[str, str]:
    """Models by the last part of their names, numbered where that is taken."""
    columns = {BUNDLED: ""}
    for model in models:
        name = Path(model).expanduser().resolve().name if Path(model).exists() else model.rsplit("/", 1)[-1]
        taken = sum(column == name or column.startswith(f"{name} (") for column in columns)
        columns[f"{name} ({taken + 1})" if taken else name] = model
    return columns


def _machine(*, is_quick: bool) -> dict[str, str]:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    facts = {"cores": str(cores), "load": f"{os.getloadavg()[0]:.1f}", "Python": platform.python_version()}
    facts |= {name: version(name) for name in _LIBRARIES if name in sys.modules}
    return facts | ({"quick": f"first {_QUICK} of each set, not comparable with full runs"} if is_quick else {})


def _write_json(path: Path, content: object) -> None:
    try:
        path.write_text(json.dumps(content, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise MaqalError(f"{path} cannot be written: {error.strerror}", "Give another --json FILE.") from error


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.encoder", description=__doc__)
    parser.add_argument(
        "--data", type=Path, default=Path("../shared/evaluation/dev"), help="folder of development sets"
    )
    parser.add_argument("--model", action="append", default=[], metavar="PATH", help="another encoder: folder or name")
    parser.add_argument("--only", action="append", choices=_MEASURES, help="measure only this (repeatable)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures, unrounded")
    parser.add_argument("--markdown", action="store_true", help="print one Markdown table")
    parser.add_argument("--quick", action="store_true", help=f"only the first {_QUICK} sentences and questions")
    return parser


if __name__ == "__main__":
    sys.exit(main())
