"""A refresh while a service does not answer the question: it fails, and the engine keeps the resource."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator, Callable
from typing import Any

import grpc.aio
import httpx
import pytest
import pytest_asyncio
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc

from kzero_scim.clients.keycloak.client import KeycloakClient
from kzero_scim.clients.keycloak.session import Credentials
from kzero_scim.clients.retries import ONCE
from kzero_scim.clients.scim import ScimClient
from kzero_scim.provider.engine.adapter import Adapter, start
from kzero_scim.provider.engine.marshal import marshal, unmarshal
from kzero_scim.provider.keycloak.owner import ATTRIBUTE, stack_of
from kzero_scim.provider.package import KZERO
from tests.contract.local_entra import LocalEntra
from tests.contract.provider.test_unknown_inputs import EXAMPLES, REALM, SERVER, Json, kzero, state_of
from tests.unit.clients.test_keycloak_session import token as token_of

Respond = Callable[[httpx.Request], httpx.Response]
PAGE = {"Content-Type": "text/html"}
OF_ENTRA = (
    "kzero:entra:AppRoleAssignments",
    "kzero:keycloak:ProvisionedUsers",
    "kzero:entra:SynchronizationJob",
    "kzero:entra:SynchronizationCredentials",
    "kzero:entra:AttributeMappings",
    "kzero:entra:ProvisioningStatus",
)
"""Resources whose read asks Microsoft Graph."""
OF_KZERO = (
    "kzero:keycloak:ScimEndpoint",
    "kzero:keycloak:MapperSet",
    "kzero:keycloak:ScimApiClient",
    "kzero:keycloak:ScimAttributes",
)
"""Resources whose read asks KZero."""
OF_A_CLIENT = ("kzero:keycloak:MapperSet", "kzero:keycloak:ScimApiClient")
WITHOUT_REQUEST = ("kzero:keycloak:RemoteToken", "kzero:entra:ConnectionTest", "kzero:entra:OnDemandProvisioning")
ANSWERS: list[tuple[int, dict[str, str], bytes]] = [
    *((status, {}, b"") for status in (400, 403, 404, 408, 425, 429, 500, 502, 503, 504)),
    (403, {}, b'{"error": "HTTP 403 Forbidden"}'),
    (503, {}, b'{"error": "unknown_error"}'),
    (200, PAGE, b"<html>Sign in to the guest network</html>"),
    (302, {"Location": "https://portal.test"}, b""),
    (403, PAGE, b"<html>firewall</html>"),
    (404, PAGE, b"<html>nginx</html>"),
    (404, {}, b'{"error": "Could not find the requested resource"}'),
    (200, {}, b"[]"),
    (200, {}, b"{}"),
    (200, {}, b"null"),
]


@dataclasses.dataclass
class Refresh:
    """The provider as the engine sees it.

    Attributes:
        stub: The provider.
        ids: IDs of an application and its job.
        respond: Answers as KZero.
    """

    stub: provider_pb2_grpc.ResourceProviderStub
    ids: Json
    respond: Respond = kzero

    def request(self, token: str) -> provider_pb2.ReadRequest:
        """Return the refresh of a resource."""
        given = {key: self.ids.get(key, value) if value == "" else value for key, value in EXAMPLES[token].items()}
        state = state_of(KZERO.resources[token].state, given)
        sp, job = self.ids["servicePrincipalId"], self.ids["jobId"]
        of_job = f"{sp}/{job}"
        identity = {
            "kzero:entra:AppRoleAssignments": sp,
            "kzero:entra:SynchronizationCredentials": sp,
            "kzero:keycloak:ProvisionedUsers": f"{REALM}/{sp}",
            "kzero:keycloak:ScimEndpoint": REALM,
            "kzero:keycloak:ScimAttributes": REALM,
        }
        default = of_job if token.startswith("kzero:entra:") else f"{REALM}/scim-endpoint"
        return provider_pb2.ReadRequest(
            id=identity.get(token, default),
            urn=f"urn:pulumi:s::p::{token}::it",
            properties=marshal(state),
            inputs=marshal(given),
        )

    async def read(self, token: str) -> str:
        """Refresh a resource, and return its ID; ``""`` makes the engine remove it from the state."""
        return str((await self.stub.Read(self.request(token))).id)

    async def failure(self, token: str) -> str:
        """Refresh a resource, and return the error; ``""`` without one."""
        try:
            await self.read(token)
        except grpc.aio.AioRpcError as failed:
            return failed.details() or "failed"
        return ""


@pytest_asyncio.fixture
async def refresh(entra: LocalEntra) -> AsyncIterator[Refresh]:
    """Yield the provider with the sandbox's Entra and a scripted KZero."""
    services = entra.services()
    services.config = dataclasses.replace(services.config, server_url=SERVER, realm=REALM)

    def respond(request: httpx.Request) -> httpx.Response:
        return made.respond(request)

    transport = httpx.MockTransport(respond)
    account = Credentials(realm=REALM, client_id="kzero-scim", client_secret="secret")
    services.__dict__["keycloak"] = KeycloakClient(SERVER, account, transport=transport, policy=ONCE)
    services.__dict__["scim"] = ScimClient(httpx.AsyncClient(transport=transport))
    sp = entra.application()
    job = await services.graph.post(f"/servicePrincipals/{sp}/synchronization/jobs", {"templateId": "scim"})
    assert job is not None
    await services.graph.put(
        f"/servicePrincipals/{sp}/synchronization/secrets",
        {"value": [{"key": "BaseAddress", "value": f"{SERVER}/realms/{REALM}/scim/v2"}]},
    )
    adapter = Adapter(dataclasses.replace(KZERO, connect=lambda _: services, on_drift=None))
    server, port = await start(adapter)
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        stub = provider_pb2_grpc.ResourceProviderStub(channel)
        await stub.Configure(provider_pb2.ConfigureRequest(acceptSecrets=True))
        made = Refresh(stub, {"servicePrincipalId": sp, "jobId": job["id"]})
        yield made
    await server.stop(grace=None)
    await adapter.aclose()


