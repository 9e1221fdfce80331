"""Connections that the clients of many tenants share, and signing in on them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

from hostile.server import HostileServer, hostile_servers
from kzero_scim.clients.graph.client import GraphClient
from kzero_scim.clients.graph.cloud import described_cloud
from kzero_scim.clients.shared_connections import SharedConnections
from kzero_scim.errors import GraphError
from tests.contract.local_entra import LocalEntra

UNKNOWN = "00000000-0000-4000-8000-000000000000"


@pytest_asyncio.fixture
async def connections() -> AsyncIterator[SharedConnections]:
    """Yield a pool and close it."""
    made = SharedConnections()
    yield made
    await made.aclose()


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HostileServer]:
    with hostile_servers(tmp_path_factory.mktemp("hostile")) as [served]:
        yield served


@pytest.fixture
def server(running: HostileServer, entra: LocalEntra, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> HostileServer:
    """Return a server that a test scripts. The process trusts it and the local Entra."""
    running.begin_anew()
    bundle = tmp_path / "trusted.pem"
    bundle.write_bytes(running.ca_file.read_bytes() + entra.ca_file.read_bytes())
    monkeypatch.setenv("SSL_CERT_FILE", str(bundle))
    return running


async def test_a_sign_in_asks_for_the_cloud_once_and_for_each_token_alone(
    entra: LocalEntra, connections: SharedConnections
) -> None:
    """Two tenants' clients read the cloud once and request one token each."""
    for _ in range(2):
        graph = GraphClient.from_config(entra.config(), environment={}, connections=connections)
        await graph.get("/organization")
        await graph.aclose()

    tenant = entra.organisation.tenant_id
    token, asked = ("POST", f"/{tenant}/oauth2/v2.0/token"), ("GET", "/v1.0/organization")
    assert entra.requests() == [("GET", "/metadata/endpoints"), token, asked, token, asked]


async def test_a_refused_sign_in_says_the_same_by_shared_connections(
    entra: LocalEntra, connections: SharedConnections
) -> None:
    """A refused sign-in gives the same error with and without shared connections."""
    config = entra.config(client_secret="wrong")
    said = []
    for shared in (connections, None):
        graph = GraphClient.from_config(config, environment={}, connections=shared)
        with pytest.raises(GraphError, match=r"AADSTS7000215.*set ARM_CLIENT_SECRET") as refused:
            await graph.get("/organization")
        said.append((str(refused.value), refused.value.code))
        await graph.aclose()

    assert said[0] == said[1]


