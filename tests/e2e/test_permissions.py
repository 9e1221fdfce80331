"""Which Microsoft Graph permissions a tenant's pipeline needs: the list in docs/permissions.md, and no others."""

from __future__ import annotations

from kzero_sandbox.running import Tenant

from tests.e2e.cli_project import CliProject
from tests.e2e.permissions import LEAST_PERMISSIONS, grant


def test_the_readmes_permissions_are_enough(tenant: Tenant, project: CliProject) -> None:
    """A whole life: made, found in step, taken down; and the doctor has nothing to add."""
    grant(tenant, *LEAST_PERMISSIONS)

    project.kzero_scim("doctor", "test").succeeded()
    made = project.up().succeeded()
    in_step = project.preview("--refresh", "--expect-no-changes").succeeded()
    project.destroy().succeeded()

    assert "warning:" not in made.text + in_step.text
    assert tenant.entra.get("/sandbox/state").json()["applications"] == 0


def test_without_the_optional_permission_it_is_only_warned(tenant: Tenant, project: CliProject) -> None:
    """The lock-out warning cannot be given; that is said, with the permission, and all else is done."""
    grant(tenant, *(name for name in LEAST_PERMISSIONS if name != "RoleManagement.Read.Directory"))

    outcome = project.up().succeeded()

    line = outcome.line_with("warning: it is not known who is Global Administrator")
    assert "grant the application permission RoleManagement.Read.Directory with admin consent" in line
    assert all(item["passed"] for item in project.outputs()["checklist"])


def test_the_doctor_names_what_is_missing(tenant: Tenant, project: CliProject) -> None:
    """Every permission that the credentials lack, what it is for, and what to do."""
    granted = {"User.Read.All", "RoleManagement.Read.Directory"}
    grant(tenant, *granted)

    outcome = project.kzero_scim("doctor", "test").failed()

    missing = [line.split()[1] for line in outcome.stdout.splitlines() if line.startswith("missing")]
    assert missing == [
        name for name in LEAST_PERMISSIONS if name not in {"User.Read.All", "RoleManagement.Read.Directory"}
    ]
    assert "not granted; needed to assign users and groups" in outcome.line_with("AppRoleAssignment.ReadWrite.All")
