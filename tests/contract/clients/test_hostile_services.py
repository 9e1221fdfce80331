"""Services that redirect, or answer endlessly, slowly or wrongly: one-line errors, limits, no leaked credential."""

from __future__ import annotations

import asyncio
import gzip
import json
import time
import tracemalloc
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from typing import Any, cast

import pytest

from hostile.server import HostileServer, hostile_servers
from kzero_scim.clients.answers import LARGEST
from kzero_scim.clients.graph.batch import BatchRequest
from kzero_scim.clients.graph.client import GraphClient
from kzero_scim.clients.graph.cloud import Cloud, described_cloud
from kzero_scim.clients.graph.id_tokens import github_token
from kzero_scim.clients.graph.login_session import LoginSession
from kzero_scim.clients.graph.sign_in import SignIn
from kzero_scim.clients.keycloak.client import KeycloakClient
from kzero_scim.clients.keycloak.session import Credentials
from kzero_scim.clients.retries import ONCE, RetryingClient
from kzero_scim.clients.scim import ScimClient
from kzero_scim.clients.shared_connections import SharedConnections
from kzero_scim.errors import GraphError, KeycloakError, KzeroScimError, ScimError
from kzero_scim.settings.provider_config import Config

TENANT = "5a4d0b0c-0000-4000-8000-00000000e401"
SECRET = "the-secret-of-the-application"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[HostileServer]]:
    with hostile_servers(tmp_path_factory.mktemp("hostile"), 2) as servers:
        yield servers


@pytest.fixture
def server(running: list[HostileServer], monkeypatch: pytest.MonkeyPatch) -> HostileServer:
    """Return the first server, reset."""
    for served in running:
        served.begin_anew()
    monkeypatch.setenv("SSL_CERT_FILE", str(running[0].ca_file))
    monkeypatch.setenv("NO_PROXY", "localhost,127.0.0.1")
    return running[0]


@pytest.fixture
def elsewhere(running: list[HostileServer], server: HostileServer) -> HostileServer:
    """Return a server on another host, which must not receive a credential."""
    del server
    return running[1]


class _SignedIn:
    tenant_id = TENANT

    def __init__(self, server: HostileServer) -> None:
        self._server = server

    async def token(self, rejected: str | None = None) -> str:
        del rejected
        return SECRET

    async def cloud(self) -> Cloud:
        return Cloud(name="test", login=self._server.url, graph=self._server.url)


def graph_of(server: HostileServer, within: float = 60.0) -> GraphClient:
    return GraphClient(cast("SignIn", _SignedIn(server)), policy=ONCE, within=within)


def keycloak_of(server: HostileServer) -> KeycloakClient:
    credentials = Credentials(realm="Contoso", client_id="kzero-scim", client_secret=SECRET)
    return KeycloakClient(server.url, credentials, policy=ONCE)


async def ask_graph(server: HostileServer) -> None:
    graph = graph_of(server)
    try:
        await graph.get("/servicePrincipals/1")
    finally:
        await graph.aclose()


async def page_graph(server: HostileServer) -> None:
    graph = graph_of(server)
    try:
        await graph.pages("/users")
    finally:
        await graph.aclose()


async def write_graph(server: HostileServer) -> None:
    graph = graph_of(server)
    try:
        await graph.put("/servicePrincipals/1/synchronization/secrets", {"value": [{"value": SECRET}]})
    finally:
        await graph.aclose()


async def batch_graph(server: HostileServer) -> None:
    graph = graph_of(server)
    try:
        await graph.batch([BatchRequest("GET", "/users/1")])
    finally:
        await graph.aclose()


async def sign_in(server: HostileServer) -> None:
    config = Config(tenant_id=TENANT, client_id="c", client_secret=SECRET, use_cli=False)
    signing = SignIn(config, {})
    signing._cloud = Cloud(name="test", login=server.url, graph=server.url, is_custom=True)  # noqa: SLF001 - no setting names an authority alone
    await signing.token()


async def sign_in_shared(server: HostileServer) -> None:
    config = Config(tenant_id=TENANT, client_id="c", client_secret=SECRET, use_cli=False)
    connections = SharedConnections()
    signing = SignIn(config, {}, connections=connections)
    signing._cloud = Cloud(name="test", login=server.url, graph=server.url, is_custom=True)  # noqa: SLF001 - as above
    try:
        await signing.token()
    finally:
        await connections.aclose()


async def metadata(server: HostileServer) -> None:
    await described_cloud(server.url.removeprefix("https://"))


async def pipeline(server: HostileServer) -> None:
    await asyncio.to_thread(github_token, f"{server.url}/token", SECRET, "api://AzureADTokenExchange")


async def read_keycloak(server: HostileServer) -> None:
    keycloak = keycloak_of(server)
    try:
        await keycloak.client("Contoso", "scim-endpoint")
    finally:
        await keycloak.aclose()


