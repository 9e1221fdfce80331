"""The reports of a run, as the options of every fleet command ask for them: written to files or standard output."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

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
    """What is to be written of a run, each to a file, ``-`` for standard output, or ``""`` for not at all.

    Attributes:
        comment: The comment of a pull request.
        junit: JUnit XML.
        limit: A platform's name or a number of characters, for the comment.
        link: Where the whole run is, for the comment.
    """

    comment: str = ""
    junit: str = ""
    limit: str = "github"
    link: str = ""

    @property
    def is_any(self) -> bool:
        """Whether anything is asked for."""
        return bool(self.comment or self.junit)

    @property
    def prints(self) -> bool:
        """Whether a report goes to standard output, where then nothing else may."""
        return STANDARD_OUTPUT in {self.comment, self.junit}

    def check(self) -> None:
        """Refuse what cannot be, before a run of an hour that nobody could read about.

        Raises:
            SettingsError: The limit or the link is wrong, or a file's folder does not exist.
        """
        check_limits(limit_of(self.limit), self.link)
        for target in (self.comment, self.junit):
            if target not in {"", STANDARD_OUTPUT} and not Path(target).absolute().parent.is_dir():
                message = f"the report cannot be written to {target}: there is no such folder; make it first"
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
    """Give the characters that an option means: a platform's, or the number itself.

    Raises:
        SettingsError: It is neither.
    """
    if text in LIMITS:
        return LIMITS[text]
    if not (text.isascii() and text.isdecimal()):
        message = f"--limit {text!r} is neither a number of characters nor one of {', '.join(LIMITS)}"
        raise SettingsError(message)
    return int(text)


def write(target: str, text: str) -> None:
    """Write a report to a file or, for ``-``, to standard output, in UTF-8 wherever it goes.

    Raises:
        SettingsError: The file cannot be written.
    """
    # A lone surrogate, which JSON may hold and UTF-8 may not, never gets here: reports write such characters out.
    if target == STANDARD_OUTPUT:
        sys.stdout.buffer.write(text.encode())
        sys.stdout.flush()
        return
    try:
        Path(target).write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        message = f"the report cannot be written to {target}: {error.strerror}"
        raise SettingsError(message) from None


def summary_document(runs: Sequence[FleetRun]) -> dict[str, Any]:
    """Give what a notification needs of each run: a line, and the numbers behind it.

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
    """Write a document as JSON for people and programs."""
    return json.dumps(document, indent=2) + "\n"
