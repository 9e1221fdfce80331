"""Services that cannot answer, and others in their place: never "refused", "missing" or "lacks a role"."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest
import pytest_asyncio

from kzero_scim.clients.graph.client import GraphClient
from kzero_scim.clients.graph.look_up import look_up, look_up_part
from kzero_scim.clients.keycloak.client import KeycloakClient
from kzero_scim.clients.keycloak.session import Credentials
from kzero_scim.clients.retries import ONCE
from kzero_scim.clients.shared_connections import SharedConnections
from kzero_scim.clients.token_endpoint import TokenEndpoint
from kzero_scim.errors import NO_REALM, GraphError, KeycloakError, TokenError
from kzero_scim.resource.reading import Absent, Present, Unknown
from tests.contract.local_entra import LocalEntra
from tests.unit.clients.test_keycloak_session import token

SERVER = "https://kzero.test"
PAGE = {"Content-Type": "text/html"}
WRONG_SERVER: list[tuple[int, dict[str, str], bytes]] = [
    (200, PAGE, b"<html>Sign in to the guest network</html>"),
    (302, {"Location": "https://portal.test"}, b""),
    (401, PAGE, b"<html>proxy</html>"),
    (403, PAGE, b"<html>firewall</html>"),
    (404, PAGE, b"<html>nginx</html>"),
    (404, {}, b"default backend - 404"),
    (407, {}, b""),
]
"""Answers of something that is not the service."""
NOT_NOW: list[tuple[int, dict[str, str], bytes]] = [
    *((status, {}, b"") for status in (408, 425, 429, 500, 502, 503, 504)),
    (503, {"Content-Type": "application/json"}, b'{"error": "unknown_error"}'),
    (502, PAGE, b"<html>bad gateway</html>"),
]
"""Answers of a service that cannot answer now."""

Respond = Callable[[httpx.Request], httpx.Response]


def keycloak(respond: Respond) -> KeycloakClient:
    """Return a client of a server that responds like this."""
    credentials = Credentials(client_id="kzero-scim", client_secret="secret-4711")
    return KeycloakClient(SERVER, credentials, transport=httpx.MockTransport(respond), policy=ONCE)


def unreachable(request: httpx.Request) -> httpx.Response:
    """Refuse the connection."""
    message = "Connection refused"
    raise httpx.ConnectError(message, request=request)


@pytest.mark.parametrize(("status", "headers", "body"), [*WRONG_SERVER, *NOT_NOW])
async def test_a_sign_in_without_an_answer_of_keycloak_is_not_refused(
    status: int, headers: dict[str, str], body: bytes
) -> None:
    """Only Keycloak's own error code says that an account is refused or that a realm does not exist."""
    kzero = keycloak(lambda _: httpx.Response(status, headers=headers, content=body))

    with pytest.raises(KeycloakError) as failed:
        await kzero.client("Contoso", "scim-endpoint")

    message = str(failed.value)
    assert "refused" not in message
    assert "secret is wrong" not in message
    assert failed.value.code != NO_REALM
    expected = "try again later" if (status, headers, body) in NOT_NOW else "kzeroServerUrl"
    assert expected in message
    await kzero.aclose()


async def test_an_unreachable_server_is_not_a_refusal() -> None:
    """A server that cannot be reached is named, with network and proxy as the causes."""
    kzero = keycloak(unreachable)
    with pytest.raises(KeycloakError, match="cannot be reached") as failed:
        await kzero.client("Contoso", "scim-endpoint")
    assert "refused to sign in" not in str(failed.value)
    await kzero.aclose()


async def test_a_refused_account_is_refused() -> None:
    """Keycloak's error code is a refusal, with the remedy."""
    kzero = keycloak(lambda _: httpx.Response(401, json={"error": "invalid_client"}))
    with pytest.raises(KeycloakError, match=r"refused to sign in .*invalid_client.*KZERO_CLIENT_SECRET"):
        await kzero.client("Contoso", "scim-endpoint")
    await kzero.aclose()


