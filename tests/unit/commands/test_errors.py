"""Tests of unexpected errors on the command line."""

from __future__ import annotations

import pytest

from kzero_scim.clients.trail import note
from kzero_scim.commands import main
from kzero_scim.errors import ProviderError


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (ProviderError("no \x1b[31muser"), "error: no \\x1b[31muser\n"),
        (
            ExceptionGroup("a", [KeyError("x"), ExceptionGroup("b", [ProviderError("the cause"), ValueError()])]),
            "error: the cause\n",
        ),
        (
            ExceptionGroup("a", [ExceptionGroup("b", [ValueError("no")])]),
            (
                "error: internal error after GET /users: ValueError: no; "
                "the service may have answered in an undocumented form; set KZERO_DEBUG=1 for the traceback\n"
            ),
        ),
        (
            KeyError("id"),
            (
                "error: internal error after GET /users: KeyError: 'id'; "
                "the service may have answered in an undocumented form; set KZERO_DEBUG=1 for the traceback\n"
            ),
        ),
    ],
)
def test_whatever_fails_is_one_line(
    error: Exception, line: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """An unexpected error is one line without a traceback, with exit code 1."""

    def fail() -> None:
        note("GET /users")
        raise error

    monkeypatch.setattr(main, "app", fail)

    with pytest.raises(SystemExit) as ended:
        main.main()

    assert ended.value.code == 1
    assert capsys.readouterr().err == line
