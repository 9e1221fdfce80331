"""The policy pack's rules reject risky settings and accept safe ones."""

from __future__ import annotations

import pytest

from policy import rules

GOOD = {"scope": "assigned", "notificationEmail": "it@contoso.example", "deletionThreshold": 25.0, "secretToken": "x"}


def test_a_tenant_with_every_guard_passes() -> None:
    """Every rule accepts a tenant with all guards."""
    assert rules.whole_directory(GOOD) == []
    assert rules.notification_email(GOOD) == []
    assert rules.deletion_threshold(GOOD) == []
    assert rules.secret_token(GOOD, production=True) == []


def test_a_missing_guard_is_rejected_with_its_setting() -> None:
    """Each rule's problem names the setting to set."""
    assert "kzero-scim:scope" in rules.whole_directory({"scope": "all"})[0]
    assert "kzero-scim:notificationEmail" in rules.notification_email({})[0]
    assert "kzero-scim:deletionThreshold" in rules.deletion_threshold({})[0]
    assert rules.deletion_threshold({"deletionThreshold": 501.0}) == [
        "kzero-scim:deletionThreshold is 501, but the policy allows at most 500"
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
def test_a_tag_or_the_name_decides_whether_a_stack_is_in_production(
    stack: str, tags: dict[str, str], *, production: bool
) -> None:
    """The tag decides if the backend supports tags, otherwise the stack's name decides."""
    assert rules.is_production(stack, tags) is production
    assert rules.stack_of(f"urn:pulumi:{stack}::kzero-scim::kzero:entra:X::tenant") == stack


def test_a_team_can_set_its_own_patterns() -> None:
    """A team's patterns replace the defaults."""
    assert rules.is_production("fabrikam-test", {}, ["lab-*"])
    assert not rules.is_production("lab-1", {}, ["lab-*"])


@pytest.mark.parametrize(
    ("inputs", "environment", "said"),
    [
        ({"kzeroUsername": "admin"}, {}, 'KZero as user "admin"'),
        ({}, {"KZERO_USERNAME": "admin"}, 'KZero as user "admin"'),
        ({"kzeroClientId": "admin-cli"}, {}, 'Keycloak\'s own client "admin-cli"'),
        ({"realm": "master"}, {"KZERO_CLIENT_ID": "kzero-scim"}, 'realm "master"'),
        ({"useCli": "true"}, {}, "the user of `az login`"),
    ],
)
def test_accounts_of_people_and_administrators_are_rejected(
    inputs: dict[str, str], environment: dict[str, str], said: str
) -> None:
    """Accounts in the provider's inputs and in its environment are rejected."""
    [problem] = rules.admin_credentials(inputs, environment)

    assert said in problem


def test_the_automations_own_accounts_are_accepted() -> None:
    """A client of the tenant's realm and an app registration are accepted, even if the Azure CLI could be used too."""
    inputs = {"realm": "Contoso", "useCli": "true", "clientId": "841bfeb8-8c8a-57c1-82e3-1ff257926431"}

    assert rules.admin_credentials(inputs, {"KZERO_CLIENT_ID": "kzero-scim", "ARM_USE_CLI": "false"}) == []
