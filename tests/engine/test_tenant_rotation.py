"""Credentials rotate without a gap: the secret token, KZero's administrator, and Entra's sign-in."""

import pytest

from tests.engine.attach import RunFailedError
from tests.engine.tenant_program import TenantStack


def rotate(running: TenantStack, token: str) -> None:
    """Set the secret token in the stack's configuration."""
    running.stack.configure({}, {"kzero-scim:secretToken": token})


def asked(running: TenantStack) -> list[str]:
    """Return the actions on jobs that Graph received since the last call."""
    log = running.tenant.entra.get("/sandbox/requests").json()
    running.tenant.entra.delete("/sandbox/requests")
    return [entry["path"].rsplit("/", 1)[-1] for entry in log if entry["method"] == "POST"]


def test_a_secret_token_is_rotated_without_a_gap(running: TenantStack) -> None:
    """Both tokens are accepted for a time, a wrong one is never saved, and no user needs to be provisioned again."""
    running.tenant.accept_tokens("first-token")
    rotate(running, "first-token")
    running.up()
    running.cycle()

    rotate(running, "mistyped-token")
    assert "Entra would test it before saving it" in running.stack.preview().messages
    with pytest.raises(RunFailedError) as refused:
        running.stack.up()
    (line,) = [error for error in refused.value.run.errors if "secret token" in error]
    assert "was not saved and the old one stays in use" in line
    assert "mistyped-token" not in refused.value.run.output
    running.cycle()
    assert running.graph("GET", running.job_path).json()["status"]["code"] == "Active"

    running.tenant.accept_tokens("first-token", "second-token")
    rotate(running, "second-token")
    asked(running)
    foreseen = running.stack.preview()
    assert set(foreseen.changes) == {
        "SynchronizationCredentials",
        "ConnectionTest",
        "ProvisioningStatus",
        "OnDemandProvisioning",
    }
    assert {step.op for step in foreseen.changes.values()} == {"update"}
    assert "the secret token changed: provisioning does not restart" in foreseen.messages
    running.up()
    requests = asked(running)
    assert requests.count("validateCredentials") == 2
    assert not {"restart", "start", "pause"} & set(requests)

    running.tenant.accept_tokens("second-token")
    running.cycle()
    assert running.drift() == {}


def test_another_sign_in_to_kzero_does_not_change_the_resources(
    running: TenantStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another secret, another client, and a user in the configuration cause no changes."""
    admin = running.tenant.keycloak_admin
    (client,) = admin.get("/clients", params={"clientId": running.tenant.credentials.client_id}).json()
    secret = admin.post(f"/clients/{client['id']}/client-secret").raise_for_status().json()["value"]
    monkeypatch.setenv("KZERO_CLIENT_SECRET", secret)
    assert running.drift() == {}

    running.stack.configure(
        {"kzero-scim:kzeroUsername": running.tenant.credentials.admin_username},
        {"kzero-scim:kzeroPassword": running.tenant.credentials.admin_password},
    )
    monkeypatch.delenv("KZERO_CLIENT_ID")
    monkeypatch.delenv("KZERO_CLIENT_SECRET")
    asked(running)
    assert running.stack.preview().changes == {}
    assert running.stack.up().changes == {}
    assert running.drift() == {}
    assert not {"restart", "start", "validateCredentials"} & set(asked(running))


def test_another_sign_in_to_entra_does_not_change_the_resources(
    running: TenantStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another client secret, and a pipeline's identity instead of a secret, cause no changes."""
    client = running.tenant.env["ARM_CLIENT_ID"]
    change = f"/sandbox/clients/{client}"
    running.tenant.entra.patch(change, json={"secret": "the-next-secret"}).raise_for_status()
    monkeypatch.setenv("ARM_CLIENT_SECRET", "the-next-secret")
    assert running.drift() == {}

    subject = "repo:contoso/scim:ref:refs/heads/main"
    running.tenant.entra.patch(change, json={"federatedSubject": subject}).raise_for_status()
    token = running.tenant.entra.post("/sandbox/oidc-token", json={"subject": subject}).json()["value"]
    monkeypatch.delenv("ARM_CLIENT_SECRET")
    monkeypatch.setenv("ARM_USE_OIDC", "true")
    monkeypatch.setenv("ARM_OIDC_TOKEN", token)
    asked(running)
    assert running.stack.preview().changes == {}
    assert running.stack.up().changes == {}
    assert running.drift() == {}
    assert not {"restart", "start", "validateCredentials"} & set(asked(running))
