"""The local KZero's origin: discovery for an independent SCIM client, Keycloak behind it, and the control API."""

from typing import Any, cast

import httpx
from kzero_sandbox.running import RunningSandbox, Tenant
from scim2_client import BaseSyncSCIMClient
from scim2_models import Group, Schema, User

from tests.kzero_endpoint import EXTENSION, KZeroEndpoint


class IndependentClient(BaseSyncSCIMClient):
    """`scim2-client`, which validates every answer against RFC 7643 and 7644, over httpx."""

    def __init__(self, client: httpx.Client) -> None:
        """Send requests with this client, whose base URL is the endpoint's."""
        super().__init__()
        self._http = client

    def request(self, method: str, url: str, **kwargs: Any) -> httpx.Response:  # noqa: ANN401 - httpx's options
        """Send one request."""
        return self._http.request(method, url, **kwargs)

    def _parse_json(self, response: Any) -> Any:  # noqa: ANN401 - JSON
        return cast("httpx.Response", response).json()

    def _stays_under_base_url(self, endpoint: str) -> bool:
        return not endpoint.startswith("http") or endpoint.startswith(str(self._http.base_url))


def test_an_independent_client_discovers_the_endpoint(kzero_endpoint: KZeroEndpoint) -> None:
    """The three documents are valid, and the schemas contain the custom extension of the mapper `tag`."""
    client = IndependentClient(kzero_endpoint.scim)

    client.discover()

    config = client.provider.config
    assert config is not None
    assert config.patch is not None
    assert config.patch.supported is True
    assert config.bulk is not None
    assert config.bulk.supported is False
    assert {str(kind.endpoint) for kind in client.provider.resource_types} == {"/Users", "/Groups"}
    custom = next(schema for schema in client.provider.schemas if str(schema.id) == EXTENSION)
    assert [attribute.name for attribute in custom.attributes or []] == ["tag"]


def test_an_independent_client_creates_finds_replaces_and_deletes_a_user(kzero_endpoint: KZeroEndpoint) -> None:
    """An RFC client that validates all answers can create, find, replace and delete a user."""
    client = IndependentClient(kzero_endpoint.scim)
    client.discover()
    user_model: Any = client.provider.model_for("User")
    name = {"givenName": "Robin", "familyName": "Falk"}
    sent = user_model.model_validate({"userName": "robin@contoso.example", "name": name})

    created: Any = client.create(sent)
    found: Any = client.query(user_model, query_parameters={"filter": 'userName eq "robin@contoso.example"'})
    created.name.given_name = "Robyn"
    replaced: Any = client.replace(created)
    client.delete(user_model, created.id)

    assert [user.id for user in found.resources] == [created.id]
    assert replaced.name.given_name == "Robyn"
    assert kzero_endpoint.tenant.user("robin@contoso.example") is None


def test_discovery_documents_by_name(kzero_endpoint: KZeroEndpoint) -> None:
    """Schemas and resource types can be read one by one; a missing one is a SCIM 404, and writing is refused."""
    scim = kzero_endpoint.scim

    assert Schema.model_validate(scim.get(f"/Schemas/{User.__schema__}").json()).name == "User"
    assert scim.get("/ResourceTypes/Group").json()["schema"] == str(Group.__schema__)
    assert scim.get("/Schemas/urn:nothing").json()["status"] == "404"
    assert scim.get("/Bulk").status_code == 404
    assert scim.post("/Schemas", json={}).status_code == 405
    assert scim.put("/Users", json={}).status_code == 405


def test_a_body_that_is_not_a_json_object_is_a_scim_error(kzero_endpoint: KZeroEndpoint) -> None:
    """A text, or JSON that is not an object, is a 400 invalidSyntax error."""
    for content in (b"<user/>", b"[]"):
        answer = kzero_endpoint.scim.post("/Users", content=content)
        assert (answer.status_code, answer.json()["scimType"]) == (400, "invalidSyntax")


def test_keycloak_behind_the_front_knows_its_public_name(tenant: Tenant, sandbox: RunningSandbox) -> None:
    """Keycloak's documents name the front's origin, so that tokens and redirects work from outside."""
    found = tenant.kzero.get(f"/realms/{tenant.realm}/.well-known/openid-configuration").json()

    assert found["issuer"] == f"{sandbox.urls.kzero}/realms/{tenant.realm}"
    assert found["token_endpoint"].startswith(sandbox.urls.kzero)


