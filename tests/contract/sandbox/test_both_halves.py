"""The sandbox's two halves together: the local Entra provisions to the local KZero, set up with raw Graph requests."""

from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from tests.kzero_endpoint import KZeroEndpoint

TEMPLATE = "8adf8e6e-67b2-4cf2-a259-e3dc5476c621"
USER = "alex@contoso.example"


@dataclass(frozen=True, kw_only=True)
class Provisioning:
    """A job of the local Entra that provisions to a tenant of the local KZero."""

    endpoint: KZeroEndpoint
    principal: str
    job: str

    @property
    def entra(self) -> httpx.Client:
        """The client of the Entra emulator."""
        return self.endpoint.tenant.entra

    def graph(self, method: str, path: str, body: Any = None) -> Any:  # noqa: ANN401 - JSON
        """Send a Graph request that must succeed."""
        return graph(self.entra, method, path, body)

    def assign(self, name: str) -> str:
        """Assign a user and return the assignment's id."""
        user = self.graph("GET", f"/users/{name}")["id"]
        role = self.graph("GET", f"/servicePrincipals/{self.principal}")["appRoles"][0]["id"]
        body = {"principalId": user, "resourceId": self.principal, "appRoleId": role}
        made: str = self.graph("POST", f"/servicePrincipals/{self.principal}/appRoleAssignedTo", body)["id"]
        return made

    def cycle(self) -> None:
        """Run one provisioning cycle."""
        answer = self.entra.post("/sandbox/cycle")
        assert answer.status_code == 200, answer.text


def graph(entra: httpx.Client, method: str, path: str, body: Any = None) -> Any:  # noqa: ANN401 - JSON
    """Send a Graph request with every permission; it must succeed."""
    token = entra.post("/sandbox/token").json()["access_token"]
    answer = entra.request(method, f"/v1.0{path}", json=body, headers={"Authorization": f"Bearer {token}"})
    assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text}"
    return answer.json() if answer.content else None


@pytest.fixture
def provisioning(kzero_endpoint: KZeroEndpoint) -> Provisioning:
    """Return a started job without a secret token, as after step 4 of the guide; no user is assigned yet."""
    entra = kzero_endpoint.tenant.entra
    made = graph(entra, "POST", f"/applicationTemplates/{TEMPLATE}/instantiate", {"displayName": "KZero"})
    principal = made["servicePrincipal"]["id"]
    synchronization = f"/servicePrincipals/{principal}/synchronization"
    job = graph(entra, "POST", f"{synchronization}/jobs", {"templateId": "scim"})["id"]
    secrets = [{"key": "BaseAddress", "value": kzero_endpoint.tenant.scim_url}]
    graph(entra, "PUT", f"{synchronization}/secrets", {"value": secrets})
    graph(entra, "POST", f"{synchronization}/jobs/{job}/validateCredentials", {"useSavedCredentials": True})
    graph(entra, "POST", f"{synchronization}/jobs/{job}/start")
    return Provisioning(endpoint=kzero_endpoint, principal=principal, job=job)


def test_a_user_is_created_disabled_and_enabled_as_the_assignment_changes(
    provisioning: Provisioning,
) -> None:
    """Cycles create, disable and enable a user in Keycloak as the assignment is added, removed and added again."""
    tenant = provisioning.endpoint.tenant
    assignment = provisioning.assign(USER)
    provisioning.cycle()
    arrived = tenant.user(USER)
    assert arrived is not None
    assert (arrived["firstName"], arrived["lastName"], arrived["email"], arrived["enabled"]) == (
        "Alex",
        "Lindqvist",
        USER,
        True,
    )

    provisioning.graph("DELETE", f"/servicePrincipals/{provisioning.principal}/appRoleAssignedTo/{assignment}")
    provisioning.cycle()
    disabled = tenant.user(USER)
    assert disabled is not None
    assert disabled["enabled"] is False

    provisioning.assign(USER)
    provisioning.cycle()
    enabled = tenant.user(USER)
    assert enabled is not None
    assert (enabled["id"], enabled["enabled"]) == (arrived["id"], True)


def test_unassigned_users_are_not_created(provisioning: Provisioning) -> None:
    """A cycle without assignments creates no user."""
    provisioning.cycle()

    assert [user["username"] for user in provisioning.endpoint.tenant.keycloak_admin.get("/users").json()] == [
        "tenant-admin"
    ]


def test_an_endpoint_that_is_off_fails_the_connection_test(provisioning: Provisioning) -> None:
    """Entra's Test Connection reports that KZero's endpoint is off."""
    provisioning.endpoint.tenant.set_realm_attributes(kzero__scim__enabled="false")
    token = provisioning.entra.post("/sandbox/token").json()["access_token"]
    path = f"/v1.0/servicePrincipals/{provisioning.principal}/synchronization/jobs/{provisioning.job}"

    answer = provisioning.entra.post(
        f"{path}/validateCredentials",
        json={"useSavedCredentials": True},
        headers={"Authorization": f"Bearer {token}"},
    )

    assert answer.status_code == 400
