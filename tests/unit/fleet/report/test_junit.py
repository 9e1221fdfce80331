"""Tests of a run as JUnit XML, read by a parser of that format."""

from __future__ import annotations

import re
from xml.etree.ElementTree import fromstring

import junitparser
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kzero_scim.display import one_line
from kzero_scim.fleet.model import Command, FleetRun, Outcome, TenantResult
from kzero_scim.fleet.report.junit import render_junit
from kzero_scim.tenant.drift import Difference
from kzero_scim.tenant.status import StatusReport
from tools import comment_gallery


def suite_of(run: FleetRun) -> junitparser.TestSuite:
    """Return the only suite of a report."""
    (suite,) = junitparser.JUnitXml.fromstring(render_junit(run).encode())
    return suite


@pytest.mark.parametrize(
    ("outcome", "verdict"),
    [
        (Outcome.FAILED, junitparser.Error),
        (Outcome.TIMED_OUT, junitparser.Error),
        (Outcome.DRIFTED, junitparser.Failure),
        (Outcome.UNHEALTHY, junitparser.Failure),
        (Outcome.NOT_RUN, junitparser.Skipped),
        (Outcome.CHANGED, None),
        (Outcome.UNCHANGED, None),
    ],
)
def test_an_outcome_is_a_verdict(outcome: Outcome, verdict: type | None) -> None:
    """Failed tenants are errors, drifted and unhealthy ones failures, skipped ones skipped."""
    result = TenantResult(tenant="fabrikam", outcome=outcome, error="why", seconds=1.25)

    suite = suite_of(FleetRun(command=Command.DRIFT, project="p", began="", ended="", results=[result]))

    (case,) = suite
    assert [type(found) for found in case.result] == ([verdict] if verdict else [])
    assert (case.classname, case.name, case.time) == ("fleet.drift", "fabrikam", 1.25)
    counts = {junitparser.Error: suite.errors, junitparser.Failure: suite.failures, junitparser.Skipped: suite.skipped}
    assert counts == {kind: int(kind is verdict) for kind in counts}


def test_a_drift_is_a_failure_with_its_text() -> None:
    """A drifted tenant's message has it in words, and the text lists each property with who and when."""
    drift = [
        Difference(resource="MapperSet", property="mappers.tag", was={"claim": "x"}, now=None),
        Difference(resource="ProvisioningStatus", property="enabled", was=True, now=False, who="kim", when="today"),
    ]
    result = TenantResult(tenant="a", outcome=Outcome.DRIFTED, drift=drift, tags=["emea"], log="a.log", warnings=["w"])

    (case,) = suite_of(FleetRun(command=Command.DRIFT, project="p", began="", ended="", results=[result]))

    (failure,) = case.result
    assert (failure.type, failure.message) == ("drifted", "provisioning turned off, mapper `tag` removed")
    assert failure.text == (
        'MapperSet mappers.tag: {"claim": "x"} -> (none)\nProvisioningStatus enabled: true -> false, kim today'
    )
    assert case.system_out == "warning: w\ntags: emea\nlog: a.log"


def test_a_run_has_its_facts() -> None:
    """The report has command, project, commit, time, counts that add up, and changes in the output."""
    run = comment_gallery.EXAMPLES["typical"].run

    suite = suite_of(run)

    properties = fromstring(render_junit(run)).iter("property")  # noqa: S314 - our own document
    assert {item.get("name"): item.get("value") for item in properties} == {
        "command": "preview",
        "project": "kzero-scim",
        "commit": run.commit,
    }
    assert (suite.tests, suite.errors, suite.failures, suite.timestamp) == (60, 1, 0, "2026-11-24T03:00:00")
    outputs = [case.system_out or "" for case in suite]
    assert sum("changes: mapper `tag` added" in output for output in outputs) == 37


@given(st.text(st.characters(codec=None)), st.text(st.characters(codec=None)))
def test_any_text_is_well_formed(name: str, text: str) -> None:
    """Characters that XML cannot contain are escaped or left out; other text stays."""
    results = [
        TenantResult(
            tenant=name, outcome=outcome, error=text, warnings=[text], log=name, status=StatusReport(status=text)
        )
        for outcome in Outcome
    ]
    run = FleetRun(command=Command.UP, project=text, began=text, ended="", commit=name, results=results)

    root = fromstring(render_junit(run).encode())  # noqa: S314 - our own document

    assert len(root.findall("testsuite/testcase")) == len(Outcome)
    shown = re.sub("[\ufffe\uffff]", "", one_line(name))
    assert [case.get("name") for case in root[0].findall("testcase")] == [shown] * len(Outcome)
