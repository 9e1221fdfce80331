"""Tests of a fleet run with stand-ins for workers: variables per tenant, and the run's document."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from kzero_scim.fleet import journal
from kzero_scim.fleet.model import Command, FleetRun, Outcome, TenantResult
from kzero_scim.fleet.project import FleetProject
from kzero_scim.fleet.run.engine_run import TenantRun
from kzero_scim.fleet.run.plan import waves_of
from kzero_scim.fleet.run.runner import Job, run_fleet

Serve = Callable[[TenantRun], TenantResult]
NAMES = ["alfa", "bravo-eu", "charlie"]


class Quiet:
    """A watcher that records notes."""

    def __init__(self) -> None:
        """Start without notes."""
        self.notes: list[str] = []

    def begins(self, tenant: str) -> None:
        """Do nothing."""

    def doing(self, tenant: str, what: str) -> None:
        """Do nothing."""

    def ended(self, result: TenantResult) -> None:
        """Do nothing."""

    def note(self, text: str) -> None:
        """Record the note."""
        self.notes.append(text)


@pytest.fixture
def project(tmp_path: Path) -> FleetProject:
    """A project with three tenants, one of them tagged."""
    (tmp_path / "stacks").mkdir()
    (tmp_path / "Pulumi.yaml").write_text("name: fleet\n")
    for name in NAMES:
        tags = ["canary"] if name == "charlie" else []
        document = {"config": {"kzero-scim:kzeroTenant": name.title(), "kzero-scim:tags": tags}}
        (tmp_path / "stacks" / f"Pulumi.{name}.yaml").write_text(yaml.safe_dump(document))
    return FleetProject.load(tmp_path)


def done(run: TenantRun) -> TenantResult:
    """Return an unchanged result."""
    return TenantResult(tenant=run.tenant, outcome=Outcome.CHANGED)


def run(  # noqa: PLR0913 - one keyword a fact
    monkeypatch: pytest.MonkeyPatch,
    project: FleetProject,
    serve: Serve,
    *,
    environment: dict[str, str] | None = None,
    canary: str = "",
    watcher: Quiet | None = None,
) -> FleetRun:
    """Run the project with stand-ins for workers, one at a time."""

    class Stand:
        is_busy = False

        def run(self, run: TenantRun, timeout: float | None, doing: Callable[[str], None]) -> TenantResult:
            del timeout, doing
            return serve(run)

        def close(self) -> None:
            pass

    monkeypatch.setattr("kzero_scim.fleet.run.runner.Worker", Stand)
    monkeypatch.setattr("kzero_scim.fleet.run.runner._pulumi", lambda: ("pulumi", "3.259.0"))
    job = Job(command=Command.UP, waves=waves_of(list(project.tenants.values()), canary), parallel=1)
    return run_fleet(project, job, environment or {}, watcher or Quiet())


def test_a_confirmation_is_one_tenants(monkeypatch: pytest.MonkeyPatch, project: FleetProject) -> None:
    """A common confirmation reaches no tenant, and the error names the tenant's own variable."""
    found: dict[str, str | None] = {}
    watcher = Quiet()

    def serve(run: TenantRun) -> TenantResult:
        found[run.tenant] = run.environment.get("KZERO_SCIM_CONFIRM")
        error = "31 users would lose access; run it again with KZERO_SCIM_CONFIRM=unassign=31 in the environment"
        return TenantResult(tenant=run.tenant, outcome=Outcome.FAILED, error=error)

    environment = {"KZERO_SCIM_CONFIRM": "unassign=31", "KZERO_SCIM_CONFIRM__BRAVO_EU": "unassign=31"}
    ended = run(monkeypatch, project, serve, environment=environment, watcher=watcher)

    assert found == {"alfa": None, "bravo-eu": "unassign=31", "charlie": None}
    assert (watcher.notes) == [
        "KZERO_SCIM_CONFIRM is ignored in a fleet run; set KZERO_SCIM_CONFIRM__<TENANT> for one tenant instead"
    ]
    assert "with KZERO_SCIM_CONFIRM__BRAVO_EU=unassign=31" in ended.results[1].error


