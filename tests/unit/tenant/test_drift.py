"""Tests of values at property paths in the drift report."""

from __future__ import annotations

from typing import Any

import pytest

from kzero_scim.stack.stack import Stack
from kzero_scim.tenant.drift import stated, value_at

DOCUMENT: dict[str, Any] = {
    "rows": {"name.givenName": {"source": "givenName"}, "userName": {"matchingPriority": 1}},
    "users": ["alex", "morgan"],
    "enabled": False,
}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("enabled", False),
        ("users[1]", "morgan"),
        ("users[7]", None),
        ('rows["name.givenName"].source', "givenName"),
        ('rows["NAME.givenname"].source', "givenName"),
        ("rows.userName", {"matchingPriority": 1}),
        ("rows.userName.source", None),
        ("nothing.here", None),
        ("enabled.deeper", None),
    ],
)
def test_a_value_is_found_by_its_path(path: str, value: object) -> None:
    """A path finds its value, ignoring case, or None."""
    assert value_at(DOCUMENT, path) == value


def test_only_what_the_program_states_is_compared() -> None:
    """A property that is absent or ignored has no wanted value; one that is stated as empty has."""
    urn = "urn:pulumi:test::kzero-scim::azuread:index/servicePrincipal:ServicePrincipal::tenant"
    entry = {
        "type": "azuread:index/servicePrincipal:ServicePrincipal",
        "urn": urn,
        "inputs": {"accountEnabled": True, "notes": "by hand", "alternativeNames": []},
        "ignoreChanges": ["notes"],
    }
    [held] = Stack.of("test", {}, {"deployment": {"resources": [entry]}}).resources

    names = ("accountEnabled", "tags", "notes", "alternativeNames")
    assert stated(held, names) == {"accountEnabled": True, "alternativeNames": []}
