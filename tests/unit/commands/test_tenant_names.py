"""Names of tenants on the command line that no tenant has."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from kzero_scim.commands.main import app
from kzero_scim.commands.sandbox import commands as sandbox
from kzero_scim.errors import SettingsError


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a project of one tenant. There is no Pulumi CLI, so that a name must be refused without it."""
    (tmp_path / "Pulumi.yaml").write_text("name: demo\nruntime: python\n")
    (tmp_path / "stacks").mkdir()
    (tmp_path / "stacks" / "Pulumi.contoso.yaml").write_text("config: {}\n")
    monkeypatch.setenv("PATH", "")
    monkeypatch.setenv("KZERO_SCIM_CACHE", str(tmp_path / "none"))
    return tmp_path


@pytest.mark.parametrize("command", ["check", "drift", "status", "recover", "adopt", "tenant add", "fleet list"])
@pytest.mark.parametrize("name", ["", " ", "\t", "con toso", "contoso/"])
def test_a_blank_or_impossible_name_is_refused(folder: Path, command: str, name: str) -> None:
    """The error is one sentence, and nothing is run or written."""
    done = CliRunner().invoke(app, [*command.split(), "--project", str(folder), "--", name])

    assert isinstance(done.exception, SettingsError)
    assert (
        "blank" in str(done.exception) or "not a stack name" in str(done.exception) or "contoso" in str(done.exception)
    )
    assert "Pulumi CLI" not in str(done.exception)
    assert [file.name for file in (folder / "stacks").iterdir()] == ["Pulumi.contoso.yaml"]


@pytest.mark.parametrize("command", ["check", "drift", "status", "recover", "fleet drift", "fleet status", "fleet up"])
def test_an_unknown_name_is_refused_with_the_nearest(folder: Path, command: str) -> None:
    """A name with a wrong letter, or in the wrong case, gets the right one."""
    for name in ("Contoso", "contsoo"):
        done = CliRunner().invoke(app, [*command.split(), "--project", str(folder), name])

        assert str(done.exception) == f'no tenant is named "{name}"; did you mean "contoso"?'


def test_the_doctor_names_the_nearest(folder: Path) -> None:
    """A blank name does not mean that no tenant was given."""
    unknown = CliRunner().invoke(app, ["doctor", "--project", str(folder), "contsoo"], env={"COLUMNS": "300"})
    blank = CliRunner().invoke(app, ["doctor", "--project", str(folder), ""], env={"COLUMNS": "300"})

    assert 'no tenant is named "contsoo"; did you mean "contoso"?' in unknown.output
    assert "the tenant's name is blank" in blank.output


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("", "a tenant's name is blank"),
        ("../tenant-001", "the sandbox has no tenant '../tenant-001'; did you mean \"tenant-001\"?"),
        ("tenant-0001", "the sandbox has no tenant 'tenant-0001'; did you mean \"tenant-001\"?"),
    ],
)
def test_the_sandbox_checks_all_names_first(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, reason: str
) -> None:
    """No tenant is changed if one of the names is wrong."""
    (tmp_path / "tenant-001.json").write_text(json.dumps({}))

    with pytest.raises(typer.Exit):
        sandbox._known([name], tmp_path)  # noqa: SLF001 - the commands need a running sandbox

    assert f"error: {reason}" in capsys.readouterr().err
