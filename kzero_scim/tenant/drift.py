"""Finds drift: every property that kzero-scim owns and someone changed by hand, on both sides. Changes nothing.

Compares the services with the stack's state, with the provider's own ``read`` and ``diff``, so that this module and
``pulumi preview --refresh`` always agree. azuread owns the application and its service principal; the properties that
the program sets on them are compared here.
"""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final, TypeVar

from kzero_scim.clients.graph.client import segment
from kzero_scim.clients.shared_connections import SharedConnections
from kzero_scim.errors import GraphError, KzeroScimError, NothingAppliedError
from kzero_scim.provider import audit_events
from kzero_scim.provider.audit_events import AuditEvent
from kzero_scim.provider.change_authors import Attribution
from kzero_scim.provider.entra.provisioning_status.resource import ProvisioningStatus
from kzero_scim.provider.package import KZERO
from kzero_scim.provider.services import Services
from kzero_scim.resource.codec import fields_of
from kzero_scim.resource.formats import same_id
from kzero_scim.resource.model import Change, ChangeKind, Resource, as_plain
from kzero_scim.resource.paths import parse_path, top_level
from kzero_scim.settings.tenant_settings import TenantSettings
from kzero_scim.stack.stack import ResourceState, Stack
from kzero_scim.tenant.live_resource import SECRET, compare_live
from kzero_scim.tenant.services import tenant_services

T = TypeVar("T")

WHOLE: Final = ""
"""The property of a difference that concerns a whole resource."""
_OF_KEY: Final = {"BaseAddress": "tenantUrl", "SyncAll": "scope"}
"""Maps a missing synchronization secret to the property that it stores."""
_APPLICATION: Final = "azuread:index/applicationFromTemplate:ApplicationFromTemplate"
_PRINCIPAL: Final = "azuread:index/servicePrincipal:ServicePrincipal"
_COMPARED: Final = {
    _APPLICATION: ("applications", "applicationObjectId", ("displayName",)),
    _PRINCIPAL: ("servicePrincipals", "objectId", ("accountEnabled", "appRoleAssignmentRequired", "tags")),
}
"""Maps azuread's types to their collection in Graph, the output with their ID, and the properties to compare."""


@dataclass(frozen=True, kw_only=True)
class Difference:
    """One property that differs from the stack.

    Attributes:
        resource: The resource's kind: MapperSet, AttributeMappings, ...
        property: Its path; ``""`` if the whole resource is gone.
        was: The stack's value, as JSON; None if it has none.
        now: The present value, as JSON; None if it has none.
        who: Who changed it; ``""`` if unknown.
        when: When, ISO 8601; ``""`` if unknown.
    """

    resource: str
    property: str
    was: Any
    now: Any
    who: str = ""
    when: str = ""


@dataclass
class Drift:
    """The differences on both sides of one tenant.

    Attributes:
        differences: The differences by resource, in the order of the guide's steps.
        notes: What is unknown and why, one line each.
        unasked: What could not be compared and why, one line each.
    """

    differences: list[Difference] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    unasked: list[str] = field(default_factory=list)

    def document(self) -> dict[str, Any]:
        """Return the drift as JSON."""
        return dataclasses.asdict(self)


