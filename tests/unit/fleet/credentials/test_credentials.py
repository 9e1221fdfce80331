"""Tests of the environment of one tenant."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kzero_scim.errors import SettingsError
from kzero_scim.fleet.credentials.credential_command import printed
from kzero_scim.fleet.credentials.credentials import FOLDER, Credentials, suffix_of
from kzero_scim.fleet.credentials.variables import LARGEST, read_variables
from kzero_scim.fleet.project import FleetProject, FleetSettings, FleetTenant

Make = Callable[..., FleetProject]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Return a function that creates a project from tenants' names and the text of fleet.yaml."""

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
    """A tenant gets common variables and its own, and none with another tenant's name."""
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
    """A file overrides the environment, a command overrides both, and nothing is substituted."""
    printed = "import sys, json; print(json.dumps({'KZERO_C': 'from the command for ' + sys.argv[1]}))"
    project = make(
        "contoso",
        fleet=f"credentials: {{files: credentials, command: ['{sys.executable}', -c, \"{printed}\", '{{tenant}}']}}",
    )
    (project.folder / "credentials" / "contoso.env").write_text(
        "# of Contoso\nKZERO_B='$A ${A}'\nexport KZERO_C=file\n"
    )

    found = Credentials(project, {"A": "a", "KZERO_B__CONTOSO": "b", "KZERO_C__CONTOSO": "c"}).environment_of("contoso")

    assert found == {"A": "a", "KZERO_B": "$A ${A}", "KZERO_C": "from the command for contoso"}


def test_two_tenants_with_one_suffix_are_refused_and_the_others_are_not(make: Make) -> None:
    """Variables …__A_B match both a-b and a_b, so only these two tenants fail."""
    project = make("a-b", "a_b", "other")
    credentials = Credentials(project, {"A": "1", "KZERO_CLIENT_SECRET__A_B": "hunter2"})

    for tenant in ("a-b", "a_b"):
        with pytest.raises(
            SettingsError, match=rf"credentials of {tenant}: variables …__A_B match several tenants: a-b, a_b"
        ):
            credentials.environment_of(tenant)
    assert credentials.environment_of("other") == {"A": "1"}
    assert Credentials(project, {"A": "1"}).environment_of("a-b") == {"A": "1"}


def test_an_empty_value_takes_the_common_one_away(make: Make) -> None:
    """An empty variable unsets the common one, for example the secret of a tenant that uses federation."""
    base = {"ARM_CLIENT_SECRET": "common", "ARM_CLIENT_SECRET__CONTOSO": "", "PULUMI_CONFIG_PASSPHRASE": ""}

    found = Credentials(make("contoso"), base).environment_of("contoso")

    assert found == {"ARM_CLIENT_SECRET": "", "PULUMI_CONFIG_PASSPHRASE": ""}


_TENANTS = st.text("ab-_.1", min_size=1, max_size=5)
_NAMES = st.from_regex(r"[A-Z][A-Z0-9]{0,2}(_[A-Z0-9]{1,2})?", fullmatch=True)


@given(st.sets(_TENANTS, min_size=1, max_size=6), st.dictionaries(st.tuples(_NAMES, _TENANTS), st.uuids(), max_size=8))
def test_no_variable_of_another_tenant_reaches_a_tenant(
    tenants: set[str], variables: dict[tuple[str, str], UUID]
) -> None:
    """Whatever the names, each value reaches only its own tenant, or none."""
    project = FleetProject(
        Path("unused"), "p", FleetSettings(), {name: FleetTenant(name, Path("unused"), {}) for name in tenants}
    )
    base = {f"{name}__{suffix_of(tenant)}": str(value) for (name, tenant), value in variables.items()}
    credentials = Credentials(project, base)
    for tenant in tenants:
        if len({other for other in tenants if suffix_of(other) == suffix_of(tenant)}) == 1:
            own = {value for (_, other), value in variables.items() if suffix_of(other) == suffix_of(tenant)}
            assert set(credentials.environment_of(tenant).values()) <= {str(value) for value in own}


