"""Proxies and certificate authorities that cannot be used are named by their variable, never by what it holds."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from kzero_scim.clients.graph import sign_in
from kzero_scim.clients.graph.client import GraphClient
from kzero_scim.clients.graph.cloud import known_cloud
from kzero_scim.clients.graph.id_tokens import github_token
from kzero_scim.clients.graph.login_session import login_transport
from kzero_scim.clients.graph.sign_in import SignIn
from kzero_scim.clients.proxies import check_proxies
from kzero_scim.clients.retries import RetryingClient
from kzero_scim.clients.shared_connections import SharedConnections
from kzero_scim.clients.tls import named
from kzero_scim.errors import KeycloakError, SettingsError, unforeseen
from kzero_scim.settings.provider_config import Config

SOCKS = "names a SOCKS proxy, which kzero-scim cannot use; set it to an http:// proxy, or unset it"
GARBAGE = "is not the address of an HTTP proxy; set it to http://host:port"


def _lend() -> None:
    async def lend() -> None:
        connections = SharedConnections()
        async with connections.transport() as transport:
            import httpx  # noqa: PLC0415

            await transport.handle_async_request(httpx.Request("GET", "https://localhost:9/"))

    asyncio.run(lend())


CLIENTS: dict[str, Callable[[], object]] = {
    "Keycloak, SCIM, token endpoint": RetryingClient,
    "Graph": lambda: GraphClient(SignIn(Config(), {})),
    "id token": lambda: github_token("https://localhost:9/", "bearer", "audience"),
    "login": login_transport,
    "sweep": _lend,
}


@pytest.fixture(autouse=True)
def _no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("name", ["HTTPS_PROXY", "http_proxy", "ALL_PROXY"])
def test_a_socks_proxy_is_refused_in_one_line(client: str, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """By every client, before it sends anything."""
    monkeypatch.setenv(name, "socks5://me:hunter2@proxy.example:1080")

    with pytest.raises(SettingsError, match=f"^{name} {SOCKS}$"):
        CLIENTS[client]()


@pytest.mark.parametrize(
    "value",
    [
        "http://me:hunter2@",
        "http://me:hunter/2@proxy.example:3128",
        "http://me:hunter2@proxy.example:port",
        "me:hunter2@[::1",
        "hunter2://proxy.example",
        "http://proxy.example:99999",
        "http://pro xy.example:hunter2",
        "://hunter2",
    ],
)
def test_an_address_that_is_none_is_named_by_its_variable(value: str) -> None:
    """It may hold a password anywhere."""
    with pytest.raises(SettingsError, match=f"^HTTPS_PROXY {GARBAGE}") as caught:
        check_proxies({"HTTPS_PROXY": value})

    assert "hunter2" not in str(caught.value)
    assert "proxy.example" not in str(caught.value)


@pytest.mark.parametrize(
    "value", ["", "proxy.example:3128", "http://me:a%2Fb@proxy.example:3128/", "https://[::1]:3128", "http://10.0.0.1"]
)
def test_a_usable_proxy_passes(value: str) -> None:
    """With or without a scheme, and with an encoded password."""
    check_proxies({"HTTPS_PROXY": value, "NO_PROXY": "localhost,127.0.0.1,.example.com,::1,10.0.0.0/8,*"})


def test_a_broken_no_proxy_is_refused() -> None:
    """Clients would fail on it with an error of their own."""
    with pytest.raises(SettingsError, match=r"^no_proxy has an entry that is not a host; separate hosts by commas"):
        check_proxies({"no_proxy": "localhost,a b[::"})


@pytest.mark.parametrize("client", CLIENTS)
def test_a_missing_bundle_is_one_line(client: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the variable, the path and what to do."""
    monkeypatch.setenv("SSL_CERT_FILE", "/nowhere/ca.pem")

    line = (
        "the certificate authorities cannot be read from /nowhere/ca.pem, which SSL_CERT_FILE names: No such file or "
        "directory; correct SSL_CERT_FILE, or unset it to use the default trust store"
    )
    with pytest.raises(SettingsError, match=f"^{re.escape(line)}$"):
        CLIENTS[client]()


def test_a_bundle_without_certificates_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same for the variable that azure-identity's library reads."""
    bundle = tmp_path / "ca.pem"
    bundle.write_text("hunter2")
    for variable, client in (("SSL_CERT_FILE", RetryingClient), ("REQUESTS_CA_BUNDLE", login_transport)):
        monkeypatch.setenv(variable, str(bundle))
        with pytest.raises(SettingsError, match=f"{variable} names: it holds no certificate in PEM format; correct"):
            client()
        monkeypatch.delenv(variable)


@pytest.mark.parametrize(
    "value",
    [
        "-----BEGIN PRIVATE KEY-----\nhunter2",  # pragma: allowlist secret
        "hunter2" * 100,
    ],
)
def test_a_key_in_the_place_of_its_path_is_not_shown(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pipeline may put the content where the path belongs."""
    assert named("ARM_CLIENT_CERTIFICATE_PATH", value) == "the file that ARM_CLIENT_CERTIFICATE_PATH names"
    monkeypatch.setenv("SSL_CERT_FILE", value)
    with pytest.raises(SettingsError, match="cannot be read from the file that SSL_CERT_FILE names"):
        RetryingClient()
    config = Config(tenant_id="t", client_id="c", client_certificate_path=value)
    with pytest.raises(SettingsError, match="ARM_CLIENT_CERTIFICATE_PATH names") as caught:
        sign_in.choose(config, {}).make(known_cloud(None))
    assert "hunter2" not in str(caught.value)


def test_a_group_of_errors_is_told_by_what_is_wrong() -> None:
    """Tasks that run together fail together; the operator needs the reason."""
    group = ExceptionGroup("tasks", [ValueError("a"), ExceptionGroup("more", [KeycloakError("KZero is away")])])

    assert unforeseen(group, []) == "KZero is away"
    assert unforeseen(ExceptionGroup("tasks", [ValueError("a")]), []).startswith("internal error: ValueError: a;")


def test_a_configuration_shows_no_secret() -> None:
    """Where it is printed by a debugger or in a traceback."""
    config = Config(client_secret="hunter2", kzero_password="hunter2", oidc_token="hunter2", tenant_id="shown")

    assert "hunter2" not in repr(config)
    assert "shown" in repr(config)
