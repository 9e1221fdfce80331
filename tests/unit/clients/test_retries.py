"""Retries: when a request is repeated, and after how long."""

from datetime import UTC, datetime

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kzero_scim.clients.graph.client import RETRIES
from kzero_scim.clients.retries import (
    LONGEST_RETRY_AFTER,
    LONGEST_WAIT,
    Attempts,
    RetryingClient,
    RetryPolicy,
    bound_retry_after,
    retry_after,
)

NOW = datetime(2026, 1, 2, 3, 4, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("7", 7.0),
        (" 0.5 ", 0.5),
        ("Fri, 02 Jan 2026 03:04:09 GMT", 9.0),
        ("Fri, 02 Jan 2026 03:03:00 GMT", 0.0),
        ("Fri, 31 Dec 9999 23:59:59 GMT", LONGEST_RETRY_AFTER),
        ("1e300", LONGEST_RETRY_AFTER),
        ("-3", None),
        ("inf", None),
        ("nan", None),
        ("-inf", None),
        ("-0.5", None),
        ("1_0", None),
        ("\u0667", None),
        ("\uff17", None),
        ("Fri, 02 Jan 2026 03:04:0\u0669 GMT", None),
        ("9" * 60, LONGEST_RETRY_AFTER),
        ("9" * 100_000, None),
        ("Fri, 02 Jan 2026 03:04:09 +99999999999999", None),
        ("Fri, 01 Jan 0001 00:00:00 +2359", 0.0),
        ("Fri, 02 Jan 99999 03:04:09 GMT", None),
        ("soon", None),
        ("", None),
        (None, None),
    ],
)
def test_retry_after_is_read_as_seconds_or_date(header: str | None, seconds: float | None) -> None:
    """A past date means now, an invalid header means nothing, and the limit is a day."""
    assert retry_after(header, NOW) == seconds


@given(st.text() | st.floats().map(str) | st.datetimes().map(lambda at: f"{at:%a, %d %b %Y %H:%M:%S} GMT"))
def test_any_retry_after_is_finite_and_bounded(header: str) -> None:
    """Any header gives a finite wait of at most a day, or none."""
    seconds = retry_after(header, NOW)

    assert seconds is None or 0 <= seconds <= LONGEST_RETRY_AFTER


@pytest.mark.parametrize("policy", [RetryPolicy(), RETRIES])
@given(asked=st.none() | st.floats(0, LONGEST_RETRY_AFTER), attempt=st.integers(1, 3), chance=st.floats(0, 1))
def test_a_wait_is_never_shorter_than_asked_nor_longer_than_bounded(
    policy: RetryPolicy, asked: float | None, attempt: int, chance: float
) -> None:
    """The wait is as long as asked, up to the policy's limit, for every jitter; above it, cut or refused."""
    own = RetryPolicy(
        delays=policy.delays,
        jitter=policy.jitter,
        longest=policy.longest,
        is_cut=policy.is_cut,
        chance=lambda: chance,
    )
    seconds = own.delay(attempt, 0.0, asked)

    if seconds is None:
        assert asked is not None
        assert asked > own.longest
        assert not own.is_cut
    else:
        assert min(asked or 0.0, own.longest) <= seconds <= own.longest * 1.25


def test_graphs_waits_double() -> None:
    """Graph's waits double over six attempts, apart from the jitter."""
    policy = RetryPolicy(delays=RETRIES.delays, jitter=RETRIES.jitter, chance=lambda: 1.0)
    attempts = Attempts(policy)

    assert [attempts.delay() for _ in range(6)] == [0.5, 1.0, 2.0, 4.0, 8.0, None]
    assert attempts.made == 6


@pytest.mark.parametrize(
    ("attempt", "waited", "asked"),
    [(6, 0.0, None), (1, 119.9, None), (1, 0.0, 61.0), (2, 100.0, 30.0)],
)
def test_patience_ends(attempt: int, waited: float, asked: float | None) -> None:
    """Retries end after the attempts, after the total wait, or if Graph asks for too long a wait."""
    assert RETRIES.delay(attempt, waited, asked) is None


async def test_every_client_understands_a_date() -> None:
    """Every client accepts a date in Retry-After and limits the wait."""
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    answers = [
        httpx.Response(503, headers={"Retry-After": "Fri, 31 Dec 9999 23:59:59 GMT"}),
        httpx.Response(429, headers={"Retry-After": "inf"}),
        httpx.Response(200),
    ]
    transport = httpx.MockTransport(lambda _: answers.pop(0))
    async with RetryingClient(policy=RetryPolicy(delays=(1, 2)), transport=transport, sleep=sleep) as http:
        assert (await http.get("https://kzero.test")).status_code == 200

    assert waits == [LONGEST_WAIT, 2]


@pytest.mark.parametrize(
    ("given_headers", "left"),
    [
        ({"Retry-After": "3"}, {"Retry-After": "3"}),
        ({"retry-after": "86400"}, {"Retry-After": "20"}),
        ({"Retry-After": "inf", "x-ms-retry-after-ms": "1e300"}, {}),
        ({"Retry-After": "soon"}, {}),
    ],
)
def test_the_login_library_sees_no_endless_retry_after(given_headers: dict[str, str], left: dict[str, str]) -> None:
    """Retry-After is limited for the login library, which would wait as long as it says."""
    headers = httpx.Headers(given_headers)

    bound_retry_after(headers)

    assert headers == httpx.Headers(left)
