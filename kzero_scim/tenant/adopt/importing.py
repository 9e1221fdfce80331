"""Lets the engine import a survey's objects, with a provider that answers from the survey and refuses every write."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

from pulumi import automation

from kzero_scim.errors import AdoptionError, KzeroScimError
from kzero_scim.provider.engine.attached import attached, collect_what_a_run_leaves
from kzero_scim.provider.package import KZERO, Package
from kzero_scim.redaction import current
from kzero_scim.resource.model import Found, Resource, as_plain
from kzero_scim.settings.tenant_settings import TenantSettings
from kzero_scim.stack.stack import narrowing_options, project_name, pulumi_cli
from kzero_scim.tenant.adopt.program import Existing, declare_existing
from kzero_scim.tenant.adopt.survey import Survey


def bring_in(project: Path, stack: str, survey: Survey) -> None:
    """Import a survey's objects into a stack's state. Changes neither side.

    Args:
        project: The folder of Pulumi.yaml.
        stack: An existing stack with a stack file.
        survey: The objects to import.

    Raises:
        AdoptionError: The engine failed; contains its message in one line.
    """
    existing = {token: Existing(id=found.id, inputs=as_plain(found.inputs)) for token, found in survey.existing.items()}
    problems: list[str] = []

    def program() -> None:
        try:
            declare_existing(TenantSettings.from_config(), survey.application, existing)
        except KzeroScimError as error:
            problems.append(str(error))
            raise

    # Paths in settings are relative to the project's folder.
    with attached(_package(survey.existing), current()) as port, contextlib.chdir(project):
        said = _run(project, stack, program, port)
    if said is not None:
        reason = "; ".join(problems) or said
        message = f"could not import everything into stack {stack}: {reason}"
        raise AdoptionError(message)


def _run(project: Path, stack: str, program: Callable[[], None], port: int) -> str | None:
    """Run ``pulumi up`` with the program in this process. Return its error, or None."""
    command = pulumi_cli()
    lines: list[str] = []
    # Such a variable could leave out a part of the import.
    ignored = {name: os.environ.pop(name) for name in narrowing_options(os.environ)}
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
        os.environ.update(ignored)
        collect_what_a_run_leaves()
    return None


def _errors(lines: list[str]) -> str:
    """Return the errors in the engine's output in one line, without repeats."""
    found = [line.strip().removeprefix("error: ") for line in lines if line.strip().startswith("error: ")]
    told = [line for line in dict.fromkeys(found) if "update failed" not in line]
    return "; ".join(told) or " ".join(" ".join(lines[-3:]).split())


def _package(existing: Mapping[str, Found[Any, Any]]) -> Package:
    kinds = {token: _found(KZERO.resources[token], found) for token, found in existing.items()}
    return replace(KZERO, resources=kinds, functions={})


def _found(kind: type[Resource[Any, Any]], found: Found[Any, Any]) -> type[Resource[Any, Any]]:
    """Return a resource class that reads the found state and refuses to write."""

    class AsFound(kind):  # type: ignore[valid-type, misc] # a class made at run time
        """The same kind of resource, with the state that the survey found."""

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
    message = (
        f"{token.rsplit(':', 1)[-1]} would have been changed, so adopt stopped; run it again, and "
        f"report it if it happens again"
    )
    raise AdoptionError(message)


def _command(path: str | None) -> automation.PulumiCommand | None:
    # Its constructor takes the folder that holds bin/pulumi.
    return automation.PulumiCommand(str(Path(path).parent.parent)) if path else None
