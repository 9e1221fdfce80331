"""The policy pack's rules: what they object to, and what they let pass."""

from __future__ import annotations

import pytest

from policy import rules

GOOD = {"scope": "assigned", "notificationEmail": "it@contoso.example", "deletionThreshold": 25.0, "secretToken": "x"}


def test_a_tenant_with_every_guard_passes() -> None:
    """No rule objects."""
    assert rules.whole_directory(GOOD) == []
    assert rules.notification_email(GOOD) == []
    assert rules.deletion_threshold(GOOD) == []
    assert rules.secret_token(GOOD, production=True) == []


def test_what_is_missing_is_objected_to_with_the_setting() -> None:
    """Each by a line that names what to set."""
    assert "kzero-scim:scope" in rules.whole_directory({"scope": "all"})[0]
    assert "kzero-scim:notificationEmail" in rules.notification_email({})[0]
    assert "kzero-scim:deletionThreshold" in rules.deletion_threshold({})[0]
    assert rules.deletion_threshold({"deletionThreshold": 501.0}) == [
        "kzero-scim:deletionThreshold is 501, more than the 500 that the policy allows"
    ]
    assert rules.deletion_threshold({"deletionThreshold": 501.0}, largest=600) == []
    assert "kzero-scim:secretToken" in rules.secret_token({"secretToken": ""}, production=True)[0]
    assert rules.secret_token({}, production=False) == []
    assert rules.secret_token({"oauth2": {"clientId": "x"}}, production=True) == []


@pytest.mark.parametrize(
    ("stack", "tags", "production"),
    [
        ("fabrikam", {}, True),
        ("fabrikam-test", {}, False),
        ("sandbox", {}, False),
        ("contest", {}, True),
        ("fabrikam-test", {"environment": "Production"}, True),
        ("fabrikam", {"environment": "staging"}, False),
    ],
)
def test_production_is_told_by_tag_or_name(stack: str, tags: dict[str, str], *, production: bool) -> None:
    """A tag decides where a backend has tags; else the stack's name."""
    assert rules.is_production(stack, tags) is production
    assert rules.stack_of(f"urn:pulumi:{stack}::kzero-scim::kzero:entra:X::tenant") == stack


def test_a_team_names_its_own_patterns() -> None:
    """In place of the pack's."""
    assert rules.is_production("fabrikam-test", {}, ["lab-*"])
    assert not rules.is_production("lab-1", {}, ["lab-*"])


@pytest.mark.parametrize(
    ("inputs", "environment", "said"),
    [
        ({"kzeroUsername": "admin"}, {}, 'KZero as user "admin"'),
        ({}, {"KZERO_USERNAME": "admin"}, 'KZero as user "admin"'),
        ({"kzeroClientId": "admin-cli"}, {}, 'Keycloak\'s own client "admin-cli"'),
        ({"realm": "master"}, {"KZERO_CLIENT_ID": "kzero-scim"}, 'realm "master"'),
        ({"useCli": "true"}, {}, "whoever has run `az login`"),
    ],
)
def test_accounts_of_people_and_administrators_are_objected_to(
    inputs: dict[str, str], environment: dict[str, str], said: str
) -> None:
    """Given to the provider, or read by it from the environment."""
    [problem] = rules.admin_credentials(inputs, environment)

    assert said in problem


def test_accounts_of_the_automations_own_pass() -> None:
    """A client of the tenant's realm, an app registration; also where the command line could be used beside it."""
    inputs = {"realm": "Contoso", "useCli": "true", "clientId": "841bfeb8-8c8a-57c1-82e3-1ff257926431"}

    assert rules.admin_credentials(inputs, {"KZERO_CLIENT_ID": "kzero-scim", "ARM_USE_CLI": "false"}) == []
