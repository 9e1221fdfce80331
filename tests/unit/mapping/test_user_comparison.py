"""Comparisons of a user's values in Entra and KZero."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kzero_scim.keycloak.protocol_mapper import guide_mappers
from kzero_scim.mapping.attribute_mapping import MANAGER, TAG, Expectation, expectations, guide_rows, unmatched
from kzero_scim.mapping.user_comparison import (
    Comparison,
    compare_user,
    graph_selection,
    is_user_name_known,
    reads_manager,
    user_name,
)
from kzero_scim.settings.items import Row

ENTRA: dict[str, Any] = {
    "id": "1",
    "userPrincipalName": "Alex@contoso.example",
    "accountEnabled": True,
    "givenName": "Alex",
    "surname": "Moreau",
    "mail": "Alex@contoso.example",
    "onPremisesExtensionAttributes": {"extensionAttribute1": "blue"},
}
KZERO: dict[str, Any] = {
    "id": "k1",
    "username": "alex@contoso.example",
    "email": "alex@contoso.example",
    "firstName": "Alex",
    "lastName": "Moreau",
    "enabled": True,
    "attributes": {"extensionAttribute1": ["blue"], "manager": ["k2"]},
}
GUIDE = expectations(guide_rows(), guide_mappers())
MANAGER_NAMES = {"k2", "robin@contoso.example", "2"}


def mismatches(entra: dict[str, Any] | None = None, kzero: dict[str, Any] | None = None) -> list[str]:
    """Return the differences under the guide's mapping."""
    return compare_user(GUIDE, ENTRA | (entra or {}), KZERO | (kzero or {}), MANAGER_NAMES).mismatches


def test_all_seven_are_compared_and_equal() -> None:
    """All seven attributes are compared, ignoring the case of user name and e-mail address."""
    arrival = compare_user(GUIDE, ENTRA, KZERO, MANAGER_NAMES)

    assert arrival.mismatches == []
    assert arrival.notes == []
    assert {item.attribute for item in arrival.comparisons} == set(guide_mappers())


@pytest.mark.parametrize(
    ("kzero", "said"),
    [
        ({"firstName": "Alexandra"}, 'firstName: Entra "Alex", KZero "Alexandra"'),
        ({"firstName": "alex"}, 'firstName: Entra "Alex", KZero "alex"'),
        ({"enabled": False}, 'status: Entra "true", KZero "false"'),
        (
            {"email": None},
            "email: Entra \"Alex@contoso.example\", KZero nothing (check that KZero has the mapper 'email')",
        ),
        (
            {"attributes": {"manager": ["k2"]}},
            "tag: Entra \"blue\", KZero nothing (check that KZero has the mapper 'tag')",
        ),
        (
            {"attributes": {"extensionAttribute1": ["blue"], "manager": ["k9"]}},
            'manager: Entra "2", KZero "k9"',
        ),
    ],
)
def test_each_difference_is_named(kzero: dict[str, Any], said: str) -> None:
    """A difference names the attribute and both values."""
    assert mismatches(kzero=kzero) == [said]


def test_a_disabled_user_is_expected_disabled() -> None:
    """A user who is disabled in Entra is expected to be disabled in KZero."""
    assert mismatches({"accountEnabled": False}, {"enabled": False}) == []
    assert mismatches({"accountEnabled": False}) == ['status: Entra "false", KZero "true"']


def test_an_empty_value_is_not_sent() -> None:
    """An empty value in Entra never differs, because Entra does not send it."""
    assert mismatches({"mail": None}, {"email": None}) == []
    assert mismatches({"mail": None}) == []


def test_a_value_may_be_kept_as_an_attribute_alone() -> None:
    """A value in an attribute counts if Keycloak's own field is empty."""
    attributes = KZERO["attributes"] | {"givenName": ["Alex"]}

    assert mismatches(kzero={"firstName": None, "attributes": attributes}) == []


def test_a_manager_who_is_not_provisioned_is_noted() -> None:
    """A missing manager gives a note: Entra sends only provisioned managers."""
    kzero = KZERO | {"attributes": {"extensionAttribute1": ["blue"]}}

    arrival = compare_user(GUIDE, ENTRA, kzero, MANAGER_NAMES)

    assert arrival.mismatches == []
    assert "while it provisions the manager too" in arrival.notes[0]


def test_what_only_entra_can_compute_is_noted() -> None:
    """Custom expressions, and attributes that Graph does not show, give a note."""
    expected = [
        Expectation(mapper="a", target="a", row=Row(expression="ToUpper([city])"), user_attribute="a"),
        Expectation(mapper="b", target="b", row=Row(source="preferredName"), user_attribute="b"),
        Expectation(mapper="c", target="c", row=Row(constant="x"), user_attribute="c"),
        Expectation(mapper="d", target="d", row=Row(source="city", default_value="none"), user_attribute="d"),
    ]

    arrival = compare_user(expected, ENTRA, {"attributes": {"c": ["x"], "d": ["none"]}})

    assert [note.split()[0] for note in arrival.notes] == ["a", "b"]
    assert arrival.comparisons == [
        Comparison(attribute="c", entra="x", kzero="x", equal=True),
        Comparison(attribute="d", entra="none", kzero="none", equal=True),
    ]


def test_graph_is_asked_for_what_is_compared() -> None:
    """Graph is asked for the compared attributes under its own names."""
    assert graph_selection(GUIDE) == [
        "accountEnabled",
        "givenName",
        "id",
        "mail",
        "onPremisesExtensionAttributes",
        "surname",
        "userPrincipalName",
    ]
    telephone = Expectation(mapper="t", target="t", row=Row(source="telephoneNumber"), user_attribute="t")
    assert "businessPhones" in graph_selection([telephone])
    assert reads_manager(GUIDE)
    assert not reads_manager([item for item in GUIDE if item.target != MANAGER])


def test_the_user_name_follows_its_row() -> None:
    """The user name is the value of the row for userName."""
    assert user_name(guide_rows(), ENTRA) == "Alex@contoso.example"
    assert user_name({"username": Row(source="mail")}, ENTRA | {"mail": "m"}) == "m"
    assert user_name({TAG: Row(source="city")}, ENTRA) == "Alex@contoso.example"
    assert is_user_name_known(guide_rows())
    assert not is_user_name_known({"userName": Row(expression="ToLower([mail])")})


def test_a_user_without_a_manager_is_noted() -> None:
    """Without a manager in Entra, the manager is not compared, and a note says so."""
    arrival = compare_user(GUIDE, ENTRA, KZERO, set())

    assert "manager was not compared: the user has no manager in Entra" in arrival.notes


def test_several_values_in_kzero_are_not_one_value() -> None:
    """An attribute with more values than the one that Entra sends differs."""
    kzero = KZERO | {"attributes": {"extensionAttribute1": ["blue", "red"]}}

    assert any('Entra "blue", KZero "blue, red"' in line for line in compare_user(GUIDE, ENTRA, kzero, ()).mismatches)


@given(st.permutations(list(guide_rows())), st.permutations(list(guide_mappers())))
def test_the_order_of_the_comparisons_is_always_the_same(targets: list[str], names: list[str]) -> None:
    """The engine keeps no order of rows and mappers, so the order of the comparisons must not depend on it."""
    rows, mappers = guide_rows(), guide_mappers()
    shuffled = {target: rows[target] for target in targets}, {name: mappers[name] for name in names}

    assert expectations(*shuffled) == GUIDE
    assert unmatched(*shuffled) == unmatched(rows, mappers)
