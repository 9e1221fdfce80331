"""What fleet runs leave in the project's folder."""

from pathlib import Path

import pytest

from kzero_scim.errors import SettingsError
from kzero_scim.fleet import journal
from kzero_scim.fleet.model import Command, FleetRun, Outcome, TenantResult
from kzero_scim.fleet.project import FleetProject, FleetSettings


@pytest.fixture
def project(tmp_path: Path) -> FleetProject:
    """A project without tenants."""
    return FleetProject(tmp_path, "fleet", FleetSettings(), {})


def run(command: Command, *tenants: str) -> FleetRun:
    """Make a run's result."""
    results = [TenantResult(tenant=name, outcome=Outcome.UNCHANGED) for name in tenants]
    began = "2026-01-01T00:00:00Z"
    return FleetRun(command=command, project="fleet", began=began, ended=began, results=results)


def test_each_command_has_its_last_run(project: FleetProject) -> None:
    """The one before it is gone, that of another command is not; nothing else lies around."""
    for done in (run(Command.UP, "alfa"), run(Command.PREVIEW, "alfa"), run(Command.PREVIEW, "bravo")):
        journal.record(project, done)

    assert run(Command.PREVIEW, "bravo") == journal.last(project, Command.PREVIEW)
    assert run(Command.UP, "alfa") == journal.last(project, Command.UP)
    assert journal.last(project, Command.REFRESH) is None
    assert sorted(file.name for file in project.runs.iterdir()) == ["preview.json", "up.json"]


@pytest.mark.parametrize("text", ['{"command": "up"', "[]"])
def test_a_broken_document_is_named(project: FleetProject, text: str) -> None:
    """With its file, in one line."""
    project.runs.mkdir(parents=True)
    (project.runs / "up.json").write_text(text)

    with pytest.raises(SettingsError, match=r"up\.json") as caught:
        journal.last(project, Command.UP)

    assert "\n" not in str(caught.value)


def test_no_commit_without_git(tmp_path: Path) -> None:
    """A folder that is in no repository is at none."""
    assert journal.commit_of(tmp_path) == ""
