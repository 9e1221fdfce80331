from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kzero_scim.clients.graph.graph_retries import RetryPolicy, retry_after

NOW = datetime(2026, 1, 2, 3, 4, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("7", 7.0),
        (" 0.5 ", 0.5),
        ("Fri, 02 Jan 2026 03:04:09 GMT", 9.0),
        ("Fri, 02 Jan 2026 03:03:00 GMT", 0.0),
        ("-3", None),
        ("inf", None),
        ("nan", None),
        ("soon", None),
        (None, None),
    ],
)
def test_retry_after_is_read_as_seconds_or_date(header: str | None, seconds: float | None) -> None:
    """A date in the past means now, nonsense means nothing."""
    assert retry_after(header, NOW) == seconds


@given(
    attempt=st.integers(1, 5),
    asked=st.none() | st.floats(0, 60),
    chance=st.floats(0, 1),
)
def test_a_wait_is_never_shorter_than_asked_nor_longer_than_bounded(
    attempt: int, asked: float | None, chance: float
) -> None:
    """Whatever the jitter."""
    seconds = RetryPolicy(chance=lambda: chance).delay(attempt, 0.0, asked)

    assert seconds is not None
    assert (asked or 0.0) <= seconds <= 75.0


def test_waits_grow_without_jitter() -> None:
    """Each wait is twice the one before, up to the longest."""
    policy = RetryPolicy(chance=lambda: 1.0, attempts=9)

    assert [policy.delay(attempt, 0.0) for attempt in range(1, 8)] == [0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 15.0]


@pytest.mark.parametrize(
    ("attempt", "waited", "asked"),
    [(6, 0.0, None), (1, 119.9, None), (1, 0.0, 61.0), (2, 100.0, 30.0)],
)
def test_patience_ends(attempt: int, waited: float, asked: float | None) -> None:
    """By number of attempts, by total time, or because Graph asks for more than it is worth."""
    assert RetryPolicy().delay(attempt, waited, asked) is None