async def roles_of_keycloak(server: HostileServer) -> None:
    keycloak = keycloak_of(server)
    try:
        await keycloak.granted_roles("Contoso")
    finally:
        await keycloak.aclose()


async def realm_of_keycloak(server: HostileServer) -> None:
    keycloak = keycloak_of(server)
    try:
        await keycloak.check_realm("Contoso")
    finally:
        await keycloak.aclose()


async def probe(server: HostileServer) -> None:
    scim = ScimClient()
    try:
        answer = await scim.probe(f"{server.url}/realms/Contoso/scim/v2")
    finally:
        await scim.aclose()
    if not answer.alive:
        raise ScimError(answer.detail)


ASK: list[Callable[[HostileServer], Awaitable[None]]] = [
    ask_graph,
    page_graph,
    write_graph,
    batch_graph,
    sign_in,
    sign_in_shared,
    metadata,
    pipeline,
    read_keycloak,
    roles_of_keycloak,
    realm_of_keycloak,
    probe,
]
NAMES = [ask.__name__ for ask in ASK]


def one_line(error: BaseException) -> str:
    text = str(error)
    assert "\n" not in text
    assert SECRET not in text
    return text


@pytest.mark.parametrize("status", [302, 307, 308])
@pytest.mark.parametrize("ask", ASK, ids=NAMES)
async def test_no_credential_follows_a_redirect(
    ask: Callable[[HostileServer], Awaitable[None]], status: int, server: HostileServer, elsewhere: HostileServer
) -> None:
    """The target of a redirect receives no request, neither a token nor a secret."""
    server.redirect_to(elsewhere, status)

    with pytest.raises(KzeroScimError) as caught:
        await ask(server)

    one_line(caught.value)
    assert server.received
    assert elsewhere.received == []


@pytest.mark.parametrize("ask", [ask for ask in ASK if ask is not probe], ids=[n for n in NAMES if n != "probe"])
async def test_an_endless_answer_is_cut_off(
    ask: Callable[[HostileServer], Awaitable[None]], server: HostileServer
) -> None:
    """An answer of 50 MB, above every limit, is an error."""
    server.size = 50

    with pytest.raises(KzeroScimError) as caught:
        await ask(server)

    assert "more than" in one_line(caught.value) or "without a token" in one_line(caught.value)


async def test_a_bomb_is_measured_when_it_has_gone_off(server: HostileServer) -> None:
    """The limit applies after decompression: 60 KB that expand to 60 MB are an error."""
    server.body = gzip.compress(b" " * (60 * 1024 * 1024))
    server.headers = {"content-encoding": "gzip"}

    for ask in (ask_graph, read_keycloak, sign_in):
        with pytest.raises(KzeroScimError, match="more than"):
            await ask(server)


def _doubled(content: bytes) -> bytes:
    return gzip.compress(gzip.compress(content))


@pytest.mark.parametrize(
    ("coding", "body"),
    [
        ("gzip, gzip", _doubled(bytes(64 * 1024**2))),
        ("gzip", gzip.compress(b'{"value": [' + b"[]," * 2_000_000 + b"[]]}")),
        ("br", b"{}"),
        ("gzip", b"{}"),
    ],
    ids=["doubled", "dense", "unknown", "not compressed"],
)
@pytest.mark.parametrize("ask", ASK, ids=NAMES)
async def test_no_client_unpacks_a_bomb(
    ask: Callable[[HostileServer], Awaitable[None]], coding: str, body: bytes, server: HostileServer
) -> None:
    """A body of a few KB costs no more memory than the limit of size, whichever client reads it."""
    server.headers, server.body = {"content-encoding": coding}, body
    tracemalloc.start()
    try:
        with pytest.raises(KzeroScimError) as caught:
            await ask(server)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    one_line(caught.value)
    assert peak < 3 * LARGEST


@pytest.mark.parametrize("ask", [ask_graph, read_keycloak, sign_in, sign_in_shared, probe, pipeline, metadata])
async def test_every_client_asks_for_one_coding(
    ask: Callable[[HostileServer], Awaitable[None]], server: HostileServer
) -> None:
    """A server may only send what a client says that it reads."""
    with suppress(KzeroScimError):
        await ask(server)

    assert set(server.accepted) == {"gzip"}


async def test_a_slow_drip_comes_to_an_end(server: HostileServer) -> None:
    """An answer that is too slow as a whole is an error, although each byte is in time."""
    server.body, server.pause = b"{" + b" " * 2000, 0.02
    started = time.monotonic()
    graph, scim = graph_of(server, within=0.2), ScimClient(within=0.2)
    http = RetryingClient(policy=ONCE, within=0.2)
    try:
        with pytest.raises(GraphError, match=r"cannot read service principal 1: .*too slowly"):
            await graph.get("/servicePrincipals/1")
        with pytest.raises(ScimError, match="too slowly"):
            await scim.probe(f"{server.url}/realms/Contoso/scim/v2")
        with pytest.raises(GraphError, match="too slowly"):
            await described_cloud(server.url.removeprefix("https://"), http)
        with LoginSession(within=0.2) as login, pytest.raises(GraphError, match="too slowly"):
            await asyncio.to_thread(login.get, server.url, verify=str(server.ca_file), timeout=5)
    finally:
        await graph.aclose()
        await scim.aclose()
        await http.aclose()
    assert time.monotonic() - started < 20


