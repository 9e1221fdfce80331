"""Decisions to restart a provisioning job after a change or a quarantine."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kzero_scim.entra.restart import BY_CONNECTION, BY_PERSON, INITIAL_CYCLE, LIFT_QUARANTINE, Restart, decide
from kzero_scim.resource.model import UNKNOWN

TRIGGERS = {"credentials": "c1", "tenantUrl": "https://kzero.example/1", "scope": "assigned", "mappings": "m1"}
TOKEN = {"credentials": "c2"}
ADDRESS = {"credentials": "c2", "tenantUrl": "https://kzero.example/2"}
ESCROWS = "EncounteredEscrowProportionThreshold"


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"mappings": "m2"}, "the attribute mappings changed"),
        (ADDRESS, "the Tenant URL changed"),
        ({"credentials": "c2", "scope": "all"}, "the scope changed"),
        (ADDRESS | {"mappings": "m2", "scope": "all"}, "the attribute mappings, the Tenant URL and the scope changed"),
        (TOKEN | {"mappings": UNKNOWN}, "the attribute mappings and the secret token changed"),
        ({"colour": "red"}, "colour changed"),
    ],
)
def test_what_every_user_depends_on_asks_for_an_initial_cycle(changed: dict[str, str], said: str) -> None:
    """A change that affects every user starts an initial cycle, and the sentence names it."""
    decision = decide(TRIGGERS, TRIGGERS | changed, None)

    assert decision.reset_scope == INITIAL_CYCLE
    assert f"restarts with an initial cycle: {said}, so" in decision.sentence
    assert not decision.tests_connection


def test_a_rotated_token_restarts_nothing_unless_it_ends_a_quarantine() -> None:
    """A new token alone restarts nothing, but it can end a quarantine."""
    healthy = decide(TRIGGERS, TRIGGERS | TOKEN, None)
    refused = decide(TRIGGERS, TRIGGERS | TOKEN, BY_CONNECTION)

    assert healthy.reset_scope is None
    assert "the secret token changed: provisioning does not restart" in healthy.sentence
    assert (refused.reset_scope, refused.tests_connection) == (LIFT_QUARANTINE, True)


def test_credentials_without_their_parts_are_taken_for_a_new_endpoint() -> None:
    """A changed fingerprint without its parts counts as a new endpoint."""
    decision = decide({"credentials": "c1"}, {"credentials": "c2"}, None)

    assert decision.reset_scope == INITIAL_CYCLE


def test_triggers_that_only_explain_others_restart_nothing_when_they_appear() -> None:
    """Triggers that an older state lacks restart nothing."""
    assert decide({"credentials": "c1", "mappings": "m1"}, TRIGGERS, None) == Restart()


def test_a_job_that_was_imported_is_read_again() -> None:
    """An imported job starts an initial cycle, because its earlier mappings are unknown."""
    decision = decide({}, TRIGGERS, None)

    assert decision.reset_scope == INITIAL_CYCLE
    assert "the job was imported" in decision.sentence


@pytest.mark.parametrize(
    ("quarantine", "reset_scope"),
    [(None, None), (BY_CONNECTION, LIFT_QUARANTINE), (ESCROWS, None), (BY_PERSON, None), ("SomethingNew", None)],
)
def test_a_quarantine_alone_is_ended_only_if_a_connection_ends_it(
    quarantine: str | None, reset_scope: str | None
) -> None:
    """Without a change, only a quarantine that a working connection ends is lifted."""
    assert decide(TRIGGERS, TRIGGERS, quarantine).reset_scope == reset_scope


@given(
    st.dictionaries(st.sampled_from([*TRIGGERS, "colour"]), st.sampled_from(["1", "2"])),
    st.dictionaries(st.sampled_from([*TRIGGERS, "colour"]), st.sampled_from(["1", "2"])),
    st.sampled_from([None, BY_CONNECTION, BY_PERSON, ESCROWS]),
)
def test_laws(old: dict[str, str], new: dict[str, str], quarantine: str | None) -> None:
    """Deletions are never forced, every restart is explained, and a broken connection is tested first."""
    decision = decide(old, new, quarantine)

    assert decision.reset_scope in {None, INITIAL_CYCLE, LIFT_QUARANTINE}
    assert not (quarantine == BY_PERSON and decision.reset_scope)
    assert bool(decision.sentence) or (decision.reset_scope is None and not decision.waits)
    assert "\n" not in decision.sentence
    if decision.reset_scope and quarantine == BY_CONNECTION:
        assert decision.tests_connection
    if old == new and quarantine is None:
        assert decision == Restart()
