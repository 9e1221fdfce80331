"""A confirmation allows exactly what it names."""

import pytest

from kzero_scim.settings.confirmations import VARIABLE, how_to_confirm, is_confirmed


def test_nothing_is_confirmed_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the variable, nothing is confirmed."""
    monkeypatch.delenv(VARIABLE, raising=False)

    assert not is_confirmed("unassign", "31")


@pytest.mark.parametrize(("action", "what"), [("unassign", "31"), ("move", "Fabrikam")])
def test_a_named_action_is_confirmed(monkeypatch: pytest.MonkeyPatch, action: str, what: str) -> None:
    """One variable can contain several confirmations, separated by spaces."""
    monkeypatch.setenv(VARIABLE, "unassign=31  move=Fabrikam")

    assert is_confirmed(action, what)


@pytest.mark.parametrize(
    ("action", "what"), [("unassign", "3"), ("unassign", "310"), ("move", "fabrikam"), ("scope", "31")]
)
def test_another_value_is_not_confirmed(monkeypatch: pytest.MonkeyPatch, action: str, what: str) -> None:
    """A confirmation of 31 does not confirm 3 or 310."""
    monkeypatch.setenv(VARIABLE, "unassign=31 move=Fabrikam")

    assert not is_confirmed(action, what)


def test_the_remedy_can_be_pasted_into_a_shell() -> None:
    """The remedy quotes values that contain shell syntax."""
    assert how_to_confirm("move", "O'Neill").endswith("""KZERO_SCIM_CONFIRM='move=O'"'"'Neill' in the environment""")
