"""Tests of the timeout that an operator can set."""

from __future__ import annotations

import pytest

from kzero_scim.clients import timeouts
from kzero_scim.errors import SettingsError


@pytest.mark.parametrize(("text", "expected"), [(None, 60.0), ("", 60.0), ("2.5", 2.5), (" 120 ", 120.0)])
def test_the_variable_wins_where_it_is_set(text: str | None, expected: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """The variable replaces the client's default, unless it is empty."""
    monkeypatch.delenv(timeouts.VARIABLE, raising=False)
    if text is not None:
        monkeypatch.setenv(timeouts.VARIABLE, text)

    assert timeouts.seconds(60.0) == expected


@pytest.mark.parametrize("text", ["soon", "0", "-1", "nan", "inf", "99999"])
def test_what_is_no_time_is_named(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error for a wrong value names the variable, the value and the remedy."""
    monkeypatch.setenv(timeouts.VARIABLE, text)

    with pytest.raises(
        SettingsError, match=f"KZERO_SCIM_TIMEOUT: '{text}' is not valid; set it to a number of seconds"
    ):
        timeouts.seconds(60.0)
