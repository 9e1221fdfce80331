import pytest

from kzero_scim.clients.graph.client import odata_quote, segment
from kzero_scim.clients.graph.graph_errors import refused
from kzero_scim.clients.graph.operations import operation

SP = "/servicePrincipals/sp1"


@pytest.mark.parametrize(
    ("method", "path", "permission"),
    [
        ("GET", SP, "Application.Read.All"),
        ("GET", f"{SP}/appRoleAssignedTo", "Application.Read.All"),
        ("POST", f"{SP}/appRoleAssignedTo", "AppRoleAssignment.ReadWrite.All"),
        ("DELETE", f"{SP}/appRoleAssignedTo/a-1", "AppRoleAssignment.ReadWrite.All"),
        ("GET", f"{SP}/synchronization/jobs/scim.x.y", "Synchronization.ReadWrite.All"),
        ("PUT", f"{SP}/synchronization/jobs/scim.x.y/schema", "Application.ReadWrite.OwnedBy"),
        ("PUT", f"{SP}/synchronization/secrets", "Application.ReadWrite.OwnedBy"),
        ("POST", f"{SP}/synchronization/jobs/j/provisionOnDemand", "Synchronization.ReadWrite.All"),
        ("GET", "/users?$filter=x", "User.Read.All"),
        ("GET", "/users/a%40b.example", "User.Read.All"),
        ("GET", "/groups/1/members/microsoft.graph.group?$select=id", "GroupMember.Read.All"),
        ("GET", "/directoryRoles(roleTemplateId='x')/members", "RoleManagement.Read.Directory"),
        ("GET", "/auditLogs/provisioning", "AuditLog.Read.All, together with Directory.Read.All"),
        ("GET", "https://graph.test/v1.0/users?$skiptoken=x", "User.Read.All"),
    ],
)
def test_a_refusal_names_the_permission(method: str, path: str, permission: str) -> None:
    """The error of a 403 names the application permission to grant, in one line."""
    error = refused(method, path, 403, {"error": {"code": "Authorization_RequestDenied", "message": "No."}})

    assert permission in str(error)
    assert "\n" not in str(error)


def test_an_unknown_path_still_has_words() -> None:
    """An operation without a description is shown as method and path."""
    assert operation("PATCH", "/me/a%20b?x=1").words == "PATCH /me/a b"


@pytest.mark.parametrize(
    ("method", "path", "repeatable"),
    [
        ("GET", "/users", True),
        ("PUT", f"{SP}/synchronization/secrets", True),
        ("DELETE", f"{SP}/synchronization/jobs/j", True),
        ("POST", f"{SP}/synchronization/jobs/j/start", True),
        ("POST", f"{SP}/appRoleAssignedTo", True),
        ("POST", f"{SP}/synchronization/jobs", False),
        ("POST", "/applicationTemplates/x/instantiate", False),
    ],
)
def test_only_what_may_be_done_twice_is_repeated(method: str, path: str, *, repeatable: bool) -> None:
    """Only an operation that does no harm when repeated counts as repeatable."""
    assert operation(method, path).is_repeatable is repeatable


def test_the_synchronization_services_own_error_is_unpacked() -> None:
    """The error shows the message that the synchronization service packs as JSON."""
    packed = '{"Message":"No HTTP resource was found."}'

    assert "404 UnknownError: No HTTP resource was found;" in str(
        refused("PATCH", "/x", 404, {"error": {"code": "UnknownError", "message": packed}})
    )


def test_names_are_quoted_for_filters_and_paths() -> None:
    """A filter doubles apostrophes, and a path percent-encodes a guest's ``#``."""
    assert odata_quote("sam.o'hara@x") == "'sam.o''hara@x'"
    assert segment("pat#EXT#@x/y") == "pat%23EXT%23%40x%2Fy"
