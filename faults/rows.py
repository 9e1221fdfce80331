"""Formats rows of results as a table: for the terminal, and as Markdown for the documentation. Knows no case."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.table import Table
from rich.text import Text


@dataclass(frozen=True)
class Row:
    """The row of one case.

    Attributes:
        cells: Its cells, without the last one.
        is_good: Whether the case passed, which the last cell says.
    """

    cells: tuple[str, ...]
    is_good: bool

    @property
    def all_cells(self) -> tuple[str, ...]:
        """All cells."""
        return *self.cells, "ok" if self.is_good else "FAILED"


def terminal(heads: Sequence[str], rows: Sequence[Row], title: str) -> Table:
    """Return the table for the terminal."""
    made = Table(*heads, title=title, title_justify="left")
    for row in rows:
        *words, last = row.all_cells
        made.add_row(
            *(Text(word.replace("`", "")) for word in words), Text(last, "green" if row.is_good else "bold red")
        )
    return made


def markdown(heads: Sequence[str], rows: Sequence[Row], summary: str, command: str, machine: str) -> str:
    """Return the table as Markdown.

    Args:
        heads: The columns' headings.
        rows: The rows, in their order.
        summary: What the table shows, in one sentence without a full stop.
        command: The command that made it.
        machine: The machine that it ran on.
    """
    lines = [
        f"Made by `{command}` on {machine}.",
        "",
        summary + ".",
        "",
        "| " + " | ".join(heads) + " |",
        "|" + "---|" * len(heads),
        *("| " + " | ".join(cell.replace("|", "\\|") for cell in row.all_cells) + " |" for row in rows),
        "",
    ]
    return "\n".join(lines)
