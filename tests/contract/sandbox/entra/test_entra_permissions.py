"""The application permissions that the local Graph requires; the documented least privilege is sufficient."""

import pytest
from kzero_sandbox.entra.application_template import NON_GALLERY_TEMPLATE, USER_ROLE
from kzero_sandbox.organisation import GLOBAL_ADMINISTRATOR

from tests.contract.sandbox.entra.world import Application, Entra

_ADMINISTRATORS = f"/v1.0/directoryRoles(roleTemplateId='{GLOBAL_ADMINISTRATOR}')/members"
_GETS = {
    "Domain.Read.All": "/v1.0/domains",
    "Group.Read.All": "/v1.0/groups",
    "Organization.Read.All": "/v1.0/organization",
    "RoleManagement.Read.Directory": _ADMINISTRATORS,
    "User.Read.All": "/v1.0/users",
}


def test_the_least_privilege_is_enough_to_set_up_a_tenant(entra: Entra) -> None:
    """The least privilege allows every request from instantiating the template to the cleanup."""
    token = entra.sign_in("least-privilege").json()["access_token"]
    entra.http.headers["Authorization"] = f"Bearer {token}"
    application = entra.application()
    [assignment] = application.assign(entra.organisation.user("alex@contoso.example").id)
    application.create_job()

    answers = [
        application.set_secrets(BaseAddress="https://localhost:1/scim/v2"),
        application.put_schema(application.schema()),
        entra.http.post(f"{application.job_path}/start"),
        application.provision(entra.organisation.user("alex@contoso.example").id),
        *(entra.http.get(path) for path in _GETS.values()),
        entra.http.delete(f"{application.path}/appRoleAssignedTo/{assignment['id']}"),
        entra.http.delete(f"/v1.0/applications/{application.id}"),
    ]

    assert [answer.status_code for answer in answers] == [204, 204, 204, 200, *([200] * len(_GETS)), 204, 204]


@pytest.mark.parametrize("permission", sorted(_GETS))
def test_a_client_without_a_permission_is_denied_what_needs_it(entra: Entra, permission: str) -> None:
    """Without the permission, the answer is 403 Authorization_RequestDenied with Graph's message."""
    token = entra.sign_in(f"without-{permission}").json()["access_token"]

    answer = entra.http.get(_GETS[permission], headers={"Authorization": f"Bearer {token}"})

    assert answer.status_code == 403
    assert answer.json()["error"]["code"] == "Authorization_RequestDenied"
    assert answer.json()["error"]["message"] == "Insufficient privileges to complete the operation."


def test_instantiating_needs_a_permission_to_write_applications(entra: Entra) -> None:
    """Application.ReadWrite.OwnedBy is the least permission to instantiate a template."""
    path = f"/v1.0/applicationTemplates/{NON_GALLERY_TEMPLATE}/instantiate"

    denied = entra.http.post(path, json={"displayName": "x"}, headers=entra.headers("Application.Read.All"))
    allowed = entra.http.post(path, json={"displayName": "x"}, headers=entra.headers("Application.ReadWrite.OwnedBy"))

    assert (denied.status_code, allowed.status_code) == (403, 201)


@pytest.mark.parametrize(
    ("permissions", "status"),
    [
        (("AppRoleAssignment.ReadWrite.All", "Application.Read.All"), 201),
        (("AppRoleAssignment.ReadWrite.All", "Directory.Read.All"), 201),
        (("AppRoleAssignment.ReadWrite.All", "User.Read.All"), 403),
        (("AppRoleAssignment.ReadWrite.All", "Application.ReadWrite.OwnedBy"), 403),
        (("Application.ReadWrite.All",), 403),
    ],
)
def test_assigning_needs_two_permissions(
    entra: Entra, application: Application, permissions: tuple[str, ...], status: int
) -> None:
    """An assignment requires AppRoleAssignment.ReadWrite.All and a permission to read applications."""
    alex = entra.organisation.user("alex@contoso.example").id
    body = {"principalId": alex, "resourceId": application.principal, "appRoleId": USER_ROLE}

    answer = entra.http.post(f"{application.path}/appRoleAssignedTo", json=body, headers=entra.headers(*permissions))

    assert answer.status_code == status


@pytest.mark.parametrize(
    ("permissions", "read", "write"),
    [
        (("Synchronization.Read.All",), 200, 403),
        (("Synchronization.ReadWrite.All",), 200, 204),
        (("Application.ReadWrite.All",), 200, 204),
        (("User.Read.All",), 403, 403),
    ],
)
def test_synchronization_permissions(
    entra: Entra, application: Application, permissions: tuple[str, ...], read: int, write: int
) -> None:
    """Reading and starting a job require the permissions in the operations' permission tables."""
    headers = entra.headers(*permissions)

    reading = entra.http.get(application.job_path, headers=headers)
    writing = entra.http.post(f"{application.job_path}/start", headers=headers)

    assert (reading.status_code, writing.status_code) == (read, write)


def test_the_permission_for_owned_applications_covers_no_others(entra: Entra, application: Application) -> None:
    """Application.ReadWrite.OwnedBy allows changes to the client's own application but not to another client's."""
    headers = entra.headers("Application.ReadWrite.OwnedBy")
    path = f"/v1.0/applicationTemplates/{NON_GALLERY_TEMPLATE}/instantiate"
    own = entra.http.post(path, json={"displayName": "own"}, headers=headers).json()["application"]["id"]

    answers = [
        entra.http.patch(f"/v1.0/applications/{key}", json={"displayName": "renamed"}, headers=headers)
        for key in (own, application.id)
    ]

    assert [answer.status_code for answer in answers] == [204, 403]


def test_permissions_can_change_at_run_time(entra: Entra) -> None:
    """The control API grants and revokes permissions; the next token contains them."""
    entra.http.patch("/sandbox/clients/powerless", json={"permissions": ["User.Read.All"]})

    token = entra.sign_in("powerless").json()["access_token"]

    assert entra.http.get("/v1.0/users", headers={"Authorization": f"Bearer {token}"}).status_code == 200
    assert entra.http.get("/v1.0/groups", headers={"Authorization": f"Bearer {token}"}).status_code == 403
