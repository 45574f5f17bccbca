"""`python -m training STEP`: one command for each step, and `all` for all of them in order."""

import argparse
import sys
import time
from importlib import import_module
from pathlib import Path

from index.exceptions import MaqalError
from training.recipe import read_recipe
from training.steps import Step, Work, run_step

_SHAPE = ("teacher", "most_tokens")
STEPS = {
    "pairs": (
        "make_pairs",
        ("seed", "languages", "most_pairs", "pairs_of_source", "default_pairs_of_source", "interface_sources",
         "least_words_of_interface", "whole_interface_of", "core_sources", "paragraph_sources",
         "sentences_of_paragraph", "most_pivots", "most_names", "most_words"),
    ),
    "vocabulary": ("make_vocabulary", ("teacher", "new_pieces")),
    "initialise": ("make_embeddings", ("teacher", "model1_rounds", "model1_sharpness", "model1_translations")),
    "align": ("align_embeddings", ("seed", "align_epochs", "align_rate")),
    "student": ("make_student", _SHAPE),
    "teach": ("make_targets", (*_SHAPE, "taught_share", "whole_interface_of")),
    "train": (
        "train_student",
        ("steps", "tokens_of_batch", "batch_shares", "english_share", "frozen_share", "embedding_rate", "body_rate"),
    ),
    "export": ("export_encoder", ("name", "least_agreement")),
    "lexicon": ("make_lexicons", ("model1_rounds", "lexicon_pairs")),
}  # fmt: skip
"""Each step's function, in the module of its name, and what of the recipe it depends on."""
_AFTER = {"lexicon": "pairs"}
"""Steps that need not the one before them but an earlier one."""
_HERE = Path(__file__).parent


def main() -> int:
    """Run the steps that were named; the exit code is 2 where something they need is missing."""
    parser = argparse.ArgumentParser(prog="python -m training", description=__doc__)
    parser.add_argument("steps", nargs="+", choices=[*STEPS, "all"], metavar="STEP", help=f"{', '.join(STEPS)}, or all")
    parser.add_argument(
        "--recipe", type=Path, default=_HERE / "recipes" / "base.toml", help="default: recipes/base.toml"
    )
    parser.add_argument("--data", type=Path, default=Path("../shared"), help="folder with parallel/ and evaluation/")
    parser.add_argument("--work", type=Path, default=Path("work"), help="folder of the steps' output (default: work)")
    arguments = parser.parse_args()
    began = time.monotonic()

    def report(line: str) -> None:
        print(f"{time.monotonic() - began:7.0f} s  {line}", flush=True)  # noqa: T201 - this is the program's output

    try:
        work = Work(read_recipe(arguments.recipe), arguments.data, arguments.work, report)
        order = list(STEPS)
        for name in order if "all" in arguments.steps else arguments.steps:
            function, uses = STEPS[name]
            before = _AFTER.get(name) or (order[order.index(name) - 1] if name != order[0] else None)
            # Imported when its turn comes: the first steps need no torch.
            step: Step = getattr(import_module(f"training.{name}"), function)
            run_step(name, step, work, after=before, uses=uses)
    except MaqalError as error:
        print(f"Error: {error.message}\n{error.fix}", file=sys.stderr)  # noqa: T201
        return 2
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
