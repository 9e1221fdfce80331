"""Tests that writes are spread so that no period exceeds Graph's limit, and not further than needed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kzero_sandbox.entra.traffic import Writes

from kzero_scim.clients.graph import write_limit
from kzero_scim.clients.graph.batch import BatchRequest, batch_document
from kzero_scim.clients.graph.write_limit import WriteLimit, least_seconds, writes_of


def _sent(counts: list[tuple[int, float]]) -> list[tuple[float, int]]:
    """Return when each group of writes is sent, if it is ready some seconds after the one before."""
    limit, now, sent = WriteLimit(), 0.0, []
    for count, later in counts:
        now += later
        sent.append((now + limit.reserve(count, now), count))
    return sent


@given(st.lists(st.tuples(st.integers(1, 20), st.floats(0, 60)), min_size=1, max_size=600))
def test_no_period_has_too_many_writes(counts: list[tuple[int, float]]) -> None:
    """However writes come, any period of 150 s has at most as many as the client allows itself."""
    sent = _sent(counts)

    for start, _ in sent:
        inside = sum(count for at, count in sent if start <= at < start + write_limit.SECONDS)
        assert inside <= write_limit.WRITES


def test_ten_thousand_writes_take_as_long_as_documented() -> None:
    """Writes that are ready at once are sent in bursts, and the last one after the least time that is needed."""
    sent = _sent([(20, 0.0)] * 500)

    assert sent[-1][0] == least_seconds(10_000) == 450.0
    assert sent[write_limit.WRITES // 20 - 1][0] == 0.0
    assert [least_seconds(count) for count in (0, 1, write_limit.WRITES, write_limit.WRITES + 1)] == [0, 0, 0, 150]


def test_the_client_stays_below_the_limit_that_the_sandbox_enforces() -> None:
    """The sandbox has Microsoft's numbers, and the client leaves some writes to azuread."""
    assert write_limit.WRITES + 100 <= Writes().most == 3000
    assert write_limit.SECONDS == Writes.SECONDS


@pytest.mark.parametrize(
    ("method", "path", "body", "writes"),
    [
        ("GET", "/users", None, 0),
        ("POST", "/servicePrincipals/x/appRoleAssignedTo", {}, 1),
        (
            "POST",
            "/$batch",
            batch_document(
                {0: BatchRequest("GET", "/x"), 1: BatchRequest("DELETE", "/x"), 2: BatchRequest("PUT", "/x")}
            ),
            2,
        ),
        ("POST", "/$batch", {}, 0),
    ],
)
def test_each_write_in_a_batch_counts(method: str, path: str, body: dict[str, object] | None, writes: int) -> None:
    """Reads do not count, in a batch or alone."""
    assert writes_of(method, path, body) == writes