@pytest.mark.parametrize(("status", "headers", "body"), [*WRONG_SERVER[2:], *NOT_NOW])
async def test_an_operation_without_an_answer_of_keycloak_lacks_no_role(
    status: int, headers: dict[str, str], body: bytes
) -> None:
    """A page of a firewall does not say that the account lacks a role or that the object does not exist."""

    def respond(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/token"):
            return token(1, "view-clients")
        return httpx.Response(status, headers=headers, content=body)

    kzero = keycloak(respond)
    with pytest.raises(KeycloakError) as failed:
        await kzero.realm_attributes("Contoso")
    assert "lacks the role" not in str(failed.value)
    assert not failed.value.is_missing
    assert ("try again later" if (status, headers, body) in NOT_NOW else "proxy") in str(failed.value)
    await kzero.aclose()


@pytest.mark.parametrize(("status", "headers", "body"), [*WRONG_SERVER, *NOT_NOW])
async def test_a_realm_is_missing_only_in_keycloaks_words(status: int, headers: dict[str, str], body: bytes) -> None:
    """A 404 of a load balancer does not say that the realm does not exist."""
    kzero = keycloak(lambda _: httpx.Response(status, headers=headers, content=body))
    with pytest.raises(KeycloakError) as failed:
        await kzero.check_realm("Contoso")
    assert failed.value.code != NO_REALM
    await kzero.aclose()


@pytest.mark.parametrize(("status", "headers", "body"), [*WRONG_SERVER[1:], *NOT_NOW])
async def test_a_token_endpoint_without_an_answer_does_not_refuse_the_client(
    status: int, headers: dict[str, str], body: bytes
) -> None:
    """Client and secret are wrong only if the endpoint says so with an error code."""
    transport = httpx.MockTransport(lambda _: httpx.Response(status, headers=headers, content=body))
    endpoint = TokenEndpoint(httpx.AsyncClient(transport=transport))
    with pytest.raises(TokenError) as failed:
        await endpoint.obtain(f"{SERVER}/realms/Contoso/protocol/openid-connect/token", "entra", "secret")
    assert "secret is wrong" not in str(failed.value)
    assert ("try again later" if (status, headers, body) in NOT_NOW else "remoteTokenEndpoint") in str(failed.value)
    await endpoint.aclose()


def account(roles: tuple[str, ...] | None, clients: list[str], users: list[str]) -> KeycloakClient:
    """Return a client whose token names these roles, at a server that shows these clients and users."""

    def respond(request: httpx.Request) -> httpx.Response:
        path, query = request.url.path, request.url.params
        if path.endswith("/token"):
            lightweight = httpx.Response(
                200, json={**token(1, "none").json(), "access_token": "opaque", "expires_in": 300}
            )
            return lightweight if roles is None else token(1, *roles)
        if path.endswith("/users"):
            wanted = query.get("username")
            return httpx.Response(200, json=[{"id": u, "username": u} for u in users if wanted in {None, u}])
        found = [{"id": name, "clientId": name} for name in clients if name == query.get("clientId")]
        return httpx.Response(200, json=found)

    return keycloak(respond)


@pytest.mark.parametrize(
    ("roles", "clients", "expected"),
    [
        (("view-clients",), [], Absent),
        (("realm-admin",), [], Absent),
        (("query-clients",), [], Unknown),
        (None, [], Unknown),
        (None, ["realm-management"], Absent),
        (None, ["scim-endpoint"], Present),
        (("query-clients",), ["scim-endpoint"], Present),
    ],
)
async def test_a_client_is_absent_only_for_an_account_that_sees_clients(
    roles: tuple[str, ...] | None, clients: list[str], expected: type
) -> None:
    """A lightweight token names no roles, so a client that every realm has shows what the account sees."""
    kzero = account(roles, clients, [])
    found = await kzero.client("Contoso", "scim-endpoint")
    assert isinstance(found, expected)
    await kzero.aclose()


@pytest.mark.parametrize(
    ("roles", "users", "expected"),
    [
        (("view-users",), [], Absent),
        (("query-users",), [], Unknown),
        (None, [], Unknown),
        (None, ["blair"], Absent),
        (None, ["alex"], Present),
    ],
)
async def test_a_user_is_absent_only_for_an_account_that_sees_users(
    roles: tuple[str, ...] | None, users: list[str], expected: type
) -> None:
    """A lightweight token names no roles, so any visible user shows that the account sees users."""
    kzero = account(roles, [], users)
    found = await kzero.find_user("Contoso", "alex")
    assert isinstance(found, expected)
    await kzero.aclose()


# Entra


@pytest_asyncio.fixture(params=[False, True], ids=["thread", "shared"])
async def signing_in(entra: LocalEntra, request: pytest.FixtureRequest) -> AsyncIterator[GraphClient]:
    """Return a client that signs in as the provider does, or as a sweep does."""
    connections = SharedConnections() if request.param else None
    client = GraphClient.from_config(entra.config(), connections=connections)
    yield client
    await client.aclose()
    if connections is not None:
        await connections.aclose()


@pytest.mark.parametrize("body", ["<html>firewall</html>", ""])
@pytest.mark.parametrize("status", [200, 403, 404, 407])
async def test_a_login_of_something_else_is_not_a_refusal(
    entra: LocalEntra, signing_in: GraphClient, status: int, body: str
) -> None:
    """An answer without a code of Entra says nothing about the account."""
    entra.fail("/oauth2/v2.0/token", status, body=body, times=9)
    with pytest.raises(GraphError, match=rf"answered {status}, but the answer is not from Entra.*proxy"):
        await signing_in.get("/organization")


async def test_a_login_that_cannot_answer_says_so(entra: LocalEntra, signing_in: GraphClient) -> None:
    """A server error of the login has its status and no remedy for the account."""
    said = {"error": "temporarily_unavailable", "error_description": "AADSTS90033: A transient error has occurred."}
    entra.fail("/oauth2/v2.0/token", 503, body=said, times=9, headers={"Retry-After": "0"})
    with pytest.raises(GraphError, match=r"answered 503; it cannot answer now, try again later") as failed:
        await signing_in.get("/organization")
    assert failed.value.status == 503


@pytest.mark.parametrize("status", [401, 403, 404])
async def test_graph_refuses_only_in_its_own_words(entra: LocalEntra, status: int) -> None:
    """A page of a firewall names no missing permission and no missing object."""
    entra.fail("/organization", status, body="<html>firewall</html>", times=9)
    with pytest.raises(GraphError, match=r"the answer is not from Graph.*proxy") as failed:
        await entra.graph().get("/organization")
    assert not failed.value.is_missing
    assert "permission" not in str(failed.value)


# look-ups in Graph


async def test_an_object_is_absent_only_if_graph_says_so(entra: LocalEntra) -> None:
    """Graph's own 404 is absent; a proxy's 404, a refusal or an error is unknown."""
    graph, path = entra.graph(), f"/servicePrincipals/{entra.application()}"
    assert isinstance(await look_up(graph, path), Present)
    assert await look_up(graph, "/servicePrincipals/00000000-0000-4000-8000-000000000001") == Absent()
    answers: list[tuple[int, Any]] = [(404, "<html>"), (403, None), (401, None), (503, None), (200, "<html>")]
    for status, body in answers:
        entra.emulator.traffic.faults.clear()
        entra.fail(path, status, body=body, times=99)
        assert isinstance(await look_up(graph, path), Unknown), status


@pytest.mark.parametrize("status", [403, 404, 429, 500])
async def test_a_list_that_breaks_off_is_unknown(entra: LocalEntra, status: int) -> None:
    """A later page that fails does not end the list, and does not say that its owner is gone."""
    graph = entra.graph()
    owner = f"/servicePrincipals/{entra.application()}"
    assert len(await graph.pages("/users", {"$top": "1"})) > 1
    entra.fail("/users$", status, skip=1, times=99)
    assert isinstance(await look_up_part(graph, owner, lambda: graph.pages("/users", {"$top": "1"})), Unknown)


async def test_a_part_is_absent_only_with_its_owner(entra: LocalEntra) -> None:
    """A part that answers 404 is unknown while its owner exists, and while the owner cannot be read."""
    graph, path = entra.graph(), f"/servicePrincipals/{entra.application()}"
    part = f"{path}/appRoleAssignedTo"
    gone = "/servicePrincipals/00000000-0000-4000-8000-000000000001"
    assert isinstance(await look_up_part(graph, path, lambda: graph.pages(part)), Present)
    assert await look_up_part(graph, gone, lambda: graph.pages(f"{gone}/appRoleAssignedTo")) == Absent()
    entra.fail(part, 404, times=99)
    assert isinstance(await look_up_part(graph, path, lambda: graph.pages(part)), Unknown)
    entra.fail(path, 403, times=99)
    assert isinstance(await look_up_part(graph, path, lambda: graph.pages(part)), Unknown)
