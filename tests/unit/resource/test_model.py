"""Tests the comparison of existing and wanted values, and the notation of property paths."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kzero_scim.provider.engine.detailed_diff import settle
from kzero_scim.resource.model import (
    UNKNOWN,
    Change,
    ChangeKind,
    UnknownValue,
    as_plain,
    camel,
    compare,
    is_known,
    path_key,
    prop,
)
from kzero_scim.resource.paths import covers, parse_path, top_level

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)


@dataclass(frozen=True, kw_only=True)
class Inputs:
    """Inputs with one property that replaces."""

    realm: str = prop("Where.", replace=True)
    label: str = prop("What it says.", default="x")


@pytest.mark.parametrize(
    ("old", "new", "changes"),
    [
        ({"a": 1}, {"a": 1.0}, []),
        ({"a": 1}, {"a": 2}, [Change("a", ChangeKind.UPDATE)]),
        ({}, {"a": 2}, [Change("a", ChangeKind.ADD)]),
        ({"a": 1}, {"a": None}, [Change("a", ChangeKind.DELETE)]),
        ({"a": True}, {"a": 1}, [Change("a", ChangeKind.UPDATE)]),
        ({"a": "x"}, {"a": UNKNOWN}, [Change("a", ChangeKind.UPDATE)]),
        ({"m": {"n.g": {"t": "s"}}}, {"m": {"n.g": {"t": "b"}}}, [Change('m["n.g"].t', ChangeKind.UPDATE)]),
        ({"l": [1, 2]}, {"l": [1, 3, 4]}, [Change("l[1]", ChangeKind.UPDATE), Change("l[2]", ChangeKind.ADD)]),
        ({"l": [1, 2]}, {"l": [1]}, [Change("l[1]", ChangeKind.DELETE)]),
        ({"a": {"b": 1}}, {"a": [1]}, [Change("a", ChangeKind.UPDATE)]),
    ],
)
def test_compare_names_the_smallest_differing_places(
    old: dict[str, Any], new: dict[str, Any], changes: list[Change]
) -> None:
    """A change has the path of the innermost property that differs, and its kind."""
    assert compare(old, new) == changes


@given(PLAIN)
def test_nothing_differs_from_itself(value: Any) -> None:  # noqa: ANN401 - any property value
    """A value has no differences from itself."""
    assert compare(value, value, "x") == []


@given(st.lists(st.text(min_size=1), min_size=1))
def test_a_written_path_is_read_back(keys: list[str]) -> None:
    """A key with dots, quotes and brackets can be written and read."""
    path = "top" + "".join(path_key(key) for key in keys)

    assert parse_path(path) == ("top", *keys)


@pytest.mark.parametrize(
    ("outer", "inner", "covered"),
    [
        ("rows", "rows", True),
        ("rows", 'rows["a.b"].source', True),
        ('rows["a.b"]', 'rows["a.b"].source', True),
        ("rows.*.source", "rows.x.source", True),
        ("users[*]", "users[3]", True),
        ("rows.a", "rows", False),
        ("rows.a", "rows.ab", False),
        ("row", "rows", False),
    ],
)
def test_a_path_covers_what_lies_below_it(outer: str, inner: str, covered: bool) -> None:  # noqa: FBT001 - a column of the table
    """A path covers itself, everything below it, and what its wildcards match."""
    assert covers(outer, inner) is covered


def test_what_is_no_path_is_refused() -> None:
    """A broken path is an error, not an endless loop."""
    with pytest.raises(ValueError, match="is not a property path"):
        parse_path('rows["a')


def test_top_level_names_the_property() -> None:
    """The top level is the property with which a path starts."""
    assert top_level('rows["a.b"].source') == "rows"


def test_changed_input_declared_to_replace_replaces() -> None:
    """A changed input that replaces is a change, even if the resource does not list it."""
    assert settle([], old={"realm": "a"}, new=Inputs(realm="b")) == [Change("realm", ChangeKind.UPDATE, replace=True)]


def test_change_that_the_resource_named_is_marked_as_replacing() -> None:
    """A replacing change that the resource lists appears once."""
    named = [Change("realm", ChangeKind.UPDATE), Change("label", ChangeKind.UPDATE)]

    settled = settle(named, old={"realm": "a", "label": "y"}, new=Inputs(realm="b"))

    assert settled == [Change("realm", ChangeKind.UPDATE, replace=True), Change("label", ChangeKind.UPDATE)]


def test_unknown_input_declared_to_replace_replaces() -> None:
    """An unknown input that replaces is planned as a replacement."""
    assert settle([], old={"realm": "a"}, new=Inputs(realm=UNKNOWN))[0].replace


def test_input_that_an_older_state_lacks_does_not_replace() -> None:
    """An upgrade of this package replaces nothing."""
    assert settle([], old={"label": "x"}, new=Inputs(realm="b")) == []


def test_ignored_changes_are_left_out() -> None:
    """Ignored changes are left out, even if they would replace."""
    named = [Change("label", ChangeKind.UPDATE)]

    assert settle(named, old={"realm": "a"}, new=Inputs(realm="b"), ignored=["label", "realm"]) == []


def test_unknown_refuses_to_be_tested_for_truth() -> None:
    """Testing an unknown value for truth is an error, not a wrong plan."""
    with pytest.raises(TypeError, match="check it with is_known"):
        bool(UNKNOWN)
    assert UnknownValue() is UNKNOWN


def test_is_known_looks_inside() -> None:
    """A value with an unknown value inside is unknown."""
    assert is_known(Inputs(realm="a"))
    assert not is_known(Inputs(realm=UNKNOWN))
    assert not is_known({"a": [1, UNKNOWN]})


def test_as_plain_leaves_out_what_is_none() -> None:
    """Dataclasses become dictionaries with camelCase keys, and keys of maps stay unchanged."""
    assert as_plain({"snake_key": Inputs(realm="a")}) == {"snake_key": {"realm": "a", "label": "x"}}
    assert camel("claim_json_type") == "claimJsonType"
