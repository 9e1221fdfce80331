"""How the sandbox's KZero interprets mappers, and what it stores and returns with them."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kzero_sandbox.kzero.filters import SameKeys, equalities, matches, parse
from kzero_sandbox.kzero.mappers import ALIASES, AttributeMapping, flat, to_keycloak, to_scim, usable
from kzero_sandbox.kzero.paths import flatten, key
from scim2_models.exceptions import InvalidValueException

EXTENSION = "urn:ietf:params:scim:schemas:extension:CustomExtensionName:2.0:User"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"

_words = st.text("abcdefghijklmnopqrstuvwxyzABC09.@-", min_size=1, max_size=12)


def mapper(name: str, user_attribute: str, claim: str, json_type: str = "String", **config: str) -> dict[str, Any]:
    """Return a mapper in Keycloak's format with all token options on."""
    return {
        "name": name,
        "protocolMapper": "oidc-usermodel-attribute-mapper",
        "config": {
            "user.attribute": user_attribute,
            "claim.name": claim,
            "jsonType.label": json_type,
            "id.token.claim": "true",
            "access.token.claim": "true",
            "userinfo.token.claim": "true",
            "introspection.token.claim": "true",
            **config,
        },
    }


GUIDE = [
    mapper("status", "isSoftDeleted", "active", "boolean"),
    mapper("loginName", "userPrincipalName", "userName"),
    mapper("firstName", "givenName", "name.givenName"),
    mapper("manager", "manager", "manager"),
    mapper("lastName", "surName", "name.familyName"),
    mapper("tag", "extensionAttribute1", f"{EXTENSION}:tag"),
    mapper("email", "email", "email"),
]


def stored(mappings: list[AttributeMapping], resource: dict[str, Any]) -> dict[str, Any]:
    """Return the Keycloak user that a POST of the resource creates."""
    return to_keycloak(mappings, flatten(resource)).apply({"enabled": True})


def test_the_guides_seven_mappers_store_what_entra_sends() -> None:
    """The mappers fill both core fields and attributes, with the names in the guide's table."""
    user = stored(
        usable(GUIDE),
        {
            "userName": "Alex@contoso.example",
            "externalId": "a1",
            "active": True,
            "name": {"givenName": "Alex", "familyName": "Lindqvist"},
            "emails": [{"type": "work", "value": "alex@contoso.example", "primary": True}],
            ENTERPRISE: {"manager": {"value": "m1"}},
            EXTENSION: {"tag": "field"},
        },
    )

    assert user == {
        "username": "Alex@contoso.example",
        "enabled": True,
        "firstName": "Alex",
        "lastName": "Lindqvist",
        "email": "alex@contoso.example",
        "attributes": {
            "scim.externalId": ["a1"],
            "userPrincipalName": ["Alex@contoso.example"],
            "givenName": ["Alex"],
            "surName": ["Lindqvist"],
            "isSoftDeleted": ["true"],
            "manager": ["m1"],
            "extensionAttribute1": ["field"],
        },
    }


def test_an_attribute_without_a_mapper_is_ignored() -> None:
    """An attribute without a mapper is not stored."""
    mappings = usable(entry for entry in GUIDE if entry["name"] != "tag")

    user = stored(mappings, {"userName": "alex", EXTENSION: {"tag": "field"}, "title": "Technician"})

    assert user["attributes"] == {"userPrincipalName": ["alex"]}


def test_a_mapper_with_all_token_options_off_is_not_used() -> None:
    """A mapper with all token options off is ignored; one option is enough to use it."""
    off = dict.fromkeys(("id.token.claim", "access.token.claim", "userinfo.token.claim"), "false")
    silent = mapper("a", "a", "a", **off, **{"introspection.token.claim": "false"})
    audible = mapper("b", "b", "b", **off)

    assert [mapping.name for mapping in usable([silent, audible])] == ["b"]


def test_mappers_of_other_kinds_are_not_used() -> None:
    """Only mappers of the type User Attribute map SCIM attributes."""
    other = {**mapper("a", "a", "a"), "protocolMapper": "oidc-audience-mapper"}

    assert usable([other]) == []


def test_escaped_dots_in_a_claim_mean_the_same_path() -> None:
    r"""The claims `…:2\.0:User:tag` and `…:2.0:User:tag` accept the same attribute."""
    plain, escaped = usable(
        [mapper("a", "x", f"{EXTENSION}:tag"), mapper("b", "x", EXTENSION.replace(".", "\\.") + ":tag")]
    )

    assert plain.keys == escaped.keys
    assert to_scim([escaped], {"attributes": {"x": ["field"]}}) == {EXTENSION: {"tag": "field"}}


@pytest.mark.parametrize("json_type", ["String", "JSON", "int"])
def test_active_needs_a_boolean_mapper(json_type: str) -> None:
    """A status mapper of another Claim JSON Type is an error that names it; otherwise users would stay enabled."""
    mappings = usable([mapper("status", "isSoftDeleted", "active", json_type)])

    with pytest.raises(InvalidValueException, match=f"'status' has Claim JSON Type {json_type}"):
        to_keycloak(mappings, {"active": False})