def test_every_resource_is_covered() -> None:
    """A new resource belongs to one of the lists."""
    assert {*OF_ENTRA, *OF_KZERO, *WITHOUT_REQUEST} == KZERO.resources.keys()


async def test_existing_resources_are_read(refresh: Refresh) -> None:
    """With services that answer, each resource is found."""
    for token in KZERO.resources:
        assert await refresh.read(token) == refresh.request(token).id, token


async def test_a_resource_that_asks_no_service_stays(entra: LocalEntra, refresh: Refresh) -> None:
    """The result of a test stays while no service answers."""
    entra.fail(".*", 503, times=9999)
    refresh.respond = lambda _: httpx.Response(503)
    for token in WITHOUT_REQUEST:
        assert await refresh.read(token) == refresh.request(token).id, token


@pytest.mark.parametrize("token", OF_ENTRA)
async def test_without_an_answer_of_graph_nothing_is_gone(entra: LocalEntra, refresh: Refresh, token: str) -> None:
    """No status, page or broken connection removes a resource of Entra from the state."""
    answers: list[Json] = [{"status": status} for status in (400, 401, 403, 408, 409, 423, 429, 500, 502, 503, 504)]
    answers += [{"status": status, "body": "<html>"} for status in (200, 403, 404, 503)]
    answers += [{"status": 404, "body": {}}, {"status": 200, "body": []}, {"status": 503, "resetConnection": True}]
    passed = []
    for answer in answers:
        entra.emulator.traffic.faults.clear()
        entra.fail("/servicePrincipals/", times=9999, **answer)
        if not await refresh.failure(token):
            passed.append(answer)
    assert passed == []


@pytest.mark.parametrize(
    ("token", "part"),
    [
        ("kzero:entra:AppRoleAssignments", "/appRoleAssignedTo$"),
        ("kzero:entra:SynchronizationCredentials", "/synchronization/secrets$"),
        ("kzero:entra:AttributeMappings", "/schema$"),
    ],
)
async def test_a_part_that_is_missing_is_not_the_resource(
    entra: LocalEntra, refresh: Refresh, token: str, part: str
) -> None:
    """Graph's 404 for a part of an existing object is unknown, also if the object itself cannot be read."""
    entra.fail(part, 404, times=9999)
    assert "404" in await refresh.failure(token)
    entra.fail("/servicePrincipals/", 403, times=9999)
    assert await refresh.failure(token)


@pytest.mark.parametrize("token", OF_ENTRA)
async def test_a_deleted_application_takes_its_resources_along(entra: LocalEntra, refresh: Refresh, token: str) -> None:
    """If Graph says that the service principal does not exist, all of its resources are gone."""
    entra.fail("/servicePrincipals/", 404, times=9999)
    assert await refresh.read(token) == ""


@pytest.mark.parametrize(
    ("token", "part", "body"),
    [
        ("kzero:entra:SynchronizationCredentials", "/secrets$", {"value": None}),
        ("kzero:entra:SynchronizationCredentials", "/secrets$", {}),
        ("kzero:entra:ProvisioningStatus", "/jobs/[^/]*$", {"id": "scim"}),
        ("kzero:entra:ProvisioningStatus", "/jobs/[^/]*$", {"id": "scim", "schedule": {}, "status": {}}),
        ("kzero:entra:AttributeMappings", "/schema$", {}),
        ("kzero:entra:AttributeMappings", "/schema$", {"synchronizationRules": [], "directories": []}),
        ("kzero:entra:AppRoleAssignments", "/appRoleAssignedTo$", {}),
        ("kzero:entra:AppRoleAssignments", "/appRoleAssignedTo$", {"value": "x"}),
    ],
)
async def test_an_answer_without_content_is_not_empty(
    entra: LocalEntra, refresh: Refresh, token: str, part: str, body: Json
) -> None:
    """A document without the expected part is no list without entries, and no paused job."""
    entra.fail(part, 200, body=body, times=9999)
    assert await refresh.failure(token)


