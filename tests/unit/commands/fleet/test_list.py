"""Tests of ``kzero-scim fleet list``: tenants and credentials as the operator sees them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from kzero_scim.commands.main import app
from kzero_scim.fleet.credentials.credentials import FOLDER

ENTRA = "11111111-1111-4111-8111-111111111111"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A fleet with a tenant that has a file, one that uses federation, and one with an encrypted secret."""
    (tmp_path / "Pulumi.yaml").write_text("name: kzero-scim\nruntime: python\n")
    (tmp_path / "fleet.yaml").write_text("credentials: {files: credentials}\n")
    for name, more in (
        ("contoso", "  kzero-scim:tags: ['a/b', '[red]x[/red]']\n"),
        ("fabrikam", ""),
        ("litware", "  kzero-scim:kzeroClientId: automation\n  kzero-scim:kzeroClientSecret: {secure: v1:abc}\n"),
    ):
        stack = tmp_path / "stacks" / f"Pulumi.{name}.yaml"
        stack.parent.mkdir(exist_ok=True)
        salt = "encryptionsalt: v1:abc\n" if name == "litware" else ""
        stack.write_text(f"{salt}config:\n  azuread:tenantId: {ENTRA}\n{more}")
    (tmp_path / "credentials").mkdir()
    file = tmp_path / "credentials" / "contoso.env"
    file.write_text("KZERO_CLIENT_ID=of-contoso\nKZERO_CLIENT_SECRET=hunter2\nARM_CLIENT_SECRET=hunter3\n")
    file.chmod(0o644)
    return tmp_path


def _run(folder: Path, *arguments: str, **environment: str) -> Result:
    clean = {"PATH": "/nowhere", "COLUMNS": "250", FOLDER: "", "ARM_USE_CLI": ""} | environment
    return CliRunner().invoke(app, ["fleet", "list", "--project", str(folder), *arguments], env=clean)


def test_a_selection_is_listed_with_its_tags(folder: Path) -> None:
    """A tag is printed as it is, not interpreted as a color."""
    result = _run(folder, "c*", "fabrikam")

    assert result.exit_code == 0, result.output
    assert [line.split() for line in result.stdout.splitlines()] == [
        ["tenant", "tags"],
        ["contoso", "a/b,", "[red]x[/red]"],
        ["fabrikam"],
    ]


def test_credentials_are_shown_by_name_with_what_is_missing(folder: Path) -> None:
    """Sources, sign-ins and missing variables are shown without values; exit code 2 if one is missing."""
    common = {"ARM_CLIENT_ID": "partner", "ARM_USE_OIDC": "true", "ARM_OIDC_TOKEN": "hunter4"}

    result = _run(folder, "--credentials", "--json", **common, KZERO_CLIENT_ID__FABRIKAM="of-fabrikam")
    table = _run(folder, "--credentials", **common)

    assert result.exit_code == table.exit_code == 2, result.output
    checks = {check.pop("tenant"): check for check in json.loads(result.stdout)}
    file = str(folder / "credentials" / "contoso.env")
    assert checks["contoso"] == {
        "sources": {file: ["ARM_CLIENT_SECRET", "KZERO_CLIENT_ID", "KZERO_CLIENT_SECRET"]},
        "entra": "as application partner with a client secret",
        "kzero": "as client of-contoso",
        "missing": [],
        "problem": "",
        "warnings": [f"other users of this machine can read {file}; run `chmod 600` on it"],
    }
    assert checks["fabrikam"]["sources"] == {"environment": ["KZERO_CLIENT_ID"]}
    assert checks["fabrikam"]["entra"] == "as application partner with an id token"
    assert checks["fabrikam"]["missing"] == ["KZERO_CLIENT_SECRET"]
    assert checks["litware"]["kzero"] == "as client automation"
    assert checks["litware"]["missing"] == ["PULUMI_CONFIG_PASSPHRASE or PULUMI_CONFIG_PASSPHRASE_FILE"]
    assert "hunter" not in result.output + table.output
    assert "chmod 600" in table.stderr


@pytest.mark.parametrize(
    ("environment", "missing"),
    [
        ({}, ["ARM_CLIENT_ID", "ARM_CLIENT_SECRET or another way to sign in (ARM_USE_OIDC=true)"]),
        ({"ARM_CLIENT_ID": "x"}, ["ARM_CLIENT_SECRET or another way to sign in (ARM_USE_OIDC=true)"]),
        (
            {"ARM_CLIENT_ID": "x", "ARM_USE_OIDC": "true"},
            ["ARM_OIDC_TOKEN or a pipeline that may request a token (GitHub: permissions: id-token: write)"],
        ),
        (
            {
                "ARM_CLIENT_ID": "x",
                "ARM_USE_OIDC": "true",
                "ACTIONS_ID_TOKEN_REQUEST_URL": "https://token.example",
                "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "hunter2",
            },
            [],
        ),
        (
            {
                "ARM_CLIENT_ID": "x",
                "ARM_USE_OIDC": "true",
                "SYSTEM_OIDCREQUESTURI": "https://dev.azure.com/x",
                "SYSTEM_ACCESSTOKEN": "hunter2",
                "ARM_OIDC_AZURE_SERVICE_CONNECTION_ID": "00000000-0000-0000-0000-000000000001",
            },
            [],
        ),
        ({"ARM_USE_MSI": "true"}, []),
    ],
)
def test_every_way_to_sign_in_to_entra_is_known(folder: Path, environment: dict[str, str], missing: list[str]) -> None:
    """Every way to sign in is recognized: secret, GitHub, Azure DevOps, managed identity."""
    given = {"KZERO_CLIENT_ID": "k", "KZERO_CLIENT_SECRET": "hunter2", **environment}

    result = _run(folder, "fabrikam", "--credentials", "--json", **given)

    assert json.loads(result.stdout)[0]["missing"] == missing, result.output
    assert result.exit_code == (2 if missing else 0)


def test_a_note_of_a_selection_goes_to_standard_error(folder: Path) -> None:
    """Notes go to standard error, so that standard output stays JSON."""
    result = _run(folder, "contoso", "--shard", "1/2", "--json")
    other = _run(folder, "contoso", "--shard", "2/2", "--json")

    assert sorted(len(json.loads(found.stdout)) for found in (result, other)) == [0, 1]
    assert "no tenant selected: shard " in result.stderr + other.stderr


def test_a_stack_file_whose_name_forges_lines_is_written_out(folder: Path) -> None:
    """Control characters in names are escaped in both tables, because a pull request may add any file."""
    name = "a\x1b[2J\nok"
    (folder / "stacks" / f"Pulumi.{name}.yaml").write_text("config: {}\n")
    file = folder / "credentials" / f"{name}.env"
    file.write_text("KZERO_CLIENT_ID=x\n")
    file.chmod(0o644)

    tables = _run(folder).output + _run(folder, "--credentials").output

    assert "\x1b" not in tables
    assert "\\x1b[2J" in tables
    assert not [line for line in tables.splitlines() if line.startswith("ok")]