@pytest.mark.parametrize(("sent", "enabled"), [("False", False), ("false", False), (False, False), ("True", True)])
def test_active_accepts_entras_strings(sent: object, enabled: bool) -> None:  # noqa: FBT001 - a parameter
    """Entra sends booleans as strings by default."""
    change = to_keycloak(usable(GUIDE), {"active": sent})

    assert change.fields == {"enabled": enabled}


def test_a_value_of_the_wrong_type_is_refused() -> None:
    """The error names the path and the value."""
    mappings = usable([mapper("n", "n", "employeeNumber", "int")])

    with pytest.raises(InvalidValueException, match="employeeNumber: 'seven' is not a number"):
        to_keycloak(mappings, flatten({"employeeNumber": "seven"}))


def test_removing_a_complex_attribute_removes_its_sub_attributes() -> None:
    """`Remove name` removes both names; Keycloak clears a field with an empty string."""
    change = to_keycloak(usable(GUIDE), {"name": None})

    user = change.apply({"firstName": "A", "lastName": "L", "attributes": {"givenName": ["A"], "other": ["x"]}})

    assert user == {"firstName": "", "lastName": "", "attributes": {"other": ["x"]}}


def test_a_user_name_keeps_its_spelling_until_the_user_is_renamed() -> None:
    """Keycloak converts names to lower case; the spelling in the attribute is returned while the name is the same."""
    mappings = usable(GUIDE)
    user = {"username": "alex", "enabled": True, "attributes": {"userPrincipalName": ["Alex"]}}

    assert to_scim(mappings, user)["userName"] == "Alex"
    assert to_scim(mappings, {**user, "username": "sasha"})["userName"] == "sasha"


@given(
    st.fixed_dictionaries(
        {
            "userName": _words,
            "externalId": _words,
            "active": st.booleans(),
            "name": st.fixed_dictionaries({"givenName": _words, "familyName": _words}),
            "emails": st.tuples(st.fixed_dictionaries({"type": st.just("work"), "value": _words})).map(list),
            ENTERPRISE: st.fixed_dictionaries({"manager": st.fixed_dictionaries({"value": _words})}),
            EXTENSION: st.fixed_dictionaries({"tag": _words}),
        }
    )
)
def test_what_is_stored_is_returned_again(resource: dict[str, Any]) -> None:
    """For the guide's seven mappers, `to_scim` is the inverse of `to_keycloak`."""
    mappings = usable(GUIDE)

    assert to_scim(mappings, stored(mappings, resource)) == resource


USER = {
    "id": "5136b930",
    "userName": "Alex@contoso.example",
    "externalId": "A1",
    "active": True,
    "emails": [{"type": "work", "value": "alex@contoso.example"}],
    ENTERPRISE: {"manager": {"value": "m1"}},
    EXTENSION: {"tag": "field"},
}


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ('userName eq "alex@CONTOSO.example"', True),
        ('externalId eq "A1"', True),
        ('externalId eq "a1"', False),
        ('emails[type eq "work"].value eq "alex@contoso.example"', True),
        ('emails[type eq "home"].value eq "alex@contoso.example"', False),
        ('email eq "alex@contoso.example"', True),
        ('active eq "True"', True),
        ("active eq false", False),
        ('id eq "5136b930" and manager eq "m1"', True),
        ('id eq "5136b930" and manager eq "m2"', False),
        (f'{EXTENSION}:tag eq "field"', True),
        ("title pr", False),
        ('not (title pr) and userName sw "alex"', True),
        ('userName eq "nobody" or userName co "@contoso"', True),
        ('userName ne "nobody"', True),
    ],
)
def test_filters_match_the_returned_resource(condition: str, expected: bool) -> None:  # noqa: FBT001 - a parameter
    """Entra's filters and all RFC 7644 operators work with aliases and extensions."""
    assert matches(parse(condition), flat(USER), SameKeys(ALIASES)) is expected


def test_equalities_are_those_the_whole_filter_depends_on() -> None:
    """An index can serve a term of a conjunction but not a term of a disjunction."""
    assert equalities(parse('userName eq "a" and active eq true')) == {"username": "a", "active": True}
    assert equalities(parse('userName eq "a" or active eq true')) == {}
    assert equalities(parse('emails[type eq "work"].value eq "x"')) == {'emails[type eq "work"].value': "x"}


def test_a_text_that_is_not_a_path_is_its_own_key() -> None:
    """An unusual claim name only matches itself and causes no error."""
    assert key("a.b.c.d") == "a.b.c.d"
    assert to_scim(usable([mapper("odd", "x", "a.b.c.d")]), {"attributes": {"x": ["1"]}}) == {"a.b.c.d": "1"}
