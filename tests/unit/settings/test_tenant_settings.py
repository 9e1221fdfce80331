"""The settings of a tenant: valid input is accepted, and the error for bad input names the setting and the remedy."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from kzero_scim.errors import SettingsError
from kzero_scim.settings.tenant_settings import FIELDS, NAMESPACE, TenantSettings

TENANT_ID = "5a4d0b0c-0000-4000-8000-00000000e401"
PROJECT = Path(__file__).resolve().parents[3]


def config(**changes: Any) -> dict[str, str]:  # noqa: ANN401 - any setting's value
    """Return a valid configuration as the engine encodes it, with changes."""
    values = {"kzeroTenant": "Contoso", "users": ["alex@contoso.example"], **changes}
    encoded = {
        f"{NAMESPACE}:{key}": value if isinstance(value, str) else json.dumps(value) for key, value in values.items()
    }
    return {"azuread:tenantId": TENANT_ID, **encoded}


def problems(values: dict[str, str], secret_keys: frozenset[str] = frozenset()) -> list[str]:
    """Return the lines of the error for a configuration."""
    with pytest.raises(SettingsError) as caught:
        TenantSettings.parse(values, secret_keys)
    return [line.strip() for line in str(caught.value).splitlines()[1:]]


def test_the_smallest_tenant_gets_the_defaults() -> None:
    """The two required settings and one user are enough; all other settings have defaults."""
    settings = TenantSettings.parse(config())

    assert settings.entra_tenant_id == TENANT_ID
    assert settings.tenant_url == "https://ca.auth.kzero.com/realms/Contoso/scim/v2"
    assert settings.application_name == "KZero Passwordless SCIM"
    assert settings.activation == "console"


def test_guards_are_on_by_default() -> None:
    """By default, the guards allow 25 deletions and 25 removed users or 20 %; 0 is a value and not the default."""
    settings = TenantSettings.parse(config())
    off = TenantSettings.parse(config(deletionThreshold=0, unassignMaxUsers=0, unassignMaxShare=0))

    assert (settings.deletion_threshold, settings.unassign_max_users, settings.unassign_max_share) == (25, 25, 20)
    assert (off.deletion_threshold, off.unassign_max_users, off.unassign_max_share) == (None, 0, 0)


def test_a_tenant_name_of_digits_stays_text() -> None:
    """A tenant name that looks like a number stays a text."""
    assert TenantSettings.parse(config(kzeroTenant="007")).kzero_tenant == "007"


def test_an_empty_configuration_is_an_error_that_names_the_required_settings() -> None:
    """The error for an empty configuration names each required setting."""
    lines = problems({})

    assert [line.split(":")[0] for line in lines] == ["azuread", "kzeroTenant"]
    assert all("not set" in line for line in lines)


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"kzeroTenant": "Con toso"}, "kzeroTenant: 'Con toso' is not valid; copy the tenant's name exactly"),
        ({"kzeroTenant": "a/b"}, "kzeroTenant: 'a/b' is not valid"),
        (
            {"kzeroServerUrl": "http://kzero.example"},
            "kzeroServerUrl: 'http://kzero.example' is not valid; give only the origin",
        ),
        ({"kzeroServerUrl": "https://u:p@kzero.example"}, "kzeroServerUrl: "),
        ({"profile": "azure"}, "profile: 'azure' is not valid; use 'Azure' or 'Generic'"),
        ({"userz": []}, "userz: unknown key; did you mean 'users'?"),
        ({"users": ["a@b.example", "A@b.example"]}, "users: 'A@b.example' is listed twice"),
        ({"users": []}, "users: no users and no groups are listed"),
        ({"users": "alex"}, "users: 'alex' is not valid; list user principal names"),
        (
            {"onDestroy": "disable", "scope": "all"},
            "onDestroy: 'disable' would disable all users of the",
        ),
        ({"onDestroy": "disable", "adopted": True}, "onDestroy: 'disable' has no effect if adopted is true"),
        (
            {
                "onDestroy": "disable",
                "attributeMappings": [{"target": "userName", "expression": "Trim([mail])", "matchingPriority": 1}],
            },
            "onDestroy: 'disable' finds users by their names in KZero, but no row maps an attribute to userName",
        ),
        ({"unassignMaxShare": 101}, "unassignMaxShare: 101 is not valid; give a percentage from 0 to 100"),
        ({"deletionThreshold": -1}, "deletionThreshold: -1 is not valid; give a whole number"),
        ({"notificationEmail": "it"}, "notificationEmail: 'it' is not valid; give one email address"),
        (
            {"activation": "attributes", "activationPreset": "keycloak"},
            "profile: 'Azure' does not work with activationPreset keycloak",
        ),
        ({"scimAttributes": {"tag": "externalId"}}, "scimAttributes: works only with Keycloak's own SCIM API"),
        ({"remoteTokenLifespan": 7200}, "remoteTokenLifespan: works only with Keycloak's own SCIM API"),
        ({"remoteTokenClientId": "scim-endpoint"}, "remoteTokenClientId: works only with profile Generic"),
        (
            {"profile": "Generic", "remoteTokenEndpoint": "http://x.example/token"},
            "remoteTokenEndpoint: 'http://x.example/token' is not valid",
        ),
        ({"profile": "Generic", "remoteTokenRenewBefore": 5}, "remoteTokenRenewBefore: "),
        ({"activation": "attributes"}, "activationPreset: not set, but activation is 'attributes'"),
        (
            {"mappers": {"a": {"userAttribute": "x", "claim": "c"}, "b": {"userAttribute": "y", "claim": "c"}}},
            "mappers.b",
        ),
        ({"mappers": {"a": {"userAttribute": "x", "clam": "c"}}}, "mappers.a.claim: not set; add it"),
        (
            {"attributeMappings": [{"target": "userName"}]},
            "attributeMappings[0]: target 'userName' has no source, expression or constant",
        ),
        (
            {
                "attributeMappings": [
                    {"target": "a", "source": "x", "matchingPriority": 1},
                    {"target": "A", "source": "y"},
                ]
            },
            "attributeMappings: 'A' is listed twice",
        ),
        ({"attributeMappings": [{"target": "userName", "source": "x"}]}, "attributeMappings: no row has a matching"),
        ({"customAttributes": [{"name": "urn:tag"}]}, "customAttributes[0]: 'urn:tag' is not a custom attribute name"),
        ({"lockoutGuard": "maybe"}, "lockoutGuard: 'maybe' is not valid; use 'off', 'warn' or 'require'"),
        ({"provisioning": "perhaps"}, "provisioning: 'perhaps' is not valid"),
        ({"kzeroUsername": "", "kzeroPassword": ""}, ""),
    ],
)
def test_a_bad_setting_is_named_with_value_and_remedy(changes: dict[str, Any], line: str) -> None:
    """Each problem is one line with the key, the value and the remedy."""
    if not line:
        TenantSettings.parse(config(**changes))
        return

    lines = problems(config(**changes))

    assert any(found.startswith(line) for found in lines), lines


def test_an_entra_tenant_id_that_is_not_a_guid_is_refused() -> None:
    """A domain name is refused as the Entra tenant ID, and the error says where to find the ID."""
    lines = problems({**config(), "azuread:tenantId": "contoso.onmicrosoft.com"})

    assert len(lines) == 1
    assert lines[0].startswith("azuread:tenantId: 'contoso.onmicrosoft.com' is not valid; copy the Tenant ID")


def test_all_problems_are_named_at_once() -> None:
    """One error names all problems."""
    assert len(problems(config(profile="x", scope="y", lockoutGuard="z"))) == 3


def test_a_secret_in_clear_text_is_refused_and_not_repeated() -> None:
    """A secret in clear text is refused, and the error does not repeat it."""
    lines = problems(config(secretToken="hunter2"))

    assert lines[0].startswith("secretToken: in clear text in the stack file")
    assert "hunter2" not in "".join(lines)


def test_an_encrypted_secret_is_accepted_and_hidden() -> None:
    """An encrypted secret is used, and the settings' text does not show it."""
    settings = TenantSettings.parse(config(secretToken="hunter2"), frozenset({f"{NAMESPACE}:secretToken"}))

    assert settings.secret_token is not None
    assert settings.secret_token.get_secret_value() == "hunter2"
    assert "hunter2" not in repr(settings)


