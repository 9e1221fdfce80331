"""Tests of the fleet's data: project, document and exit codes."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kzero_scim.entra.cycle_history import PastCycle
from kzero_scim.entra.synchronization_job import Cycle, Quarantine
from kzero_scim.errors import SettingsError
from kzero_scim.fleet.model import Command, FleetRun, Outcome, PropertyChange, ResourceChange, TenantResult
from kzero_scim.fleet.project import FleetProject
from kzero_scim.guide.checklist import Item
from kzero_scim.provider.provisioning_log import ObjectInError
from kzero_scim.tenant.status import StatusReport

_TEXT = st.text(max_size=8)
_CHANGES = st.builds(
    ResourceChange,
    resource=_TEXT,
    name=_TEXT,
    operation=st.sampled_from(["create", "update"]),
    properties=st.lists(
        st.builds(PropertyChange, property=_TEXT, kind=st.just("update"), was=st.none() | _TEXT, now=st.none() | _TEXT),
        max_size=2,
    ),
)
_RESULTS = st.builds(
    TenantResult,
    tenant=_TEXT,
    outcome=st.sampled_from(list(Outcome)),
    changes=st.lists(_CHANGES, max_size=2),
    error=_TEXT,
    warnings=st.lists(_TEXT, max_size=2),
    seconds=st.floats(0, 1e6),
    tags=st.lists(_TEXT, max_size=2),
    status=st.none()
    | st.builds(
        StatusReport,
        status=_TEXT,
        wanted=st.none() | st.booleans(),
        quarantine=st.none() | st.builds(Quarantine, reason=_TEXT, error_code=st.none() | _TEXT),
        last_cycle=st.none() | st.builds(Cycle, state=_TEXT, counts=st.just({"exported": 2})),
        cycles=st.lists(st.builds(PastCycle), max_size=2),
        in_error=st.lists(st.builds(ObjectInError), max_size=2),
    ),
    checklist=st.lists(st.builds(Item, _TEXT, passed=st.booleans(), evidence=_TEXT), max_size=2),
    portals=st.dictionaries(_TEXT, _TEXT, max_size=2),
)
_RUNS = st.builds(
    FleetRun,
    command=st.sampled_from(list(Command)),
    project=_TEXT,
    began=_TEXT,
    ended=_TEXT,
    results=st.lists(_RESULTS, max_size=3),
)


@given(_RUNS)
def test_a_run_reads_back_as_it_was_written(run: FleetRun) -> None:
    """A document that is written and read again is the same, because pipelines depend on it."""
    assert FleetRun.from_document(run.document(), "run.json") == run


def test_the_status_and_the_checklist_are_plain_documents() -> None:
    """Status and checklist have camel case keys, and null for unknown values."""
    status = StatusReport(status="quarantine", quarantine=Quarantine(reason="TooManyDeletes", what_to_do="look"))
    item = Item("Users or groups assigned", passed=True, evidence="2 assigned")
    result = TenantResult(tenant="a", outcome=Outcome.UNHEALTHY, status=status, checklist=[item])

    run = FleetRun(command=Command.STATUS, project="p", began="", ended="", results=[result])
    (document,) = run.document()["results"]

    assert document["status"] == {
        "status": "quarantine",
        "reason": "",
        "quarantine": {"reason": "TooManyDeletes", "whatToDo": "look"},
        "synchronizedEntries": {},
        "inError": [],
        "cycles": [],
        "note": "",
    }
    assert document["checklist"] == [{"item": "Users or groups assigned", "passed": True, "evidence": "2 assigned"}]


@pytest.mark.parametrize(
    ("command", "outcomes", "code"),
    [
        (Command.PREVIEW, [], 0),
        (Command.PREVIEW, [Outcome.UNCHANGED], 0),
        (Command.PREVIEW, [Outcome.UNCHANGED, Outcome.CHANGED], 2),
        (Command.UP, [Outcome.UNCHANGED, Outcome.CHANGED], 0),
        (Command.UP, [Outcome.CHANGED, Outcome.NOT_RUN], 1),
        (Command.DRIFT, [Outcome.UNCHANGED, Outcome.DRIFTED], 3),
        (Command.DRIFT, [Outcome.FAILED, Outcome.DRIFTED], 1),
        (Command.PREVIEW, [Outcome.CHANGED, Outcome.TIMED_OUT], 1),
        (Command.STATUS, [Outcome.UNCHANGED, Outcome.UNHEALTHY], 2),
        (Command.STATUS, [Outcome.FAILED, Outcome.UNHEALTHY], 1),
        (Command.PREVIEW, [Outcome.CHANGED, Outcome.DRIFTED], 3),
    ],
)
def test_the_exit_code_says_what_is_left_to_do(command: Command, outcomes: list[Outcome], code: int) -> None:
    """Changes need action after a preview but not after an up, and the worst tenant decides."""
    results = [TenantResult(tenant=str(number), outcome=outcome) for number, outcome in enumerate(outcomes)]

    assert FleetRun(command=command, project="p", began="", ended="", results=results).exit_code == code


def test_a_document_that_is_no_run_is_named() -> None:
    """The error names the file and the first problem."""
    with pytest.raises(SettingsError, match=r"old\.json is not a document of a fleet run \(command: "):
        FleetRun.from_document({"command": "sing"}, "old.json")


def test_a_fleet_is_the_stacks_of_a_project(tmp_path: Path) -> None:
    """Examples are excluded, tags are read, and a broken stack file affects only its tenant."""
    (tmp_path / "Pulumi.yaml").write_text("name: kzero-scim\nruntime: python\n")
    (tmp_path / "fleet.yaml").write_text("exclude: [example]\n")
    stacks = tmp_path / "stacks"
    stacks.mkdir()
    (stacks / "Pulumi.example.yaml").write_text("config: {}\n")
    (stacks / "Pulumi.fabrikam.yaml").write_text("config:\n  kzero-scim:tags: [canary, emea]\n")
    (stacks / "Pulumi.broken.yaml").write_text("config: [\n")

    found = FleetProject.load(tmp_path)

    assert list(found.tenants) == ["broken", "fabrikam"]
    assert found.tenants["fabrikam"].tags == ("canary", "emea")
    assert "Pulumi.broken.yaml" in found.tenants["broken"].problem


def test_an_unknown_key_of_the_fleet_file_is_named(tmp_path: Path) -> None:
    """A mistyped key in fleet.yaml is an error."""
    (tmp_path / "Pulumi.yaml").write_text("name: kzero-scim\nruntime: python\n")
    (tmp_path / "fleet.yaml").write_text("excludes: []\n")

    with pytest.raises(SettingsError, match=r"fleet\.yaml: excludes: "):
        FleetProject.load(tmp_path)
