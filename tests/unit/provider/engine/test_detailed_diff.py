"""The inputs of an update whose program ignores changes."""

from typing import Any

from kzero_scim.provider.engine.detailed_diff import keep_ignored


def kept(new: dict[str, Any], old: dict[str, Any], *ignored: str) -> dict[str, Any]:
    return keep_ignored(new, old=old, names={"label", "parts", "colours"}, ignored=ignored)


def test_an_ignored_value_stays_as_it_is() -> None:
    """An ignored value keeps its old value; the rest of the object is updated."""
    new = {"parts": {"a.b": {"type": "boolean", "weight": 1}}}
    old = {"parts": {"a.b": {"type": "String", "weight": 2}}}

    assert kept(new, old, 'parts["a.b"].type') == {"parts": {"a.b": {"type": "String", "weight": 1}}}
    assert new == {"parts": {"a.b": {"type": "boolean", "weight": 1}}}


def test_an_ignored_property_stays_also_where_it_is_missing() -> None:
    """An ignored property is neither added nor removed."""
    assert kept({"label": "wanted"}, {}, "label") == {}
    assert kept({}, {"label": "there"}, "label") == {"label": "there"}


def test_what_is_added_or_removed_as_a_whole_is_not_ignored_in_part() -> None:
    """A path below an added or removed object does not keep the object."""
    part = {"type": "String"}

    assert kept({"parts": {"a": part}}, {"parts": {}}, "parts.a.type") == {"parts": {"a": part}}
    assert kept({"parts": {}}, {"parts": {"a": part}}, "parts.a.type") == {"parts": {}}


def test_a_star_stands_for_every_key_and_index() -> None:
    """A star stands for every key and index, as in the engine."""
    new = {"parts": {"a": {"type": "x"}, "b": {"type": "y"}}, "colours": ["red", "blue"]}
    old = {"parts": {"a": {"type": "1"}, "c": {"type": "3"}}, "colours": ["green"]}

    assert kept(new, old, "parts.*.type", "colours[*]") == {
        "parts": {"a": {"type": "1"}, "b": {"type": "y"}},
        "colours": ["green", "blue"],
    }


def test_outputs_are_no_inputs() -> None:
    """A path to an output changes nothing."""
    assert kept({"label": "wanted"}, {"label": "there", "serial": "1"}, "serial") == {"label": "wanted"}
