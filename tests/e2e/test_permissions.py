"""A tenant's pipeline needs exactly the Microsoft Graph permissions in docs/permissions.md."""

from __future__ import annotations

from kzero_sandbox.running import Tenant

from tests.contract.kzero_access import account
from tests.e2e.both_sides import both_sides
from tests.e2e.cli_project import CliProject
from tests.e2e.permissions import LEAST_PERMISSIONS, PREVIEW_PERMISSIONS, PREVIEW_ROLES, grant


def test_the_documented_permissions_are_sufficient(tenant: Tenant, project: CliProject) -> None:
    """A tenant can be created, refreshed without changes and destroyed, and the doctor reports no problem."""
    grant(tenant, *LEAST_PERMISSIONS)

    project.kzero_scim("doctor", "test").succeeded()
    made = project.up().succeeded()
    in_step = project.preview("--refresh", "--expect-no-changes").succeeded()
    project.destroy().succeeded()

    assert "warning:" not in made.text + in_step.text
    assert tenant.entra.get("/sandbox/state").json()["applications"] == 0


def test_without_the_optional_permission_there_is_only_a_warning(tenant: Tenant, project: CliProject) -> None:
    """A warning says that the lock-out check is not possible and names the permission, and everything else works."""
    grant(tenant, *(name for name in LEAST_PERMISSIONS if name != "RoleManagement.Read.Directory"))

    outcome = project.up().succeeded()

    line = outcome.line_with("warning: could not check Global Administrators")
    assert "grant the application permission RoleManagement.Read.Directory with admin consent" in line
    assert all(item["passed"] for item in project.outputs()["checklist"])


def test_the_doctor_names_the_missing_permissions(tenant: Tenant, project: CliProject) -> None:
    """The doctor lists every missing permission, with its purpose and what to do."""
    granted = {"User.Read.All", "RoleManagement.Read.Directory"}
    grant(tenant, *granted)

    outcome = project.kzero_scim("doctor", "test").failed()

    missing = [line.split()[1] for line in outcome.stdout.splitlines() if line.startswith("missing")]
    assert missing == [
        name for name in LEAST_PERMISSIONS if name not in {"User.Read.All", "RoleManagement.Read.Directory"}
    ]
    assert "not granted; needed to assign users and groups" in outcome.line_with("AppRoleAssignment.ReadWrite.All")


def test_previews_work_with_credentials_that_only_read(tenant: Tenant, project: CliProject) -> None:
    """Previews of a new and a changed tenant exit 0 and name what `up` needs. `up` itself changes nothing.

    Only one of both sides may be read-only: then neither side changes either.
    """
    reader = account(tenant, *PREVIEW_ROLES)
    kzero = {"KZERO_CLIENT_ID": reader.client_id or "", "KZERO_CLIENT_SECRET": reader.client_secret or ""}
    grant(tenant, *PREVIEW_PERMISSIONS)
    before = both_sides(tenant)

    shown = project.preview(env=kzero).succeeded()

    for needed in (
        "permission Application.ReadWrite.OwnedBy (to create the enterprise application, and to set up",
        "permission AppRoleAssignment.ReadWrite.All (to assign users and groups)",
        "role manage-realm of client realm-management",
        "role manage-clients of client realm-management",
    ):
        assert "warning:" in shown.line_with(f"`pulumi up` needs the {_kind(needed)}{needed}")
    project.up(env=kzero).failed().line_with("lacks")
    project.pulumi("up", "--yes").failed().line_with("Nothing was changed; grant it with admin consent")
    assert both_sides(tenant) == before

    grant(tenant, *LEAST_PERMISSIONS)
    project.up().succeeded()
    grant(tenant, *PREVIEW_PERMISSIONS)
    project.settings({"users": ["alex@contoso.example"], "mappersEscapeDots": True})
    before = both_sides(tenant)

    changed = project.preview(env=kzero).succeeded()

    changed.line_with("`pulumi up` needs the role manage-clients")
    changed.line_with("permission AppRoleAssignment.ReadWrite.All (to assign users and groups)")
    for env in (kzero, {}):
        project.up(env=env).failed()
    assert both_sides(tenant) == before


def _kind(needed: str) -> str:
    return "Microsoft Graph application " if needed.startswith("permission") else ""
