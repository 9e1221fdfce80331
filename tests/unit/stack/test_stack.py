"""Tests of how the Pulumi CLI is run and how its errors are explained."""

from __future__ import annotations

from pathlib import Path

import pytest

from kzero_scim.errors import SettingsError
from kzero_scim.stack.stack import reason_of, run_pulumi, without_options


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a project whose Pulumi CLI prints its environment and fails if it has a wrong passphrase."""
    (tmp_path / "Pulumi.yaml").write_text("name: demo\nruntime: python\n")
    cli = tmp_path / "pulumi"
    cli.write_text(
        "#!/bin/sh\nenv | grep PULUMI_OPTION\n"
        '[ "$PULUMI_CONFIG_PASSPHRASE" = right ] || { echo "error: incorrect passphrase" >&2; exit 1; }\n'
    )
    cli.chmod(0o700)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    return tmp_path


def test_options_in_variables_do_not_reach_the_cli(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable such as PULUMI_OPTION_VERSION cannot make a command read another state."""
    monkeypatch.setenv("PULUMI_OPTION_VERSION", "3")
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", "right")
    environment = {"PULUMI_OPTION_SHOW_URNS": "true", "PULUMI_CONFIG_PASSPHRASE": "right", "PATH": "/usr/bin:/bin"}

    assert run_pulumi(project, "stack", "export") == ""
    assert run_pulumi(project, "stack", "export", environment=environment) == ""
    assert without_options({"PULUMI_OPTION_POLICY_PACK": "p"}) == {"PULUMI_OPTION_POLICY_PACK": "p"}


def test_a_passphrase_that_ends_in_a_line_break_gets_a_hint(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error of the CLI is followed by the hint; without a line break, it stands alone."""
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", "right\n")
    with pytest.raises(SettingsError, match="incorrect passphrase; environment variable PULUMI_CONFIG_PASSPHRASE ends"):
        run_pulumi(project, "config")

    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", "wrong")
    with pytest.raises(SettingsError, match=r"incorrect passphrase$"):
        run_pulumi(project, "config")


def test_an_unknown_home_folder_is_explained() -> None:
    """The Pulumi CLI needs a home folder too."""
    said = "error: could not get cloud url: failed to get the home path: user: Current requires cgo or $USER, $HOME set"
    assert "HOME is not set and this user has no passwd entry; set HOME" in reason_of(said)
