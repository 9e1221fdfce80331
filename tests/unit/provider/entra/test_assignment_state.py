"""Tests how the state stores an assignment, and that older states can be read."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kzero_scim.provider.entra.app_role_assignments.state import AppRoleAssignmentsState, Assignment
from kzero_scim.resource.codec import decode_lenient
from kzero_scim.resource.model import UNKNOWN, as_plain

ALEX = Assignment(principal_type="User", principal_id="b6f6", assignment_id="tvY_-x")
WORDS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters=" "), min_size=1)


def state(**assignments: object) -> dict[str, Any]:
    """Return a state as it is stored."""
    return {"servicePrincipalId": "5e1f", "appRoleId": "18d1", "assignments": assignments}


@given(st.builds(Assignment, principal_type=WORDS, principal_id=WORDS, assignment_id=WORDS))
def test_an_assignment_reads_back_as_it_was_stored(assignment: Assignment) -> None:
    assert Assignment.unpacked(assignment.packed()) == assignment


def test_an_assignment_is_stored_as_one_text() -> None:
    """An assignment is one text, because ten thousand objects would need 100 MB in the engine."""
    assert as_plain({"alex@contoso.example": ALEX}) == {"alex@contoso.example": "User b6f6 tvY_-x"}


def test_an_assignment_to_be_made_is_unknown_as_a_whole() -> None:
    made = Assignment(principal_type="User", principal_id="b6f6", assignment_id=UNKNOWN)

    assert as_plain([made]) == [UNKNOWN]


def test_a_state_with_objects_is_read() -> None:
    """A state of an older version, with objects and one more property, can be read."""
    former = {
        "principalId": "b6f6",
        "principalType": "User",
        "assignmentId": "tvY_-x",
        "displayName": "Alex Lindqvist",
    }
    stored = state(**{"alex@contoso.example": former, "sam@contoso.example": "User 77aa q9"})

    found = decode_lenient(AppRoleAssignmentsState, stored).assignments

    assert found["alex@contoso.example"] == ALEX
    assert found["sam@contoso.example"].principal_id == "77aa"


@pytest.mark.parametrize("text", ["", "User", "User b6f6", "User b6f6 tvY_-x more"])
def test_text_of_another_form_is_no_assignment(text: str) -> None:
    assert Assignment.unpacked(text) is None
