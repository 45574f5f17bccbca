"""Results as tables: on the terminal, in Markdown, in JSON."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from rich.table import Table

_MISSING = "–"


@dataclass(slots=True)
class Section:
    """Values by row and column under one title, shown with `decimals` digits after the point."""

    title: str
    decimals: int = 1
    rows: dict[str, dict[str, float]] = field(default_factory=dict)

    def add(self, row: str, column: str, value: float) -> None:
        """Set one value."""
        self.rows.setdefault(row, {})[column] = value

    def cells(self, columns: Sequence[str]) -> list[list[str]]:
        """Rows of text, the row's name first."""
        return [
            [name, *(f"{values[c]:,.{self.decimals}f}" if c in values else _MISSING for c in columns)]
            for name, values in self.rows.items()
        ]


def to_rich(section: Section, columns: Sequence[str]) -> Table:
    """A table for the terminal."""
    table = Table(title=section.title, title_justify="left")
    table.add_column("", no_wrap=True)
    for column in columns:
        table.add_column(column, justify="right")
    for row in section.cells(columns):
        table.add_row(*row)
    return table


def to_markdown(sections: Sequence[Section], columns: Sequence[str]) -> str:
    """One Markdown table; a section's title is a row of its own."""
    lines = [["", *columns], [":---", *("---:" for _ in columns)]]
    for section in sections:
        lines += [[f"**{section.title}**", *("" for _ in columns)], *section.cells(columns)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def to_json(machine: dict[str, str], sections: Sequence[Section]) -> dict[str, Any]:
    """Everything measured, unrounded."""
    return {"machine": machine, "sections": [asdict(section) for section in sections]}
