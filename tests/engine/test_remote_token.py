"""A tenant with the profile Generic: Entra provisions with tokens of the realm, by both methods."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from kzero_scim.provider.keycloak.remote_token.resource import RemoteToken
from tests.engine.tenant_program import TEST_USER, TenantStack

OAUTH2 = {
    "Oauth2AccessToken",
    "Oauth2AccessTokenCreationTime",
    "Oauth2ClientId",
    "Oauth2ClientSecret",
    "Oauth2TokenExchangeUri",
}


@pytest.fixture
def generic(tenant_stack: TenantStack, monkeypatch: pytest.MonkeyPatch) -> TenantStack:
    """A stack with the profile Generic, which gets the client ``scim-endpoint`` from the environment."""
    credentials = tenant_stack.tenant.credentials
    monkeypatch.setenv("KZERO_REMOTE_TOKEN_CLIENT_ID", credentials.scim_client_id)
    monkeypatch.setenv("KZERO_REMOTE_TOKEN_CLIENT_SECRET", credentials.scim_client_secret)
    tenant_stack.set(profile="Generic")
    return tenant_stack


def secrets_of(stack: TenantStack) -> dict[str, str]:
    """Return the credentials that Entra stores, in clear."""
    held: dict[str, str] = stack.tenant.entra.get(f"/sandbox/secrets/{stack.service_principal}").json()
    return held


def let_tokens_live(stack: TenantStack, seconds: int) -> None:
    """Set the client's Access Token Lifespan."""
    admin, uuid = stack.tenant.keycloak_admin, stack.tenant.scim_client()["id"]
    body = {"id": uuid, "attributes": {"access.token.lifespan": str(seconds)}}
    admin.put(f"/clients/{uuid}", json=body).raise_for_status()


def open_points(stack: TenantStack) -> list[Any]:
    """Return the checklist points that have not passed."""
    checklist = stack.stack.outputs()["checklist"]
    assert len(checklist) == 7
    return [item for item in checklist if not item["passed"]]


def test_a_remote_token_is_requested_tested_renewed_and_replaced_by_oauth2(
    generic: TenantStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both methods pass the checklist, the token is renewed in time, and a switch removes the old settings."""
    let_tokens_live(generic, 36_000)
    made = generic.up()
    assert "expire after 10 h" in made.output
    assert open_points(generic) == []
    first = secrets_of(generic)
    assert first.keys() & {"SecretToken", *OAUTH2} == {"SecretToken"}
    assert generic.stack.preview(expect_no_changes=True).changes == {}
    generic.cycle()
    assert generic.user(TEST_USER)["enabled"]

    # After six of its ten hours, the token is due for renewal.
    later = datetime.now(UTC) + timedelta(hours=6)
    with monkeypatch.context() as clock:
        clock.setitem(RemoteToken.__init__.__kwdefaults__ or {}, "now", lambda: later)
        renewal = generic.stack.preview()
        assert {"RemoteToken", "SynchronizationCredentials", "ConnectionTest"} <= set(renewal.changes)
        assert "`pulumi up` would replace it" in renewal.output
        generic.up()
    assert secrets_of(generic)["SecretToken"] != first["SecretToken"]
    assert open_points(generic) == []

    generic.set(remoteTokenMethod="oauth2")
    assert "oauth2 is experimental" in generic.stack.preview().output
    switched = generic.up()
    held = secrets_of(generic)
    assert held.keys() & {"SecretToken", *OAUTH2} == OAUTH2
    assert open_points(generic) == []
    assert generic.stack.preview(expect_no_changes=True).changes == {}
    assert generic.drift() == {}

    # When its token has expired, Entra requests another one.
    generic.set_secret("Oauth2AccessToken", "ended")
    generic.cycle()
    assert secrets_of(generic)["Oauth2AccessToken"] != "ended"

    generic.set_secret("Oauth2ClientSecret", "")
    assert list(generic.drift()) == ["SynchronizationCredentials"]

    generic.up(remoteTokenMethod="bearer")
    assert secrets_of(generic).keys() & {"SecretToken", *OAUTH2} == {"SecretToken"}
    assert open_points(generic) == []
    for output in (made.output, renewal.output, switched.output):
        assert generic.tenant.credentials.scim_client_secret not in output
        assert first["SecretToken"] not in output
