"""The nightly sweep: drift and status of several tenants, with read permissions only."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest
from kzero_sandbox import defects
from kzero_sandbox.defects import Defect
from kzero_sandbox.fleet import FleetTenant, fleet
from kzero_sandbox.running import RunningSandbox

from kzero_scim.fleet.project import FleetProject
from kzero_scim.fleet.sweep.state import States
from kzero_scim.stack.stack import Stack
from tests.e2e.cli_project import CliProject, install_azuread, search_path

READ_PERMISSIONS = ("Application.Read.All", "Group.Read.All", "Synchronization.Read.All", "User.Read.All")
READ_ROLES = ("view-clients", "view-realm", "view-users")
_QUESTIONS = ("/oauth2/v2.0/token", "/openid-connect/token", "/$batch", "/schema/parseExpression")
"""Paths of POST requests that change nothing."""


def test_a_fleet_is_swept_with_read_permissions(
    sandbox: RunningSandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Drift, its preview, errors and quarantine are reported for their tenants, and nothing is written."""
    folder = tmp_path / "fleet"
    with fleet(sandbox, 3, folder) as (_, reads, writes):
        project = _project(sandbox, folder, tmp_path / "pulumi")
        _up(project, reads)
        _up(project, writes)
        _hold_reading_together(project, reads, monkeypatch)
        _may_only_read(sandbox, reads, folder)
        quiet = project.kzero_scim("fleet", "drift", "tenant-00[23]").succeeded()
        with sandbox.entra() as entra:
            entra.post(f"/sandbox/of/{writes.organisation.tenant_id}/cycle").raise_for_status()
        checked = project.kzero_scim("fleet", "status", writes.name, "--checklist", "--json").succeeded()

        defects.make(sandbox, Defect.DRIFT, reads)
        defects.make(sandbox, Defect.DRIFT, writes)
        before = _states(folder)
        _forget_requests(sandbox, reads, writes)
        drift = project.kzero_scim("fleet", "drift", "tenant-00[23]", "--json")
        kept = json.loads((folder / ".kzero-scim" / "runs" / "drift.json").read_text())

        assert "2 unchanged" in quiet.text
        [healthy] = json.loads(checked.stdout)["results"]
        assert [item["passed"] for item in healthy["checklist"]] == [True] * 7
        assert drift.code == 3, drift.text
        found = {result["tenant"]: result for result in json.loads(drift.stdout)["results"]}
        assert {result["outcome"] for result in found.values()} == {"drifted"}
        for result in found.values():
            assert {item["resource"] for item in result["drift"]} == {"MapperSet", "AppRoleAssignments"}
            assert {item["resource"] for item in result["changes"]} >= {"MapperSet", "AppRoleAssignments"}
        # The preview works without write permissions, and warns of those that an update needs.
        assert any("`pulumi up` needs Application.ReadWrite.OwnedBy" in line for line in found[reads.name]["warnings"])
        assert not any("`pulumi up` needs" in line for line in found[writes.name]["warnings"])
        assert kept == json.loads(drift.stdout)
        assert not (folder / ".kzero-scim" / "runs" / "preview.json").exists()
        assert _writes(sandbox, reads, writes) == []
        assert _states(folder) == before

        defects.make(sandbox, Defect.FAILING_CREDENTIALS, writes)
        defects.make(sandbox, Defect.QUARANTINE, reads)
        refused = project.kzero_scim("fleet", "drift", "--no-engine")
        status = project.kzero_scim("fleet", "status", "--json")

        assert refused.code == status.code == 1
        assert "tenant-002" in refused.line_with("2 differences")
        assert "tenant-003" in refused.line_with("AADSTS7000215")
        assert "tenant-001" in refused.line_with("stack tenant-001 does not exist at")
        states = {result["tenant"]: result for result in json.loads(status.stdout)["results"]}
        assert [states[name]["outcome"] for name in sorted(states)] == ["not-run", "unhealthy", "failed"]
        assert states[reads.name]["status"]["status"] == "quarantine"
        assert states[reads.name]["status"]["cycles"][-1]["state"] == "Failed"
        assert states[reads.name]["portals"]
        assert "quarantine" in status.stderr
        for outcome in project.outcomes:
            assert writes.credentials.client_secret not in outcome.text


def _project(sandbox: RunningSandbox, folder: Path, pulumi_home: Path) -> CliProject:
    (folder / "state").mkdir()
    install_azuread(pulumi_home)
    environment = sandbox.process.environment() | _variables(folder / "env")
    environment |= {"PATH": search_path(), "VIRTUAL_ENV": sys.prefix, "HOME": os.environ["HOME"], "COLUMNS": "400"}
    environment |= {
        "PULUMI_BACKEND_URL": (folder / "state").as_uri(),
        "PULUMI_HOME": str(pulumi_home),
        "AZUREAD_STANDIN_POLL_SECONDS": "0",
    }
    return CliProject(folder, environment)


