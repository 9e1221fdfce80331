"""The command line of programs that run cases: its options, and the loop over the cases. Knows no case."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Protocol, TypeVar

from rich.console import Console

from faults.rows import Report

SEED = 1


class Named(Protocol):
    """A case."""

    @property
    def key(self) -> str:
        """Its name, to select and list it."""


class Judged(Protocol):
    """A case's result."""

    @property
    def case(self) -> Named:
        """The case."""

    @property
    def problems(self) -> tuple[str, ...]:
        """What is wrong; empty if the case passed."""


C = TypeVar("C", bound=Named)
R = TypeVar("R", bound=Judged)


@dataclass(frozen=True, kw_only=True)
class Options:
    """What to run.

    Attributes:
        only: Patterns of keys; empty for all cases.
        seed: Determines order and random choices.
        sample: Largest number of cases; None for no limit.
        listed: Whether to list the cases instead of running them.
        markdown: File for the table; None writes no file.
        words: The command line, to quote in the table.
    """

    only: tuple[str, ...]
    seed: int
    sample: int | None
    listed: bool
    markdown: Path | None
    words: tuple[str, ...]

    @classmethod
    def parse(cls, program: str, description: str | None, arguments: Sequence[str] | None = None) -> Options:
        """Return the options on the command line."""
        words = tuple(sys.argv[1:] if arguments is None else arguments)
        parser = argparse.ArgumentParser(prog=program, description=description)
        parser.add_argument(
            "--seed", type=int, default=SEED, metavar="N", help=f"seed of the order and the random choices ({SEED})"
        )
        parser.add_argument(
            "--only",
            action="append",
            default=[],
            metavar="PATTERN",
            help="run cases whose key contains this; repeatable",
        )
        parser.add_argument("--sample", type=int, metavar="N", help="run at most N cases, selected by the seed")
        parser.add_argument("--list", action="store_true", dest="listed", help="list the cases and exit")
        parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the table to this file")
        given = parser.parse_args(words)
        return cls(
            only=tuple(given.only),
            seed=given.seed,
            sample=given.sample,
            listed=given.listed,
            markdown=given.markdown.absolute() if given.markdown else None,
            words=words,
        )

    def chosen(self, cases: Sequence[C]) -> list[C]:
        """Return the selected cases."""
        return chosen(cases, self.only)[: self.sample]

    def conclude(self, program: str, report: Report, machine: str) -> None:
        """Print the table, write it to its file if one is named, and exit with code 1 if a case has not passed.

        Args:
            program: The target of make.
            report: The table.
            machine: The machine that it ran on.
        """
        Console(width=200).print(report.terminal())
        if self.markdown:
            words = " ".join(word for word in self.words if "--markdown" not in word and word != str(self.markdown))
            command = f'make {program} ARGS="{words}"' if words else f"make {program}"
            self.markdown.write_text(report.markdown(command, machine), "utf-8")
        if not all(row.is_good for row in report.rows):
            sys.exit(1)


def chosen(cases: Sequence[C], patterns: Sequence[str]) -> list[C]:
    """Return the cases whose key contains one of the patterns (`*` is a wildcard), or all cases without patterns."""
    return [case for case in cases if not patterns or any(fnmatch(case.key, f"*{each}*") for each in patterns)]


def run_all(cases: Sequence[C], run: Callable[[C], R], console: Console) -> list[R]:
    """Run cases one after the other, print each result, and return the results. An interruption leaves out the rest."""
    results: list[R] = []
    for number, case in enumerate(cases, 1):
        began = time.monotonic()
        try:
            result = run(case)
        except (KeyboardInterrupt, SystemExit):
            console.print(f"interrupted after {len(results)} of {len(cases)} cases")
            break
        results.append(result)
        mark = "FAILED" if result.problems else "ok    "
        seconds = time.monotonic() - began
        console.print(f"{number:3}/{len(cases)} {mark} {result.case.key} ({seconds:.0f} s)", markup=False)
        for problem in result.problems:
            console.print(f"        {problem}", markup=False)
    return results
