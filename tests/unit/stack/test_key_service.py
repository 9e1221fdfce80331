"""Tests which key services and Pulumi ESC environments a stack file may name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from kzero_scim.errors import SettingsError
from kzero_scim.fleet.project import FleetProject
from kzero_scim.stack.key_service import require_own_services


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"secretsprovider": "passphrase", "encryptionsalt": "v1:x"},
        {"secretsprovider": "azurekeyvault://contoso.vault.azure.net/keys/pulumi"},
        {"secretsprovider": "awskms://alias/pulumi?region=eu-central-1&awssdk=v2&context_tenant=x"},
        {"secretsprovider": "gcpkms://projects/p/locations/l/keyRings/r/cryptoKeys/k"},
        {"secretsprovider": "hashivault://pulumi"},
        {"environment": ["contoso/scim"]},
        {"environment": []},
    ],
    ids=str,
)
def test_own_services_are_accepted(document: dict[str, Any]) -> None:
    """A key service without a host of the stack file's choice is accepted, and an environment that is allowed."""
    require_own_services(document, {"KZERO_SCIM_ALLOWED_ENVIRONMENTS": "contoso/scim, other"})


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ({"secretsprovider": "azurekeyvault://evil.example/keys/x"}, "Azure token to evil.example"),
        (
            {"secretsprovider": "azurekeyvault://x.vault.azure.net.evil.example/keys/x"},
            "which is not one of Microsoft's",
        ),
        ({"secretsprovider": "azurekeyvault://x.vault.azure.net:444/keys/x"}, "which is not one of Microsoft's"),
        ({"secretsprovider": "azurekeyvault://a@x.vault.azure.net/keys/x"}, "which is not one of Microsoft's"),
        ({"secretsprovider": "awskms://x?endpoint=https://evil.example"}, "parameter endpoint"),
        ({"secretsprovider": "gcpkms://x?anything=1"}, "parameter anything"),
        ({"secretsprovider": "https://evil.example"}, "not a key service that kzero-scim knows"),
        ({"secretsprovider": ["x"]}, "not a text"),
        ({"environment": ["contoso/other"]}, "environment: contoso/other"),
        ({"environment": "contoso/other"}, "environment: contoso/other"),
        ({"environment": {"imports": ["x"], "values": {}}}, "would be imported from Pulumi ESC"),
        ({"environment": [{"contoso/scim": {"merge": False}}]}, "would be imported from Pulumi ESC"),
    ],
    ids=str,
)
def test_others_are_refused_by_name(document: dict[str, Any], said: str) -> None:
    """What only the stack file names is refused before the Pulumi CLI sees it."""
    with pytest.raises(SettingsError, match=r"^(secretsprovider|environment): ") as refused:
        require_own_services(document, {"KZERO_SCIM_ALLOWED_ENVIRONMENTS": "contoso/scim"})

    assert said in str(refused.value)


def test_an_operator_can_allow_another_vault() -> None:
    """A vault of another cloud is accepted if its host is allowed outside the stack file."""
    document = {"secretsprovider": "azurekeyvault://keys.azure.example/keys/x"}

    require_own_services(document, {"KZERO_SCIM_ALLOWED_HOSTS": "https://keys.azure.example"})


def test_a_refused_stack_file_is_the_failure_of_its_tenant_alone(tmp_path: Path) -> None:
    """A fleet reports the tenant's problem, and keeps the others."""
    (tmp_path / "Pulumi.yaml").write_text("name: kzero-scim\nruntime: python\n")
    (tmp_path / "stacks").mkdir()
    (tmp_path / "stacks" / "Pulumi.a.yaml").write_text("environment: [contoso/production]\n")
    (tmp_path / "stacks" / "Pulumi.b.yaml").write_text("config: {}\n")

    tenants = FleetProject.load(tmp_path).tenants

    assert "environment: contoso/production would be imported" in tenants["a"].problem
    assert tenants["b"].problem == ""
