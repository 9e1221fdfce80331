"""Tests of the values that Entra sends for source attributes of Graph's user."""

from __future__ import annotations

import pytest

from kzero_scim.mapping.source_attributes import provisioned_user_name, read_attribute

GUEST = "pat_partner.example#EXT#@contoso.onmicrosoft.example"


@pytest.mark.parametrize(
    ("principal_name", "sent"),
    [
        ("alex@contoso.example", "alex@contoso.example"),
        (GUEST, "pat@partner.example"),
        ("o_brien_partner.example#EXT#@contoso.example", "o_brien@partner.example"),
        ("Pat_Partner.example#ext#@contoso.example", "Pat@Partner.example"),
        ("pat#EXT#@contoso.example", "pat#EXT#@contoso.example"),
        ("", ""),
    ],
)
def test_entra_sends_a_guest_without_the_tenants_domain(principal_name: str, sent: str) -> None:
    """The last underscore before #EXT# stands for the @ of the guest's own name."""
    assert provisioned_user_name(principal_name) == sent


def test_the_original_name_is_an_attribute_of_its_own() -> None:
    """A mapping of originalUserPrincipalName sends the name with #EXT#."""
    user = {"userPrincipalName": GUEST}

    assert read_attribute(user, "userPrincipalName") == "pat@partner.example"
    assert read_attribute(user, "originalUserPrincipalName") == GUEST
