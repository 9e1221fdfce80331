"""Which user attributes a realm keeps."""

from __future__ import annotations

import pytest

from kzero_scim.keycloak.user_profile import dropped_attributes, explanation

NAMES = ["tag", "manager", "userPrincipalName", "givenName", "isSoftDeleted", "email", "tag"]


def test_undeclared_attributes_are_dropped_but_not_the_fields_of_a_user() -> None:
    """Names that mean a field of Keycloak's users (user name, first name, enabled) need no declaration."""
    profile = {"attributes": [{"name": "username"}, {"name": "manager"}]}

    assert dropped_attributes(profile, NAMES) == ["tag"]


@pytest.mark.parametrize(
    ("policy", "dropped"), [("ENABLED", []), ("ADMIN_EDIT", []), ("ADMIN_VIEW", ["manager", "tag"])]
)
def test_the_policy_for_unmanaged_attributes_decides(policy: str, dropped: list[str]) -> None:
    """Only two policies let administrators write attributes that the profile does not declare."""
    assert dropped_attributes({"unmanagedAttributePolicy": policy}, NAMES) == dropped


def test_the_explanation_names_the_attributes_and_both_remedies() -> None:
    """One line, with the page of the console."""
    said = explanation("Contoso", ["manager", "tag"])

    assert 'realm "Contoso" drops the user attributes manager, tag' in said
    assert "User profile" in said
    assert "Unmanaged attributes" in said
    assert "\n" not in said
