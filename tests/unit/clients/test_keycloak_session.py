"""Signing in and retrying against a scripted server: the requests sent, and the errors."""

import asyncio
import base64
import json
import traceback
from collections.abc import Callable

import httpx
import pytest

from kzero_scim import __version__
from kzero_scim.clients.keycloak.client import KeycloakClient
from kzero_scim.clients.keycloak.session import Credentials
from kzero_scim.clients.retries import LONGEST_WAIT, ONCE, RetryingClient, RetryPolicy
from kzero_scim.errors import KeycloakError, SettingsError
from kzero_scim.settings.provider_config import Config

SERVER = "https://kzero.test"
SECRET = "secret-4711"
Answer = Callable[[httpx.Request], httpx.Response]


def token(number: int, *roles: str) -> httpx.Response:
    """Issue a numbered token that contains roles."""
    claims = {"resource_access": {"realm-management": {"roles": roles}}, "number": number}
    payload = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return httpx.Response(200, json={"access_token": f"h.{payload}.s{number}", "expires_in": 300})


class Server:
    """Answers token requests with numbered tokens, and others in the given order. Repeats the last answer."""

    def __init__(self, *answers: Answer) -> None:
        """Store the answers."""
        self.answers = list(answers)
        self.seen: list[httpx.Request] = []
        self.tokens = 0

    def __call__(self, request: httpx.Request) -> httpx.Response:
        """Answer one request."""
        self.seen.append(request)
        if request.url.path.endswith("/token"):
            self.tokens += 1
            return token(self.tokens, "view-clients")
        if request.url.path == "/admin/serverinfo":
            return httpx.Response(403)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return answer(request)

    def client(self, delays: tuple[float, ...] = (0, 0, 0)) -> KeycloakClient:
        """Return a client of this server."""
        credentials = Credentials(client_id="kzero-scim", client_secret=SECRET)
        return KeycloakClient(
            SERVER, credentials, transport=httpx.MockTransport(self), policy=RetryPolicy(delays=delays)
        )

    def asked(self) -> list[str]:
        """List the requests, without those for tokens and for the server's version."""
        return [f"{r.method} {r.url.path}" for r in self.seen if not r.url.path.endswith(("/token", "/serverinfo"))]


def status(code: int, **headers: str) -> Answer:
    """Answer with a status and an empty body."""
    return lambda _: httpx.Response(code, headers=headers)


def clients(_: httpx.Request) -> httpx.Response:
    """Answer with one client."""
    return httpx.Response(200, json=[{"id": "1", "clientId": "scim-endpoint"}])


def broken(request: httpx.Request) -> httpx.Response:
    """Break the connection after the request was sent."""
    message = "connection reset"
    raise httpx.ReadError(message, request=request)


@pytest.mark.parametrize("first", [status(500), status(502), status(503), status(429), broken])
async def test_a_momentary_failure_is_repeated(first: Answer) -> None:
    """A request that fails temporarily is repeated and succeeds."""
    server = Server(first, clients)
    assert await server.client().client("Contoso", "scim-endpoint") is not None
    assert len(server.asked()) == 2


async def test_a_lasting_failure_ends_after_three_repetitions() -> None:
    """After three retries the error names the operation and the status."""
    server = Server(status(503))
    with pytest.raises(KeycloakError, match=r'reading client "scim-endpoint" of realm "Contoso" failed.*503'):
        await server.client().client("Contoso", "scim-endpoint")
    assert len(server.asked()) == 4


async def test_adding_a_mapper_is_not_repeated_where_it_may_have_been_done() -> None:
    """A POST is repeated after 503, but not after a lost answer or 500: it may have succeeded."""
    for answer, times in ((broken, 1), (status(500), 1), (status(503), 4)):
        server = Server(answer)
        with pytest.raises(KeycloakError):
            await server.client().add_mappers("Contoso", "1", [{"name": "x"}])
        assert len(server.asked()) == times


async def test_the_servers_retry_after_is_obeyed_within_reason() -> None:
    """The client waits as Retry-After asks, but no longer than its own limit."""
    waits: list[float] = []

    async def note(seconds: float) -> None:
        waits.append(seconds)

    answers = Server(status(429, **{"Retry-After": "7"}), status(503, **{"Retry-After": "900"}), status(503), clients)
    http = RetryingClient(policy=RetryPolicy(delays=(0.5, 1, 2)), transport=httpx.MockTransport(answers), sleep=note)
    await http.get(SERVER)
    await http.aclose()
    assert waits == [7, LONGEST_WAIT, 2]


