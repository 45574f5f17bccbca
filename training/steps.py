"""Steps that leave their output in a folder, and are not done again while nothing they depend on has changed."""

import hashlib
import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from index.exceptions import ConfigurationError
from training.recipe import Recipe

DONE = "done.json"


@dataclass(frozen=True, slots=True)
class Work:
    """Where a run reads its data, keeps its steps' folders, and by what recipe."""

    recipe: Recipe
    data: Path
    folder: Path
    report: Callable[[str], None]

    def output(self, step: str) -> Path:
        """The folder of a step that is done. Raises ConfigurationError where it is not."""
        folder = self.folder / step
        if not (folder / DONE).is_file():
            raise ConfigurationError(
                f"The step {step} is not done in {self.folder}.", f"Run it: python -m training {step}"
            )
        return folder


Step = Callable[[Work, Path], dict[str, Any]]


def run_step(name: str, step: Step, work: Work, *, after: str | None, uses: Sequence[str]) -> dict[str, Any]:
    """Do a step unless it is done already with this input and what it `uses` of the recipe; returns its own figures.

    The step writes into a folder that is renamed when all is written: an interruption leaves nothing half-done.
    """
    fingerprint = _fingerprint(work, after, uses)
    folder = work.folder / name
    done = _read(folder / DONE)
    if done and done["fingerprint"] == fingerprint:
        work.report(f"{name}: done already")
        return dict(done["facts"])
    work.report(f"{name}: begins")
    unfinished = work.folder / f"{name}.unfinished"
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    facts = step(work, unfinished)
    (unfinished / DONE).write_text(
        json.dumps({"fingerprint": fingerprint, "facts": facts}, indent=2, ensure_ascii=False)
    )
    shutil.rmtree(folder, ignore_errors=True)
    unfinished.rename(folder)
    work.report(f"{name}: {json.dumps(facts, ensure_ascii=False)}")
    return facts


def _fingerprint(work: Work, after: str | None, uses: Sequence[str]) -> str:
    """A hash of a part of the recipe and of the step before, which holds the hash of the one before that."""
    before = _read(work.output(after) / DONE) if after else {"data": str(work.data)}
    material = json.dumps(
        [{name: getattr(work.recipe, name) for name in uses}, before], sort_keys=True, ensure_ascii=False
    )
    return hashlib.sha256(material.encode()).hexdigest()


def _read(path: Path) -> dict[str, Any] | None:
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found
