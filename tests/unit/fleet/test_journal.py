"""Tests of the documents of runs in the project's folder."""

import subprocess
from pathlib import Path

import pytest

from kzero_scim.errors import SettingsError
from kzero_scim.fleet import git, journal
from kzero_scim.fleet.model import Command, FleetRun, Outcome, TenantResult
from kzero_scim.fleet.project import FleetProject, FleetSettings, FleetTenant


@pytest.fixture
def project(tmp_path: Path) -> FleetProject:
    """A project without tenants."""
    return FleetProject(tmp_path, "fleet", FleetSettings(), {})


def run(command: Command, *tenants: str, day: int = 1) -> FleetRun:
    """Return a run's result."""
    results = [TenantResult(tenant=name, outcome=Outcome.UNCHANGED) for name in tenants]
    began = f"2026-01-{day:02d}T00:00:00Z"
    return FleetRun(command=command, project="fleet", began=began, ended=began, results=results)


def test_each_command_has_its_last_run(project: FleetProject) -> None:
    """A new run replaces only the last run of its own command and leaves no other files."""
    for done in (run(Command.UP, "alfa"), run(Command.PREVIEW, "alfa"), run(Command.PREVIEW, "bravo")):
        journal.record(project, done)

    assert run(Command.PREVIEW, "bravo") == journal.last(project, Command.PREVIEW)
    assert run(Command.UP, "alfa") == journal.last(project, Command.UP)
    assert journal.last(project, Command.REFRESH) is None
    assert sorted(file.name for file in project.runs.iterdir()) == ["preview.json", "up.json"]


def test_the_history_holds_some_runs_of_each_command(tmp_path: Path) -> None:
    """The history drops the oldest runs, repeated records of a run, and tenants that left the fleet."""
    file = tmp_path / "stacks" / "Pulumi.alfa.yaml"
    project = FleetProject(tmp_path, "fleet", FleetSettings(), {"alfa": FleetTenant("alfa", file, {})})
    journal.record(project, run(Command.UP, "alfa"))
    for day in range(1, journal.KEPT + 3):
        journal.record(project, run(Command.DRIFT, "gone", day=day))
        journal.record(project, run(Command.DRIFT, "alfa", "gone", day=day))

    found = journal.history(project)

    assert [item.began[8:10] for item in found if item.command is Command.DRIFT] == [
        f"{day:02d}" for day in range(3, journal.KEPT + 3)
    ]
    assert [item.command for item in found].count(Command.UP) == 1
    assert {result.tenant for item in found for result in item.results} == {"alfa"}


@pytest.mark.parametrize("text", ['{"command": "up"', "[]"])
def test_a_broken_document_is_named(project: FleetProject, text: str) -> None:
    """The error for a broken document names its file in one line."""
    project.runs.mkdir(parents=True)
    (project.runs / "up.json").write_text(text)

    with pytest.raises(SettingsError, match=r"up\.json") as caught:
        journal.last(project, Command.UP)

    assert "\n" not in str(caught.value)


def test_no_commit_without_git(tmp_path: Path) -> None:
    """A folder outside of a repository has no commit."""
    assert git.commit_of(tmp_path) == ""


def test_a_tree_that_git_cannot_compare_counts_as_changed(tmp_path: Path) -> None:
    """If git cannot say whether there are changes, the commit is not shown as clean."""
    subprocess.run(["git", "init", "--quiet", str(tmp_path)], check=True)  # noqa: S607
    author = ["-c", "user.name=Operator", "-c", "user.email=operator@example.com", "-c", "commit.gpgsign=false"]
    (tmp_path / "file").write_text("text")
    subprocess.run(["git", "-C", str(tmp_path), "add", "file"], check=True)  # noqa: S607
    subprocess.run(["git", "-C", str(tmp_path), *author, "commit", "--quiet", "-m", "one"], check=True)  # noqa: S607
    assert not git.commit_of(tmp_path).endswith("+")

    (tmp_path / ".git" / "index").write_bytes(b"not an index")

    assert git.commit_of(tmp_path).endswith("+")
