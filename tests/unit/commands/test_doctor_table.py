"""The doctor's remedy can be copied, at any width."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from kzero_scim.commands import doctor
from kzero_scim.commands.main import app
from kzero_scim.tenant.doctor import Finding

REMEDY = "run `export KZERO_SCIM_ALLOWED_HOSTS=https://sso.example:8443` or list it under allowedHosts in fleet.yaml"


def test_a_long_remedy_is_in_one_piece_at_80_columns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command is not broken into lines of a narrow column."""
    findings = [Finding("Python", "ok", "3.11"), Finding("fabrikam", "missing", f"only the file names it; {REMEDY}")]
    monkeypatch.setattr(doctor, "examine_machine", lambda _: findings)
    monkeypatch.setenv("COLUMNS", "80")

    done = CliRunner().invoke(app, ["doctor", "--project", str(tmp_path)])

    assert REMEDY in done.stdout
    assert done.exit_code == 2
