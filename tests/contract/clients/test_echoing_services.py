"""A server that repeats the request in its error reveals nothing, in whatever form and wherever the text is cut."""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from urllib.parse import quote

import pytest

from hostile.server import HostileServer, hostile_servers
from kzero_scim import redaction
from kzero_scim.clients.graph.cloud import Cloud
from kzero_scim.clients.graph.sign_in import Method, SignIn
from kzero_scim.errors import KzeroScimError
from kzero_scim.provider.services import Services
from kzero_scim.redaction import Redactor
from kzero_scim.settings.provider_config import Config

SECRET = 'p@ss/w+rd "of"=KZero&co'
TOKEN = "eyJhbGciOiJub25lIn0." + "abcdefghij" * 60 + ".signature"  # pragma: allowlist secret
FORMS: dict[str, Callable[[str], str]] = {
    "as it is": str,
    "JSON in JSON": lambda text: json.dumps({"request": text}).replace("/", "\\/"),
    "HTML": html.escape,
    "URL in lower case": lambda text: re.sub("%..", lambda escape: escape[0].lower(), quote(text, safe="")),
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
}


@dataclass
class _Token:
    token: str = TOKEN
    expires_on: int = 1 << 40


class _Credential:
    def get_token(self, *_: str) -> _Token:
        return _Token()

    def close(self) -> None:
        """Have nothing to close."""


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HostileServer]:
    with hostile_servers(tmp_path_factory.mktemp("echoing")) as servers:
        yield servers[0]


@pytest.fixture
def server(running: HostileServer, monkeypatch: pytest.MonkeyPatch) -> HostileServer:
    """Return the server, reset."""
    running.begin_anew()
    running.status = 401
    monkeypatch.setenv("SSL_CERT_FILE", str(running.ca_file))
    monkeypatch.setenv("NO_PROXY", "localhost,127.0.0.1")
    return running


def services_of(server: HostileServer) -> Services:
    """Return services whose sign-in to Entra works."""
    config = Config(
        tenant_id="t",
        server_url=server.url,
        realm="Contoso",
        kzero_client_id="kzero-scim",
        kzero_client_secret=SECRET,
        remote_token_client_secret=SECRET,
    )
    services = Services(config, environment={})
    sign_in = SignIn(config, {}, method=Method("with a test", lambda _: _Credential()))

    vars(sign_in).update(_cloud=Cloud(name="test", login=server.url, graph=server.url))
    services.graph._sign_in = sign_in  # noqa: SLF001
    return services


async def _graph(services: Services, server: HostileServer) -> None:
    del server
    await services.graph.get("/servicePrincipals/1")


async def _keycloak(services: Services, server: HostileServer) -> None:
    del server
    await services.keycloak.client("Contoso", "scim-endpoint")


async def _token_endpoint(services: Services, server: HostileServer) -> None:
    await services.tokens.obtain(f"{server.url}/token", "kzero-scim", SECRET)


async def _scim_endpoint(services: Services, server: HostileServer) -> None:
    await services.scim.search_missing_user(f"{server.url}/realms/Contoso/scim/v2", TOKEN)


async def _scim_probe(services: Services, server: HostileServer) -> None:
    answer = await services.scim.probe(f"{server.url}/realms/Contoso/scim/v2")
    raise KzeroScimError(answer.detail)


CALLS: dict[str, Callable[[Services, HostileServer], Awaitable[None]]] = {
    "Graph": _graph,
    "Keycloak": _keycloak,
    "token endpoint": _token_endpoint,
    "SCIM endpoint": _scim_endpoint,
    "SCIM endpoint without a token": _scim_probe,
}


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("before", [0, 150, 560])
async def test_an_echo_reveals_nothing(server: HostileServer, call: str, form: str, before: int) -> None:
    """The secret is also not recognizable where a message ends in its middle."""

    def echo(request: str) -> bytes:
        said = "x" * before + " " + FORMS[form](request)
        error: object = {"code": "Unauthorized", "message": said} if call == "Graph" else "invalid_client"
        return json.dumps({"error": error, "error_description": said, "message": said, "detail": said}).encode()

    server.echo = echo
    with redaction.using(Redactor()) as redactor:
        services = services_of(server)
        try:
            with pytest.raises(KzeroScimError) as refused:
                await CALLS[call](services, server)
        finally:
            await services.aclose()
        told = redactor.redact(str(refused.value))

    assert server.received
    sensitive = [TOKEN[:20], SECRET[:6], "p%40ss", "p%2540ss", base64.b64encode(TOKEN[:18].encode()).decode()]
    assert not [part for part in sensitive if part.lower() in told.lower()], told
