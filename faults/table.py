"""Formats the results as a table: for the terminal, and as Markdown for the documentation."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from faults.verdict import Result

_HEADS = ("case", "disturbed run", "freed by", "second up", "result")
_LONGEST = 90


def cells(result: Result) -> tuple[str, str, str, str, str]:
    """Return a row: what broke, end of the disturbed run, recovery command, seconds of the second `up`, result."""
    return (
        result.case.what,
        _ended(result),
        "`kzero-scim recover`" if result.recovered else "",
        f"{result.seconds:.1f} s" if result.seconds else "",
        "FAILED" if result.problems else "ok",
    )


def table(results: Sequence[Result]) -> Table:
    """Return the table for the terminal."""
    made = Table(*_HEADS, title=summary(results), title_justify="left")
    for result in results:
        colour = "bold red" if result.problems else "green"
        *words, last = cells(result)
        made.add_row(*(Text(word.replace("`", "")) for word in words), Text(last, colour))
    return made


def markdown(results: Sequence[Result], command: str, machine: str) -> str:
    """Return the table as Markdown.

    Args:
        results: The results.
        command: The command that made it.
        machine: The machine that it ran on.
    """
    rows = [cells(result) for result in sorted(results, key=lambda result: result.case.what)]
    lines = [
        f"Made by `{command}` on {machine}.",
        "",
        summary(results) + ".",
        "",
        "| " + " | ".join(_HEADS) + " |",
        "|" + "---|" * len(_HEADS),
        *("| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows),
        "",
    ]
    return "\n".join(lines)


def summary(results: Sequence[Result]) -> str:
    """Return a sentence with the number of cases that reached the expected result, and the time that recovery took."""
    good = [result for result in results if not result.problems]
    times = sorted(result.seconds for result in good if result.seconds)
    middle = f"; the second up took {times[len(times) // 2]:.1f} s (median), {times[-1]:.1f} s at most" if times else ""
    return f"{len(good)} of {len(results)} cases reached the result of an undisturbed run{middle}"


def _ended(result: Result) -> str:
    first = result.first
    if first is None:
        return "not run"
    if first.code == 0:
        return "succeeds"
    if first.code < 0:
        return f"killed by signal {-first.code}"
    said = " ".join(first.said.split())
    return f"fails: {said[:_LONGEST]}{'...' if len(said) > _LONGEST else ''}" if said else f"exit code {first.code}"
