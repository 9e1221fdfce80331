"""How the sandbox's KZero interprets PATCH bodies in both of Entra's formats."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kzero_sandbox.kzero.patch import interpret, member_changes
from kzero_sandbox.kzero.paths import flatten
from scim2_models.exceptions import (
    InvalidPathException,
    InvalidSyntaxException,
    InvalidValueException,
    NoTargetException,
)

TAG = "urn:ietf:params:scim:schemas:extension:CustomExtensionName:2.0:User:tag"
MANAGER = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager"

_words = st.text("abcdefghijklmnopqrstuvwxyzÄß09 ", min_size=1, max_size=12)
_users = st.fixed_dictionaries(
    {},
    optional={
        "userName": _words,
        "active": st.booleans(),
        "name": st.fixed_dictionaries({"givenName": _words, "familyName": _words}),
        "emails": st.lists(st.fixed_dictionaries({"type": st.just("work"), "value": _words}), min_size=1, max_size=1),
        TAG.rpartition(":")[0]: st.fixed_dictionaries({"tag": _words}),
    },
)


def patch(*operations: dict[str, Any]) -> dict[str, Any]:
    """Return a PATCH body with these operations."""
    return {"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": list(operations)}


def test_default_style_has_one_path_per_operation_in_any_case() -> None:
    """Add, Replace and Remove with paths become values by key; a removed attribute becomes None."""
    body = patch(
        {"op": "Replace", "path": "active", "value": "False"},
        {"op": "Add", "path": 'emails[type eq "work"].value', "value": "a@contoso.example"},
        {"op": "REPLACE", "path": TAG, "value": "field"},
        {"op": "Remove", "path": "name.givenName"},
    )

    assert interpret(body) == {
        "active": "False",
        'emails[type eq "work"].value': "a@contoso.example",
        TAG.lower(): "field",
        "name.givenname": None,
    }


def test_flag_style_has_no_path_and_dotted_or_urn_keys() -> None:
    """A replace operation without a path accepts dotted keys and URN keys."""
    body = patch({"op": "replace", "value": {"active": False, "name.givenName": "Alex", TAG: "t", MANAGER: "m"}})

    assert interpret(body) == {"active": False, "name.givenname": "Alex", TAG.lower(): "t", MANAGER.lower(): "m"}


def test_an_array_as_value_of_a_reference_gives_its_value() -> None:
    """The value of a reference may be an array of one object, as in Microsoft's manager sample."""
    body = patch({"op": "Add", "path": "manager", "value": [{"$ref": "https://localhost/Users/1", "value": "1"}]})

    assert interpret(body)["manager.value"] == "1"


def test_later_operations_win() -> None:
    """Of two operations on one attribute, in either notation, the second applies."""
    body = patch(
        {"op": "Replace", "path": "name.givenName", "value": "first"},
        {"op": "replace", "value": {"name": {"givenName": "second"}}},
    )

    assert interpret(body) == {"name.givenname": "second"}


@given(_users)
def test_a_pathless_patch_equals_a_post_of_the_same_body(user: dict[str, Any]) -> None:
    """A PATCH without a path has the same meaning as a POST of its value, so that one mapping serves both."""
    assert interpret(patch({"op": "add", "value": user})) == flatten(user)


@given(_users)
def test_one_operation_per_path_equals_the_whole_body(user: dict[str, Any]) -> None:
    """Entra's default format, with one operation per leaf, has the same meaning as the nested resource."""
    leaves = [{"op": "Replace", "path": path, "value": value} for path, value in flatten(user).items()]

    assert interpret(patch(*leaves)) == flatten(user)


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({"schemas": []}, InvalidSyntaxException),
        ([], InvalidSyntaxException),
        (patch({"op": "move", "path": "active"}), InvalidValueException),
        (patch({"op": "remove"}), NoTargetException),
        (patch({"op": "replace", "value": "x"}), InvalidValueException),
        (patch({"op": "replace", "path": "emails[type eq", "value": "x"}), InvalidPathException),
    ],
)
def test_malformed_patches_are_refused(body: object, error: type[Exception]) -> None:
    """Each mistake raises the SCIM error that RFC 7644 defines for it."""
    with pytest.raises(error):
        interpret(body)


@pytest.mark.parametrize(
    ("operation", "expected"),
    [
        ({"op": "Add", "path": "members", "value": [{"value": "1"}, {"value": "2"}]}, ("add", ["1", "2"])),
        ({"op": "Remove", "path": "members", "value": [{"value": "1"}]}, ("remove", ["1"])),
        ({"op": "remove", "path": 'members[value eq "1"]'}, ("remove", ["1"])),
        ({"op": "add", "value": {"members": [{"value": "1"}]}}, ("add", ["1"])),
        ({"op": "Replace", "path": "members", "value": []}, ("replace", [])),
        ({"op": "remove", "path": "members"}, ("replace", [])),
    ],
)
def test_members_of_a_group_in_every_notation(operation: dict[str, Any], expected: tuple[str, list[str]]) -> None:
    """Both of Entra's ways to add and remove members, and RFC 7644's way to empty a group, are accepted."""
    assert member_changes(patch(operation)) == ({}, [expected])


def test_name_and_members_in_one_patch() -> None:
    """An operation without a path may contain members and plain attributes."""
    body = patch({"op": "replace", "value": {"displayName": "Staff", "members": [{"value": "1"}]}})

    assert member_changes(body) == ({"displayname": "Staff"}, [("replace", ["1"])])


@pytest.mark.parametrize("value", [["Engineer"], [{"value": "Engineer"}]])
def test_a_list_for_a_single_value_is_applied(value: list[Any]) -> None:
    """A list with one entry stands for its value."""
    assert interpret(patch({"op": "Replace", "path": "title", "value": value})) == {"title": "Engineer"}


@pytest.mark.parametrize("value", [[], ["a", "b"]])
def test_a_list_of_several_values_for_one_is_refused(value: list[Any]) -> None:
    """Nothing is ignored silently."""
    with pytest.raises(InvalidValueException, match="title has one value"):
        interpret(patch({"op": "Replace", "path": "title", "value": value}))