def test_the_console_is_served_without_another_users_cookies(tenant: Tenant) -> None:
    """A login page sets cookies, which are not sent for a second visitor."""
    path = f"/realms/{tenant.realm}/protocol/openid-connect/auth"
    query = {"client_id": "account-console", "response_type": "code", "redirect_uri": "https://nowhere.invalid"}

    first = tenant.kzero.get(path, params=query)
    tenant.kzero.cookies.clear()
    console = tenant.kzero.get(f"/admin/{tenant.realm}/console/")

    assert first.status_code == 400
    assert console.status_code == 200
    assert "Keycloak" in console.text


def test_a_tenants_automation_has_no_more_rights_than_it_needs(tenant: Tenant) -> None:
    """The client `kzero-scim` can read its realm and users but cannot create users or read other realms."""
    token = tenant.realm_token(tenant.credentials.client_id, tenant.credentials.client_secret)
    headers = {"Authorization": f"Bearer {token}"}

    def status(method: str, path: str) -> int:
        return tenant.kzero.request(method, f"/admin/realms/{path}", headers=headers, json={}).status_code

    assert status("GET", tenant.realm) == 200
    assert status("GET", f"{tenant.realm}/users") == 200
    assert status("GET", f"{tenant.realm}/clients") == 200
    assert status("POST", f"{tenant.realm}/users") == 403
    assert status("GET", "master") == 403


def test_the_control_api_creates_and_deletes_tenants(sandbox: RunningSandbox) -> None:
    """A second tenant with the same name is a 409 error, a deleted tenant a 404, and a missing name a 400."""
    with sandbox.kzero() as kzero:
        made = kzero.post("/sandbox/tenants", json={"name": "Fabrikam"})
        again = kzero.post("/sandbox/tenants", json={"name": "Fabrikam"})
        removed = kzero.delete("/sandbox/tenants/Fabrikam")
        gone = kzero.delete("/sandbox/tenants/Fabrikam")
        nameless = kzero.post("/sandbox/tenants", json={})

    assert made.json()["realm"] == "Fabrikam"
    statuses = [answer.status_code for answer in (made, again, removed, gone, nameless)]
    assert statuses == [201, 409, 204, 404, 400]


def test_the_request_log_lists_the_fronts_requests(kzero_endpoint: KZeroEndpoint) -> None:
    """The log lists the requests to the front, except those to the control API."""
    kzero = kzero_endpoint.tenant.kzero
    kzero.delete("/sandbox/requests")

    kzero_endpoint.scim.get("/Users", params={"count": 0}, headers={"User-Agent": "test/1"})

    path = f"/realms/{kzero_endpoint.tenant.realm}/scim/v2/Users"
    assert kzero.get("/sandbox/requests").json() == [
        {"method": "GET", "path": path, "query": "count=0", "status": 200, "user_agent": "test/1"}
    ]


def test_resources_contain_only_declared_extensions(kzero_endpoint: KZeroEndpoint) -> None:
    """A stored user's extensions are listed in `schemas`."""
    user = kzero_endpoint.create()

    shown = kzero_endpoint.scim.get(f"/Users/{user}").json()

    extensions = {name for name in shown if name.startswith("urn:")}
    assert extensions == set(shown["schemas"]) - {str(User.__schema__)}


def _fault(tenant: Tenant, **fault: Any) -> None:  # noqa: ANN401 - JSON
    tenant.kzero.post("/sandbox/faults", json=fault).raise_for_status()


def test_the_front_of_kzero_has_the_same_faults(tenant: Tenant) -> None:
    """Faults apply to Keycloak's admin API and to the SCIM endpoint; a fault after processing keeps the change."""
    _fault(tenant, path="/admin/realms/[^/]+/users$", method="POST", when="after", status=504)
    _fault(tenant, path="/scim/v2/ServiceProviderConfig$", status=503)
    _fault(tenant, path="/admin/realms/[^/]+/users/count$", truncate=True)

    assert tenant.keycloak_admin.post("/users", json={"username": "robin"}).status_code == 504
    assert tenant.user("robin") is not None
    assert tenant.kzero.get(f"{tenant.scim_url}/ServiceProviderConfig").status_code == 503
    assert tenant.keycloak_admin.get("/users/count").content == b""
    assert tenant.kzero.get("/sandbox/faults").json() == []
