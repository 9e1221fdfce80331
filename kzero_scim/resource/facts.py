"""What the rest of the program must know of a resource without running it. Plain data; knows no resource.

Each resource declares its facts in ``facts.py`` of its folder, which imports nothing of the resource: a report on many
tenants reads the facts of all resources without loading their code.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

Noun = tuple[str, str]
"""A word for one thing, and the word for several."""


class Cost(StrEnum):
    """What a change of a property may cost, beyond the change itself."""

    ACCESS_LOST = "access lost"
    ACCESS_FOR_EVERYBODY = "access for everybody"
    PROVISIONING_OFF = "provisioning off"


def _costs_nothing(_property: str, _now: Any) -> Cost | None:  # noqa: ANN401 - any property value
    return None


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What is known of one resource without running it.

    Attributes:
        label: What people call it, in lower case unless it is a name.
        step: The step of KZero's guide (1 to 5) that it carries out; reports list resources in this order.
        drifts: Whether a person can change something of it on either side, so that drift compares it.
        leaves_nothing: Whether nothing of it exists on either side, so that replacing it costs nothing.
        audit_activities: How Entra's directory audit names changes of it.
        admin_events: The resource types of Keycloak's admin events on changes of it.
        own_course: Properties that differ without anyone having changed them; drift leaves them out.
        members: Lists of who has access. Whoever leaves one loses access.
        cost: Returns what it costs if a property (first argument) has a value (second argument) from now on.
        changes: Property to what people call a change of it, or a function that says it from the new value.
        named: Property to the words for its items, which reports name.
        counted: Property to the words for its items, which reports count.
        follow_up: What the resource does again when one of its triggers changes; empty if it has none.
        hidden: What to say where another account was the last to change it, because the service hides the values: a
            template with ``{who}`` and ``{when}``. Empty if every value can be read.
    """

    label: str
    step: int
    drifts: bool
    leaves_nothing: bool
    audit_activities: tuple[str, ...]
    admin_events: tuple[str, ...]
    own_course: frozenset[str] = frozenset()
    members: frozenset[str] = frozenset()
    cost: Callable[[str, Any], Cost | None] = _costs_nothing
    changes: Mapping[str, str | Callable[[Any], str]] = field(default_factory=dict)
    named: Mapping[str, Noun] = field(default_factory=dict)
    counted: Mapping[str, Noun] = field(default_factory=dict)
    follow_up: str = ""
    hidden: str = ""
