"""Git reads the repository and signs in nowhere, so it gets no secret."""

from __future__ import annotations

from pathlib import Path

import pytest

from kzero_scim.fleet.git import asked


def test_git_gets_no_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a common one nor a tenant's own."""
    program = tmp_path / "git"
    program.write_text("#!/bin/sh\nenv\n")
    program.chmod(0o700)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setenv("ARM_CLIENT_SECRET", "s3cret")
    monkeypatch.setenv("KZERO_CLIENT_ID__CONTOSO", "s3cret")

    printed = asked(tmp_path, "rev-parse", "HEAD")

    assert "PATH=" in printed
    assert "s3cret" not in printed
