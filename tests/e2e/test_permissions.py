"""A tenant's pipeline needs exactly the Microsoft Graph permissions in docs/permissions.md."""

from __future__ import annotations

from kzero_sandbox.running import Tenant

from tests.e2e.cli_project import CliProject
from tests.e2e.permissions import LEAST_PERMISSIONS, grant


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