def test_settings_of_other_namespaces_are_ignored() -> None:
    """Keys of other namespaces are ignored, except azuread's tenant ID."""
    TenantSettings.parse({**config(), "azuread:clientId": "x", "other:thing": "y"})


def test_the_project_file_declares_exactly_the_settings() -> None:
    """Pulumi.yaml declares every setting with a description, and nothing else."""
    declared = yaml.safe_load((PROJECT / "Pulumi.yaml").read_text())["config"]

    assert set(declared) | {"azuread:tenantId"} == set(FIELDS)
    assert all(entry["description"].endswith(".") for entry in declared.values())


def test_the_project_files_defaults_are_accepted_as_not_set() -> None:
    """The defaults in Pulumi.yaml, which the engine passes for missing keys, mean the same as missing settings."""
    declared = yaml.safe_load((PROJECT / "Pulumi.yaml").read_text())["config"]
    defaults = {key: entry["default"] for key, entry in declared.items() if key not in {"kzeroTenant", "users"}}

    assert TenantSettings.parse(config(**defaults)) == TenantSettings.parse(config())


@pytest.mark.parametrize("name", ["example", "keycloak-example", "sandbox"])
def test_the_stack_files_of_the_project_are_valid(name: str) -> None:
    """The project's example stack files are valid."""
    document = yaml.safe_load((PROJECT / "stacks" / f"Pulumi.{name}.yaml").read_text())
    encoded = {key: value if isinstance(value, str) else json.dumps(value) for key, value in document["config"].items()}

    TenantSettings.parse(encoded)


@given(st.dictionaries(st.sampled_from(list(FIELDS)), st.text(max_size=40), max_size=8))
def test_any_text_is_accepted_or_refused_with_a_settings_error(values: dict[str, str]) -> None:
    """Any text is accepted or refused with a settings error, and never raises another exception."""
    named = {key if ":" in key else f"{NAMESPACE}:{key}": value for key, value in values.items()}
    try:
        TenantSettings.parse(named)
    except SettingsError as error:
        assert str(error)  # noqa: PT017 - either outcome is right, each has its own demand
