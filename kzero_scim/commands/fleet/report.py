"""``kzero-scim fleet report``: writes reports of past runs from their documents. Contains no logic of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from kzero_scim.commands.fleet.options import WrittenReports
from kzero_scim.commands.option_blocks import with_option_blocks
from kzero_scim.commands.options import AsJson, Project
from kzero_scim.display import one_line
from kzero_scim.fleet import journal
from kzero_scim.fleet.page import render_page
from kzero_scim.fleet.project import LEFT, FleetProject
from kzero_scim.fleet.report import reports
from kzero_scim.fleet.report.merging import one_of, runs_of

Runs = Annotated[
    list[Path] | None,
    typer.Argument(metavar="[RUN.json ...]", help="Documents of runs (default: the project's last runs)."),
]
OfCommand = Annotated[
    str,
    typer.Option("--of", metavar="COMMAND", help="Only runs of this command: preview, up, refresh, drift or status."),
]
HtmlFile = Annotated[str, typer.Option("--html", metavar="FILE", help="Write an HTML page of all runs; - prints it.")]
Summary = Annotated[
    bool, typer.Option("--summary", help="Print a headline and the counts as JSON, for a notification.")
]


@with_option_blocks
def report(  # noqa: PLR0913 - one parameter an option
    runs: Runs = None,
    project: Project = Path(),
    *,
    of: OfCommand = "",
    written: WrittenReports,
    html: HtmlFile = "",
    summary: Summary = False,
    as_json: AsJson = False,
) -> None:
    """Write reports of past runs.

    Merges several documents of one command into one run: each tenant keeps its
    latest result.

    --comment, --junit and --json cover one command: --of, or the command that
    ran last. --summary and --html cover all. Without documents, --html also
    includes earlier runs.

    Exit code: 0, whatever the outcome of the runs. --summary contains each
    run's exit code.
    """
    found = runs_of(runs or [], project, of)
    options = written.options()
    if options.is_any or as_json:
        one = one_of(found, named=bool(runs))
        reports.write_reports(one, options)
        if as_json:
            reports.write(reports.STANDARD_OUTPUT, reports.as_json(one.document()))
    if html:
        # A run seldom covers every tenant, so the page also reads the runs before the last one.
        is_asked = not (runs or of) and (project / LEFT / "history").is_dir()
        reports.write(html, render_page(journal.history(FleetProject.load(project)) if is_asked else found))
    if summary:
        reports.write(reports.STANDARD_OUTPUT, reports.as_json(reports.summary_document(found)))
    if not (options.is_any or html or as_json or summary):
        for run in found:
            line = f"{one_line(run.project)} {run.command.value}, {one_line(run.ended)}: {reports.headline(run)}"
            Console().print(Text(line), soft_wrap=True)
