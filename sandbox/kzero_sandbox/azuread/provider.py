"""The plugin's answers to the engine, on plain values: one method for each method of `pulumirpc.ResourceProvider`.

Must not know gRPC (see `server`), nor what a resource or function does with Graph.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeVar

from kzero_sandbox.azuread import bridge
from kzero_sandbox.azuread.cloud import Settings
from kzero_sandbox.azuread.errors import Refusal
from kzero_sandbox.azuread.functions import FUNCTIONS
from kzero_sandbox.azuread.graph import Graph, connection
from kzero_sandbox.azuread.pauses import Pauses
from kzero_sandbox.azuread.properties import DEFAULTS, Difference, Failure, Values, check, difference, is_empty
from kzero_sandbox.azuread.resources import RESOURCES, Resource
from kzero_sandbox.azuread.structs import UNKNOWN, has_unknown

if TYPE_CHECKING:
    import httpx

VERSION: Final = "6.11.1"

Answer = TypeVar("Answer")


@dataclass(frozen=True, kw_only=True)
class Found:
    """The result of a read.

    Attributes:
        resource_id: The resource's id.
        inputs: The inputs that describe the resource.
        state: The resource's state.
    """

    resource_id: str
    inputs: Values
    state: Values


class Provider:
    """The plugin. Each process has one, because the engine starts one process per provider."""

    def __init__(self, connect: Callable[[], "httpx.AsyncClient"] = connection, pauses: Pauses | None = None) -> None:
        """Start unconfigured.

        Args:
            connect: Creates the HTTP client.
            pauses: Waits for polls and retries.
        """
        self._connect = connect
        self._pauses = pauses or Pauses()
        self._graph: Graph | None = None

    async def configure(self, config: Mapping[str, object]) -> None:
        """Discover the cloud and sign in.

        Raises:
            Refusal: A setting is missing, or the sign-in failed.
        """
        settings = Settings.read(config)
        if self._graph is not None:
            await self._graph.close()
            self._graph = None
        http = self._connect()
        try:
            self._graph = await Graph.connect(http, settings, self._pauses)
        except Refusal:
            await http.aclose()
            raise

    async def close(self) -> None:
        """Cancel all waits and close the connections."""
        self._pauses.cancel()
        if self._graph is not None:
            await self._graph.close()

    async def invoke(self, token: str, args: Values) -> Values:
        """Call a function and return its result without empty values.

        Raises:
            Refusal: The stand-in lacks the function, or the function found nothing.
        """
        function = FUNCTIONS.get(token)
        if function is None:
            raise _not_here(token)
        result = await self._within(300, f"invoking {token}", function(self.graph, args))
        return {name: value for name, value in result.items() if value is not None}

    def check(self, token: str, name: str, news: Values) -> tuple[Values, list[Failure]]:
        """Return a resource's inputs completed with defaults, and the reasons why inputs are invalid."""
        return check(_resource(token).properties, news, element=name)

    def diff(self, token: str, olds: Values, news: Values, ignored: list[str]) -> Difference:
        """Return the changes from a resource's state to its inputs."""
        return difference(_resource(token).properties, olds, news, ignored=ignored)

    def create_preview(self, token: str, inputs: Values, seconds: float) -> Values:
        """Return the state after a creation, as far as it is known before."""
        resource = _resource(token)
        state: Values = {"id": UNKNOWN}
        for each in resource.properties:
            state[each.name] = inputs.get(each.name, UNKNOWN if each.computed else None)
        return _finished(resource, state, {bridge.META: _planned(resource, "create", seconds)})

    async def create(self, token: str, inputs: Values, seconds: float) -> tuple[str, Values]:
        """Create a resource, within the custom timeout unless that is 0, and return its id and state."""
        resource = _resource(token)
        timeouts = _timeouts(resource, "create", seconds)
        what = f"creating {token}"
        resource_id, state = await self._within(timeouts["create"], what, self._created(resource, inputs))
        return resource_id, _kept(resource, resource_id, _as_planned(resource, state, inputs), timeouts)

    async def read(self, token: str, resource_id: str, inputs: Values, state: Values) -> Found | None:
        """Read a resource for a refresh (with inputs and state) or an import (without either).

        Returns:
            The resource, or None if it no longer exists.
        """
        resource = _resource(token)
        what = f"reading {token} {resource_id}"
        found = await self._within(resource.timeouts["read"], what, resource.read(self.graph, resource_id))
        if found is None:
            return None
        importing = not inputs and not state
        version = bridge.schema_version(state)
        if importing or resource.schema_version:
            version = str(resource.schema_version)
        found |= {each.name: state.get(each.name) for each in resource.properties if each.name not in found}
        found["id"] = resource_id
        found_meta = bridge.meta(resource.timeouts, schema_version=version)
        finished = _finished(resource, found, {bridge.META: found_meta})
        if inputs:
            return Found(resource_id=resource_id, inputs=bridge.inputs_refreshed(inputs, finished), state=finished)
        imported = bridge.inputs_imported(resource.properties, finished)
        return Found(resource_id=resource_id, inputs=imported, state=finished)

    def update_preview(self, token: str, olds: Values, news: Values, seconds: float) -> Values:
        """Return the state after an update."""
        resource = _resource(token)
        changes = difference(resource.properties, olds, news)
        state = {"id": olds.get("id")}
        for each in resource.properties:
            kept = None if changes.deletes(each.name) else olds.get(each.name)
            state[each.name] = news.get(each.name, kept)
        return _finished(resource, state, {bridge.META: _planned(resource, "update", seconds)})

    async def update(self, token: str, resource_id: str, olds: Values, news: Values, seconds: float) -> Values:
        """Update a resource and return its state."""
        resource = _resource(token)
        timeouts = _timeouts(resource, "update", seconds)
        what = f"updating {token} {resource_id}"
        changing = self._updated(resource, resource_id, olds, news)
        state = await self._within(timeouts.get("update", 300), what, changing)
        return _kept(resource, resource_id, _as_planned(resource, state, news), timeouts)

    async def delete(self, token: str, resource_id: str, state: Values, seconds: float) -> None:
        """Delete a resource."""
        resource = _resource(token)
        allowed = _timeouts(resource, "delete", seconds)["delete"]
        deleting = resource.delete(self.graph, self._pauses, resource_id, state)
        await self._within(allowed, f"deleting {token} {resource_id}", deleting)

    @property
    def graph(self) -> Graph:
        """Microsoft Graph.

        Raises:
            Refusal: The engine has not configured the plugin.
        """
        if self._graph is None:
            message = "azuread is not configured: the engine has to call Configure first"
            raise Refusal(message)
        return self._graph

    async def _created(self, resource: Resource, inputs: Values) -> tuple[str, Values]:
        resource_id = await resource.create(self.graph, self._pauses, inputs)
        return resource_id, await self._reread(resource, resource_id)

    async def _updated(self, resource: Resource, resource_id: str, olds: Values, news: Values) -> Values:
        await resource.update(self.graph, resource_id, olds, news)
        return await self._reread(resource, resource_id)

    async def _reread(self, resource: Resource, resource_id: str) -> Values:
        found = await resource.read(self.graph, resource_id)
        if found is None:
            message = (
                f"{resource_id} was written, but Microsoft Graph does not find it yet: the change may not have "
                "reached all of Graph's servers; refresh and run again"
            )
            raise Refusal(message)
        return found

    async def _within(self, seconds: float, what: str, work: Awaitable[Answer]) -> Answer:
        try:
            async with asyncio.timeout(seconds):
                return await work
        except TimeoutError as error:
            message = f"{what}: not finished within {seconds:g} seconds"
            raise Refusal(message) from error