def _up(project: CliProject, tenant: FleetTenant) -> None:
    own = _variables(project.folder / "credentials" / f"{tenant.name}.env")
    alone = CliProject(project.folder, project.env | own, stack=tenant.name)
    alone.pulumi("stack", "init").succeeded()
    alone.up().succeeded()


def _variables(file: Path) -> dict[str, str]:
    pairs = (line.removeprefix("export ").partition("=") for line in file.read_text().splitlines() if "=" in line)
    return {name: value.strip("'") for name, _, value in pairs}


def _hold_reading_together(project: CliProject, tenant: FleetTenant, monkeypatch: pytest.MonkeyPatch) -> None:
    """Check that reading a state and its configuration from files gives the same as the Pulumi CLI."""
    for name, value in project.env.items():
        monkeypatch.setenv(name, value)
    asked = Stack.load(tenant.name, project.folder)
    monkeypatch.undo()

    known = FleetProject.load(project.folder)

    found = asyncio.run(States(known).load(known.tenants[tenant.name], project.env)).stack

    assert found.resources == asked.resources
    assert _values(found.configuration) == _values(asked.configuration)
    assert (found.name, found.secret_keys) == (asked.name, asked.secret_keys)


def _values(configuration: dict[str, str]) -> dict[str, Any]:
    def value(text: str) -> Any:  # noqa: ANN401 - any JSON
        return json.loads(text) if text[:1] in {"[", "{"} else text

    return {key: value(text) for key, text in configuration.items()}


def _may_only_read(sandbox: RunningSandbox, tenant: FleetTenant, folder: Path) -> None:
    """Let a tenant's sign-ins use applications that may write on neither side."""
    control = f"/sandbox/of/{tenant.organisation.tenant_id}"
    with sandbox.entra() as entra, sandbox.administration(tenant.credentials) as realm:
        for client in tenant.organisation.clients:
            if client.name != "admin":
                allowed = {"permissions": list(READ_PERMISSIONS)}
                entra.patch(f"{control}/clients/{client.name}", json=allowed).raise_for_status()
        body = {"clientId": "only-reads", "secret": "a-secret-to-read-with", "serviceAccountsEnabled": True}
        realm.post("/clients", json=body | {"publicClient": False}).raise_for_status()
        [client] = realm.get("/clients", params={"clientId": "only-reads"}).raise_for_status().json()
        [management] = realm.get("/clients", params={"clientId": "realm-management"}).raise_for_status().json()
        account = realm.get(f"/clients/{client['id']}/service-account-user").raise_for_status().json()
        of_management = f"/clients/{management['id']}/roles"
        roles = [realm.get(f"{of_management}/{role}").raise_for_status().json() for role in READ_ROLES]
        path = f"/users/{account['id']}/role-mappings/clients/{management['id']}"
        realm.post(path, json=roles).raise_for_status()
    file = folder / "credentials" / f"{tenant.name}.env"
    own = _variables(file) | {"KZERO_CLIENT_ID": "only-reads", "KZERO_CLIENT_SECRET": "a-secret-to-read-with"}
    file.write_text("".join(f"{name}={value}\n" for name, value in own.items()))


def _forget_requests(sandbox: RunningSandbox, *tenants: FleetTenant) -> None:
    with sandbox.entra() as entra, sandbox.kzero() as kzero:
        for tenant in tenants:
            entra.delete(f"/sandbox/of/{tenant.organisation.tenant_id}/requests").raise_for_status()
        kzero.delete("/sandbox/requests").raise_for_status()


def _writes(sandbox: RunningSandbox, *tenants: FleetTenant) -> list[str]:
    """Return the requests to the services that are not reads."""
    with sandbox.entra() as entra, sandbox.kzero() as kzero:
        log = kzero.get("/sandbox/requests").raise_for_status().json()
        for tenant in tenants:
            own = entra.get(f"/sandbox/of/{tenant.organisation.tenant_id}/requests").raise_for_status().json()
            assert own, tenant.name
            log += own
    assert len(log) > 3 * len(tenants)
    return [
        f"{entry['method']} {entry['path']}"
        for entry in log
        if entry["method"] != "GET" and not (entry["method"] == "POST" and entry["path"].endswith(_QUESTIONS))
    ]


def _states(folder: Path) -> dict[str, str]:
    """Return hashes of the state's files, including history and backups."""
    return {
        str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted((folder / "state").rglob("*"))
        if file.is_file()
    }