def test_variables_of_others_reach_nobody(monkeypatch: pytest.MonkeyPatch, project: FleetProject) -> None:
    """Each tenant gets only common variables and its own."""
    found: dict[str, dict[str, str]] = {}

    def serve(run: TenantRun) -> TenantResult:
        found[run.tenant] = dict(run.environment)
        return done(run)

    common = {"ARM_CLIENT_ID": "of the provider"}
    own = {"KZERO_CLIENT_SECRET__ALFA": "a", "KZERO_CLIENT_SECRET__BRAVO_EU": "b"}
    run(monkeypatch, project, serve, environment=common | own)

    assert found == {
        "alfa": common | {"KZERO_CLIENT_SECRET": "a"},
        "bravo-eu": common | {"KZERO_CLIENT_SECRET": "b"},
        "charlie": common,
    }


def test_a_file_that_cannot_be_read_is_that_tenants_failure(
    monkeypatch: pytest.MonkeyPatch, project: FleetProject
) -> None:
    """A tenant whose file cannot be read fails without running; the others run."""
    (project.folder / "stacks" / "Pulumi.alfa.yaml").write_text("config: [")
    (project.folder / "fleet.yaml").write_text("credentials: {files: credentials}\n")
    (project.folder / "credentials").mkdir()
    (project.folder / "credentials" / "charlie.env").write_bytes(b"\xff\xfe")

    ended = run(monkeypatch, FleetProject.load(project.folder), done)

    assert [(result.tenant, result.outcome.value) for result in ended.results] == [
        ("alfa", "failed"),
        ("bravo-eu", "changed"),
        ("charlie", "failed"),
    ]
    assert "Pulumi.alfa.yaml" in ended.results[0].error
    assert "charlie.env" in ended.results[2].error


def test_a_failing_canary_is_told_of_everybody(monkeypatch: pytest.MonkeyPatch, project: FleetProject) -> None:
    """Skipped tenants keep tags and names, and the stored document equals the result."""

    def serve(run: TenantRun) -> TenantResult:
        return TenantResult(tenant=run.tenant, outcome=Outcome.FAILED, error="no")

    ended = run(monkeypatch, project, serve, canary="canary")

    assert [(result.tenant, result.outcome.value) for result in ended.results] == [
        ("alfa", "not-run"),
        ("bravo-eu", "not-run"),
        ("charlie", "failed"),
    ]
    assert ended.results[0].error == "the canary failed: charlie"
    assert (ended.results[1].names, ended.results[2].tags) == (["Bravo-Eu"], ["canary"])
    assert ended == journal.last(project, Command.UP)
    assert ended.exit_code == 1


def test_an_unexpected_error_is_its_tenants_failure(monkeypatch: pytest.MonkeyPatch, project: FleetProject) -> None:
    """The other tenants run, and the run's document has all results."""

    def serve(run: TenantRun) -> TenantResult:
        if run.tenant == "bravo-eu":
            raise RuntimeError
        return done(run)

    run(monkeypatch, project, serve)

    kept = journal.last(project, Command.UP)
    assert kept is not None
    assert [result.outcome.value for result in kept.results] == ["changed", "failed", "changed"]
    assert kept.results[1].error.startswith("internal error: RuntimeError")


def test_options_in_variables_are_ignored_aloud(monkeypatch: pytest.MonkeyPatch, project: FleetProject) -> None:
    """Variables that set options of Pulumi's CLI reach no tenant, and a note names them; policy packs stay."""
    found: dict[str, dict[str, str]] = {}
    watcher = Quiet()

    def serve(run: TenantRun) -> TenantResult:
        found[run.tenant] = dict(run.environment)
        return done(run)

    kept = {"PULUMI_OPTION_POLICY_PACK": "policy"}
    narrowing = {"PULUMI_OPTION_TARGET": "urn:x", "PULUMI_OPTION_EXCLUDE": "urn:y", "pulumi_option_stack": "other"}
    run(monkeypatch, project, serve, environment=kept | narrowing, watcher=watcher)

    assert found == dict.fromkeys(NAMES, kept)
    [note] = watcher.notes
    for name in narrowing:
        assert name in note
    assert "are ignored" in note
