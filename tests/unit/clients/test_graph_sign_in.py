import asyncio
import threading
from dataclasses import dataclass
from typing import Any

import pytest

from kzero_scim.clients.graph import sign_in
from kzero_scim.clients.graph.cloud import Cloud, known_cloud
from kzero_scim.clients.graph.sign_in import Method, SignIn, choose
from kzero_scim.errors import GraphError, SettingsError
from kzero_scim.settings.provider_config import Config, complete

BASE = {"tenant_id": "t", "client_id": "c"}


@pytest.mark.parametrize(
    ("settings", "environment", "words"),
    [
        ({**BASE, "client_secret": "s", "client_certificate_path": "x.pem"}, {}, "with a certificate"),
        ({**BASE, "client_secret": "s"}, {"ARM_CLIENT_CERTIFICATE": "eA=="}, "with a certificate"),
        ({**BASE, "client_secret": "s", "use_oidc": True, "oidc_token": "i"}, {}, "with a client secret"),
        ({**BASE, "use_oidc": True, "oidc_token": "i", "use_msi": True}, {}, "with an id token"),
        ({**BASE, "use_oidc": True, "oidc_token_file_path": "/f"}, {}, "with the id token in /f"),
        (
            {**BASE, "use_oidc": True, "oidc_request_url": "https://x.test", "oidc_request_token": "b"},
            {},
            "with an id token of the pipeline",
        ),
        (
            {**BASE, "use_oidc": True},
            {
                "ARM_ADO_PIPELINE_SERVICE_CONNECTION_ID": "s",
                "SYSTEM_OIDCREQUESTURI": "https://x.test",
                "SYSTEM_ACCESSTOKEN": "b",
            },
            "with an id token of Azure DevOps",
        ),
        ({**BASE, "oidc_token": "i", "use_msi": True}, {}, "with a managed identity"),
        ({**BASE, "use_oidc": True}, {}, "with the Azure CLI's login"),
        ({}, {}, "with the Azure CLI's login"),
    ],
)
def test_credentials_are_chosen_in_azureads_order(
    settings: dict[str, Any], environment: dict[str, str], words: str
) -> None:
    """The order is certificate, secret, id token, token file, pipeline, managed identity, CLI."""
    assert choose(complete(Config(**settings), environment), environment).words.endswith(words)


@pytest.mark.parametrize("settings", [{}, {"client_secret": "s"}, {**BASE, "use_oidc": True}])
def test_no_credentials_name_the_variables_to_set(settings: dict[str, Any]) -> None:
    """Without credentials, one line names every way to provide them."""
    with pytest.raises(SettingsError, match=r"ARM_TENANT_ID.*ARM_CLIENT_SECRET.*ARM_USE_OIDC") as caught:
        choose(Config(**settings, use_cli=False), {})

    assert "\n" not in str(caught.value)


def test_clouds_have_azureads_names() -> None:
    """Clouds have azuread's names, and the error for an unknown one lists them."""
    assert known_cloud(None).graph == "https://graph.microsoft.com"
    assert known_cloud("USGovernment").login == "https://login.microsoftonline.us"
    with pytest.raises(SettingsError, match='"moon" is unknown; set ARM_ENVIRONMENT to public'):
        known_cloud("moon")


@dataclass
class _Token:
    token: str
    expires_on: int


@dataclass
class _Credential:
    """Issues numbered tokens, each valid for an hour."""

    issued: list[str]
    now: list[float]
    failure: list[Exception]
    is_open: bool = True

    def get_token(self, *scopes: str) -> _Token:
        assert self.is_open
        if self.failure:
            raise self.failure[0]
        self.issued.append(f"{scopes[0]}#{len(self.issued) + 1}")
        return _Token(self.issued[-1], int(self.now[0]) + 3600)

    def close(self) -> None:
        self.is_open = False


def _sign_in(issued: list[str], now: list[float], failure: list[Exception] | None = None) -> SignIn:
    def make(_: Cloud) -> _Credential:
        return _Credential(issued, now, failure or [])

    return SignIn(Config(tenant_id="t"), {}, clock=lambda: now[0], method=Method("as a test", make))


async def test_one_sign_in_serves_all_who_ask_at_once() -> None:
    """A hundred simultaneous requests cause one sign-in."""
    issued: list[str] = []
    sign_in = _sign_in(issued, [1000.0])

    tokens = await asyncio.gather(*(sign_in.token() for _ in range(100)))

    assert set(tokens) == {"https://graph.microsoft.com/.default#1"}
    assert len(issued) == 1


async def test_a_token_is_renewed_shortly_before_it_expires() -> None:
    """A token is renewed five minutes before it expires."""
    issued: list[str] = []
    now = [1000.0]
    sign_in = _sign_in(issued, now)
    await sign_in.token()

    now[0] = 1000.0 + 3600 - 299
    await sign_in.token()

    assert len(issued) == 2


async def test_a_rejected_token_is_replaced_once_for_all() -> None:
    """Two requests that were refused with the same token cause one new sign-in."""
    issued: list[str] = []
    sign_in = _sign_in(issued, [1000.0])
    first = await sign_in.token()

    again = await asyncio.gather(sign_in.token(rejected=first), sign_in.token(rejected=first))

    assert again[0] == again[1] != first
    assert len(issued) == 2


@pytest.mark.parametrize(
    ("said", "remedy"),
    [
        (
            "Authentication failed: AADSTS7000222: The provided client secret keys are expired. Trace ID: x",
            "has expired",
        ),
        ("AADSTS700024: Client assertion is not within its valid time range. Trace ID: x", "get a fresh one"),
        ("AADSTS90002: Tenant 'x' not found. Check.", "no such tenant"),
        ("AADSTS999999: Odd. Trace ID: x", "https://login.microsoftonline.com/error?code=999999"),
    ],
)
async def test_a_refused_login_says_what_it_means(said: str, remedy: str) -> None:
    """The error of a refused login is one line with code, meaning and remedy."""
    with pytest.raises(GraphError) as caught:
        await _sign_in([], [0.0], [RuntimeError(said)]).token()

    text = str(caught.value)
    assert text.startswith("cannot sign in to Entra tenant t as a test: AADSTS")
    assert remedy in text
    assert "Trace ID" not in text
    assert caught.value.code.startswith("AADSTS")


def test_a_missing_tenant_names_where_to_set_it() -> None:
    """The error for a missing tenant names the setting and the variable."""
    with pytest.raises(SettingsError, match="ARM_TENANT_ID"):
        _ = SignIn(Config(), {}).tenant_id


def test_a_sign_in_that_hangs_ends_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """A login that answers byte by byte ends with the sign-in's own time, and so does the process."""
    released = threading.Event()

    class Hanging(_Credential):
        def get_token(self, *scopes: str) -> Any:  # noqa: ANN401 - never returns a token
            del scopes
            released.wait()

    async def ask() -> None:
        method = Method("as a test", lambda _: Hanging([], [0.0], []))
        await SignIn(Config(tenant_id="t"), {}, method=method).token()

    monkeypatch.setattr(sign_in, "WITHIN", 0.05)
    try:
        with pytest.raises(
            GraphError, match=r"^cannot sign in to Entra tenant t as a test: no complete answer after 0.05"
        ):
            asyncio.run(ask())  # would wait for a thread of the loop's own
    finally:
        released.set()
