"""Reads one tenant's stack, its configuration and its state, with the Pulumi CLI. Knows no service."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Self

from kzero_scim.display import plain
from kzero_scim.errors import SettingsError
from kzero_scim.home_folder import home_folder
from kzero_scim.nearest import did_you_mean
from kzero_scim.redaction import current, learn
from kzero_scim.settings.provider_config import LINE_BREAK
from kzero_scim.stack import safe_yaml
from kzero_scim.stack.key_service import require_own_services

SHOWS_ALL: Final = "`kzero-scim fleet list` shows all names"
_NAME: Final = re.compile(r"(?!\.{1,2}$)[A-Za-z0-9_.][A-Za-z0-9_.-]{0,99}")
_OPTION: Final = "PULUMI_OPTION_"
_POLICIES: Final = frozenset({f"{_OPTION}POLICY_PACK", f"{_OPTION}POLICY_PACK_CONFIG"})
_SECRETS: Final = ("PULUMI_CONFIG_PASSPHRASE", "PULUMI_ACCESS_TOKEN")
_SIGNATURE: Final = "4dabf18193072939515e22adb298388d"
"""Key that marks an object of the state as a special value of the engine, such as a secret."""


@dataclass(frozen=True)
class ResourceState:
    """One resource of a stack's state. Secrets in it are None.

    Attributes:
        type: Its type token.
        name: Its name in the program.
        id: Its ID; empty for a component.
        inputs: What the program states.
        outputs: What the provider read.
        ignored: The program's `ignoreChanges`.
        awaits_deletion: Whether it was replaced, and its deletion is pending.
    """

    type: str
    name: str
    id: str
    inputs: dict[str, Any]
    outputs: dict[str, Any]
    ignored: frozenset[str] = frozenset()
    awaits_deletion: bool = False


@dataclass(frozen=True)
class Stack:
    """A stack: its name, configuration (text by full key), encrypted keys, resources and the project's folder."""

    name: str
    configuration: dict[str, str] = field(repr=False)
    secret_keys: frozenset[str]
    resources: tuple[ResourceState, ...]
    project: Path = Path()

    @classmethod
    def load(cls, name: str, project: Path) -> Self:
        """Return a stack, read with the Pulumi CLI.

        Args:
            name: The stack's name.
            project: The folder of Pulumi.yaml.

        Raises:
            SettingsError: The Pulumi CLI or the stack does not exist, or the stack cannot be decrypted.
        """
        require_known(name, project)
        file = project / "stacks" / f"Pulumi.{short_name(name)}.yaml"
        document = safe_yaml.read(file) if file.exists() else None
        require_own_services(document if isinstance(document, dict) else {}, os.environ)
        configured = json.loads(run_pulumi(project, "config", "--json", "--show-secrets", "--stack", name))
        exported = json.loads(run_pulumi(project, "stack", "export", "--stack", name))
        return cls.of(name, configured, exported, project)

    @classmethod
    def of(cls, name: str, configured: dict[str, Any], exported: dict[str, Any], project: Path = Path()) -> Self:
        """Return a stack from the output of `pulumi config --json --show-secrets` and `pulumi stack export`."""
        resources = (exported.get("deployment") or {}).get("resources") or []
        learn([entry.get("value") for entry in configured.values() if entry.get("secret")])
        return cls(
            name=name,
            configuration={key: entry.get("value", "") for key, entry in configured.items()},
            secret_keys=frozenset(key for key, entry in configured.items() if entry.get("secret")),
            resources=tuple(_resource(entry) for entry in resources),
            project=project,
        )

    def all_of(self, type_: str) -> list[ResourceState]:
        """Return the resources of a type, without replaced ones that wait for their deletion."""
        return [item for item in self.resources if item.type == type_ and not item.awaits_deletion]

    def find(self, type_: str) -> ResourceState | None:
        """Return the first resource of a type, or None. A program of this project has one of each."""
        return next(iter(self.all_of(type_)), None)


def _resource(entry: dict[str, Any]) -> ResourceState:
    return ResourceState(
        type=entry["type"],
        name=entry["urn"].rsplit("::", 1)[-1],
        id=entry.get("id", ""),
        inputs=_without_secrets(entry.get("inputs") or {}),
        outputs=_without_secrets(entry.get("outputs") or {}),
        ignored=frozenset(entry.get("ignoreChanges") or ()),
        awaits_deletion=entry.get("delete") is True,
    )


