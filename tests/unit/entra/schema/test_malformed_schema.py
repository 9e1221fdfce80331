"""Malformed synchronization schemas, and constants with unusual characters."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kzero_sandbox.entra.default_schema import default_schema
from kzero_sandbox.entra.expressions import parse

from kzero_scim.entra.schema.document import (
    Document,
    all_targets,
    custom_attributes,
    extract,
    is_enabled,
    missing_expressions,
    removable_targets,
    rule_id,
    unowned_targets,
)
from kzero_scim.entra.schema.merge import Original, Wanted, differences, merge, record, require_attributes, restore
from kzero_scim.errors import ProviderError
from kzero_scim.mapping.attribute_mapping import canonical, guide_custom_attributes, guide_rows, same
from kzero_scim.settings.items import Row

WANTED = Wanted(rows=guide_rows(), custom_attributes=guide_custom_attributes(), provision_groups=True, exclusive=True)
DEFAULT = default_schema("scim.1.2")
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=5,
)
EVERYTHING: list[Callable[[Document], object]] = [
    lambda document: merge(document, WANTED),
    lambda document: record(document, WANTED),
    lambda document: restore(document, Original(rows=dict.fromkeys(guide_rows()), groups_enabled=True)),
    lambda document: differences(document, WANTED),
    lambda document: require_attributes(document, WANTED),
    lambda document: extract(document, list(guide_rows()), guide_rows()),
    lambda document: removable_targets(document, guide_rows()),
    lambda document: custom_attributes(document, all_targets(document)),
    lambda document: missing_expressions(document, guide_rows()),
    lambda document: unowned_targets(document, []),
    lambda document: is_enabled(document, "Group"),
    rule_id,
]


@st.composite
def malformed(draw: st.DrawFn) -> Any:  # noqa: ANN401 - any JSON value, most often nearly a schema
    """Draw a new job's schema with up to three places replaced or removed, preferably outer ones."""
    document: Any = copy.deepcopy(DEFAULT)
    for _ in range(draw(st.integers(1, 3))):
        node = document
        for depth in range(draw(st.integers(0, 10)), -1, -1):
            keys = list(node) if isinstance(node, dict) else list(range(len(node))) if isinstance(node, list) else []
            if not keys:
                break
            key: Any = draw(st.sampled_from(keys))
            if depth and isinstance(node[key], dict | list):
                node = node[key]
            elif draw(st.booleans()):
                node[key] = draw(JSON)
                break
            else:
                del node[key]
                break
    return document


@settings(deadline=None, max_examples=200)
@given(malformed() | st.dictionaries(st.text(max_size=8), JSON, max_size=3))
def test_a_malformed_schema_raises_only_our_own_error(document: Document) -> None:
    """A malformed schema raises a one-line error of this project and is not modified."""
    untouched = repr(document)
    for function in EVERYTHING:
        message = ""
        try:
            function(document)
        except ProviderError as error:
            message = str(error)
        assert "\n" not in message
    assert repr(document) == untouched


@pytest.mark.parametrize(
    ("change", "place"),
    [
        (lambda d: d.update(synchronizationRules=7), "synchronizationRules is a whole number instead of a list"),
        (lambda d: d["synchronizationRules"].append("x"), "synchronizationRules[1] is a string instead of an object"),
        (
            lambda d: d["synchronizationRules"][0]["objectMappings"][0]["attributeMappings"][0].update(source=[]),
            "synchronizationRules[0].objectMappings[0].attributeMappings[0].source is a list instead of an object",
        ),
        (
            lambda d: d["directories"][0]["objects"][0]["attributes"][0].update(name={}),
            "directories[0].objects[0].attributes[0].name is an object instead of a string",
        ),
    ],
)
def test_the_place_is_named(change: Callable[[Document], None], place: str) -> None:
    """The error names the malformed place and the remedy."""
    document = copy.deepcopy(DEFAULT)
    change(document)

    with pytest.raises(ProviderError) as caught:
        merge(document, WANTED)

    assert str(caught.value) == (
        f"the job's synchronization schema does not have the documented shape: {place}; reset the schema in the portal "
        "(Restore default mappings), and check any proxy in between"
    )


@settings(deadline=None)
@given(st.text(max_size=30) | st.text('"\\[]()', max_size=12))
def test_a_constant_with_any_sign_is_written_as_entra_reads_it(text: str) -> None:
    """The sandbox's parser reads every constant back unchanged, including quotes and backslashes."""
    row = Row(constant=text)
    merged = merge(DEFAULT, Wanted(rows={"title": row}))
    mappings = merged["synchronizationRules"][0]["objectMappings"]
    users = next(mapping for mapping in mappings if mapping["sourceObjectName"] == "User")
    source = next(item for item in users["attributeMappings"] if item["targetAttributeName"] == "title")["source"]

    assert parse(source["expression"]) == source
    assert extract(merged, ["title"]) == {"title": row}
    assert same(canonical(Row(expression=source["expression"])), row)
