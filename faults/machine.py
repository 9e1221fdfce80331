"""Cases in which the machine or another run interferes: a full disk, and a second `up` of the same stack."""

from __future__ import annotations

import resource
from collections.abc import Callable, Iterable
from typing import Final

from faults.cases import Case
from faults.project import Outcome
from faults.steps import CREDENTIALS
from faults.world import World

_LIMITS: Final = (8, 30, 45)
"""Limits for a file in KiB: too small for the state of a few resources, half a tenant, and almost a whole tenant."""


def machine() -> Iterable[Case]:
    """Return the cases."""
    for limit in _LIMITS:
        yield Case(
            key=f"disk-full-{limit}",
            what=f"disk full for the state, after {limit} KiB",
            disturb=_full(limit * 1024),
            locks=True,
            first="fails",
        )
    yield Case(key="two-ups", what="two ups of one stack at once", disturb=_two_at_once, first="succeeds")


def _full(limit: int) -> Callable[[World], Outcome]:
    """Limit the size of files. A write beyond the limit fails as on a full disk, and no root permissions are needed."""

    def limited() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    def disturb(world: World) -> Outcome:
        with world.project.started(*world.project.up_words(), before=limited) as running:
            return running.end()

    return disturb


def _two_at_once(world: World) -> Outcome:
    [fault] = world.switch_on(CREDENTIALS.side, CREDENTIALS.fault(hold=True))
    with world.project.started(*world.project.up_words()) as running:
        world.until_held(CREDENTIALS.side, fault, running)
        second = world.project.up()
        world.clear()
        outcome = running.end()
    for words in ("the stack is currently locked", f"pid {running.pid}", "pulumi cancel"):
        if words not in second.text:
            message = f"the second up does not print {words!r}: {second.text}"
            raise AssertionError(message)
    return outcome
