"""Makes the rows of the results, for the terminal and for the documentation."""

from __future__ import annotations

from collections.abc import Sequence

from faults.rows import Report, Row
from faults.verdict import Result

_HEADS = ("case", "disturbed run", "freed by", "second up", "result")
_LONGEST = 90


def row(result: Result) -> Row:
    """Return a row: what broke, end of the disturbed run, recovery command, seconds of the second `up`, result."""
    return Row(
        (
            result.case.what,
            _ended(result),
            "`kzero-scim recover`" if result.recovered else "",
            f"{result.seconds:.1f} s" if result.seconds else "",
        ),
        is_good=not result.problems,
    )


def report(results: Sequence[Result]) -> Report:
    """Return the table of these results, sorted by what broke."""
    by_name = sorted(results, key=lambda result: result.case.what)
    return Report(_HEADS, [row(result) for result in by_name], summary(results))


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
