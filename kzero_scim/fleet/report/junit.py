"""Renders a fleet run as JUnit XML, which pipelines show as a table of tests: one test case per tenant.

Uses only elements and attributes that Jenkins, GitLab (``artifacts:reports:junit``) and Azure DevOps
(``PublishTestResults@2``) all read. Pure function of a run's document.
"""

from __future__ import annotations

import json
import re
from typing import Final
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from kzero_scim.display import one_line
from kzero_scim.fleet.model import FleetRun, Outcome, TenantResult
from kzero_scim.fleet.report.grouping import headline_of, reason_of
from kzero_scim.fleet.report.wording import joined

_ERRORS: Final = frozenset({Outcome.FAILED, Outcome.TIMED_OUT})
_FAILURES: Final = frozenset({Outcome.DRIFTED, Outcome.UNHEALTHY, Outcome.UNKNOWN})
_NO_XML: Final = re.compile("[^\\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that :func:`one_line` keeps but XML 1.0 cannot contain, not even escaped."""


def render_junit(run: FleetRun) -> str:
    """Return a run as JUnit XML.

    A failed or timed-out tenant is an error, a drifted, unhealthy or unknown one a failure, a skipped one skipped. A
    changed tenant has passed; its output lists the changes.
    """
    counts = run.counts
    numbers = {
        "tests": len(run.results),
        "errors": sum(counts[outcome] for outcome in _ERRORS),
        "failures": sum(counts[outcome] for outcome in _FAILURES),
        "skipped": counts[Outcome.NOT_RUN],
    }
    name = f"kzero-scim fleet {run.command.value}"
    took = f"{sum(result.seconds for result in run.results):.3f}"
    root = Element("testsuites", {"name": name, "time": took})
    suite = SubElement(root, "testsuite", {"name": _text(f"{name}: {run.project}"), "time": took})
    for key, number in numbers.items():
        suite.set(key, str(number))
        if key != "skipped":
            root.set(key, str(number))
    if re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:Z|\+00:00)", run.began):
        suite.set("timestamp", run.began[:19])
    properties = SubElement(suite, "properties")
    for key, value in (("command", run.command.value), ("project", run.project), ("commit", run.commit)):
        if value:
            SubElement(properties, "property", {"name": key, "value": _text(value)})
    for result in run.results:
        _case(suite, run, result)
    indent(root)
    return tostring(root, encoding="unicode", xml_declaration=False).join(
        ('<?xml version="1.0" encoding="UTF-8"?>\n', "\n")
    )


def _case(suite: Element, run: FleetRun, result: TenantResult) -> None:
    case = SubElement(
        suite,
        "testcase",
        {
            "classname": f"fleet.{run.command.value}",
            "name": _text(result.tenant),
            "time": f"{result.seconds:.3f}",
        },
    )
    message = _text(reason_of(result))
    if result.outcome in _ERRORS:
        _verdict(case, "error", result.outcome, message or "no reason given", message)
    elif result.outcome is Outcome.DRIFTED:
        _verdict(case, "failure", result.outcome, message, "\n".join(_drift(result)))
    elif result.outcome in _FAILURES:
        _verdict(case, "failure", result.outcome, message, message)
    elif result.outcome is Outcome.NOT_RUN:
        SubElement(case, "skipped", {"message": message or "no reason given"})
    lines = [*_output(result)]
    if lines:
        SubElement(case, "system-out").text = "\n".join(lines)


def _verdict(case: Element, element: str, outcome: Outcome, message: str, text: str) -> None:
    SubElement(case, element, {"type": outcome.value, "message": message}).text = text


def _drift(result: TenantResult) -> list[str]:
    return [
        _text(
            f"{item.resource} {item.property or '(whole)'}: {_value(item.was)} -> {_value(item.now)}"
            + (f", {item.who} {item.when}" if item.who else "")
        )
        for item in result.drift
    ]


def _value(value: object) -> str:
    return "(none)" if value is None else json.dumps(value, ensure_ascii=False)


def _output(result: TenantResult) -> list[str]:
    lines = [f"changes: {joined(headline_of(result.changes))}"] if result.changes else []
    lines += [f"warning: {warning}" for warning in result.warnings]
    lines += [f"tags: {', '.join(result.tags)}"] if result.tags else []
    lines += [f"log: {result.log}"] if result.log else []
    return [_text(line) for line in lines]


def _text(text: str) -> str:
    return _NO_XML.sub("", one_line(text))