async def test_what_is_not_the_environment_of_the_process_signs_in(
    entra: LocalEntra, connections: SharedConnections, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Only the tenant's own environment counts, also for variables without a setting."""
    own = tmp_path / "secret"
    own.write_text(entra.config().client_secret or "")
    monkeypatch.setenv("ARM_CLIENT_SECRET", "of the process")
    environment = {"ARM_CLIENT_SECRET_FILE_PATH": str(own)}
    graph = GraphClient.from_config(entra.config(client_secret=None), environment=environment, connections=connections)

    await graph.get("/organization")

    await graph.aclose()


async def test_a_login_that_sends_the_secret_elsewhere_is_refused(
    entra: LocalEntra, server: HostileServer, connections: SharedConnections
) -> None:
    """The sign-in neither follows nor retries a redirect."""
    host = server.url.removeprefix("https://")
    server.body = (
        f'{{"name": "x", "authentication": {{"loginEndpoint": "{server.url}"}},'
        f' "microsoftGraphResourceId": "{server.url}"}}'
    ).encode()
    graph = GraphClient.from_config(entra.config(metadata_host=host), environment={}, connections=connections)
    await connections.once(f"cloud {host}", lambda http: described_cloud(host, http))
    server.received.clear()
    server.status, server.headers = 307, {"location": "https://localhost:1/"}

    with pytest.raises(GraphError, match="a redirect, which is not followed"):
        await graph.get("/organization")

    await graph.aclose()
    assert [path.rpartition("/")[2] for _, path, _, _ in server.received] == ["token"]


async def test_one_tenants_cookies_do_not_reach_another(server: HostileServer, connections: SharedConnections) -> None:
    """A client sends only its own cookies, also on a shared connection."""
    server.headers = {"set-cookie": "session=of-one; Path=/"}
    seen = []
    async with (
        httpx.AsyncClient(transport=connections.transport()) as one,
        httpx.AsyncClient(transport=connections.transport()) as two,
    ):
        for client in (one, two, one):
            answer = await client.get(server.url)
            seen.append(answer.request.headers.get("cookie"))

    assert seen == [None, None, "session=of-one"]


async def test_a_server_that_hangs_blocks_no_other(
    entra: LocalEntra, server: HostileServer, connections: SharedConnections
) -> None:
    """Requests to another server succeed while many wait for one that hangs."""
    server.pause = 1.0
    async with httpx.AsyncClient(transport=connections.transport()) as http:
        hanging = [asyncio.create_task(http.get(server.url)) for _ in range(40)]
        answer = await http.get(f"https://{entra.host}/metadata/endpoints")
        hung = [task for task in hanging if not task.done()]
        for task in hanging:
            task.cancel()
        await asyncio.gather(*hanging, return_exceptions=True)
        server.pause = 0.0

        assert answer.status_code == 200
        assert len(hung) == len(hanging)
        assert (await http.get(server.url)).status_code == 200


async def test_what_could_not_be_asked_is_asked_again(connections: SharedConnections) -> None:
    """A failure is not reused for the next tenant."""
    asked = 0

    async def ask(_: httpx.AsyncClient) -> str:
        nonlocal asked
        asked += 1
        if asked == 1:
            message = "not now"
            raise GraphError(message)
        return "the answer"

    with pytest.raises(GraphError, match="not now"):
        await connections.once("key", ask)

    assert await connections.once("key", ask) == "the answer"
    assert await connections.once("key", ask) == "the answer"
    assert asked == 2


async def test_reads_of_one_moment_are_one_request(entra: LocalEntra, connections: SharedConnections) -> None:
    """Simultaneous reads go as one batch; a refused one is repeated alone and gives its own error."""
    application = entra.application()
    paths = [f"/servicePrincipals/{application}", f"/servicePrincipals/{application}/appRoleAssignedTo", "/users"]
    graph = GraphClient.from_config(entra.config(), environment={}, connections=connections)

    found = await asyncio.gather(
        graph.get(paths[0]),
        graph.get(paths[1], {"$top": "999"}),
        graph.get(paths[2], {"$filter": "userPrincipalName eq 'alex@contoso.example'", "$select": "id,displayName"}),
        graph.get(f"/servicePrincipals/{UNKNOWN}"),
        return_exceptions=True,
    )
    again = await graph.get(paths[0])

    await graph.aclose()
    [principal, _, users, missing] = found
    assert isinstance(principal, dict)
    assert principal["id"] == again["id"] == application
    assert isinstance(users, dict)
    assert [set(user) for user in users["value"]] == [{"id", "displayName"}]
    assert isinstance(missing, GraphError)
    assert missing.is_missing
    assert str(missing).startswith(f"cannot read service principal {UNKNOWN}")
    assert entra.requests()[2:] == [("POST", "/v1.0/$batch"), ("GET", f"/v1.0/servicePrincipals/{UNKNOWN}")]


@pytest.mark.parametrize("throttled", [r"/v1\.0/\$batch", r"/v1\.0/users"], ids=["the batch", "one of it"])
async def test_who_is_throttled_in_a_batch_asks_again_alone(
    entra: LocalEntra, connections: SharedConnections, throttled: str
) -> None:
    """Only the throttled read is repeated, after the wait that Graph asks for."""
    entra.fail(throttled, 429, headers={"Retry-After": "0"})
    graph = GraphClient.from_config(entra.config(), environment={}, connections=connections)

    users, groups = await asyncio.gather(graph.get("/users"), graph.get("/groups"))

    await graph.aclose()
    assert users["value"]
    assert groups["value"]


async def test_a_refused_sign_in_fails_all_waiting_reads(entra: LocalEntra, connections: SharedConnections) -> None:
    """One refused sign-in fails all waiting reads, because repeated attempts lock accounts."""
    config = entra.config(client_secret="wrong")
    graph = GraphClient.from_config(config, environment={}, connections=connections)

    found = await asyncio.gather(*(graph.get(f"/users/{number}") for number in range(5)), return_exceptions=True)

    await graph.aclose()
    assert all("AADSTS7000215" in str(error) for error in found)
    assert [path.rpartition("/")[2] for _, path in entra.requests()] == ["endpoints", "token"]


async def test_a_connection_in_use_at_the_end_is_closed_when_it_is_returned() -> None:
    """A task that is cancelled when the pool closes returns its connection afterwards."""
    connections = SharedConnections()

    async with connections.lend(httpx.URL("https://service.test")) as http:
        await connections.aclose()

    assert http.is_closed
