"""Records a tenant after one version's `pulumi up` in a folder, and restores the recording in a sandbox.

A recording contains the addresses of its own sandbox. `lay` replaces them, and must not change anything else that the
recorded version wrote.
"""

from __future__ import annotations

import json
import os
import shlex
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from kzero_sandbox.fleet import FleetTenant
from kzero_sandbox.replicas import Original, original, replaced, replicate
from kzero_sandbox.running import RunningSandbox

from kzero_scim.commands.sandbox.replica_state import rewritten
from tests.e2e.cli_project import CliProject, search_path

Json = dict[str, Any]

FOLDER: Final = Path(__file__).parent
_OF_MACHINE: Final = frozenset({"sourcePosition", "stackTrace"})
"""Keys in a state with which Pulumi stores paths of the machine."""


@dataclass(frozen=True)
class Baseline:
    """One recording.

    Attributes:
        folder: The folder of its files; its name is the recorded version.
    """

    folder: Path

    @property
    def version(self) -> str:
        """The version of kzero-scim that set the tenant up."""
        return self.folder.name

    @property
    def checkpoint(self) -> str:
        """The stack's state in the form of Pulumi's file backend."""
        return (self.folder / "checkpoint.json").read_text(encoding="utf-8")

    @property
    def resources(self) -> list[Json]:
        """The provider's own resources in the stack's state."""
        return [resource for resource in self._held if resource["custom"] and resource["type"].startswith("kzero:")]

    @property
    def outputs(self) -> set[str]:
        """The names of the stack's outputs."""
        (stack,) = (resource for resource in self._held if resource["type"] == "pulumi:pulumi:Stack")
        return set(stack["outputs"])

    @property
    def _held(self) -> list[Json]:
        held: list[Json] = json.loads(self.checkpoint)["checkpoint"]["latest"]["resources"]
        return held

    def lay(self, sandbox: RunningSandbox, tenant: FleetTenant, project: CliProject) -> None:
        """Set up a tenant as recorded, with its state and its stack file.

        Args:
            sandbox: The sandbox of the tenant.
            tenant: The tenant with the recorded name, without a provisioning job.
            project: The tenant's project, with an empty stack in a file backend.

        Raises:
            ReplicaError: The tenant is already set up.
            httpx.HTTPError: The sandbox does not answer, or answers with an error.
        """
        recorded = self._json("tenant.json")
        assert recorded["name"] == tenant.name, f"the recording is of {recorded['name']}, not of {tenant.name}"
        addresses = {recorded[side]: address for side, address in _addresses(sandbox).items()}
        realm = json.loads(replaced(self._text("realm.json"), addresses))
        checkpoint, stack_file = _state_file(project), _stack_file(project)
        checkpoint.write_text(rewritten(self.checkpoint, addresses), encoding="utf-8")
        stack_file.write_text(replaced(self._text("stack.yaml"), addresses), encoding="utf-8")
        source = Original(
            tenant=tenant,
            stack_file=stack_file,
            contents=json.loads(replaced(self._text("entra.json"), addresses)),
            attributes=realm["attributes"],
            scim_client=realm["scimClient"],
            users=realm["users"],
            checkpoint=checkpoint,
        )
        replicate(sandbox, source, tenant, rewritten)

    def record(self, sandbox: RunningSandbox, tenant: FleetTenant, project: CliProject) -> None:
        """Write a tenant that is set up into the folder.

        Args:
            sandbox: The sandbox of the tenant.
            tenant: The tenant to record.
            project: The tenant's project.

        Raises:
            ReplicaError: The tenant is not set up.
            ValueError: The state contains secrets.
            httpx.HTTPError: The sandbox does not answer, or answers with an error.
        """
        read = original(sandbox, tenant, project.folder, _backend(project))
        state = rewritten(read.checkpoint.read_text(encoding="utf-8"), {})
        client = {name: value for name, value in read.scim_client.items() if name != "secret"}
        self.folder.mkdir(exist_ok=True)
        self._write("tenant.json", {"name": tenant.name, **_addresses(sandbox)})
        self._write("entra.json", _lasting(read.contents))
        self._write("realm.json", {"attributes": read.attributes, "scimClient": client, "users": read.users})
        self._write("checkpoint.json", _without_machine(json.loads(state)))
        (self.folder / "stack.yaml").write_text(read.stack_file.read_text(encoding="utf-8"), encoding="utf-8")

    def _text(self, name: str) -> str:
        return (self.folder / name).read_text(encoding="utf-8")

    def _json(self, name: str) -> Json:
        found: Json = json.loads(self._text(name))
        return found

    def _write(self, name: str, document: Json) -> None:
        (self.folder / name).write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


def recorded() -> list[Baseline]:
    """Return all recordings, sorted by version."""
    return [Baseline(file.parent) for file in sorted(FOLDER.glob("*/tenant.json"))]


def project_of(tenant: FleetTenant, folder: Path, pulumi_home: Path) -> CliProject:
    """Return the project of a tenant of the sandbox's fleet, with a new stack in a file backend.

    Args:
        tenant: The tenant.
        folder: The folder of the fleet's project.
        pulumi_home: The folder with the azuread stand-in.
    """
    (folder / "state").mkdir()
    environment = {
        **_variables((folder / "env").read_text().splitlines()),
        **_variables((folder / "credentials" / f"{tenant.name}.env").read_text().splitlines()),
        "PATH": search_path(),
        "VIRTUAL_ENV": sys.prefix,
        "HOME": os.environ.get("HOME", str(folder)),
        "PULUMI_BACKEND_URL": (folder / "state").as_uri(),
        "PULUMI_HOME": str(pulumi_home),
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        "AZUREAD_STANDIN_POLL_SECONDS": "0",
    }
    project = CliProject(folder, environment, stack=tenant.name)
    project.pulumi("stack", "init").succeeded()
    return project


def _lasting(contents: Json) -> Json:
    """Return contents without the audit log and the parts that `replicate` refuses, such as clients' secrets."""
    jobs = {key: job | {"links": {}, "escrows": {}} for key, job in contents["jobs"].items()}
    kept = {name: part for name, part in contents.items() if name not in {"clients", "log"}}
    return kept | {"jobs": jobs, "directory": contents["directory"] | {"audits": []}}


def _without_machine(value: Any) -> Any:  # noqa: ANN401 - any JSON
    if isinstance(value, dict):
        return {name: _without_machine(inner) for name, inner in value.items() if name not in _OF_MACHINE}
    return [_without_machine(inner) for inner in value] if isinstance(value, list) else value


def _variables(lines: Iterable[str]) -> dict[str, str]:
    words = [shlex.split(line.removeprefix("export ")) for line in lines if "=" in line]
    return dict(word[0].split("=", 1) for word in words)


def _addresses(sandbox: RunningSandbox) -> dict[str, str]:
    """Return host and port of each side of the sandbox, without a scheme as in azuread's settings."""
    urls = {"entra": sandbox.urls.entra, "kzero": sandbox.urls.kzero}
    return {side: url.removeprefix("https://") for side, url in urls.items()}


def _backend(project: CliProject) -> Path:
    return project.folder / "state"


def _state_file(project: CliProject) -> Path:
    return _backend(project) / ".pulumi" / "stacks" / "kzero-scim" / f"{project.stack}.json"


def _stack_file(project: CliProject) -> Path:
    return project.folder / "stacks" / f"Pulumi.{project.stack}.yaml"
