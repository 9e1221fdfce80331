"""No secret of a tenant is stored in clear or printed: real engine, real Keycloak, local Entra."""

from pathlib import Path

import pytest
from kzero_sandbox.running import RunningSandbox

from faults.leaks import leaks
from tests.engine.attach import RunFailedError
from tests.engine.tenant_program import TenantStack

WRONG_TOKEN = "a-token-that-kzero-does-not-take"


def test_no_secret_is_stored_in_clear_or_printed(
    tenant_stack: TenantStack, sandbox: RunningSandbox, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """With every secret configured, state, history, settings, logs and the debug output of runs contain none."""
    made = tenant_stack.tenant.credentials
    token = tenant_stack.tenant.realm_token(made.scim_client_id, made.scim_client_secret)
    environment = tenant_stack.tenant.env
    tenant_stack.set(profile="Generic", kzeroClientId=made.client_id, notificationEmail="help@contoso.example")
    tenant_stack.stack.configure(
        {"azuread:clientId": environment["ARM_CLIENT_ID"]},
        {
            "azuread:clientSecret": environment["ARM_CLIENT_SECRET"],
            "kzero-scim:kzeroClientSecret": made.client_secret,
            "kzero-scim:secretToken": token,
        },
    )
    # From level 9, the engine logs every internal message with secrets in clear.
    talkative = {"debug": True, "log_flow": True, "log_verbosity": 8, "log_to_std_err": True}

    tenant_stack.stack.up(**talkative)
    tenant_stack.stack.preview(refresh=True, diff=True, **talkative)
    tenant_stack.stack.configure({}, {"kzero-scim:secretToken": WRONG_TOKEN})
    with pytest.raises(RunFailedError) as refused:
        tenant_stack.stack.up(**talkative)

    assert any("test the connection" in error for error in refused.value.run.errors)
    captured = capfd.readouterr()
    printed = {
        "what the engine printed": "\n".join(tenant_stack.stack.printed),
        "what the provider printed": captured.out + captured.err,
        "the outputs": str(tenant_stack.stack.outputs()),
    }
    folders = [tmp_path, sandbox.layout.logs]
    files = [file for folder in folders for file in folder.rglob("*") if file.is_file()]
    secrets = {
        "Entra client secret": environment["ARM_CLIENT_SECRET"],
        "KZero client secret": made.client_secret,
        "secret token": token,
        "wrong secret token": WRONG_TOKEN,
    }
    assert leaks(secrets, printed, files) == []
    # Check that the search covers the places where secrets would appear.
    assert "SynchronizationCredentials" in printed["what the engine printed"]
    assert "secretTokenFingerprint" in tenant_stack.stack.stored()
    assert any(file.suffix == ".yaml" and "azuread:clientSecret" in file.read_text() for file in files)
