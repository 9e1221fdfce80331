"""The wrappers in gitops/credentials read credentials from the vaults' programs, which stand-ins replace."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from kzero_scim.errors import SettingsError
from kzero_scim.fleet.credentials.credentials import Credentials
from kzero_scim.fleet.project import CredentialSettings, FleetProject, FleetSettings, FleetTenant

_WRAPPERS = Path(__file__).resolve().parents[3] / "gitops" / "credentials"
_VAULT = """#!/bin/sh
[ "$*" = "kv get -format=json -mount=customers kzero-scim/fabrikam" ] || { echo "no value found at $*" >&2; exit 2; }
[ "$VAULT_TOKEN" = t0ken-of-a-job ] || exit 3
echo '{"data": {"data": {"KZERO_CLIENT_SECRET": "hunter2"}, "metadata": {"version": 1}}}'
"""
_AZ = """#!/bin/sh
[ "$*" = "keyvault secret show --vault-name fleet --name kzero-scim-fabrikam --query value --output tsv" ] || exit 3
printf '%s\\n' '{"KZERO_CLIENT_SECRET": "hunter2"}'
"""
Ask = Callable[..., dict[str, str]]


@pytest.fixture
def ask(tmp_path: Path) -> Ask:
    """Return a function that reads a tenant's credentials through a wrapper, as a fleet does."""
    for name, text in (("vault", _VAULT), ("az", _AZ)):
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)

    def credentials(wrapper: str, tenant: str, **variables: str) -> dict[str, str]:
        command = CredentialSettings(command=[str(_WRAPPERS / wrapper), "{tenant}"])
        tenants = {tenant: FleetTenant(tenant, tmp_path / "unused", {})}
        project = FleetProject(tmp_path, "p", FleetSettings(credentials=command), tenants)
        path = os.pathsep.join([str(tmp_path), os.environ.get("PATH", os.defpath)])
        return Credentials(project, {"PATH": path, **variables}).environment_of(tenant)

    return credentials


def test_vault_returns_a_tenants_variables(ask: Ask) -> None:
    """The key-value store may have any name, and the wrapper uses the run's sign-in."""
    found = ask("from-vault", "fabrikam", VAULT_MOUNT="customers", VAULT_TOKEN="t0ken-of-a-job")

    assert found["KZERO_CLIENT_SECRET"] == "hunter2"


def test_an_error_of_vault_is_reported(ask: Ask) -> None:
    """The error has Vault's own text, the tenant and the wrapper."""
    with pytest.raises(
        SettingsError, match=r"credentials of contoso: the command .*from-vault.* code 2: no value found"
    ):
        ask("from-vault", "contoso", VAULT_MOUNT="customers", VAULT_TOKEN="t0ken-of-a-job")


def test_key_vault_returns_a_tenants_variables(ask: Ask) -> None:
    """Each tenant has one secret, a JSON object."""
    assert ask("from-key-vault", "fabrikam", KEY_VAULT="fleet")["KZERO_CLIENT_SECRET"] == "hunter2"


def test_a_name_that_key_vault_does_not_allow_is_an_error(ask: Ask) -> None:
    """A wrong name does not lead to another tenant's secret."""
    with pytest.raises(SettingsError, match=r"fabrikam\.eu cannot be the name of a Key Vault secret"):
        ask("from-key-vault", "fabrikam.eu", KEY_VAULT="fleet")
