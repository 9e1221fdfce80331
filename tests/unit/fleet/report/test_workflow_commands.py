"""No report holds what a pipeline's runner or a terminal obeys, whatever names and messages a run has."""

from __future__ import annotations

import re

import pytest

from kzero_scim.fleet.model import Command, FleetRun, Outcome, PropertyChange, ResourceChange, TenantResult
from kzero_scim.fleet.page import render_page
from kzero_scim.fleet.report.comment import render_comment
from kzero_scim.fleet.report.junit import render_junit
from kzero_scim.fleet.report.reports import as_json, summary_document
from kzero_scim.tenant.drift import Difference

HOSTILE = [
    "##vso[task.setvariable variable=PATH]/tmp",
    "x ##[error]y",
    "::error file=a::b",
    "a\n::set-output name=x::y",
    "a\r##vso[task.complete result=Succeeded]",
    "\x1b[2J\x1b]0;title\x07",
    "\u202egpj.exe\u2066",
    "\x9b31m\x85\u2028::stop-commands::x",
    '"##vso[" <b>##[group]</b> `::debug::x`',
]
OBEYED = re.compile(
    r"##vso\[|##\[|^\s*::[\w-]+[^\n]*::|::(error|set-output|stop-commands|debug|add-mask)\b[^\n]*::",
    re.IGNORECASE | re.MULTILINE,
)
CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


def runs(text: str) -> list[FleetRun]:
    """Return runs with the text in every place that something outside determines."""
    property_change = PropertyChange(property=f"mappers.{text}", kind="update", was=text, now={text: [text]})
    change = ResourceChange(resource=text, name=text, operation=text, properties=[property_change])
    drift = Difference(resource=text, property=text, was=text, now=[text], who=text, when=text)
    results = [
        TenantResult(
            tenant=f"{number} {text}",
            outcome=outcome,
            changes=[change],
            drift=[drift],
            error=text,
            warnings=[text],
            tags=[text],
            log=text,
            portals={text: text},
            names=[text],
        )
        for number, outcome in enumerate(Outcome)
    ]
    return [
        FleetRun(command=command, project=text, began="", ended="", commit=text, results=results)
        for command in (Command.PREVIEW, Command.UP, Command.DRIFT)
    ]


@pytest.mark.parametrize("text", HOSTILE)
def test_names_and_messages_show_and_do_nothing(text: str) -> None:
    """A comment, JUnit, both JSON documents and the page show them with a space or an escape inside."""
    assert OBEYED.search(text) or CONTROLS.search(text)
    found = runs(text)
    reports = {"page": render_page(found), "summary": as_json(summary_document(found))}
    for run in found:
        reports[f"{run.command} comment"] = render_comment(run, link="https://ci.example/1")
        reports[f"{run.command} junit"] = render_junit(run)
        reports[f"{run.command} json"] = as_json(run.document())

    for name, report in reports.items():
        assert not OBEYED.search(report), (name, OBEYED.search(report))
        assert not CONTROLS.search(report), (name, CONTROLS.search(report))