def test_the_folder_of_the_environment_wins_and_must_exist(make: Make) -> None:
    """The folder in the environment overrides fleet.yaml, and a folder that does not exist is an error."""
    project = make("contoso", fleet="credentials: {files: credentials}")
    (project.folder / "mounted").mkdir()
    (project.folder / "mounted" / "contoso.env").write_text("KZERO_A=mounted\n")

    assert Credentials(project, {FOLDER: "mounted"}).environment_of("contoso")["KZERO_A"] == "mounted"
    with pytest.raises(SettingsError, match=rf"folder .*/gone \(from {FOLDER}\) does not exist"):
        Credentials(project, {FOLDER: "gone"})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("A=1\n\n# no\nexport B='two words' # why\n", {"A": "1", "B": "two words"}),
        ('A="line one\\nline two"\nB=a#b\nC=\n', {"A": "line one\nline two", "B": "a#b", "C": ""}),
        ("A=${HOME} $HOME `id`\n", {"A": "${HOME} $HOME `id`"}),
        ("\ufeffA=1\r\nB=2\r\n", {"A": "1", "B": "2"}),
        ('{"A": "1", "B": "x=y\\n"}', {"A": "1", "B": "x=y\n"}),
        ("", {}),
    ],
)
def test_variables_are_read_as_a_shell_would_without_substitution(text: str, expected: dict[str, str]) -> None:
    """Variables are read from lines of an .env file or from a JSON object, without substitution."""
    assert read_variables(text.encode()) == expected


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"A=1\n\nhunter2\n", "has no NAME=VALUE in line 3"),
        (b"A=1\nB='hunter2\n", "has no NAME=VALUE in line 2"),
        (b"A-B=hunter2\n", "has no NAME=VALUE in line 1"),
        (b"A=hunter2\nB=1\nA=hunter3\n", "has A twice, again in line 3; remove one"),
        (b"A=\0hunter2\n", "has a value with a zero byte in line 1"),
        (b'{"A": "hunter2",}', "contains malformed JSON, line 1"),
        (b'{"A": {"b": "hunter2"}}', "contains a JSON object whose A is not a string; put it in quotes"),
        (b'{"A": 1}', "contains a JSON object whose A is not a string; put it in quotes"),
        (b'{"": "hunter2"}', "contains a JSON object with a key that is not a variable name"),
        (b"A=\xff\n", "is not valid UTF-8"),
        (b"A=" + b"x" * LARGEST, "contains more than 1 MB; it must contain only variables"),
    ],
)
def test_what_is_no_variable_is_told_without_a_value(content: bytes, words: str) -> None:
    """The error for a malformed line shows no value, because the line may be a secret."""
    with pytest.raises(ValueError, match=re.escape(words)) as caught:
        read_variables(content)

    assert "hunter" not in str(caught.value)


@pytest.fixture
def with_command(make: Make) -> Callable[[str], FleetProject]:
    """Return a function that creates a project whose only tenant gets credentials from a Python program."""

    def build(program: str) -> FleetProject:
        project = make("contoso", fleet=f"credentials: {{command: ['{sys.executable}', program.py, '{{tenant}}']}}")
        (project.folder / "program.py").write_text(program)
        return project

    return build


@pytest.mark.parametrize(
    ("program", "words"),
    [
        (
            "import sys; print('hunter2'); sys.exit(3)",
            "failed with exit code 3 without an error message; run it by hand",
        ),
        (
            "import os, sys; sys.exit('no access with ' + os.environ['VAULT_TOKEN'])",
            "exit code 1: no access with [secret]",
        ),
        ("import sys; sys.exit('denied, token=hunter2hunter2x')", "exit code 1: denied, token=[secret]"),
        ("import sys; sys.exit('denied for hvs-CAESIJ2abcdefghij')", "exit code 1: denied for [secret]"),
        (
            "import sys; sys.exit('no secret at kv/tenants-2026/contoso-emea-01 of vault-01.example.com')",
            "no secret at kv/tenants-2026/contoso-emea-01 of vault-01.example.com",
        ),
        ("print('hunter2')", "has no NAME=VALUE in line 1"),
        ("import os; os.kill(os.getpid(), 9)", "was killed by signal 9 without an error message"),
        ("import sys\nwhile True: sys.stdout.write('hunter2' * 9999)", "contains more than 1 MB"),
        ("import sys\nwhile True: sys.stderr.write('no' * 9999)", "was killed by signal 9: no"),
    ],
)
def test_a_command_that_fails_is_named_and_what_it_printed_is_not(
    with_command: Callable[[str], FleetProject], program: str, words: str
) -> None:
    """The error names the command and its message without secrets, and never its output."""
    with pytest.raises(SettingsError) as caught:
        Credentials(with_command(program), {"VAULT_TOKEN": "hunter2hunter2"}).environment_of("contoso")

    assert str(caught.value).startswith("credentials of contoso: the command ")
    assert words in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_a_command_has_what_is_its_tenants_and_nothing_in_its_arguments(
    with_command: Callable[[str], FleetProject],
) -> None:
    """The command gets the tenant's own variables, for example a vault's token."""
    project = with_command(
        "import os, sys, json; print(json.dumps({'KZERO_SEEN': json.dumps([sys.argv[1:], dict(os.environ)])}))"
    )
    base = {"VAULT_TOKEN__CONTOSO": "own", "VAULT_TOKEN__OTHER": "others", "KEPT": "common"}  # pragma: allowlist secret

    arguments, environment = json.loads(Credentials(project, base).environment_of("contoso")["KZERO_SEEN"])

    assert arguments == ["contoso"]
    assert {key: environment.get(key) for key in ("VAULT_TOKEN", "KEPT")} == {"VAULT_TOKEN": "own", "KEPT": "common"}
    assert not [key for key, value in environment.items() if "__" in key or value == "others"]