@pytest.mark.parametrize("token", OF_KZERO)
@pytest.mark.parametrize("after_sign_in", [False, True])
async def test_without_an_answer_of_kzero_nothing_is_gone(refresh: Refresh, token: str, *, after_sign_in: bool) -> None:
    """No status, page or empty body removes a resource of KZero from the state."""
    passed = []
    for status, headers, body in ANSWERS:

        def respond(request: httpx.Request, answer: Any = (status, headers, body)) -> httpx.Response:  # noqa: ANN401
            if after_sign_in and request.url.path.endswith("/token"):
                return kzero(request)
            return httpx.Response(answer[0], headers=answer[1], content=answer[2])

        refresh.respond = respond
        # An empty list of clients is Keycloak's answer to an account that sees clients.
        is_answer = after_sign_in and body == b"[]" and token in OF_A_CLIENT
        if not is_answer and not await refresh.failure(token):
            passed.append((status, body))
    assert passed == []


@pytest.mark.parametrize("token", OF_KZERO)
async def test_an_unreachable_kzero_is_unknown(refresh: Refresh, token: str) -> None:
    """A refused connection and a time-out have their reason in the error."""

    def refused(request: httpx.Request) -> httpx.Response:
        message = "Connection refused"
        raise httpx.ConnectError(message, request=request)

    def slow(request: httpx.Request) -> httpx.Response:
        message = "too late"
        raise httpx.ReadTimeout(message, request=request)

    for respond in (refused, slow):
        refresh.respond = respond
        assert "cannot be reached" in await refresh.failure(token)


