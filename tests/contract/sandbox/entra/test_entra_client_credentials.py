"""The sandbox's Entra as an OAuth 2.0 client: what it needs, when it renews its token, what it does with a refusal."""

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
    """Make a token that lives so many seconds."""
    claims = base64.urlsafe_b64encode(json.dumps({"jti": number, "iat": 0, "exp": life}).encode()).decode().rstrip("=")
    return f"e30.{claims}.signature"


def secrets(created: datetime | None = None) -> dict[str, str]:
    """Give a whole set, with a token of that age."""
    return {
        "BaseAddress": "https://kzero.example/realms/Contoso/scim/v2",
        "Oauth2ClientId": "scim-endpoint",
        "Oauth2ClientSecret": "of the client",
        "Oauth2TokenExchangeUri": EXCHANGE,
        "Oauth2AccessToken": token(0),
        "Oauth2AccessTokenCreationTime": (created or datetime.now(UTC)).strftime("%Y-%m-%dT%H:%M:%SZ"),
    }


class Target:
    """A token endpoint and a SCIM endpoint that accepts what the former issued last."""

    def __init__(self, accepted: str) -> None:
        """Accept this token at first."""
        self.accepted = accepted
        self.exchanges: list[str] = []
        self.status = 200

    def __call__(self, request: httpx.Request) -> httpx.Response:
        """Answer."""
        if str(request.url) == EXCHANGE:
            self.exchanges.append(request.content.decode())
            self.accepted = token(len(self.exchanges))
            return httpx.Response(self.status, json={"access_token": self.accepted, "token_type": "Bearer"})
        if request.headers["Authorization"] != f"Bearer {self.accepted}":
            return httpx.Response(401, json={"detail": "Invalid token"})
        return httpx.Response(200, json={"totalResults": 0, "Resources": []})


async def ask(target: Target, held: dict[str, str]) -> None:
    """Let the provisioning service look for a user."""
    async with httpx.AsyncClient(transport=httpx.MockTransport(target)) as http:
        client = ClientCredentials(http, held)
        url = TenantUrl.parse(held["BaseAddress"])
        scim = ScimClient(http, url, client.token, lambda refused: client.token(refused=refused))
        await scim.find("Users", "userName", "nobody")


async def test_a_token_is_used_until_its_life_is_over_and_then_exchanged() -> None:
    """By the time of its creation; the new one and its time stand among the secrets."""
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
    """As when the realm's keys have changed."""
    held, target = secrets(), Target("another")
    await ask(target, held)
    assert len(target.exchanges) == 1


@pytest.mark.parametrize("key", ["Oauth2AccessToken", "Oauth2AccessTokenCreationTime", "Oauth2ClientSecret"])
async def test_without_a_first_token_there_is_none(key: str) -> None:
    """The service does not make the first exchange for secrets that were set through Graph."""
    held, target = secrets(), Target(token(0))
    del held[key]

    with pytest.raises(ScimError, match=f"incomplete: {key}"):
        await ask(target, held)
    assert target.exchanges == []


async def test_a_refused_exchange_is_refused_credentials() -> None:
    """So that a job goes into quarantine for it."""
    held, target = secrets(datetime.now(UTC) - timedelta(hours=2)), Target(token(0))
    target.status = 401

    with pytest.raises(ScimError) as failed:
        await ask(target, held)
    assert failed.value.code == "SystemForCrossDomainIdentityManagementInvalidCredentials"
    assert failed.value.complete


def test_a_secret_token_goes_before() -> None:
    """What is left of the other method would otherwise be used unseen."""
    assert uses_client_credentials(secrets())
    assert not uses_client_credentials({**secrets(), "SecretToken": "x"})
    assert not uses_client_credentials({"BaseAddress": "https://kzero.example"})
