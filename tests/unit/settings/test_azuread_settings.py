"""Every setting of azuread is read, refused by name, or known to have no effect on kzero-scim."""

from __future__ import annotations

import base64
import inspect
from typing import TYPE_CHECKING

import pytest
from pulumi_azuread.provider import ProviderArgs

from kzero_scim.clients.graph.sign_in import choose
from kzero_scim.errors import SettingsError
from kzero_scim.resource.codec import fields_of
from kzero_scim.resource.model import camel
from kzero_scim.settings.allowed_hosts import HostRule
from kzero_scim.settings.azuread_settings import KNOWN, READ, REFUSED, WITHOUT_EFFECT, from_azuread
from kzero_scim.settings.provider_config import Config, complete

if TYPE_CHECKING:
    from pathlib import Path

TENANT = {"ARM_TENANT_ID": "t"}
APPLICATION = {**TENANT, "ARM_CLIENT_ID": "c"}


def words(stack: dict[str, str], environment: dict[str, str], hosts: HostRule | None = None) -> str:
    """Return how a stack signs in."""
    return choose(complete(Config(**from_azuread(stack)), environment), environment, hosts).words


def test_every_argument_of_azureads_provider_is_accounted_for() -> None:
    """A new argument of azuread must be read, refused, or listed as without effect."""
    arguments = {camel(name) for name in inspect.signature(ProviderArgs.__init__).parameters if name != "__self__"}

    assert arguments == KNOWN
    assert not set(READ) & {*REFUSED, *WITHOUT_EFFECT}
    assert set(READ.values()) <= {spec.name for spec in fields_of(Config).values()}


@pytest.mark.parametrize("key", READ)
def test_a_setting_of_the_stack_file_reaches_the_provider(key: str) -> None:
    """Booleans arrive as booleans, everything else as text."""
    [(name, value)] = from_azuread({f"azuread:{key}": "true"}).items()

    assert name == READ[key]
    assert value is True if key.startswith("use") else value == "true"


@pytest.mark.parametrize("key", REFUSED)
def test_a_setting_that_only_azuread_knows_is_refused_by_name(key: str) -> None:
    """The error names the setting and another way to sign in; so does the one for the variable."""
    with pytest.raises(SettingsError, match=rf"azuread:{key} is set.*remove azuread:{key}, or sign in"):
        from_azuread({f"azuread:{key}": "https://x.example"})
    with pytest.raises(SettingsError, match=rf"{REFUSED[key]} is set"):
        words({"azuread:useMsi": "true"}, {REFUSED[key]: "https://x.example"})


@pytest.mark.parametrize(
    ("stack", "environment", "said"),
    [
        ({"azuread:clientCertificate": base64.b64encode(b"x").decode()}, APPLICATION, "with a certificate"),
        ({}, APPLICATION | {"ARM_CLIENT_CERTIFICATE": "eA=="}, "with a certificate"),
        (
            {"azuread:useOidc": "true", "azuread:adoPipelineServiceConnectionId": "s"},
            APPLICATION | {"SYSTEM_OIDCREQUESTURI": "https://x.example", "SYSTEM_ACCESSTOKEN": "b"},
            "with an id token of Azure DevOps",
        ),
        (
            {"azuread:useOidc": "true"},
            APPLICATION
            | {
                "SYSTEM_OIDCREQUESTURI": "https://x.example",
                "SYSTEM_ACCESSTOKEN": "b",
                "AZURESUBSCRIPTION_SERVICE_CONNECTION_ID": "s",
            },
            "with an id token of Azure DevOps",
        ),
        (
            {"azuread:useAksWorkloadIdentity": "true"},
            TENANT | {"AZURE_CLIENT_ID": "pod", "AZURE_FEDERATED_TOKEN_FILE": "/t"},
            "as application pod with the workload identity of this pod",
        ),
        (
            {},
            TENANT
            | {"ARM_USE_AKS_WORKLOAD_IDENTITY": "true", "AZURE_CLIENT_ID": "pod", "AZURE_FEDERATED_TOKEN_FILE": "/t"},
            "as application pod with the workload identity of this pod",
        ),
    ],
)
def test_kzero_signs_in_as_azuread_does(stack: dict[str, str], environment: dict[str, str], said: str) -> None:
    """A sign-in that azuread takes from the stack or a variable is also kzero's."""
    assert words(stack, environment).endswith(said)


def test_files_that_the_stack_names_are_read_below_stacks(tmp_path: Path) -> None:
    """Client ID and secret come from files; an empty file is an error that names its setting."""
    folder = tmp_path / "stacks"
    folder.mkdir()
    (folder / "id").write_text("the-client\n")
    (folder / "secret").write_text("the-secret\n")
    (folder / "empty").write_text("\n")
    stack = {"azuread:clientIdFilePath": "stacks/id", "azuread:clientSecretFilePath": "stacks/secret"}

    def sign_in(given: dict[str, str]) -> str:
        return words(given, TENANT, HostRule(stack=given, environment=TENANT, allowed=frozenset(), project=tmp_path))

    assert sign_in(stack) == "as application the-client with a client secret"
    with pytest.raises(SettingsError, match="azuread:clientSecretFilePath: the file is empty"):
        sign_in({**stack, "azuread:clientSecretFilePath": "stacks/empty"})


def test_another_client_than_the_pods_is_refused() -> None:
    """Two client IDs for a workload identity are an error, in azuread and in kzero."""
    environment = APPLICATION | {"AZURE_CLIENT_ID": "pod", "AZURE_FEDERATED_TOKEN_FILE": "/t"}

    with pytest.raises(SettingsError, match="AZURE_CLIENT_ID is pod"):
        words({"azuread:useAksWorkloadIdentity": "true"}, environment)
