"""Runs cases in one sandbox, each with its own tenant, and compares the results with an undisturbed run's."""

from __future__ import annotations

import random
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from kzero_sandbox.running import RunningSandbox

from faults.cases import Case
from faults.kills import When, interruptions, kills
from faults.machine import machine
from faults.project import Project
from faults.services import graph, keycloak
from faults.steps import UPDATE
from faults.verdict import Reference, Result, judge
from faults.world import World


def all_cases(seed: int) -> list[Case]:
    """Return all cases. The seed determines their order and random choices."""
    chance = random.Random(seed)  # noqa: S311 - not used for secrets
    moments: tuple[When, When] = ("before", "after")
    found = [*kills(lambda: chance.choice(moments)), *interruptions(), *graph(), *keycloak(), *machine()]
    chance.shuffle(found)
    return found


@dataclass
class Harness:
    """Runs cases.

    Attributes:
        sandbox: The sandbox.
        folder: Folder for the cases' projects, which are removed afterwards.
        pulumi: The Pulumi CLI.
    """

    sandbox: RunningSandbox
    folder: Path
    pulumi: Path
    _references: dict[bool, Reference] = field(default_factory=dict)
    _made: int = 0

    def run(self, case: Case) -> Result:
        """Run one case and return its result. An exception in the case is a problem in the result.

        Raises:
            RuntimeError: The undisturbed run failed, so there is nothing to compare with.
        """
        reference = self._reference(update=case.update)
        try:
            with self._world() as world:
                if case.update:
                    self._set_up(world)
                if case.drifted:
                    world.switch_endpoint_off()
                first = case.disturb(world)
                world.clear()
                return judge(case, world, first, reference)
        except Exception as error:  # noqa: BLE001 - the other cases must run
            trace = traceback.format_exc(limit=-2)
            return Result(case=case, problems=(f"the case itself failed: {error!r}; {trace}",))

    def _reference(self, *, update: bool) -> Reference:
        if update not in self._references:
            with self._world() as world:
                if update:
                    self._set_up(world)
                outcome = world.project.up()
                if outcome.code:
                    message = f"an undisturbed up failed: {outcome.text}"
                    raise RuntimeError(message)
                self._references[update] = Reference.of(world)
        return self._references[update]

    @staticmethod
    def _set_up(world: World) -> None:
        outcome = world.project.up()
        if outcome.code:
            message = f"the up before the update failed: {outcome.text}"
            raise RuntimeError(message)
        world.project.write(UPDATE)

    @contextmanager
    def _world(self) -> Iterator[World]:
        self._made += 1
        with self.sandbox.tenant() as tenant:
            project = Project.make(self.folder / f"case-{self._made}", tenant, self.sandbox, self.pulumi)
            try:
                yield World(tenant=tenant, project=project)
            finally:
                project.remove()
