"""Runs cases in one sandbox, each with a tenant of its own, against what an undisturbed run makes."""

from __future__ import annotations

import random
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from fnmatch import fnmatch
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
    """Give every case, in an order and with choices that the seed decides."""
    chance = random.Random(seed)  # noqa: S311 - nothing secret is made of it
    moments: tuple[When, When] = ("before", "after")
    found = [*kills(lambda: chance.choice(moments)), *interruptions(), *graph(), *keycloak(), *machine()]
    chance.shuffle(found)
    return found


def chosen(cases: Sequence[Case], patterns: Sequence[str]) -> list[Case]:
    """Give the cases whose key fits one of the patterns, `*` standing for anything; all of them without a pattern."""
    return [case for case in cases if not patterns or any(fnmatch(case.key, f"*{each}*") for each in patterns)]


@dataclass
class Harness:
    """Runs cases.

    Attributes:
        sandbox: Where.
        folder: Where projects are made; nothing of them is kept.
        pulumi: The Pulumi CLI.
    """

    sandbox: RunningSandbox
    folder: Path
    pulumi: Path
    _references: dict[bool, Reference] = field(default_factory=dict)
    _made: int = 0

    def run(self, case: Case) -> Result:
        """Run one case; whatever goes wrong in it is a problem of the case.

        Raises:
            RuntimeError: An undisturbed run fails, so that there is nothing to compare with.
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
        except Exception as error:  # noqa: BLE001 - the other cases go on
            told = traceback.format_exc(limit=-2)
            return Result(case=case, problems=(f"the case itself went wrong: {error!r}; {told}",))

    def _reference(self, *, update: bool) -> Reference:
        if update not in self._references:
            with self._world() as world:
                if update:
                    self._set_up(world)
                outcome = world.project.up()
                if outcome.code:
                    message = f"an undisturbed up fails: {outcome.text}"
                    raise RuntimeError(message)
                self._references[update] = Reference.of(world)
        return self._references[update]

    @staticmethod
    def _set_up(world: World) -> None:
        outcome = world.project.up()
        if outcome.code:
            message = f"the up before the update fails: {outcome.text}"
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
