"""Judges a case: whether the tenant ended as after an undisturbed run, without losses, duplicates or leaked secrets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from faults import both_sides
from faults.both_sides import Objects
from faults.cases import Case
from faults.leaks import leaks
from faults.processes import command, outlive
from faults.project import STACK, Outcome, Project
from faults.world import World

_SECRETS: Final = ("ARM_CLIENT_SECRET", "KZERO_CLIENT_SECRET", "PULUMI_CONFIG_PASSPHRASE")


@dataclass(frozen=True, kw_only=True)
class Reference:
    """The result of an undisturbed run.

    Attributes:
        objects: The objects on both sides.
        resources: The resources in the state.
    """

    objects: Objects
    resources: list[str]

    @classmethod
    def of(cls, world: World) -> Reference:
        """Return what a tenant's undisturbed run made."""
        return cls(
            objects=both_sides.read_objects(world.tenant), resources=both_sides.resources(world.project.export())
        )


@dataclass(frozen=True, kw_only=True)
class Result:
    """The result of a case.

    Attributes:
        case: The case.
        first: Outcome of the disturbed run; None if the case itself failed.
        recovered: Whether the stack needed the documented recovery command.
        seconds: Run time of the second `up`.
        problems: What is wrong; empty if the case passed.
    """

    case: Case
    first: Outcome | None = None
    recovered: bool = False
    seconds: float = 0.0
    problems: tuple[str, ...] = ()


def judge(case: Case, world: World, first: Outcome, reference: Reference) -> Result:
    """Free the stack after a disturbed run if needed, run `up` again, and compare the result with the reference."""
    problems = _first_run(case, first)
    recovered, said = _freed(case, world.project)
    problems += said
    problems += [f"a process continues after kzero-scim recover: {command(pid)}" for pid in outlive([*first.family], 0)]
    second = world.project.up()
    if second.code:
        problems.append(f"the second up failed: {second.said or second.text}")
    problems += _differences(world, reference)
    problems += leaks(secrets(world), _printed(world.project), world.project.written())
    return Result(case=case, first=first, recovered=recovered, seconds=second.seconds, problems=tuple(problems))


def secrets(world: World) -> dict[str, str]:
    """Return the secrets that the run used, by name."""
    credentials = world.tenant.credentials
    named = {name: world.tenant.env[name] for name in _SECRETS}
    return named | {"the realm administrator's password": credentials.admin_password}


def _first_run(case: Case, first: Outcome) -> list[str]:
    problems = []
    if case.first == "succeeds" and first.code:
        problems.append(f"the disturbed up failed: {first.said or first.text}")
    if case.first == "fails" and not first.code:
        problems.append("the disturbed up succeeded, but should have failed")
    if "Traceback" in first.text or "panic:" in first.text:
        problems.append(f"the disturbed up printed a traceback: {first.text[-2000:]}")
    problems += [f"the disturbed up left a process running: {name}" for name in first.remaining if name]
    return problems


def _freed(case: Case, project: Project) -> tuple[bool, list[str]]:
    """Run the documented recovery command if the stack is locked or the run was cut short.

    Returns:
        Whether the command ran, and the problems.
    """
    problems: list[str] = []
    try:
        pending = [entry for entry in both_sides.resources(project.export()) if entry.startswith("pending ")]
        is_torn = False
    except ValueError as error:
        # A full disk truncates the state. Then the documented command must make it readable again.
        problems += [] if case.locks else [str(error)]
        pending, is_torn = [], True
    is_locked = any((project.folder / "state" / ".pulumi" / "locks").rglob("*.json"))
    if not is_locked and not pending and not is_torn:
        return False, problems
    if not case.locks:
        problems.append(f"the run left a lock or pending operations: {', '.join(pending) or 'a lock'}")
    outcome = project.kzero_scim("recover", STACK)
    if outcome.code:
        problems.append(f"kzero-scim recover failed: {outcome.text}")
    return True, problems


def _differences(world: World, reference: Reference) -> list[str]:
    found = both_sides.read_objects(world.tenant)
    problems = [*both_sides.compare(reference.objects, found), *both_sides.duplicates(found)]
    try:
        listed = both_sides.resources(world.project.export())
    except ValueError as error:
        return [*problems, str(error)]
    return problems + both_sides.compare(reference.resources, listed, "state")


def _printed(project: Project) -> Mapping[str, str]:
    return {f"{number} {outcome.command}": outcome.text for number, outcome in enumerate(project.outcomes)}
