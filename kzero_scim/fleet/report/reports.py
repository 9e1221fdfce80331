"""Writes a run's reports to files or standard output, as the options of fleet commands ask for."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from kzero_scim.display import json_text
from kzero_scim.errors import SettingsError
from kzero_scim.fleet.model import FleetRun, Outcome
from kzero_scim.fleet.report.comment import LIMITS, check_limits, render_comment
from kzero_scim.fleet.report.comment import headline_of_run as headline
from kzero_scim.fleet.report.junit import render_junit

__all__ = [
    "STANDARD_OUTPUT",
    "ReportOptions",
    "as_json",
    "headline",
    "limit_of",
    "summary_document",
    "write",
    "write_reports",
]

STANDARD_OUTPUT: Final = "-"


@dataclass(frozen=True, kw_only=True)
class ReportOptions:
    """Which reports to write. Each target is a file, ``-`` for standard output, or ``""`` for none.

    Attributes:
        comment: Target of the pull request comment.
        junit: Target of the JUnit XML.
        limit: Largest comment: a platform's name or a number of characters.
        link: Address of the full run, for the comment.
    """

    comment: str = ""
    junit: str = ""
    limit: str = "github"
    link: str = ""

    @property
    def is_any(self) -> bool:
        """Whether any report is asked for."""
        return bool(self.comment or self.junit)

    @property
    def prints(self) -> bool:
        """Whether a report goes to standard output. Nothing else may be printed there then."""
        return STANDARD_OUTPUT in {self.comment, self.junit}

    def check(self) -> None:
        """Check the options before a run, so that a long run does not end without its reports.

        Raises:
            SettingsError: The limit or the link is wrong, or a file's folder does not exist.
        """
        check_limits(limit_of(self.limit), self.link)
        for target in (self.comment, self.junit):
            if target not in {"", STANDARD_OUTPUT} and not Path(target).absolute().parent.is_dir():
                message = f"cannot write the report to {target}: its folder does not exist; create it first"
                raise SettingsError(message)


def write_reports(run: FleetRun, options: ReportOptions) -> None:
    """Write the reports that are asked for.

    Raises:
        SettingsError: An option is wrong, or a file cannot be written.
    """
    if options.comment:
        write(options.comment, render_comment(run, limit_of(options.limit), link=options.link))
    if options.junit:
        write(options.junit, render_junit(run))


def limit_of(text: str) -> int:
    """Return the number of characters for a platform's name or a number.

    Raises:
        SettingsError: The text is neither.
    """
    if text in LIMITS:
        return LIMITS[text]
    if not (text.isascii() and text.isdecimal()):
        message = f"--limit {text!r} is neither a number of characters nor one of {', '.join(LIMITS)}"
        raise SettingsError(message)
    return int(text)


def write(target: str, text: str) -> None:
    """Write a report to a file or, for ``-``, to standard output, always in UTF-8.

    Raises:
        SettingsError: The file cannot be written.
    """
    # Unpaired surrogates, which JSON allows and UTF-8 does not, never get here: reports escape them.
    if target == STANDARD_OUTPUT:
        sys.stdout.buffer.write(text.encode())
        sys.stdout.flush()
        return
    try:
        Path(target).write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        message = f"could not write the report to {target}: {error.strerror}"
        raise SettingsError(message) from None


def summary_document(runs: Sequence[FleetRun]) -> dict[str, Any]:
    """Return what a notification needs: one line of text, and the counts of each run.

    Returns:
        ``text`` for people and ``runs``: ``command``, ``project``, ``headline``, ``tenants``, ``counts`` by outcome,
        ``exitCode``, ``ended``, ``commit``.
    """
    told = [
        {
            "command": run.command.value,
            "project": run.project,
            "headline": headline(run),
            "tenants": len(run.results),
            "counts": {outcome.value: run.counts[outcome] for outcome in Outcome},
            "exitCode": run.exit_code,
            "ended": run.ended,
            "commit": run.commit,
        }
        for run in runs
    ]
    return {
        "text": "; ".join(f"{item['project']} {item['command']}: {item['headline']}" for item in told),
        "runs": told,
    }


def as_json(document: object) -> str:
    """Return a document as indented JSON."""
    return json_text(document) + "\n"
