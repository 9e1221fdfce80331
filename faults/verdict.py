"""Whether a tenant ended where an undisturbed one does, and nothing was lost, doubled or given away on the way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from faults import both_sides
from faults.both_sides import Objects
from faults.cases import Case
from faults.leaks import leaks
from faults.project import STACK, Outcome, Project
from faults.world import World

_SECRETS: Final = ("ARM_CLIENT_SECRET", "KZERO_CLIENT_SECRET", "PULUMI_CONFIG_PASSPHRASE")


@dataclass(frozen=True, kw_only=True)
class Reference:
    """Where an undisturbed run ends.

    Attributes:
        objects: Both sides.
        resources: What the state lists.
    """

    objects: Objects
    resources: list[str]

    @classmethod
    def of(cls, world: World) -> Reference:
        """Look at a tenant."""
        return cls(
            objects=both_sides.read_objects(world.tenant), resources=both_sides.resources(world.project.export())
        )


@dataclass(frozen=True, kw_only=True)
class Result:
    """What came of a case.

    Attributes:
        case: The case.
        first: What the disturbed run did; None if the case itself went wrong.
        recovered: Whether the documented command was needed to free the stack.
        seconds: How long the second `up` took.
        problems: What is wrong; empty is good.
    """

    case: Case
    first: Outcome | None = None
    recovered: bool = False
    seconds: float = 0.0
    problems: tuple[str, ...] = ()


def judge(case: Case, world: World, first: Outcome, reference: Reference) -> Result:
    """Look at what a disturbed run left, run `up` again, and compare."""
    problems = _first_run(case, first)
    recovered, said = _freed(case, world.project)
    problems += said
    second = world.project.up()
    if second.code:
        problems.append(f"the second up fails: {second.said or second.text}")
    problems += _differences(world, reference)
    problems += leaks(secrets(world), _printed(world.project), world.project.written())
    return Result(case=case, first=first, recovered=recovered, seconds=second.seconds, problems=tuple(problems))


def secrets(world: World) -> dict[str, str]:
    """Give every secret that the run had to do with, by name."""
    credentials = world.tenant.credentials
    named = {name: world.tenant.env[name] for name in _SECRETS}
    return named | {"the realm administrator's password": credentials.admin_password}


def _first_run(case: Case, first: Outcome) -> list[str]:
    problems = []
    if case.first == "succeeds" and first.code:
        problems.append(f"the disturbed up fails: {first.said or first.text}")
    if case.first == "fails" and not first.code:
        problems.append("the disturbed up should have failed, and did not")
    if "Traceback" in first.text or "panic:" in first.text:
        problems.append(f"the disturbed up shows a traceback: {first.text[-2000:]}")
    problems += [f"the disturbed up left a process running: {name}" for name in first.remaining if name]
    return problems


def _freed(case: Case, project: Project) -> tuple[bool, list[str]]:
    """Read the state; where the run was locked or cut short, do what the documentation says."""
    problems: list[str] = []
    try:
        pending = [entry for entry in both_sides.resources(project.export()) if entry.startswith("pending ")]
        is_torn = False
    except ValueError as error:
        # A full disk tears the state; then it must be the documented command that makes it readable again.
        problems += [] if case.locks else [str(error)]
        pending, is_torn = [], True
    is_locked = any((project.folder / "state" / ".pulumi" / "locks").rglob("*.json"))
    if not is_locked and not pending and not is_torn:
        return False, problems
    if not case.locks:
        problems.append(f"a lock or pending operations were left: {', '.join(pending) or 'a lock'}")
    outcome = project.kzero_scim("recover", STACK)
    if outcome.code:
        problems.append(f"kzero-scim recover fails: {outcome.text}")
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
