"""Comparison of what exists with what is wanted, and the notation of property paths."""

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
    Unknown,
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
    """Inputs of which one replaces."""

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
    """A change has the path of the innermost property that differs, and what happens to it."""
    assert compare(old, new) == changes


@given(PLAIN)
def test_nothing_differs_from_itself(value: Any) -> None:  # noqa: ANN401 - any property value
    """Comparing a value with itself finds nothing."""
    assert compare(value, value, "x") == []


@given(st.lists(st.text(min_size=1), min_size=1))
def test_a_written_path_is_read_back(keys: list[str]) -> None:
    """Any key, with dots, quotes and brackets in it, survives the notation."""
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
    """A path covers itself, what is inside, and what its wildcards match."""
    assert covers(outer, inner) is covered


def test_what_is_no_path_is_refused() -> None:
    """A broken path is an error, not an endless loop."""
    with pytest.raises(ValueError, match="is no property path"):
        parse_path('rows["a')


def test_top_level_names_the_property() -> None:
    """The engine wants the property that a path starts at."""
    assert top_level('rows["a.b"].source') == "rows"


def test_changed_input_declared_to_replace_replaces() -> None:
    """The resource need not name it."""
    assert settle([], old={"realm": "a"}, new=Inputs(realm="b")) == [Change("realm", ChangeKind.UPDATE, replace=True)]


def test_change_that_the_resource_named_is_marked_as_replacing() -> None:
    """It is not named twice."""
    named = [Change("realm", ChangeKind.UPDATE), Change("label", ChangeKind.UPDATE)]

    settled = settle(named, old={"realm": "a", "label": "y"}, new=Inputs(realm="b"))

    assert settled == [Change("realm", ChangeKind.UPDATE, replace=True), Change("label", ChangeKind.UPDATE)]


def test_unknown_input_declared_to_replace_replaces() -> None:
    """What will only be known later may differ, so the plan says replace."""
    assert settle([], old={"realm": "a"}, new=Inputs(realm=UNKNOWN))[0].replace


def test_input_that_an_older_state_lacks_does_not_replace() -> None:
    """An upgrade of this package replaces nothing."""
    assert settle([], old={"label": "x"}, new=Inputs(realm="b")) == []


def test_ignored_changes_are_left_out() -> None:
    """Also those that would replace."""
    named = [Change("label", ChangeKind.UPDATE)]

    assert settle(named, old={"realm": "a"}, new=Inputs(realm="b"), ignored=["label", "realm"]) == []


def test_unknown_refuses_to_be_tested_for_truth() -> None:
    """A forgotten guard shows at once, not as a wrong plan."""
    with pytest.raises(TypeError, match="guard it with is_known"):
        bool(UNKNOWN)
    assert Unknown() is UNKNOWN


def test_is_known_looks_inside() -> None:
    """One unknown inside makes the whole unknown."""
    assert is_known(Inputs(realm="a"))
    assert not is_known(Inputs(realm=UNKNOWN))
    assert not is_known({"a": [1, UNKNOWN]})


def test_as_plain_leaves_out_what_is_none() -> None:
    """Dataclasses become dictionaries with camelCase keys; keys of maps stay as they are."""
    assert as_plain({"snake_key": Inputs(realm="a")}) == {"snake_key": {"realm": "a", "label": "x"}}
    assert camel("claim_json_type") == "claimJsonType"