WRONG: list[Any] = [
    None,
    [],
    7,
    "text",
    {},
    [None],
    {"value": None},
    {"value": {}},
    {"value": [None]},
    {"value": [[]]},
    {"value": [], "@odata.nextLink": "http://["},
    {"value": [], "@odata.nextLink": {}},
    {"responses": 7},
    {"responses": [None, 7, {"id": []}, {"id": "0", "status": None}, {"id": "99", "status": 200}]},
    {"responses": [{"id": "0", "status": 429, "headers": {"Retry-After": {}}, "body": 3}]},
    {"error": []},
    {"error": {"message": {}, "code": []}},
    {"realm": None},
    {"realm": []},
    {"access_token": None},
    {"access_token": "a", "expires_in": "soon"},
    {"access_token": "a\r\nb: c", "expires_in": 60, "token_type": "Bearer"},
    {"authentication": [], "microsoftGraphResourceId": 7},
    {"authentication": {"loginEndpoint": "https://user@x/"}, "microsoftGraphResourceId": "https://x"},
    {"issuer": 1, "token_endpoint": [], "authorization_endpoint": None},
    {"schemas": 7},
]
BYTES: list[bytes] = [
    b"",
    b"\xff\xfe",
    b"<html>",
    b'{"a": NaN}',
    b'{"value": [{"id": "\\ud800"}]}',
    b"[" * 100_000,
    b'{"a":' * 50_000,
    b"1" * 10_000,
    b'{"value": [{"id": 1e999}], "responses": [{"id": 1e999, "status": 1e999}]}',
]


@pytest.mark.parametrize("status", [200, 400, 404, 409])
@pytest.mark.parametrize("ask", ASK, ids=NAMES)
async def test_an_answer_of_the_wrong_kind_is_one_line(
    ask: Callable[[HostileServer], Awaitable[None]], status: int, server: HostileServer
) -> None:
    """A list, number, empty or deeply nested answer gives a one-line error, or none."""
    server.status = status
    for body in [*(json.dumps(document).encode() for document in WRONG), *BYTES]:
        server.body = body
        raised: KzeroScimError | None = None
        try:
            await ask(server)
        except KzeroScimError as error:
            raised = error
        assert raised is None or len(one_line(raised)) < 1500


CLIENTS: list[Any] = [
    7,
    [7],
    [[]],
    [{"clientId": "scim-endpoint"}],
    [{"clientId": "scim-endpoint", "id": 7}],
    [{"clientId": "scim-endpoint", "id": "1", "protocolMappers": {"a": 1}}],
    [{"clientId": "scim-endpoint", "id": "1", "protocolMappers": [{"name": 7, "id": "1"}]}],
    [{"clientId": "scim-endpoint", "id": "1", "attributes": [1]}],
    [{"clientId": "scim-endpoint", "id": "1", "attributes": {"a": ["b"]}}],
]


@pytest.mark.parametrize("answer", CLIENTS)
async def test_a_client_of_the_wrong_kind_is_named(answer: object, server: HostileServer) -> None:
    """The error names the operation and the server."""
    keycloak = keycloak_of(server)
    server.body = json.dumps({"access_token": "t", "expires_in": 600, "refresh_expires_in": 0}).encode()
    connection = keycloak._admin("Contoso", "signing in").connection  # noqa: SLF001 - signs in before the answer turns bad
    try:
        await connection.a_get_token()
        server.body = json.dumps(answer).encode()
        with pytest.raises(KeycloakError, match='reading client "scim-endpoint" of realm "Contoso" failed: ') as caught:
            await keycloak.client("Contoso", "scim-endpoint")
    finally:
        await keycloak.aclose()
    assert "did not answer like Keycloak" in one_line(caught.value)


async def test_a_metadata_host_names_origins_and_nothing_else(server: HostileServer) -> None:
    """An address with a user, path or space is refused, because parsers may see another host."""
    for login in ("https://a@b", "https://a/b", "https://a\\@b", "https://a b", "http://a", "https://", "https://a?b"):
        server.body = json.dumps(
            {"authentication": {"loginEndpoint": login}, "microsoftGraphResourceId": "https://graph.test"}
        ).encode()
        with pytest.raises(GraphError, match=r"authentication\.loginEndpoint, not an https address"):
            await metadata(server)


def test_an_id_token_service_is_asked_over_tls_only() -> None:
    """An id token service must use https, because it receives the pipeline's bearer token."""
    with pytest.raises(GraphError, match="must be https"):
        github_token("http://pipeline.example/token", SECRET, "api://x")