async def find_drift(
    stack: Stack, environment: Mapping[str, str] | None = None, connections: SharedConnections | None = None
) -> Drift:
    """Compare both sides with a stack's state.

    Needs only read permissions. If one service cannot be asked, ``unasked`` says so and the other is still compared.
    Without differences, nothing differs only if ``unasked`` is empty too.

    Args:
        stack: The tenant's stack as last applied. After `pulumi refresh`, its state includes any drift.
        environment: The tenant's environment variables; None for this process's.
        connections: Connections that tenants share.

    Raises:
        NothingAppliedError: The stack's state contains nothing to compare: it was never applied, or was destroyed.
        SettingsError: The stack's settings are wrong.
    """
    compared = [held for token, facts in KZERO.facts.items() if facts.drifts for held in stack.all_of(token)]
    owned = _azuread_resources(stack)
    if not owned and not compared:
        message = (
            f"tenant {stack.name} is not set up, so drift is unknown: its stack was never applied, or was destroyed; "
            "run `pulumi up`"
        )
        raise NothingAppliedError(message)
    settings = await asyncio.to_thread(TenantSettings.parse, stack.configuration, stack.secret_keys, stack.project)
    found = Drift()
    async with tenant_services(settings, stack.configuration, environment, connections, stack.project) as services:
        attribution = Attribution(services)
        # Not awaited yet: a sweep may be cancelled before it needs them.
        reads = [partial(_resource, services, attribution, found, held) for held in compared]
        reads += [partial(_azuread, services, attribution, found, resource) for resource in owned]
        for differences, reason in await asyncio.gather(*map(_tried, reads)):
            found.differences += differences
            if reason and reason not in found.unasked:
                found.unasked.append(reason)
        if stack.find(ProvisioningStatus.token) is None:
            found.notes.append("the stack is only partly set up; what it lacks was not compared. Run `pulumi up`")
        hidden = await _hidden(attribution, services, stack)
        if found.differences:
            found.notes += attribution.notes
        found.notes += hidden
    return found


async def _tried(read: Callable[[], Awaitable[list[Difference]]]) -> tuple[list[Difference], str]:
    """Return the differences of one resource, or why it could not be compared."""
    try:
        return await read(), ""
    except KzeroScimError as error:
        return [], str(error)


async def _attributed_to(found: Drift, asked: Awaitable[T], unknown: T) -> T:
    """Return who made differences. If a log cannot be read, a note says so, and the differences stay."""
    try:
        return await asked
    except KzeroScimError as error:
        note = f"could not find out who made changes: {error}"
        if note not in found.notes:
            found.notes.append(note)
        return unknown


async def _resource(
    services: Services, attribution: Attribution, drift: Drift, held: ResourceState
) -> list[Difference]:
    kind_of_resource: Callable[[Services], Resource[Any, Any]] = KZERO.resources[held.type]
    resource = kind_of_resource(services)
    live = await compare_live(resource, held)
    kind = held.type.rsplit(":", 1)[-1]
    if live.found is None:
        gone = [Change(WHOLE, ChangeKind.ADD)]
        known = await _attributed_to(drift, attribution.of(type(resource), live.sides, gone), {})
        return [_attributed(Difference(resource=kind, property=WHOLE, was="exists", now=None), known.get(WHOLE))]
    known = await _attributed_to(drift, attribution.of(type(resource), live.sides, live.changes), {})
    wanted, found = as_plain(live.wanted), as_plain(live.found)
    return [
        _attributed(_difference(kind, resource, change, wanted, found), known.get(change.path))
        for change in live.changes
    ]


def _difference(
    kind: str, resource: Resource[Any, Any], change: Change, wanted: dict[str, Any], actual: dict[str, Any]
) -> Difference:
    if top_level(change.path) == "missingKeys":
        name = _OF_KEY.get(str(value_at(actual, change.path)), change.path)
        return Difference(resource=kind, property=name, was=value_at(wanted, name), now=None)
    was = None if change.kind is ChangeKind.DELETE else value_at(wanted, change.path)
    now = None if change.kind is ChangeKind.ADD else _actual(wanted, actual, change.path)
    spec = fields_of(resource.inputs).get(top_level(change.path))
    if spec is not None and spec.about.secret:
        was, now = (None if value is None else SECRET for value in (was, now))
    return Difference(resource=kind, property=change.path, was=was, now=now)


