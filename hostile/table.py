"""Makes the rows of the results, for the terminal and for the documentation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from faults.rows import Report, Row
from hostile.verdict import Result

_HEADS: Final = ("attack", "commands", "hostile tenant", "other three", "memory", "result")
_LONGEST: Final = 100


def row(result: Result) -> Row:
    """Return a row: the attack, the commands, what the tenant came to, the other three, peak memory, result."""
    names = [command.name for command in result.case.commands]
    others = "" if result.seconds is None else f"{result.seconds:.1f} s (usually {result.usual or 0:.1f} s)"
    said = " ".join(result.said.split())
    return Row(
        (
            result.case.what,
            ", ".join(names) if len(names) < 3 else f"{len(names)} commands",  # noqa: PLR2004 - more are too many to name
            f"{said[:_LONGEST]}{'...' if len(said) > _LONGEST else ''}",
            others,
            f"{result.megabytes:.0f} MB",
        ),
        is_good=not result.problems,
    )


def report(results: Sequence[Result]) -> Report:
    """Return the table of these results."""
    return Report(_HEADS, [row(result) for result in results], summary(results))


def summary(results: Sequence[Result]) -> str:
    """Return a sentence with the number of cases that passed, of commands that ran, and the largest memory."""
    good = sum(not result.problems for result in results)
    commands = sum(len(result.case.commands) for result in results)
    most = max((result.megabytes for result in results), default=0)
    return f"{good} of {len(results)} cases passed, in {commands} commands; the largest needed {most:.0f} MB"
