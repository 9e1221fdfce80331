"""Defines a case: something that breaks while `pulumi up` runs. Knows no particular case."""

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
    """A case.

    Attributes:
        key: Its name, to select and list it.
        what: What breaks, as text.
        disturb: Runs `pulumi up`, breaks something during the run, and returns the outcome.
        update: Whether the tenant exists already, so that `up` is an update.
        drifted: Whether the endpoint was disabled by hand before.
        first: How the disturbed run must end.
        locks: Whether the run may leave the stack locked, so that it needs the documented command before the second
          `up`.
    """

    key: str
    what: str
    disturb: Callable[[World], Outcome]
    update: bool = False
    drifted: bool = False
    first: First = "either"
    locks: bool = False


def key(*words: str) -> str:
    """Return a key made from words."""
    return re.sub(r"[^a-z0-9]+", "-", " ".join(words).lower()).strip("-")
