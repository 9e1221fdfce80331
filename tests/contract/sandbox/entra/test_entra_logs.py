"""Graph's two logs: the provisioning log and the directory audit log."""

from __future__ import annotations

import pytest

from tests.contract.sandbox.entra.world import Application, Entra, Target

PROVISIONING, AUDITS = "/v1.0/auditLogs/provisioning", "/v1.0/auditLogs/directoryAudits"


def test_both_permissions_are_needed(entra: Entra) -> None:
    """As Microsoft documents, each of the two logs requires both permissions."""
    both = entra.headers("AuditLog.Read.All", "Directory.Read.All")

    for path in (PROVISIONING, AUDITS):
        assert entra.http.get(path, headers=entra.headers("AuditLog.Read.All")).status_code == 403
        assert entra.http.get(path, headers=entra.headers("Directory.Read.All")).status_code == 403
        assert entra.http.get(path, headers=both).status_code == 200


@pytest.mark.parametrize(
    ("path", "text", "status"),
    [
        (PROVISIONING, "activityDateTime gt 2026-01-01T00:00:00Z and jobId eq 'x'", 200),
        (PROVISIONING, "contains(servicePrincipal/id, 'x')", 200),
        (PROVISIONING, "activityDateTime ge 2026-01-01T00:00:00Z", 400),
        (AUDITS, "activityDateTime ge 2026-01-01T00:00:00Z and targetResources/any(t:t/id eq 'x')", 200),
        (AUDITS, "startswith(activityDisplayName, 'Update')", 200),
        (AUDITS, "activityDateTime gt 2026-01-01T00:00:00Z", 400),
        (AUDITS, "targetResources/any(t:id eq 'x')", 400),
    ],
)
def test_a_filter_beyond_the_documented_is_refused(entra: Entra, path: str, text: str, status: int) -> None:
    """Each log supports its own operators and refuses all others."""
    assert entra.http.get(path, params={"$filter": text}).status_code == status


def test_the_provisioning_log_is_filtered_by_status_and_time(
    entra: Entra, provisioning: Application, target: Target
) -> None:
    """The log returns the failures of one job, newest first, in pages."""
    for name in ("alex@contoso.example", "morgan@contoso.example"):
        provisioning.assign(entra.organisation.user(name).id)
    target.application.token = "another"
    for _ in range(2):
        provisioning.cycle()
    query = {
        "$filter": f"jobId eq '{provisioning.job}' and provisioningStatusInfo/status eq 'failure' and "
        "activityDateTime gt 2026-01-01T00:00:00Z",
        "$top": "1",
    }

    first = entra.http.get(PROVISIONING, params=query).json()
    second = entra.http.get(first["@odata.nextLink"]).json()
    none = entra.http.get(PROVISIONING, params={"$filter": "provisioningStatusInfo/status eq 'success'"}).json()

    assert first["value"][0]["activityDateTime"] >= second["value"][0]["activityDateTime"]
    assert first["value"][0]["provisioningStatusInfo"]["errorInformation"]["reason"]
    assert none["value"] == []


def test_the_audit_shows_who_changed_what(entra: Entra, application: Application) -> None:
    """An entry names the user or application and Entra's name of the activity."""
    token = entra.http.post("/sandbox/token", json={"user": "robin@contoso.example"}).json()["access_token"]
    robin = {"Authorization": f"Bearer {token}"}
    user = entra.organisation.user("alex@contoso.example")
    [assignment] = application.assign(user.id)
    entra.http.patch(f"/v1.0/applications/{application.id}", json={"displayName": "Renamed"}, headers=robin)
    entra.http.delete(f"{application.path}/appRoleAssignedTo/{assignment['id']}", headers=robin)
    refused = entra.http.delete(f"{application.path}/appRoleAssignedTo/{assignment['id']}", headers=robin)
    about = {"$filter": f"targetResources/any(t:t/id eq '{application.principal}')"}

    removed, added = entra.http.get(AUDITS, params=about).json()["value"][:2]
    about = {"$filter": f"targetResources/any(t:t/id eq '{application.id}')"}
    [renamed] = entra.http.get(AUDITS, params=about).json()["value"]

    assert refused.status_code == 404
    assert removed["activityDisplayName"] == "Remove app role assignment from user"
    assert removed["initiatedBy"]["user"]["userPrincipalName"] == "robin@contoso.example"
    assert removed["targetResources"][1]["userPrincipalName"] == user.user_principal_name
    assert added["activityDisplayName"] == "Add app role assignment grant to user"
    assert added["initiatedBy"]["app"]["displayName"] == "Sandbox client admin"
    assert renamed["targetResources"][0]["modifiedProperties"] == [
        {"displayName": "displayName", "oldValue": '["KZero Passwordless SCIM"]', "newValue": '["Renamed"]'}
    ]
