"""Manual changes on either side are shown exactly and repaired."""

from typing import Any

from kzero_sandbox.organisation import Organisation

from tests.engine.tenant_program import GROUP, TenantStack

Drift = dict[str, dict[str, tuple[Any, Any]]]


def assert_shown_and_repaired(running: TenantStack, expected: Drift) -> None:
    """Check that a preview with refresh shows exactly these properties, and that ``up`` repairs both sides."""
    assert running.drift() == expected
    repaired = running.stack.up(refresh=True)
    assert {kind: step.diff for kind, step in repaired.changes.items()} == expected
    assert running.drift() == {}


def test_changed_settings_are_drift(running: TenantStack) -> None:
    """A changed value is drift: of a mapper, the endpoint, an attribute mapping, the status, the application."""
    tenant = running.tenant.env["ARM_TENANT_ID"]
    another = "00000000-0000-4000-8000-000000000000"
    running.change_mapper("status", jsonType__label="String")
    running.tenant.set_realm_attributes(kzero__scim__azureTenantId=another)
    running.change_row("name.givenName", source="city")
    running.graph("POST", f"{running.job_path}/pause")
    running.rename("Renamed in the portal")

    assert_shown_and_repaired(
        running,
        {
            "MapperSet": {"mappers.status.claimJsonType": ("String", "boolean")},
            "ScimEndpoint": {"azureTenantId": (another, tenant)},
            "AttributeMappings": {'rows["name.givenName"].source': ("city", "givenName")},
            "ProvisioningStatus": {"enabled": (False, True)},
            "ApplicationFromTemplate": {"displayName": ("Renamed in the portal", "KZero Passwordless SCIM")},
        },
    )

    assert running.mappers()["status"]["config"]["jsonType.label"] == "boolean"
    assert running.row_sources()["name.givenName"] == "givenName"
    assert running.graph("GET", running.job_path).json()["schedule"]["state"] == "Active"
    assert running.graph("GET", "").json()["displayName"] == "KZero Passwordless SCIM"


def test_removed_parts_are_drift(running: TenantStack) -> None:
    """A removed part is drift: a mapper, the endpoint, an attribute mapping, an assignment, the Tenant URL."""
    state = running.stack.state()
    mapper = state["MapperSet"]["outputs"]["mappers"]["email"]
    row = state["AttributeMappings"]["outputs"]["rows"]["name.familyName"]
    running.delete_mapper("email")
    running.tenant.set_realm_attributes(kzero__scim__enabled="false")
    running.delete_row("name.familyName")
    running.unassign(GROUP)
    running.set_secret("BaseAddress", "")

    assert_shown_and_repaired(
        running,
        {
            "MapperSet": {"mappers.email": (None, mapper)},
            "ScimEndpoint": {"enabled": (False, True)},
            "AttributeMappings": {'rows["name.familyName"]': (None, row)},
            "AppRoleAssignments": {"groups[0]": (None, GROUP)},
            "SynchronizationCredentials": {"tenantUrl": ("", running.tenant.scim_url)},
        },
    )

    assert len(running.mappers()) == 7
    assert running.endpoint_status() == 401
    assert running.row_sources()["name.familyName"] == "surname"
    assert set(running.assignments()) == {"Alex Lindqvist", GROUP}


def test_an_unmanaged_assignment_is_reported_and_removed_only_if_exclusive(running: TenantStack) -> None:
    """Without ``assignmentsExclusive`` it is kept and listed in an output; with it, it is drift and removed."""
    running.assign(Organisation().user("sam@contoso.example").id)

    assert running.drift() == {}
    running.stack.refresh()
    assert running.stack.state()["AppRoleAssignments"]["outputs"]["unmanaged"] == ["Sam O'Hara"]
    assert "Sam O'Hara" in running.assignments()

    running.set(assignmentsExclusive=True)
    assert_shown_and_repaired(
        running, {"AppRoleAssignments": {"exclusive": (False, True), "unmanaged[0]": ("Sam O'Hara", None)}}
    )
    assert set(running.assignments()) == {"Alex Lindqvist", GROUP}
