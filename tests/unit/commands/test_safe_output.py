"""What a command prints holds no secret and no workflow command, whatever prints it."""

from __future__ import annotations

import sys

import pytest
import typer

from kzero_scim.commands import main
from kzero_scim.commands.safe_output import safe_output
from kzero_scim.redaction import Redactor


def test_every_print_is_redacted(capsys: pytest.CaptureFixture[str]) -> None:
    """Both streams, and every way to write to them."""
    with safe_output(Redactor(["very-secret"])):
        print("a very-secret word")  # noqa: T201
        typer.echo("##vso[task.complete] very-secret", err=True)
        sys.stdout.writelines(["::error::very-secret\n"])

    printed = capsys.readouterr()
    assert printed.out == "a [secret] word\n: :error::[secret]\n"
    assert printed.err == "# #vso[task.complete] [secret]\n"


def test_a_traceback_is_redacted(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """KZERO_DEBUG=1 shows it; a library may quote what it was given."""

    def fail() -> None:
        message = "cannot send very-secret"
        raise ValueError(message)

    monkeypatch.setattr(main, "app", fail)
    monkeypatch.setenv("KZERO_DEBUG", "1")
    monkeypatch.setenv("ARM_CLIENT_SECRET", "very-secret")

    with pytest.raises(SystemExit):
        main.main()

    printed = capsys.readouterr().err
    assert "Traceback" in printed
    assert "cannot send [secret]" in printed
    assert "very-secret" not in printed