def _resource(token: str) -> Resource:
    resource = RESOURCES.get(token)
    if resource is None:
        raise _not_here(token)
    return resource


def _not_here(token: str) -> Refusal:
    return Refusal(f"{token} is not part of the offline stand-in of azuread {VERSION}; the official plugin has it")


def _timeouts(resource: Resource, operation: str, seconds: float) -> dict[str, int]:
    """Return seconds by operation; the program's custom timeout replaces that of the given operation."""
    return dict(resource.timeouts) | ({operation: int(seconds)} if seconds else {})


def _planned(resource: Resource, operation: str, seconds: float) -> str:
    return bridge.meta(_timeouts(resource, operation, seconds), planned=True)


def _as_planned(resource: Resource, state: Values, inputs: Values) -> Values:
    """Return the state that Terraform derives from an answer after a plan.

    An input that Graph does not return keeps the program's value. An empty set that the program does not mention stays
    null until the next refresh.
    """
    planned = dict(state)
    for each in resource.properties:
        value = planned.get(each.name, inputs.get(each.name))
        mentioned = each.computed or inputs.get(each.name) is not None
        planned[each.name] = None if each.kind == "strings" and is_empty(value) and not mentioned else value
    return planned


def _kept(resource: Resource, resource_id: str, state: Values, timeouts: Mapping[str, int]) -> Values:
    version = str(resource.schema_version) if resource.schema_version else None
    return _finished(
        resource, state | {"id": resource_id}, {bridge.META: bridge.meta(timeouts, schema_version=version)}
    )


def _finished(resource: Resource, state: Values, extra: Values) -> Values:
    """Return a state as the engine receives it: without the entries of inputs, with those that the bridge adds."""
    finished = {name: _without_defaults(value) for name, value in state.items()}
    if not has_unknown(finished):
        finished[bridge.RAW_STATE_DELTA] = bridge.raw_state_delta(resource.properties, finished)
    return finished | extra


def _without_defaults(value: object) -> object:
    if isinstance(value, dict):
        return {name: _without_defaults(each) for name, each in value.items() if name != DEFAULTS}
    if isinstance(value, list):
        return [_without_defaults(each) for each in value]
    return value
