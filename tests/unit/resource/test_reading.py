"""Tests of the three answers of a read."""

from __future__ import annotations

import pytest

from kzero_scim.errors import GraphError, ServiceError, SettingsError
from kzero_scim.resource.reading import Absent, Present, Reading, Unknown, observed


@observed
async def read(answer: Reading[int] | Exception) -> Reading[int]:
    """Return or raise the answer."""
    if isinstance(answer, Exception):
        raise answer
    return answer


@pytest.mark.parametrize("answer", [Present(1), Absent(), Unknown("it is hidden")])
async def test_an_answer_stays_as_it_is(answer: Reading[int]) -> None:
    """The decorator changes no answer."""
    assert await read(answer) == answer


@pytest.mark.parametrize("status", [None, 403, 404, 429, 503])
async def test_a_failed_request_is_unknown(status: int | None) -> None:
    """A failed request never says that the object does not exist, not even with 404."""
    error = GraphError("cannot read the job", status=status)

    answer = await read(error)

    assert answer == Unknown("cannot read the job")
    assert isinstance(answer, Unknown)
    assert answer.failure() is error


async def test_other_errors_are_raised() -> None:
    """Wrong settings are errors of the caller, not of the service."""
    with pytest.raises(SettingsError):
        await read(SettingsError("set it"))


def test_an_unknown_answer_without_a_request_fails_with_its_reason() -> None:
    """The reason is the message where the answer is required."""
    failure = Unknown("the list may be incomplete").failure()

    assert isinstance(failure, ServiceError)
    assert str(failure) == "the list may be incomplete"