def _actual(wanted: dict[str, Any], actual: dict[str, Any], path: str) -> Any:  # noqa: ANN401 - any property value
    """Return the value at a path. A custom attribute is found by its name, because its position has no meaning."""
    steps = parse_path(path)
    if steps[0] == "customAttributes" and len(steps) > 2:  # noqa: PLR2004 - list, place, property
        name = str(value_at(wanted, f"customAttributes[{steps[1]}].name")).casefold()
        items = [item for item in actual.get("customAttributes", []) if item["name"].casefold() == name]
        return items[0].get(steps[2]) if items else None
    return value_at(actual, path)


def value_at(document: Any, path: str) -> Any:  # noqa: ANN401 - any property value
    """Return the value at a property path, None if it does not exist. Keys ignore case, as in SCIM."""
    for step in parse_path(path):
        if isinstance(document, list):
            document = document[int(step)] if step.isdecimal() and int(step) < len(document) else None
        elif isinstance(document, Mapping):
            folded = {key.casefold(): key for key in document}
            document = document.get(step, document.get(folded.get(step.casefold(), step)))
        else:
            return None
    return document


def _attributed(difference: Difference, event: AuditEvent | None) -> Difference:
    return difference if event is None else dataclasses.replace(difference, who=event.who, when=event.second)


@dataclass(frozen=True)
class _Azuread:
    """One of azuread's resources: its path in Graph, and the properties that the program sets."""

    held: ResourceState
    collection: str
    id: str
    wanted: Mapping[str, Any]


def _azuread_resources(stack: Stack) -> list[_Azuread]:
    found = []
    for held in stack.resources:
        if held.type in _COMPARED and not held.awaits_deletion:
            collection, output, names = _COMPARED[held.type]
            identifier = str(held.outputs.get(output) or "")
            found.append(_Azuread(held, collection, identifier, stated(held, names)))
    return found


def stated(held: ResourceState, names: Sequence[str]) -> dict[str, Any]:
    """Return those of the named properties that the program states: azuread keeps the present value of all others."""
    return {name: held.inputs[name] for name in names if name in held.inputs and name not in held.ignored}


async def _azuread(services: Services, attribution: Attribution, drift: Drift, resource: _Azuread) -> list[Difference]:
    kind = resource.held.type.rsplit(":", 1)[-1]
    path = f"/{resource.collection}/{segment(resource.id)}"
    try:
        actual = await services.graph.get(path, {"$select": ",".join(["id", *resource.wanted])})
    except GraphError as error:
        if not error.is_missing:
            raise
        differences = [Difference(resource=kind, property=WHOLE, was="exists", now=None)]
    else:
        if not same_id(actual.get("id"), resource.id):
            message = f"Microsoft Graph did not answer with object {resource.id} to a request for {path}"
            raise GraphError(message)
        differences = [
            Difference(resource=kind, property=name, was=value, now=actual.get(name))
            for name, value in resource.wanted.items()
            if _unordered(actual.get(name)) != _unordered(value)
        ]
    if not differences:
        return []
    event = await _attributed_to(drift, attribution.in_entra(resource.id, audit_events.APPLICATION), None)
    return [_attributed(difference, event) for difference in differences]


def _unordered(value: Any) -> Any:  # noqa: ANN401 - any JSON
    return sorted(value) if isinstance(value, list) else value


async def _hidden(attribution: Attribution, services: Services, stack: Stack) -> Sequence[str]:
    """Return a note for each hidden value that another account was the last to set, or if that is unknown."""
    notes: list[str] = []
    unknown = "unknown whether someone changed values that Entra hides: {}"
    for token, facts in KZERO.facts.items():
        held = stack.find(token) if facts.hidden else None
        if held is None or services.config.client_id is None:
            continue
        try:
            entries = await attribution.entra_events(held.id, facts.audit_activities)
        except KzeroScimError as error:
            notes.append(unknown.format(error))
            continue
        notes += map(unknown.format, attribution.unread)
        newest = max(entries, key=lambda event: event.when, default=None)
        if newest is not None and not newest.own:
            notes.append(facts.hidden.format(who=newest.who, when=newest.second))
    return notes
