"""Has the engine import what a survey found, with a provider that answers from the survey and refuses every write."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

from pulumi import automation

from kzero_scim.errors import AdoptionError, KzeroScimError
from kzero_scim.provider.engine.attached import attached, collect_what_a_run_leaves
from kzero_scim.provider.package import KZERO, Package
from kzero_scim.resource.model import Found, Resource, as_plain
from kzero_scim.settings.tenant_settings import TenantSettings
from kzero_scim.stack.stack import project_name, pulumi_cli
from kzero_scim.tenant.adopt.program import Existing, declare_existing
from kzero_scim.tenant.adopt.survey import Survey


def bring_in(project: Path, stack: str, survey: Survey) -> None:
    """Import everything that a survey found into a stack's state. Neither side is changed.

    Args:
        project: The folder of Pulumi.yaml.
        stack: The stack, which exists, with its settings file.
        survey: What to import.

    Raises:
        AdoptionError: The engine could not; what it said in one line.
    """
    existing = {token: Existing(id=found.id, inputs=as_plain(found.inputs)) for token, found in survey.existing.items()}
    problems: list[str] = []

    def program() -> None:
        try:
            declare_existing(TenantSettings.from_config(), survey.application, existing)
        except KzeroScimError as error:
            problems.append(str(error))
            raise

    # Paths in settings begin at the project's folder.
    with attached(_package(survey.existing)) as port, contextlib.chdir(project):
        said = _run(project, stack, program, port)
    if said is not None:
        reason = "; ".join(problems) or said
        message = f"stack {stack} could not take everything in: {reason}"
        raise AdoptionError(message)


def _run(project: Path, stack: str, program: Callable[[], None], port: int) -> str | None:
    """Run ``pulumi up`` with the program in this process; gives its error, or None."""
    command = pulumi_cli()
    lines: list[str] = []
    try:
        selected = automation.select_stack(
            stack_name=stack,
            project_name=project_name(project),
            program=program,
            opts=automation.LocalWorkspaceOptions(
                work_dir=str(project),
                pulumi_command=_command(command),
                env_vars={"PULUMI_DEBUG_PROVIDERS": f"{KZERO.name}:{port}", "PULUMI_SKIP_UPDATE_CHECK": "true"},
            ),
        )
        selected.up(on_output=lines.append, on_error=lines.append, color="never", suppress_outputs=True)
    except automation.CommandError as error:
        return _errors([*lines, *str(error).splitlines()])
    finally:
        collect_what_a_run_leaves()
    return None


def _errors(lines: list[str]) -> str:
    """Pick the errors out of what the engine printed, one line, each said once."""
    found = [line.strip().removeprefix("error: ") for line in lines if line.strip().startswith("error: ")]
    told = [line for line in dict.fromkeys(found) if "update failed" not in line]
    return "; ".join(told) or " ".join(" ".join(lines[-3:]).split())


def _package(existing: Mapping[str, Found[Any, Any]]) -> Package:
    kinds = {token: _found(KZERO.resources[token], found) for token, found in existing.items()}
    return replace(KZERO, resources=kinds, functions={})


def _found(kind: type[Resource[Any, Any]], found: Found[Any, Any]) -> type[Resource[Any, Any]]:
    """Make a kind of resource that reads as it was found, and that cannot be written."""

    class AsFound(kind):  # type: ignore[valid-type, misc] # a class made at run time
        """The same kind, already looked at."""

        async def read(self, *_: object) -> Found[Any, Any]:
            return found

        async def create(self, *_: object) -> NoReturn:
            _refuse(kind.token)

        async def update(self, *_: object) -> NoReturn:
            _refuse(kind.token)

        async def delete(self, *_: object) -> NoReturn:
            _refuse(kind.token)

    return AsFound


def _refuse(token: str) -> NoReturn:
    message = f"{token.rsplit(':', 1)[-1]} would have been changed; taking a tenant over changes nothing"
    raise AdoptionError(message)


def _command(path: str | None) -> automation.PulumiCommand | None:
    # Its constructor takes the folder that holds bin/pulumi.
    return automation.PulumiCommand(str(Path(path).parent.parent)) if path else None
