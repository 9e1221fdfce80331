"""Tests how a loss of access is described, and what is refused without a confirmation."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kzero_scim.errors import ProviderError
from kzero_scim.provider.entra.app_role_assignments.unassignment import (
    Held,
    Limits,
    Loss,
    exceeds,
    require_confirmation,
    whole_loss,
)
from kzero_scim.settings.confirmations import VARIABLE

GUIDE = Limits(users=25, share=20)


@given(users=st.integers(0, 500), share=st.integers(0, 100), of=st.integers(0, 10_000))
def test_the_larger_of_the_two_limits_counts(users: int, share: int, of: int) -> None:
    """The allowed loss is the larger of the number and the percentage."""
    allowed = Limits(users, share).allowed(of)

    assert allowed >= users
    assert allowed * 100 > of * share - 100
    assert allowed == users or allowed * 100 <= of * share


@pytest.mark.parametrize(
    ("count", "of", "refused"),
    [(25, 30, False), (26, 30, True), (26, 130, False), (200, 1000, False), (201, 1000, True)],
)
def test_only_a_large_loss_is_refused(count: int, of: int, *, refused: bool) -> None:
    """The limits allow 25 users in a small tenant and a fifth of the users in a large one."""
    assert exceeds(Loss([f"user{number}" for number in range(count)], of), GUIDE) is refused


def test_a_refusal_names_everybody_the_limits_and_the_confirmation(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error lists users, limits and the confirmation, which allows only this number."""
    monkeypatch.delenv(VARIABLE, raising=False)
    loss = Loss([f"user{number:02}" for number in range(31)], 40)

    with pytest.raises(ProviderError) as caught:
        require_confirmation(loss, GUIDE)

    text = str(caught.value)
    assert text.startswith("31 users would lose access: user00, user01, ")
    limits = "at most 25 of 40 users may (unassignMaxUsers 25, unassignMaxShare 20 %). Nothing was changed"
    assert f"user30. Without a confirmation, {limits}" in text
    assert text.endswith("run it again with KZERO_SCIM_CONFIRM=unassign=31 in the environment")
    monkeypatch.setenv(VARIABLE, "unassign=30")
    assert exceeds(loss, GUIDE)
    monkeypatch.setenv(VARIABLE, "move=Contoso unassign=31")
    require_confirmation(loss, GUIDE)


def test_an_emptied_group_is_refused_whatever_its_size() -> None:
    """An emptied group of any size is refused."""
    loss = Loss(emptied={"Sales": 2})

    group = 'members of group "Sales", which is empty now'
    with pytest.raises(ProviderError, match=rf"2 users would lose access: 2 {group}\. .*=unassign=2 "):
        require_confirmation(loss, GUIDE)


def test_a_long_list_is_cut() -> None:
    """A long list ends with the number of further users."""
    assert Loss([f"u{number}" for number in range(23)]).described().endswith("u18, u19 and 3 more")
    assert Loss(["a"]).described() == "1 user would lose access: a"
    assert not Loss().described()


def test_everything_is_counted_from_what_is_known() -> None:
    """A group counts with its known size, and a group of unknown size is uncounted."""
    held = [Held("1", "User", "a"), Held("2", "Group", "Sales"), Held("3", "Group", "New")]

    loss = whole_loss(held, {"2": 30})

    assert (loss.count, loss.of) == (31, 31)
    assert loss.described() == (
        '31 users and an unknown number of others would lose access: a, 30 members of group "Sales", group "New", '
        "whose members could not be counted"
    )


def test_an_uncounted_group_needs_a_confirmation_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """An unknown number of users is never below a limit, and a confirmation of a number does not allow it."""
    monkeypatch.delenv(VARIABLE, raising=False)
    loss = whole_loss([Held("3", "Group", "New")], {})
    everything = Limits(users=10_000, share=100)
    with pytest.raises(ProviderError, match=r'an unknown number of users .* group "New".*=unassign=0\+unknown in'):
        require_confirmation(loss, everything)
    for wrong in ("unassign=0", "unassign=1", "unassign=unknown"):
        monkeypatch.setenv(VARIABLE, wrong)
        assert exceeds(loss, everything)
    monkeypatch.setenv(VARIABLE, "unassign=0+unknown")
    require_confirmation(loss, everything)
