"""Facts about a resource that other parts of the program need without running it. Plain data; knows no resource.

Each resource declares its facts in ``facts.py`` of its folder, which does not import the resource. So a report on many
tenants can read the facts of all resources without loading their code.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

Noun = tuple[str, str]
"""A noun in singular and plural."""


class Cost(StrEnum):
    """A risk of changing a property."""

    ACCESS_LOST = "access lost"
    ACCESS_FOR_EVERYBODY = "access for all users"
    PROVISIONING_OFF = "provisioning off"


def _costs_nothing(_property: str, _now: Any) -> Cost | None:  # noqa: ANN401 - any property value
    return None


@dataclass(frozen=True, kw_only=True)
class Facts:
    """Facts about one resource.

    Attributes:
        label: Its name in reports, in lower case except for proper names.
        step: The step of KZero's guide (1 to 5) that it does. Reports list resources in this order.
        drifts: Whether a person can change it on either side, so that drift detection compares it.
        leaves_nothing: Whether nothing of it exists on either side, so that a replacement has no risk.
        audit_activities: Activities in Entra's directory audit that change it.
        admin_events: Resource types of Keycloak's admin events that change it.
        own_course: Properties that can differ although no one changed them. Drift detection ignores them.
        members: Lists of users and groups with access. A name that is removed from a list loses access.
        cost: Returns the risk, if any, when a property (first argument) gets a new value (second argument).
        changes: By property, the text for a change of it, or a function that returns the text for the new value.
        named: By property, the nouns for its items, which reports list by name.
        counted: By property, the nouns for its items, which reports count.
        follow_up: Text for what the resource does again when a trigger changes; empty without triggers.
        hidden: Message if another account made the last change and the service hides the values, a template with
            ``{who}`` and ``{when}``; empty if all values can be read.
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
