"""What Keycloak's own SCIM API stores, and the lifetime of Keycloak's tokens."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from kzero_scim.keycloak.native_scim import is_lost_at_first, kept_attributes, limits
from kzero_scim.mapping.attribute_mapping import MANAGER, TAG, expectations, guide_rows
from kzero_scim.provider.keycloak.remote_token.token_life import in_words, is_due, too_short

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


def test_the_guides_rows_are_compared_as_far_as_they_are_kept() -> None:
    """Keycloak stores five of the guide's seven rows; the manager needs an annotation."""
    assert [item.mapper for item in expectations(guide_rows(), kept_attributes({}))] == [
        "active",
        "userName",
        "firstName",
        "lastName",
        "email",
    ]
    annotated = kept_attributes({"manager": MANAGER, "tag": TAG})
    assert "manager" in annotated
    assert "tag" not in annotated


def test_limits_name_what_is_dropped_and_what_is_late() -> None:
    """Dropped and delayed attributes have one line each, only if there are any."""
    lines = limits(list(guide_rows()), {})
    assert [f"drops {MANAGER}, {TAG}" in line for line in lines] == [False, True, False]
    lines = limits(list(guide_rows()), {"tag": TAG, "manager": MANAGER})
    assert [f"loses {TAG}" in line for line in lines] == [False, True, False]


def test_the_enterprise_extension_is_no_custom_one() -> None:
    """Attributes of the enterprise extension are stored at once, because Entra lists it."""
    assert not is_lost_at_first(MANAGER)
    assert is_lost_at_first(TAG)


@given(lifespan=st.integers(2, 10**8), renew_before=st.integers(0, 10**8))
def test_a_fresh_token_is_not_due_and_an_ended_one_is(lifespan: int, renew_before: int) -> None:
    """A new token is not due for renewal, and an expired one is, for every lifetime."""
    ends = NOW + timedelta(seconds=lifespan)

    assert not is_due(ends, lifespan, renew_before, NOW)
    assert is_due(ends, lifespan, renew_before, ends)


def test_a_token_that_ends_before_the_next_cycle_is_too_short() -> None:
    """A lifetime up to forty minutes is too short; an unknown one is accepted."""
    assert [too_short(seconds) for seconds in (300, 2400, 2401, None)] == [True, True, False, False]


def test_durations_read_as_people_say_them() -> None:
    """A duration has the largest unit that fits at least twice."""
    assert [in_words(seconds) for seconds in (90, 300, 36_000, 2_592_000)] == ["90 s", "5 min", "10 h", "30 days"]