async def test_a_refused_token_is_replaced_once() -> None:
    """A refused token is replaced once, since it may be revoked. A second refusal is an error."""
    server = Server(status(401), clients)
    assert await server.client().client("Contoso", "scim-endpoint") is not None
    assert server.tokens == 2
    stubborn = Server(status(401))
    with pytest.raises(KeycloakError, match="refuses the token"):
        await stubborn.client().client("Contoso", "scim-endpoint")
    assert (stubborn.tokens, len(stubborn.asked())) == (2, 2)


async def test_concurrent_operations_share_one_sign_in() -> None:
    """Concurrent operations share the first sign-in, and the one after a refused token."""

    def revoked(request: httpx.Request) -> httpx.Response:
        return httpx.Response(401) if request.headers["Authorization"].endswith(".s1") else clients(request)

    for answer, sign_ins in ((clients, 1), (revoked, 2)):
        server = Server(answer)
        client = server.client()
        await asyncio.gather(*(client.client("Contoso", "scim-endpoint") for _ in range(10)))
        assert server.tokens == sign_ins


async def test_every_request_says_who_asks() -> None:
    """Token, admin and public requests carry the User-Agent."""
    server = Server(lambda _: httpx.Response(200, json={"realm": "Contoso"}))
    client = server.client()
    await client.check_realm("Contoso")
    with pytest.raises(KeycloakError):
        await client.client("Contoso", "scim-endpoint")
    assert len(server.seen) == 3
    assert {request.headers["User-Agent"] for request in server.seen} == {f"kzero-scim/{__version__}"}


@pytest.mark.parametrize("body", ["<html>maintenance</html>", '{"a": 1}', '"x"'])
async def test_a_server_that_is_not_keycloak_is_named(body: str) -> None:
    """A proxy's page, or JSON of another shape, gives an error that says this is not Keycloak."""
    server = Server(lambda _: httpx.Response(200, text=body))
    client = server.client()
    with pytest.raises(KeycloakError, match="did not answer like Keycloak"):
        await client.client("Contoso", "scim-endpoint")
    with pytest.raises(KeycloakError, match="is not a Keycloak"):
        await client.check_realm("Contoso")


async def test_a_server_that_ignores_case_does_not_pass_for_an_exact_match() -> None:
    """A database may compare names without case, so the name in the answer decides."""
    server = Server(lambda _: httpx.Response(200, json={"realm": "Contoso"}))
    with pytest.raises(KeycloakError, match='did you mean "Contoso"'):
        await server.client().check_realm("contoso")


async def test_no_secret_gets_into_an_error() -> None:
    """An error contains no secret, even if the server repeats the request."""
    echo = Server(clients)

    def answer(request: httpx.Request) -> httpx.Response:
        echo.seen.append(request)
        return httpx.Response(401, json={"error": "invalid_client", "sent": request.content.decode()})

    credentials = Credentials(client_id="kzero-scim", client_secret=SECRET)
    client = KeycloakClient(SERVER, credentials, transport=httpx.MockTransport(answer), policy=ONCE)
    with pytest.raises(KeycloakError) as refused:
        await client.client("Contoso", "scim-endpoint")
    assert SECRET in echo.seen[0].content.decode()
    assert SECRET not in str(refused.value)
    assert SECRET not in repr(client.credentials)
    assert SECRET not in "".join(traceback.format_exception(refused.value))


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("kzero", "not an https address"),
        ("ftp://kzero.test", "not an https address"),
        ("http://kzero.test", "unencrypted"),
        ("https://kzero.test/realms/Contoso/scim/v2", "origin alone"),
        ("https://admin:hidden@kzero.test", "origin alone"),
        ("https://kzero.test?x=1", "origin alone"),
    ],
)
def test_a_bad_server_address_is_refused_with_the_setting_to_correct(url: str, reason: str) -> None:
    """A wrong address is refused before any request, without showing its password."""
    with pytest.raises(SettingsError, match=reason) as refused:
        KeycloakClient(url, Credentials())
    assert "KZERO_SERVER_URL" in str(refused.value)
    assert "hidden" not in str(refused.value)


def test_a_good_server_address_is_trimmed() -> None:
    """The address is trimmed, and the Tenant URL quotes the realm."""
    client = KeycloakClient(" https://ca.auth.kzero.com/ ", Credentials())
    assert client.tenant_url("Contoso Ltd") == "https://ca.auth.kzero.com/realms/Contoso%20Ltd/scim/v2"


def test_a_configuration_without_a_server_says_what_to_set() -> None:
    """A missing address is an error at once; missing credentials are not."""
    with pytest.raises(SettingsError, match="KZERO_SERVER_URL"):
        KeycloakClient.from_config(Config())
    assert KeycloakClient.from_config(Config(server_url=SERVER)).server_url == SERVER
