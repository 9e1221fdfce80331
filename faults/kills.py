"""Cases in which a process is killed or interrupted during the request of a certain step."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Final, Literal

from faults.cases import Case, key
from faults.processes import Victim, command, descendants, kill, our_own, outlive
from faults.project import Outcome, Running
from faults.steps import ADD_MAPPERS, DRIFTED_ENDPOINT, FIRST_UP, INSTANTIATE, MAPPINGS, UPDATE_STEPS, Step
from faults.world import World

When = Literal["before", "after"]
_GRACE: Final = 10.0
"""Seconds in which the engine's child processes must end after the engine has ended."""
_BETWEEN: Final = 0.5
"""Seconds between two presses of Ctrl-C."""


def kills(when: Callable[[], When]) -> Iterable[Case]:
    """Return the cases in which a process is killed.

    Args:
        when: Chooses whether the service has acted before the kill, for cases that do not try both.
    """
    for step in FIRST_UP:
        for moment in ("before", "after"):
            yield _kill(step, "provider", moment, update=False)
            yield _kill(step, "engine", moment, update=False)
        yield _kill(step, "program", when(), update=False)
    for step in UPDATE_STEPS:
        for victim in ("provider", "engine", "program"):
            yield _kill(step, victim, when(), update=True)


def interruptions() -> Iterable[Case]:
    """Return the cases with Ctrl-C."""
    for step in (ADD_MAPPERS, INSTANTIATE, MAPPINGS):
        yield Case(
            key=key("ctrl-c", step.name),
            what=f"Ctrl-C at {step.name}",
            disturb=_interrupt(step, times=1),
        )
        yield Case(
            key=key("ctrl-c-twice", step.name),
            what=f"Ctrl-C twice at {step.name}",
            disturb=_interrupt(step, times=2),
            locks=True,
        )


def _kill(step: Step, victim: Victim, when: When, *, update: bool) -> Case:
    target: Victim = "azuread" if victim == "provider" and step.by_azuread else victim
    phase = "update" if update else "first"
    moment = "before it acts" if when == "before" else "after it acted"
    return Case(
        key=key(phase, "kill", target, step.name, when),
        what=f"{'update' if update else 'first up'}: kill -9 of the {target} at {step.name}, {moment}",
        update=update,
        drifted=step is DRIFTED_ENDPOINT,
        disturb=_killing(step, target, when),
        locks=victim == "engine",
    )


def _killing(step: Step, victim: Victim, when: When) -> Callable[[World], Outcome]:
    def disturb(world: World) -> Outcome:
        # A request that is held before the service acts is reset, so the service never acts. Processes that are still
        # alive must handle the reset.
        broken_off = when == "before" and victim != "program"
        [fault] = world.switch_on(step.side, step.fault(hold=True, when=when, resetConnection=broken_off))
        with world.project.started(*world.project.up_words(), *step.options) as running:
            world.until_held(step.side, fault, running)
            family = descendants(running.pid)
            kill(running.pid, victim)
            if victim != "engine":
                world.clear()
                return running.end()
            # Our provider ends with its engine. The others may continue until `kzero-scim recover` ends them.
            left = [command(pid) for pid in outlive(our_own(family, "provider"), _GRACE)]
            world.clear()
            return running.end(left, family)

    return disturb


def _interrupt(step: Step, *, times: int) -> Callable[[World], Outcome]:
    def disturb(world: World) -> Outcome:
        [fault] = world.switch_on(step.side, step.fault(hold=True))
        with world.project.started(*world.project.up_words(), *step.options) as running:
            world.until_held(step.side, fault, running)
            family = descendants(running.pid)
            _press(running, times)
            # After one Ctrl-C, running operations may finish. After the second, nothing waits for them.
            if times == 1:
                world.clear()
            outcome = running.end()
            remaining = _remaining(family)
            world.clear()
            return replace(outcome, remaining=tuple(remaining))

    return disturb


def _remaining(family: list[int]) -> list[str]:
    """Return the command lines of providers and programs that survive an interrupt, and kill the whole run.

    Pulumi's own language host does not count: it notices minutes later that the engine has ended, and does nothing
    until then.
    """
    left = outlive(our_own(family), _GRACE)
    names = [command(pid) for pid in left]
    for pid in family:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    return names


def _press(running: Running, times: int) -> None:
    for number in range(times):
        if number:
            time.sleep(_BETWEEN)
        if not running.is_over:
            running.interrupt()
