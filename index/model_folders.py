"""Folders of models that somebody else made: their weights are read, their program code is not run."""

from pathlib import Path

from index.exceptions import MaqalError


def refuse_unsafe(folder: Path, error: type[MaqalError], fix: str, *, weights: str = "**/*.safetensors") -> None:
    """Raise the error where the folder is none, brings program code, or has no weights that match the pattern."""
    if not folder.is_dir():
        raise error(f"{folder} is not a model folder.", fix)
    scripts = sorted(folder.rglob("*.py"))
    if scripts:
        raise error(
            f"{folder} brings program code ({scripts[0].name}), which maqal does not run.",
            "Use a model folder without .py files, its weights in safetensors.",
        )
    if not any(folder.glob(weights)):
        raise error(f"{folder} holds no .safetensors weights.", fix)
