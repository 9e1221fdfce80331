"""A copy of the project with one stack, and the real `pulumi` and `kzero-scim` commands that run in it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import yaml
from kzero_sandbox.azuread.installation import write_stand_in
from kzero_sandbox.running import Tenant

CHECKOUT: Final = Path(__file__).resolve().parents[2]
STACK: Final = "test"
_TIMEOUT_SECONDS: Final = 120
_PROGRAM: Final = ("__main__.py", "components", "kzero_scim", "plugin")


@dataclass(frozen=True)
class Outcome:
    """The outcome of a command: its exit code and both streams."""

    command: str
    code: int
    stdout: str
    stderr: str

    @property
    def text(self) -> str:
        """The complete output."""
        return f"{self.stdout}\n{self.stderr}"

    def line_with(self, words: str) -> str:
        """Return the line that contains these words, including a prefix such as Pulumi's `error: `."""
        found = {line.strip() for line in self.text.splitlines() if words in line}
        assert found, f"{self.command}: no line contains {words!r}:\n{self.text}"
        return max(found, key=len)

    def succeeded(self) -> Outcome:
        """Fail the test and show the output unless the exit code is 0."""
        assert self.code == 0, f"{self.command}: exit code {self.code}:\n{self.text}"
        return self

    def failed(self) -> Outcome:
        """Fail the test unless the exit code means an error and the output has no traceback."""
        assert self.code != 0, f"{self.command}: should have failed:\n{self.text}"
        assert "Traceback" not in self.text, self.text
        return self


@dataclass
class CliProject:
    """A copy of the project, and the outcomes of its commands so far."""

    folder: Path
    env: dict[str, str] = field(repr=False)
    stack: str = STACK
    outcomes: list[Outcome] = field(default_factory=list)

    def pulumi(self, *arguments: str, env: dict[str, str] | None = None) -> Outcome:
        """Run `pulumi <arguments> --stack <its stack>` without questions."""
        return self._run(["pulumi", *arguments, "--stack", self.stack, "--non-interactive", "--color=never"], env)

    def preview(self, *options: str, env: dict[str, str] | None = None) -> Outcome:
        """Run `pulumi preview`."""
        return self.pulumi("preview", "--diff", *options, env=env)

    def up(self, *options: str, env: dict[str, str] | None = None) -> Outcome:
        """Run `pulumi up` without questions."""
        return self.pulumi("up", "--yes", "--skip-preview", *options, env=env)

    def destroy(self, env: dict[str, str] | None = None) -> Outcome:
        """Run `pulumi destroy` without questions."""
        return self.pulumi("destroy", "--yes", "--skip-preview", env=env)

    def kzero_scim(self, *arguments: str, env: dict[str, str] | None = None) -> Outcome:
        """Run the project's own command."""
        return self._run(["kzero-scim", *arguments], env)

    def stacks(self) -> list[str]:
        """Return the names of the existing stacks."""
        listed = self._run(["pulumi", "stack", "ls", "--json", "--non-interactive"], None).succeeded().stdout
        return [entry["name"] for entry in json.loads(listed)]

    def settings(self, changes: dict[str, Any]) -> None:
        """Change the stack's settings.

        Args:
            changes: Values by key. A key without a colon is the program's own, and None removes a key.
        """
        file = self.folder / "stacks" / f"Pulumi.{self.stack}.yaml"
        document = yaml.safe_load(file.read_text())
        config = document.setdefault("config", {})
        for key, value in changes.items():
            full = key if ":" in key else f"kzero-scim:{key}"
            if value is None:
                config.pop(full, None)
            else:
                config[full] = value
        file.write_text(yaml.safe_dump(document))

    def outputs(self) -> dict[str, Any]:
        """Return the stack's outputs."""
        found: dict[str, Any] = json.loads(self.pulumi("stack", "output", "--json").succeeded().stdout)
        return found

    def written(self) -> Iterable[Path]:
        """Return the files that the commands left: state, backups and history, stack file, plugin logs."""
        return (path for path in self.folder.rglob("*") if path.is_file() and not path.is_symlink())

    def _run(self, words: list[str], env: dict[str, str] | None) -> Outcome:
        done = subprocess.run(
            words,
            cwd=self.folder,
            env=self.env | (env or {}),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=_TIMEOUT_SECONDS,
        )
        outcome = Outcome(" ".join(words), done.returncode, done.stdout, done.stderr)
        self.outcomes.append(outcome)
        return outcome


def tenant_settings(tenant: Tenant) -> dict[str, Any]:
    """Return the settings of a tenant of the sandbox, as in its stack file."""
    return {
        "azuread:tenantId": tenant.env["ARM_TENANT_ID"],
        "kzero-scim:kzeroServerUrl": tenant.env["KZERO_SERVER_URL"],
        "kzero-scim:kzeroTenant": tenant.realm,
        "kzero-scim:activation": "attributes",
        "kzero-scim:activationPreset": "sandbox",
        "kzero-scim:users": ["alex@contoso.example", "morgan@contoso.example"],
        "kzero-scim:groups": ["KZero users"],
        "kzero-scim:testUser": "alex@contoso.example",
    }


def make_project(folder: Path, tenant: Tenant, pulumi_home: Path) -> CliProject:
    """Copy the project, with its state, to a folder, and create its stack `test`, which manages this tenant."""
    project = make_empty_project(folder, tenant, pulumi_home)
    # The sandbox's salt belongs to the sandbox's passphrase. With a salt in the file, Pulumi does not create another.
    sandbox = yaml.safe_load((CHECKOUT / "stacks" / "Pulumi.sandbox.yaml").read_text())
    document = {"encryptionsalt": sandbox["encryptionsalt"], "config": tenant_settings(tenant)}
    (folder / "stacks" / f"Pulumi.{STACK}.yaml").write_text(yaml.safe_dump(document))
    project.pulumi("stack", "init").succeeded()
    return project


def make_empty_project(folder: Path, tenant: Tenant, pulumi_home: Path) -> CliProject:
    """Copy the project without a stack. Its environment signs in to both sides of this tenant."""
    (folder / "stacks").mkdir(parents=True)
    (folder / "state").mkdir()
    shutil.copy(CHECKOUT / "Pulumi.yaml", folder)
    for name in _PROGRAM:
        (folder / name).symlink_to(CHECKOUT / name)
    return CliProject(folder, _environment(tenant) | _pulumi_variables(folder, pulumi_home))


def search_path() -> str:
    """Return the PATH of an operator in the project's active environment."""
    return os.pathsep.join([str(Path(sys.prefix) / "bin"), os.environ.get("PATH", os.defpath)])


def install_azuread(pulumi_home: Path) -> None:
    """Install the offline stand-in in a PULUMI_HOME."""
    write_stand_in(pulumi_home)


def _environment(tenant: Tenant) -> dict[str, str]:
    """Return the variables of an operator's shell, without the other variables of the tests' environment."""
    inherited = {name: os.environ[name] for name in ("HOME", "LANG", "TMPDIR") if name in os.environ}
    return inherited | tenant.env | {"PATH": search_path(), "VIRTUAL_ENV": sys.prefix, "COLUMNS": "200"}


def _pulumi_variables(folder: Path, pulumi_home: Path) -> dict[str, str]:
    return {
        "PULUMI_BACKEND_URL": (folder / "state").as_uri(),
        "PULUMI_HOME": str(pulumi_home),
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        # azuread polls until Entra is consistent. The sandbox always is.
        "AZUREAD_STANDIN_POLL_SECONDS": "0",
    }
