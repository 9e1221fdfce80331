"""Tests which missing permissions a preview reports from the token's claims."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from kzero_scim.clients.graph.client import GraphClient
from kzero_scim.errors import ProviderError
from kzero_scim.provider.entra.permission_check import ASSIGN, READ_ASSIGNMENTS, require_permissions
from kzero_scim.settings.provider_config import Config

NO_DIRECTORY_ROLE = "0997a1d0-0d1d-4acb-b408-d5ca73121e90"
CLOUD_APPLICATION_ADMINISTRATOR = "158c047a-c907-4556-b7ef-446551a6b5f7"


class SignedIn:
    """A sign-in with a made-up token."""

    def __init__(self, token: str) -> None:
        """Use this token."""
        self._token = token

    async def token(self) -> str:
        """Return the token."""
        return self._token


def graph(monkeypatch: pytest.MonkeyPatch, token: str) -> GraphClient:
    """Return a client that is signed in with this token."""
    client = GraphClient.from_config(Config(tenant_id="t", client_id="c", client_secret="s", use_cli=False))
    monkeypatch.setattr(client, "_sign_in", SignedIn(token))
    return client


def token_of(**claims: Any) -> str:  # noqa: ANN401 - JSON
    """Return a token with these claims."""
    return f"e30.{base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip('=')}.x"


async def test_all_that_is_missing_is_named_with_its_purpose(monkeypatch: pytest.MonkeyPatch) -> None:
    """One error has all missing permissions with their purposes."""
    client = graph(monkeypatch, token_of(roles=["User.Read.All"], wids=[NO_DIRECTORY_ROLE]))

    with pytest.raises(ProviderError) as refused:
        await require_permissions(client, ASSIGN, READ_ASSIGNMENTS)

    assert (
        "AppRoleAssignment.ReadWrite.All (to assign users and groups) and Application.Read.All (to read who is "
        "assigned). No request was sent"
    ) in str(refused.value)


@pytest.mark.parametrize(
    "token",
    [
        token_of(roles=["AppRoleAssignment.ReadWrite.All", "Directory.Read.All"]),
        token_of(scp="user_impersonation"),
        token_of(wids=[NO_DIRECTORY_ROLE, CLOUD_APPLICATION_ADMINISTRATOR]),
        "a-token-that-only-Graph-can-read",
    ],
    ids=["enough", "a person", "a directory role", "unreadable"],
)
async def test_whoever_may_be_allowed_is_let_through(monkeypatch: pytest.MonkeyPatch, token: str) -> None:
    """A token that may have the permissions is accepted, because Graph decides."""
    await require_permissions(graph(monkeypatch, token), ASSIGN, READ_ASSIGNMENTS)