def _without_secrets(value: Any) -> Any:  # noqa: ANN401 - any property value
    if isinstance(value, dict):
        if _SIGNATURE in value:
            return None
        return {key: _without_secrets(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_without_secrets(item) for item in value]
    return value


def narrowing_options(environment: Mapping[str, str]) -> list[str]:
    """Return the variables that set options of the Pulumi CLI, such as PULUMI_OPTION_TARGET, except policies.

    They apply to each command of the CLI, so a run would leave out resources, or read another state, without a word.
    """
    return sorted(name for name in environment if name.upper().startswith(_OPTION) and name.upper() not in _POLICIES)


def without_options(environment: Mapping[str, str]) -> dict[str, str]:
    """Return an environment without :func:`narrowing_options`."""
    left_out = frozenset(narrowing_options(environment))
    return {name: value for name, value in environment.items() if name not in left_out}


def pulumi_cli() -> str | None:
    """Return the path of the Pulumi CLI, from PATH or from the project's own cache, or None."""
    found = shutil.which("pulumi")
    if found:
        return found
    own = home_folder()
    user_cache = os.environ.get("XDG_CACHE_HOME") or (own / ".cache" if own else None)
    named = os.environ.get("KZERO_SCIM_CACHE") or (Path(user_cache) / "kzero-scim" if user_cache else None)
    if named is None:
        return None
    cache = Path(named)
    return next((str(path) for path in sorted(cache.glob("pulumi-*/bin/pulumi"), reverse=True)), None)


def required_pulumi_cli() -> str:
    """Return the Pulumi CLI.

    Raises:
        SettingsError: The Pulumi CLI is not installed.
    """
    command = pulumi_cli()
    if command is None:
        message = "the Pulumi CLI is not on PATH; install it, or run `make setup`"
        raise SettingsError(message)
    return command


def require_project(project: Path) -> None:
    """Check that a folder contains Pulumi.yaml.

    Raises:
        SettingsError: It does not.
    """
    if not (project / "Pulumi.yaml").exists():
        message = f"{project} has no Pulumi.yaml; run this in the project's folder, or pass it as --project"
        raise SettingsError(message)


def short_name(stack: str) -> str:
    """Return a stack's own name, without a leading organization and project."""
    return stack.rsplit("/", 1)[-1]


def is_name(stack: str) -> bool:
    """Return whether a text can be a stack's name, with or without a leading organization and project."""
    return _NAME.fullmatch(short_name(stack)) is not None


def require_known(stack: str, project: Path) -> None:
    """Check that the project has a stack. Pulumi takes an empty name for the stack that was selected last.

    Raises:
        SettingsError: The name is blank or unknown. The message names the stack with the most similar name.
    """
    require_project(project)
    if not stack.strip():
        message = f"the tenant's name is blank; {SHOWS_ALL}"
        raise SettingsError(message)
    files = (project / "stacks").glob("Pulumi.*.yaml")
    known = {file.name.removeprefix("Pulumi.").removesuffix(".yaml") for file in files}
    if is_name(stack) and (short_name(stack) in known or short_name(stack) in (known := known | _listed(project))):
        return
    message = f'no tenant is named "{plain(stack)}"{did_you_mean(stack, known, SHOWS_ALL)}'
    raise SettingsError(message)


def _listed(project: Path) -> set[str]:
    """Return the names of stacks that have no file, or none if Pulumi cannot list them."""
    try:
        return set(stack_names(project))
    except SettingsError:
        return set()


def project_name(project: Path) -> str:
    """Return the project's name from Pulumi.yaml.

    Raises:
        SettingsError: It cannot be read.
    """
    try:
        return str(safe_yaml.read(project / "Pulumi.yaml")["name"])
    except (OSError, SettingsError, TypeError, KeyError) as error:
        message = f"cannot read the project's name from {project / 'Pulumi.yaml'}: {error}"
        raise SettingsError(message) from None


def stack_names(project: Path) -> list[str]:
    """Return the names of the project's stacks, without a leading organization.

    Raises:
        SettingsError: The Pulumi CLI or a backend is missing.
    """
    listed = json.loads(run_pulumi(project, "stack", "ls", "--json"))
    return [short_name(str(entry["name"])) for entry in listed]


def run_pulumi(
    project: Path,
    *arguments: str,
    standard_input: str | None = None,
    environment: Mapping[str, str] | None = None,
) -> str:
    """Run the Pulumi CLI and return its standard output.

    Args:
        project: The folder of Pulumi.yaml.
        arguments: The command's words.
        standard_input: Its standard input, if any.
        environment: Its environment; None for this process's.

    Raises:
        SettingsError: The CLI or the project is missing, or the command failed; with the reason in one line.
    """
    command = required_pulumi_cli()
    require_project(project)
    # Runs without a shell. The output is not logged, because it may contain secrets.
    done = subprocess.run(  # noqa: S603
        [command, *arguments, "--non-interactive"],
        cwd=project,
        capture_output=True,
        text=True,
        check=False,
        **({"stdin": subprocess.DEVNULL} if standard_input is None else {"input": standard_input}),
        env={
            **without_options(os.environ if environment is None else environment),
            "PULUMI_SKIP_UPDATE_CHECK": "true",
        },
    )
    if done.returncode:
        hint = line_break_hint(os.environ if environment is None else environment)
        message = f"pulumi {' '.join(arguments[:2])} failed: {reason_of(done.stderr, done.stdout)}{hint}"
        raise SettingsError(message)
    return done.stdout


def line_break_hint(environment: Mapping[str, str]) -> str:
    """Return a sentence, to follow an error, about each of Pulumi's secrets that ends in a line break; "" without."""
    broken = [name for name in _SECRETS if environment.get(name, "").endswith(("\n", "\r"))]
    return "".join(f"; environment variable {name} {LINE_BREAK}" for name in broken)


def _diagnostics(stdout: str) -> list[str]:
    """Return the errors in the JSON of a command, without repeats."""
    try:
        document = json.loads(stdout)
        found = [item["message"] for item in document["diagnostics"] if item["severity"] == "error"]
    except (ValueError, TypeError, KeyError):
        return []
    return list(dict.fromkeys(text.strip().removeprefix("error: ") for text in found if isinstance(text, str)))


def reason_of(stderr: str, stdout: str = "") -> str:
    """Return in one line why the Pulumi CLI failed, from its standard error, or from the JSON that it prints.

    With ``--json`` the CLI prints errors as ``diagnostics`` on standard output.
    """
    told = [*_diagnostics(stdout), stderr]
    reason = " ".join(current().redact(" ".join(told)).split()).removeprefix("error: ")
    if "failed to get the home path" in reason:
        return "the home folder is unknown, because HOME is not set and this user has no passwd entry; set HOME"
    if "PULUMI_ACCESS_TOKEN" in reason:
        return "no backend is selected; run `pulumi login`, or set PULUMI_BACKEND_URL to the backend's address"
    return reason
