"""What a case is: something that breaks while `pulumi up` runs."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from faults.project import Outcome
from faults.world import World

First = Literal["succeeds", "fails", "either"]


@dataclass(frozen=True, kw_only=True)
class Case:
    """One case.

    Attributes:
        key: By which it is chosen and listed.
        what: What breaks, in words.
        disturb: Runs `pulumi up` while it breaks.
        update: Whether the tenant is set up already and the `up` is an update.
        drifted: Whether somebody has switched the endpoint off before.
        first: How the disturbed run must end.
        locks: Whether it may leave the stack locked, so that the documented command is needed before the second `up`.
    """

    key: str
    what: str
    disturb: Callable[[World], Outcome]
    update: bool = False
    drifted: bool = False
    first: First = "either"
    locks: bool = False


def key(*words: str) -> str:
    """Make a key of words."""
    return re.sub(r"[^a-z0-9]+", "-", " ".join(words).lower()).strip("-")
