"""The environment of one tenant."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from kzero_scim.errors import SettingsError
from kzero_scim.fleet.credentials import Credentials
from kzero_scim.fleet.project import FleetProject

Make = Callable[..., FleetProject]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Give a maker of projects: tenants' names, and the text of fleet.yaml."""

    def build(*tenants: str, fleet: str = "") -> FleetProject:
        (tmp_path / "Pulumi.yaml").write_text("name: kzero-scim\nruntime: python\n")
        (tmp_path / "fleet.yaml").write_text(fleet)
        (tmp_path / "stacks").mkdir()
        (tmp_path / "credentials").mkdir()
        for name in tenants:
            (tmp_path / "stacks" / f"Pulumi.{name}.yaml").write_text("config: {}\n")
        return FleetProject.load(tmp_path)

    return build


def test_a_tenant_has_what_is_common_and_its_own_and_nothing_of_another(make: Make) -> None:
    """Variables with another tenant's name never reach a tenant."""
    base = {
        "PATH": "/bin",
        "ARM_CLIENT_ID": "partner",
        "ARM_CLIENT_SECRET__FABRIKAM_EU": "one",  # pragma: allowlist secret
        "ARM_CLIENT_SECRET__CONTOSO": "two",  # pragma: allowlist secret
        "ARM_CLIENT_SECRET__GONE": "three",  # pragma: allowlist secret
    }
    credentials = Credentials(make("fabrikam-eu", "contoso"), base)

    found = credentials.environment_of("fabrikam-eu")

    assert found == {"PATH": "/bin", "ARM_CLIENT_ID": "partner", "ARM_CLIENT_SECRET": "one"}


def test_a_file_wins_over_the_environment_and_a_command_over_both(make: Make) -> None:
    """Each source adds to those before it; nothing in a file is substituted."""
    printed = "import sys, json; print(json.dumps({'C': 'from the command for ' + sys.argv[1]}))"
    project = make(
        "contoso",
        fleet=f"credentials: {{files: credentials, command: ['{sys.executable}', -c, \"{printed}\", '{{tenant}}']}}",
    )
    (project.folder / "credentials" / "contoso.env").write_text("# of Contoso\nB='$A ${A}'\nexport C=file\n")

    found = Credentials(project, {"A": "a", "B__CONTOSO": "b", "C__CONTOSO": "c"}).environment_of("contoso")

    assert found == {"A": "a", "B": "$A ${A}", "C": "from the command for contoso"}


def test_two_tenants_with_one_suffix_are_told_apart_or_refused(make: Make) -> None:
    """a-b and a_b would read the same variables: refused as soon as there are such."""
    project = make("a-b", "a_b")

    with pytest.raises(SettingsError, match=r"KZERO_CLIENT_SECRET__A_B is of a-b, a_b alike"):
        Credentials(project, {"KZERO_CLIENT_SECRET__A_B": "secret-value"})
    assert Credentials(project, {"A": "1"}).environment_of("a-b") == {"A": "1"}


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("import sys; print('hunter2'); sys.exit(3)", "ended with exit code 3; run it by hand to see why"),
        ("print('hunter2')", "printed neither NAME=VALUE lines nor a JSON object of texts: a line is no NAME=VALUE"),
        ("print('{\\\"A\\\": 1, hunter2}')", "printed neither NAME=VALUE lines nor a JSON object of texts: no JSON"),
    ],
)
def test_a_command_that_fails_is_named_and_what_it_printed_is_not(make: Make, script: str, words: str) -> None:
    """What a vault's client prints may hold a secret."""
    project = make("contoso", fleet=f"credentials: {{command: ['{sys.executable}', -c, \"{script}\"]}}")

    with pytest.raises(SettingsError) as caught:
        Credentials(project, {}).environment_of("contoso")

    assert "credentials of contoso: the command " in str(caught.value)
    assert words in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_a_file_that_others_can_read_is_named(make: Make) -> None:
    """So that a command can warn of it."""
    project = make("contoso", fleet="credentials: {files: credentials}")
    file = project.folder / "credentials" / "contoso.env"
    file.write_text("A=1\n")
    file.chmod(0o644)
    credentials = Credentials(project, {})

    assert credentials.readable_by_others("contoso") == str(file)
    file.chmod(0o600)
    assert credentials.readable_by_others("contoso") is None
