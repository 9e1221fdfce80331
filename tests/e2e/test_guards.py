"""Guards stop an operator before harm is done, in `pulumi preview` and in a `pulumi up` without a preview."""

from __future__ import annotations

from kzero_sandbox.running import Tenant

from tests.e2e.both_sides import both_sides
from tests.e2e.cli_project import CliProject
from tests.e2e.permissions import LEAST_PERMISSIONS, grant


def test_without_a_fallback_administrator_nothing_is_created(tenant: Tenant, project: CliProject) -> None:
    """With lockoutGuard `require`, preview and up fail, even an up without a preview, and neither side changes.

    The same applies if the administrators cannot be read.
    """
    fallback = "/sandbox/users/breakglass@contoso-sandbox.onmicrosoft.com"
    tenant.entra.patch(fallback, json={"accountEnabled": False}).raise_for_status()
    project.settings({"lockoutGuard": "require"})
    before = both_sides(tenant)

    for outcome in (project.preview(), project.up()):
        line = outcome.failed().line_with("lockoutGuard: no enabled Global Administrator has an .onmicrosoft.com name")
        assert "set kzero-scim:lockoutGuard to warn" in line
    grant(tenant, *(name for name in LEAST_PERMISSIONS if name != "RoleManagement.Read.Directory"))
    unknown = project.up().failed().line_with("lockoutGuard: could not check Global Administrators")

    assert "grant the application permission RoleManagement.Read.Directory" in unknown
    assert both_sides(tenant) == before


def test_disabling_users_on_destroy_needs_a_role(tenant: Tenant, project: CliProject) -> None:
    """With onDestroy `disable` and without manage-users, a preview warns, and an up fails before a job is created."""
    project.settings({"onDestroy": "disable"})
    before = both_sides(tenant)

    shown = project.preview().succeeded()
    forced = project.up().failed()
    doctor = project.kzero_scim("doctor", "test").failed()

    warning = shown.line_with("`pulumi up` needs the role manage-users of client realm-management")
    assert 'to disable users when the stack is destroyed (kzero-scim:onDestroy "disable")' in warning
    line = forced.line_with('client "kzero-scim" lacks manage-users of client realm-management')
    assert 'which kzero-scim:onDestroy "disable" needs' in line
    assert "assign the role, or set onDestroy to keep" in line
    doctor.line_with("realm-management manage-users")
    assert both_sides(tenant)["KZero users"] == before["KZero users"]
    assert tenant.entra.get("/sandbox/state").json()["jobs"] == []
