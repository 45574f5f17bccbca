"""A recipe: every number that decides what the encoder becomes, in one TOML file."""

import tomllib
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from index.exceptions import ConfigurationError


@dataclass(frozen=True)
class Recipe:
    """See recipes/base.toml for what each value does and why it is what it is."""

    name: str
    seed: int
    languages: list[str]
    most_pairs: dict[str, int]
    new_pieces: dict[str, int]
    pairs_of_source: dict[str, int]
    interface_sources: list[str]
    least_words_of_interface: int
    whole_interface_of: list[str]
    core_sources: list[str]
    paragraph_sources: list[str]
    sentences_of_paragraph: int
    most_pivots: int
    most_names: int
    most_words: int
    model1_rounds: int
    model1_sharpness: float
    model1_translations: int
    lexicon_pairs: int
    align_epochs: float
    align_rate: float
    most_tokens: int
    steps: int
    steps_between_checkpoints: int
    tokens_of_batch: int
    batch_shares: dict[str, float]
    english_share: float
    frozen_share: float
    embedding_rate: float
    body_rate: float
    least_agreement: float
    teacher: str = ""
    default_pairs_of_source: int = field(default=20_000)
    taught_share: dict[str, float] = field(default_factory=dict)


def read_recipe(path: Path) -> Recipe:
    """The recipe in a file. Raises ConfigurationError, naming the key that is missing or unknown."""
    try:
        values: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigurationError(
            f"The recipe {path} cannot be read: {error}.", "See training/recipes/base.toml."
        ) from error
    known = {f.name for f in fields(Recipe)}
    unknown = sorted(values.keys() - known)
    missing = sorted(known - values.keys() - {"teacher", "default_pairs_of_source", "taught_share"})
    if unknown or missing:
        raise ConfigurationError(
            f"The recipe {path} lacks {missing} and has unknown {unknown}.", "See training/recipes/base.toml."
        )
    return Recipe(**values)