def test_a_command_that_takes_too_long_is_killed_with_what_it_started(tmp_path: Path) -> None:
    """A command that takes too long is killed with its children, which would keep the pipe open."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    script = f"(echo started; exec sleep 600) > {pipe} & wait"

    with pytest.raises(ValueError, match=r"took more than 2 s"):
        printed(["sh", "-c", script], tmp_path, {"PATH": os.defpath}, seconds=2)

    # The pipe ends when no process holds it.
    os.set_blocking(reader, True)
    with os.fdopen(reader, "rb") as opened:
        assert opened.read() == b"started\n"


@pytest.mark.parametrize(
    ("command", "words"),
    [("no-such-vault", "is not on PATH"), ("./gone", "cannot be started: No such file or directory")],
)
def test_a_command_that_is_not_there_is_named(tmp_path: Path, command: str, words: str) -> None:
    """A missing program is named; one with a slash is relative to the project, others come from PATH."""
    with pytest.raises(ValueError, match=words):
        printed([command], tmp_path, {"PATH": os.defpath})


def test_a_tenant_whose_name_a_command_would_take_for_an_option_is_refused(make: Make) -> None:
    """A tenant whose name looks like an option is refused, because a pull request may add it."""
    project = make("--help", fleet="credentials: {command: [vault, '{tenant}']}")

    with pytest.raises(SettingsError, match="would read the tenant's name as an option; rename the stack"):
        Credentials(project, {"PATH": os.defpath}).environment_of("--help")


def test_a_file_that_others_can_read_is_warned_of(make: Make) -> None:
    """A credentials file that other users can read causes a warning with the remedy."""
    project = make("contoso", fleet="credentials: {files: credentials}")
    file = project.folder / "credentials" / "contoso.env"
    file.write_text("A=1\n")
    file.chmod(0o644)
    credentials = Credentials(project, {})

    assert credentials.warnings_of("contoso") == [f"other users of this machine can read {file}; run `chmod 600` on it"]
    file.chmod(0o600)
    assert credentials.warnings_of("contoso") == []


@pytest.mark.parametrize("source", ["file", "command"])
@pytest.mark.parametrize(
    "name",
    ["LD_PRELOAD", "PYTHONPATH", "PATH", "HOME", "GIT_SSH_COMMAND", "PULUMI_HOME", "KZERO_SCIM_CACHE", "HTTPS_PROXY"],
)
def test_credentials_cannot_set_what_the_machine_runs(make: Make, source: str, name: str) -> None:
    """Whoever can write one tenant's secrets could otherwise run programs with every tenant's."""
    command = f"['{sys.executable}', -c, \"print('{name}=hunter2')\"]"
    project = make(
        "contoso", fleet=f"credentials: {{files: credentials{f', command: {command}' * (source == 'command')}}}"
    )
    if source == "file":
        (project.folder / "credentials" / "contoso.env").write_text(f"KZERO_CLIENT_ID=a\n{name}=hunter2\n")

    with pytest.raises(SettingsError, match=rf"credentials of contoso: .* sets {name}; credentials may set ") as caught:
        Credentials(project, {"PATH": os.defpath}).environment_of("contoso")
    assert "hunter2" not in str(caught.value)


def test_a_file_that_git_tracks_is_refused(make: Make) -> None:
    """Its secrets are in every clone already; also by a link to it."""
    project = make("contoso", "fabrikam", fleet="credentials: {files: credentials}")
    folder = project.folder / "credentials"
    (folder / "contoso.env").write_text("KZERO_CLIENT_SECRET=hunter2\n")
    (folder / "fabrikam.env").symlink_to(folder / "contoso.env")
    for words in (["init", "-q"], ["add", "-f", "credentials/contoso.env"]):
        subprocess.run(["git", "-C", str(project.folder), *words], check=True)  # noqa: S607

    for tenant in ("contoso", "fabrikam"):
        with pytest.raises(SettingsError, match=rf"git tracks .*/{tenant}\.env, .*; run `git rm --cached`"):
            Credentials(project, {}).environment_of(tenant)

    subprocess.run(["git", "-C", str(project.folder), "rm", "-q", "--cached", "credentials/contoso.env"], check=True)  # noqa: S607
    assert Credentials(project, {}).environment_of("contoso") == {"KZERO_CLIENT_SECRET": "hunter2"}


def test_everything_that_a_command_printed_is_secret_but_ids(make: Make) -> None:
    """It comes from a store of secrets, whatever the variables are called."""
    program = "[print(line) for line in ('KZERO_PIN=hunter2', 'KZERO_CLIENT_ID=shown', 'KZERO_REALM=Contoso')]"
    project = make("contoso", fleet=f"credentials: {{command: ['{sys.executable}', -c, \"{program}\"]}}")

    _, secrets = Credentials(project, {"PATH": os.defpath}).with_secrets("contoso")

    assert secrets == ["hunter2"]


def test_a_command_that_fails_does_not_say_what_it_printed(make: Make) -> None:
    """Its complaint may repeat its output."""
    program = "import sys; print('KZERO_PIN=hunter2'); sys.exit('cannot use hunter2')"
    project = make("contoso", fleet=f"credentials: {{command: ['{sys.executable}', -c, \"{program}\"]}}")

    with pytest.raises(SettingsError, match=r"exit code 1: cannot use \[secret\]"):
        Credentials(project, {"PATH": os.defpath}).environment_of("contoso")
