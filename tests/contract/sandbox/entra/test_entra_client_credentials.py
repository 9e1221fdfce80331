"""The sandbox's Entra as an OAuth 2.0 client: required secrets, renewal of the token, refused tokens."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from kzero_sandbox.entra.client_credentials import ClientCredentials, uses_client_credentials
from kzero_sandbox.entra.scim_client import ScimClient, ScimError, TenantUrl

EXCHANGE = "https://kzero.example/token"


def token(number: int, life: int = 3600) -> str:
    """Return a token with a lifetime in seconds."""
    claims = base64.urlsafe_b64encode(json.dumps({"jti": number, "iat": 0, "exp": life}).encode()).decode().rstrip("=")
    return f"e30.{claims}.signature"


def secrets(created: datetime | None = None) -> dict[str, str]:
    """Return complete secrets with a token created at this time."""
    return {
        "BaseAddress": "https://kzero.example/realms/Contoso/scim/v2",
        "Oauth2ClientId": "scim-endpoint",
        "Oauth2ClientSecret": "of the client",
        "Oauth2TokenExchangeUri": EXCHANGE,
        "Oauth2AccessToken": token(0),
        "Oauth2AccessTokenCreationTime": (created or datetime.now(UTC)).strftime("%Y-%m-%dT%H:%M:%SZ"),
    }


class Target:
    """A token endpoint and a SCIM endpoint that only accepts the last issued token."""

    def __init__(self, accepted: str) -> None:
        """Accept this token at first."""
        self.accepted = accepted
        self.exchanges: list[str] = []
        self.status = 200

    def __call__(self, request: httpx.Request) -> httpx.Response:
        """Answer a request to either endpoint."""
        if str(request.url) == EXCHANGE:
            self.exchanges.append(request.content.decode())
            self.accepted = token(len(self.exchanges))
            return httpx.Response(self.status, json={"access_token": self.accepted, "token_type": "Bearer"})
        if request.headers["Authorization"] != f"Bearer {self.accepted}":
            return httpx.Response(401, json={"detail": "Invalid token"})
        return httpx.Response(200, json={"totalResults": 0, "Resources": []})


async def ask(target: Target, held: dict[str, str]) -> None:
    """Search for a user as the provisioning service does."""
    async with httpx.AsyncClient(transport=httpx.MockTransport(target)) as http:
        client = ClientCredentials(http, held)
        url = TenantUrl.parse(held["BaseAddress"])
        scim = ScimClient(http, url, client.token, lambda refused: client.token(refused=refused))
        await scim.find("Users", "userName", "nobody")


async def test_a_token_is_used_until_it_expires_and_then_exchanged() -> None:
    """A token is used until it expires, counted from its creation time; the new token and its time are stored."""
    held, target = secrets(), Target(token(0))
    await ask(target, held)
    assert target.exchanges == []

    held = secrets(datetime.now(UTC) - timedelta(hours=2))
    await ask(target, held)

    (form,) = target.exchanges
    assert "grant_type=client_credentials" in form
    assert "client_id=scim-endpoint" in form
    assert held["Oauth2AccessToken"] == token(1)
    assert (
        held["Oauth2AccessTokenCreationTime"]
        > secrets(datetime.now(UTC) - timedelta(hours=1))["Oauth2AccessTokenCreationTime"]
    )


async def test_a_refused_token_is_exchanged_once() -> None:
    """A refused token is exchanged once, for example after the realm's keys have changed."""
    held, target = secrets(), Target("another")
    await ask(target, held)
    assert len(target.exchanges) == 1


@pytest.mark.parametrize("key", ["Oauth2AccessToken", "Oauth2AccessTokenCreationTime", "Oauth2ClientSecret"])
async def test_without_a_first_token_the_exchange_fails(key: str) -> None:
    """The service does not make the first exchange for secrets that were set through Graph."""
    held, target = secrets(), Target(token(0))
    del held[key]

    with pytest.raises(ScimError, match=f"incomplete: {key}"):
        await ask(target, held)
    assert target.exchanges == []


async def test_a_refused_exchange_is_refused_credentials() -> None:
    """A refused exchange counts as refused credentials, so that the job goes into quarantine."""
    held, target = secrets(datetime.now(UTC) - timedelta(hours=2)), Target(token(0))
    target.status = 401

    with pytest.raises(ScimError) as failed:
        await ask(target, held)
    assert failed.value.code == "SystemForCrossDomainIdentityManagementInvalidCredentials"
    assert failed.value.complete


def test_a_secret_token_takes_precedence() -> None:
    """A secret token is used even if secrets of the other method exist."""
    assert uses_client_credentials(secrets())
    assert not uses_client_credentials({**secrets(), "SecretToken": "x"})
    assert not uses_client_credentials({"BaseAddress": "https://kzero.example"})
