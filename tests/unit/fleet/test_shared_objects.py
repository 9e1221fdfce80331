"""Two stack files for one KZero tenant or one application: both get a problem that names both files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import yaml
from typer.testing import CliRunner

from kzero_scim.commands.main import app
from kzero_scim.fleet.project import FleetProject

if TYPE_CHECKING:
    from pathlib import Path

ONE = "11111111-1111-4111-8111-111111111111"
OTHER = "22222222-2222-4222-8222-22222222222a"


def project(folder: Path, **stacks: dict[str, Any]) -> Path:
    """Write a project with these stack files."""
    (folder / "Pulumi.yaml").write_text("name: fleet\nruntime: python\n")
    (folder / "stacks").mkdir()
    for name, settings in stacks.items():
        config = {"azuread:tenantId": ONE, "kzero-scim:kzeroTenant": "Contoso", **settings}
        file = folder / "stacks" / f"Pulumi.{name}.yaml"
        file.write_text(yaml.safe_dump({"config": {key: value for key, value in config.items() if value}}))
    return folder


def problems(folder: Path) -> dict[str, str]:
    """Return the problem of each tenant."""
    return {name: tenant.problem for name, tenant in FleetProject.load(folder).tenants.items()}


@pytest.mark.parametrize(
    ("change", "what", "remedy"),
    [
        ({"azuread:tenantId": OTHER}, 'KZero tenant "Contoso" at https://ca.auth.kzero.com', "correct kzeroTenant"),
        (
            {"azuread:tenantId": OTHER, "kzero-scim:kzeroServerUrl": "https://CA.auth.kzero.com:443/"},
            'KZero tenant "Contoso" at https://',
            "correct kzeroTenant",
        ),
        (
            {"azuread:tenantId": ONE.upper(), "kzero-scim:kzeroTenant": "Fabrikam"},
            f'application "KZero Passwordless SCIM" in Entra tenant {ONE}',
            "set another applicationName",
        ),
    ],
)
def test_both_files_are_named(tmp_path: Path, change: dict[str, str], what: str, remedy: str) -> None:
    """Each of the two fails, however the addresses and IDs are spelled; a third tenant does not."""
    third = {"azuread:tenantId": OTHER.replace("2", "3"), "kzero-scim:kzeroTenant": "Litware"}
    found = problems(project(tmp_path, a={}, b=change, c=third))

    assert found["c"] == ""
    assert found["a"] == found["b"]
    assert found["a"].startswith("stacks/Pulumi.a.yaml, stacks/Pulumi.b.yaml manage the same ")
    assert what in found["a"]
    assert remedy in found["a"]


@pytest.mark.parametrize(
    "change",
    [
        {"azuread:tenantId": OTHER, "kzero-scim:kzeroTenant": "contoso"},  # realms are case-sensitive
        {"azuread:tenantId": OTHER, "kzero-scim:kzeroServerUrl": "https://sso.example"},
        {"kzero-scim:kzeroTenant": "Fabrikam", "kzero-scim:applicationName": "KZero of Fabrikam"},
        {"kzero-scim:kzeroTenant": "", "azuread:tenantId": OTHER},
    ],
)
def test_other_objects_are_no_conflict(tmp_path: Path, change: dict[str, str]) -> None:
    """Two realms that differ only in case are two realms, and one Entra tenant may have two applications."""
    assert problems(project(tmp_path, a={}, b=change)) == {"a": "", "b": ""}


def test_fleet_list_shows_the_conflict(tmp_path: Path) -> None:
    """The command names both files for both tenants."""
    folder = project(tmp_path, a={}, b={"azuread:tenantId": OTHER})

    result = CliRunner().invoke(app, ["fleet", "list", "--project", str(folder), "--json"])

    assert result.output.count("stacks/Pulumi.a.yaml, stacks/Pulumi.b.yaml") == 2
