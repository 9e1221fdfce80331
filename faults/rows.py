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


@dataclass(frozen=True)
class Report:
    """The table of a run.

    Attributes:
        heads: The columns' headings.
        rows: The rows, in their order.
        summary: What the table shows, in one sentence without a full stop.
    """

    heads: Sequence[str]
    rows: Sequence[Row]
    summary: str

    def terminal(self) -> Table:
        """Return the table for the terminal."""
        made = Table(*self.heads, title=self.summary, title_justify="left")
        for row in self.rows:
            *words, last = row.all_cells
            made.add_row(
                *(Text(word.replace("`", "")) for word in words), Text(last, "green" if row.is_good else "bold red")
            )
        return made

    def markdown(self, command: str, machine: str) -> str:
        """Return the table as Markdown.

        Args:
            command: The command that made it.
            machine: The machine that it ran on.
        """
        lines = [
            f"Made by `{command}` on {machine}.",
            "",
            self.summary + ".",
            "",
            "| " + " | ".join(self.heads) + " |",
            "|" + "---|" * len(self.heads),
            *("| " + " | ".join(cell.replace("|", "\\|") for cell in row.all_cells) + " |" for row in self.rows),
            "",
        ]
        return "\n".join(lines)
