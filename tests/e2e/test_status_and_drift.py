"""A tenant whose endpoint is disabled by hand: quarantine, status, drift, and the `up` that repairs it."""

from __future__ import annotations

import json

from kzero_sandbox.running import Tenant

from tests.e2e.cli_project import CliProject
from tests.e2e.permissions import LEAST_PERMISSIONS, grant


def test_quarantine_is_reported_and_repaired(project: CliProject, tenant: Tenant) -> None:
    """Status and drift have exit codes and messages, and provisioning restarts only after a passed connection test."""
    grant(tenant, *LEAST_PERMISSIONS)
    project.up().succeeded()
    assert "no cycle has finished yet" in project.kzero_scim("status", "test").failed().text
    tenant.entra.post("/sandbox/cycle").raise_for_status()
    quiet = project.kzero_scim("status", "test").succeeded()
    none = project.kzero_scim("drift", "test").succeeded()
    grant(tenant, *LEAST_PERMISSIONS, "AuditLog.Read.All", "Directory.Read.All")

    assert "AuditLog.Read.All and Directory.Read.All" in quiet.text
    assert "nothing differs" in none.text

    tenant.set_realm_attributes(kzero__scim__enabled="false")
    for name in ("alex", "morgan"):
        tenant.entra.patch(f"/sandbox/users/{name}@contoso.example", json={"surname": "Berg"}).raise_for_status()
    tenant.entra.post("/sandbox/cycle").raise_for_status()

    status = project.kzero_scim("status", "test")
    document = json.loads(project.kzero_scim("status", "test", "--json").stdout)
    drift = project.kzero_scim("drift", "test", "--json")
    checklist = project.kzero_scim("check", "test").failed()
    refused = project.up().succeeded()
    preview = project.preview("--refresh").succeeded()

    assert (status.code, drift.code) == (2, 3)
    for words in ("EncounteredQuarantineException since", "first error", "next attempt", "alex@contoso.example"):
        assert words in status.text
    assert document["status"] == "quarantine"
    assert "is in quarantine: EncounteredQuarantineException" in checklist.text
    assert {item["name"] for item in document["inError"]} >= {"alex@contoso.example", "morgan@contoso.example"}
    assert "404" in document["inError"][0]["message"]
    [difference] = json.loads(drift.stdout)["differences"]
    assert (difference["property"], difference["was"], difference["now"]) == ("enabled", True, False)
    assert difference["who"] == tenant.credentials.admin_username
    assert "unchanged" in refused.text  # the state does not know the change
    assert "What to do" in preview.line_with("provisioning is in quarantine since")
    preview.line_with(f"enabled changed by {tenant.credentials.admin_username} at ")

    tenant.entra.delete("/sandbox/requests").raise_for_status()
    project.up("--refresh").succeeded().line_with("the connection test passed")
    asked = tenant.entra.get("/sandbox/requests").raise_for_status().json()
    acts = [(item["path"].rsplit("/", 1)[-1], item["body"]) for item in asked if item["method"] == "POST"]
    tenant.entra.post("/sandbox/cycle").raise_for_status()

    assert [act for act in acts if act[0] in {"validateCredentials", "start", "restart"}] == [
        ("validateCredentials", {"useSavedCredentials": True, "credentials": []}),
        ("restart", {"criteria": {"resetScope": "QuarantineState"}}),
    ]
    assert json.loads(project.kzero_scim("status", "test", "--json").succeeded().stdout)["inError"] == []
    project.kzero_scim("drift", "test").succeeded()


def test_a_side_that_cannot_be_read_is_neither_healthy_nor_drifted(project: CliProject, tenant: Tenant) -> None:
    """The command exits with 1 and one error line, and still reports the other side."""
    never = project.kzero_scim("status", "test")
    project.up().succeeded()
    tenant.set_realm_attributes(kzero__scim__azureTenantId="00000000-0000-4000-8000-000000000000")
    wrong = {"ARM_CLIENT_SECRET": "wrong"}

    status = project.kzero_scim("status", "test", env=wrong)
    drift = project.kzero_scim("drift", "test", env=wrong)

    assert (never.code, status.code, drift.code) == (1, 1, 1)
    assert "no provisioning job yet" in never.stderr
    assert len(status.stderr.strip().splitlines()) == 1
    assert "azureTenantId" in drift.stdout
    assert drift.stderr.startswith("error: ")