@pytest.mark.parametrize("roles", [("query-clients", "query-users"), None], ids=["query only", "lightweight"])
@pytest.mark.parametrize("token", OF_A_CLIENT)
async def test_a_list_that_kzero_filters_is_not_empty(
    refresh: Refresh, token: str, roles: tuple[str, ...] | None
) -> None:
    """An account without rights gets an empty list. A lightweight token does not say what the account may see."""

    def respond(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/token"):
            return (
                token_of(1, *roles)
                if roles
                else httpx.Response(200, json={"access_token": "light", "expires_in": 300, "token_type": "Bearer"})
            )
        return httpx.Response(200, json=[]) if request.url.path.endswith("/clients") else kzero(request)

    refresh.respond = respond
    assert 'cannot see client "scim-endpoint"' in await refresh.failure(token)


@pytest.mark.parametrize("token", OF_A_CLIENT)
async def test_a_deleted_client_is_gone(refresh: Refresh, token: str) -> None:
    """If an account that sees clients gets none, the client is gone."""
    refresh.respond = lambda request: (
        httpx.Response(200, json=[]) if request.url.path.endswith("/clients") else kzero(request)
    )
    assert await refresh.read(token) == ""


@pytest.mark.parametrize("token", OF_KZERO)
async def test_a_deleted_realm_takes_its_resources_along(refresh: Refresh, token: str) -> None:
    """If Keycloak says that the realm does not exist, all of its resources are gone."""
    refresh.respond = lambda _: httpx.Response(404, json={"error": "Realm does not exist"})
    assert await refresh.read(token) == ""


async def test_a_removed_secret_token_is_drift(refresh: Refresh, entra: LocalEntra) -> None:
    """A token that was removed in Entra is missing after a refresh, and one that Entra only hides stays."""
    token = "kzero:entra:SynchronizationCredentials"
    request = refresh.request(token)
    sp = refresh.ids["servicePrincipalId"]
    removed = unmarshal((await refresh.stub.Read(request)).properties).values
    assert "secretToken" not in removed
    entra.emulator.jobs.secrets[sp]["SecretToken"] = "another"
    kept = await refresh.stub.Read(request)
    assert unmarshal(kept.properties).values["secretToken"] == "a-token"
    assert "secretToken" in unmarshal(kept.properties).secrets
    answer = await refresh.stub.Diff(
        provider_pb2.DiffRequest(id=sp, urn=request.urn, olds=marshal(removed), news=request.inputs)
    )
    assert "secretToken" in answer.diffs


@pytest.mark.parametrize(
    ("shown", "said"),
    [
        (["scim-endpoint"], "the account cannot see client realm-management"),
        (["scim-endpoint", "realm-management"], "does not show role manage-users"),
    ],
)
async def test_a_role_is_granted_only_if_it_is_read_back(refresh: Refresh, shown: list[str], said: str) -> None:
    """A role that could not be assigned, or that KZero does not show afterwards, is not reported as granted."""
    token = "kzero:keycloak:ScimApiClient"
    audience = {
        "id": "3",
        "name": "aud",
        "protocol": "openid-connect",
        "protocolMapper": "oidc-audience-mapper",
        "config": {"included.custom.audience": EXAMPLES[token]["audience"], "access.token.claim": "true"},
    }

    def respond(request: httpx.Request) -> httpx.Response:
        path = request.url.path
        if path.endswith("/clients"):
            name = request.url.params["clientId"]
            mark = {ATTRIBUTE: stack_of(request_of_create.urn)}
            client = {"id": "1", "clientId": name, "protocolMappers": [audience], "attributes": mark}
            return httpx.Response(200, json=[client] if name in shown else [])
        if path.endswith("/role-mappings"):
            return httpx.Response(200, json={})
        if "/role-mappings/clients/" in path:
            return httpx.Response(204)
        return kzero(request)

    refresh.respond = respond
    request = request_of_create = refresh.request(token)
    given = {key: value for key, value in EXAMPLES[token].items() if key != "accessTokenLifespan"}
    with pytest.raises(grpc.aio.AioRpcError) as failed:
        await refresh.stub.Create(provider_pb2.CreateRequest(urn=request.urn, properties=marshal(given)))
    assert said in (failed.value.details() or "")
    found = unmarshal((await refresh.stub.Read(request)).properties).values
    assert (found["managesUsers"], found["roles"]) == (False, [])


@pytest.mark.parametrize("answer", [{"error": "unknown_error"}, {}, []])
async def test_a_bad_request_of_something_else_is_no_missing_service_account(refresh: Refresh, answer: Any) -> None:  # noqa: ANN401
    """Only Keycloak's own words say that a client has no service account."""
    token = "kzero:keycloak:ScimApiClient"
    refresh.respond = lambda request: (
        httpx.Response(400, json=answer) if request.url.path.endswith("/service-account-user") else kzero(request)
    )
    assert await refresh.failure(token)
    gone = {"error": "Service account not enabled for the client 'scim-endpoint'"}
    refresh.respond = lambda request: (
        httpx.Response(400, json=gone) if request.url.path.endswith("/service-account-user") else kzero(request)
    )
    found = unmarshal((await refresh.stub.Read(refresh.request(token))).properties).values
    assert found["managesUsers"] is False


@pytest.mark.parametrize(
    ("status", "body", "tested"),
    [
        (400, {"error": {"code": "CredentialValidationUnavailable", "message": "NotFound (404)"}}, True),
        (500, {"error": {"code": "CredentialValidationUnavailable", "message": "timed out"}}, True),
        (500, {"error": {"code": "InternalServerError", "message": "try again"}}, False),
        (503, "<html>", False),
        (400, "<html>", False),
        (408, {"error": {"code": "RequestTimeout", "message": "slow"}}, False),
        (403, "<html>", False),
    ],
)
async def test_a_connection_test_that_did_not_run_did_not_fail(
    entra: LocalEntra,
    refresh: Refresh,
    status: int,
    body: Any,  # noqa: ANN401 - JSON
    *,
    tested: bool,
) -> None:
    """A failure of Graph, or of a proxy, says nothing about the connection from Entra to KZero."""
    token = "kzero:entra:ConnectionTest"
    entra.fail("/validateCredentials$", status, body=body, times=99)
    request = refresh.request(token)
    with pytest.raises(grpc.aio.AioRpcError) as failed:
        await refresh.stub.Read(provider_pb2.ReadRequest(id=request.id, urn=request.urn))
    assert ("did not pass" in (failed.value.details() or "")) is tested


@pytest.mark.parametrize(
    ("token", "part"),
    [
        ("kzero:entra:SynchronizationCredentials", "/synchronization/secrets$"),
        ("kzero:entra:AttributeMappings", "/schema$"),
        ("kzero:entra:ProvisioningStatus", "/pause$"),
    ],
)
async def test_a_part_that_is_missing_is_not_deleted(
    entra: LocalEntra, refresh: Refresh, token: str, part: str
) -> None:
    """A deletion that Graph answers with 404 is done only if the object itself is gone."""
    read = refresh.request(token)
    request = provider_pb2.DeleteRequest(id=read.id, urn=read.urn, properties=read.properties)
    entra.fail(part, 404, times=99)
    with pytest.raises(grpc.aio.AioRpcError, match="404"):
        await refresh.stub.Delete(request)
    entra.fail("/servicePrincipals/", 404, times=99)
    await refresh.stub.Delete(request)
