"""Reads one resource of a stack and compares it, with the provider's own ``read`` and ``diff``, without an engine.

Changes nothing and prints nothing.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from kzero_scim.resource.codec import decode_lenient, fields_of
from kzero_scim.resource.model import Call, Change, Resource, Sides, found_or_gone
from kzero_scim.resource.paths import top_level
from kzero_scim.stack.stack import ResourceState

SECRET: Final = "(secret)"  # noqa: S105 - shown instead of a secret


class _Silent:
    """Discards what resources log: the command line has its own output."""

    async def debug(self, message: str) -> None: ...

    async def info(self, message: str) -> None: ...

    async def status(self, message: str) -> None: ...

    async def warning(self, message: str) -> None: ...


def silent_call(name: str) -> Call:
    """Return a call for one resource of a stack that logs nothing."""
    return Call(urn="", name=name, log=_Silent(), preview=True)


@dataclass(frozen=True)
class Live:
    """One resource, last applied and now.

    Attributes:
        state: Its last known state.
        wanted: Its last applied inputs.
        found: Its present state; None if it is gone.
        changes: What someone changed by hand; a pending restart and a quarantine do not count.
    """

    state: Any
    wanted: Any
    found: Any
    changes: list[Change]

    @property
    def sides(self) -> Sides:
        """The same values as :class:`Sides`, to find out who changed the resource."""
        return Sides(self.state, self.found, self.wanted)


async def compare_live(resource: Resource[Any, Any], held: ResourceState) -> Live:
    """Read a resource and compare it with its last applied inputs. Of a secret, only its existence is compared.

    Args:
        resource: The resource's kind.
        held: The resource in the stack's state.

    Raises:
        KzeroScimError: The resource cannot be read.
    """
    call = silent_call(held.name)
    state = _with_secrets(decode_lenient(resource.state, held.outputs), held.outputs)
    wanted = _with_secrets(decode_lenient(resource.inputs, held.inputs), held.inputs)
    read = found_or_gone(await resource.read(call, held.id, state))
    if read is None:
        return Live(state, wanted, None, [])
    changes = await resource.diff(call, held.id, read.state, wanted)
    own_course = resource.facts.own_course
    return Live(state, wanted, read.state, [item for item in changes if top_level(item.path) not in own_course])


def _with_secrets(value: Any, document: Mapping[str, Any]) -> Any:  # noqa: ANN401 - a dataclass
    """Mark each secret that the state holds. Its value is not read, but its absence in the service is noticed."""
    kept: dict[str, Any] = {}
    for key, spec in fields_of(type(value)).items():
        inner = getattr(value, spec.name)
        if spec.about.secret and key in document and document[key] is None:
            kept[spec.name] = SECRET
        elif dataclasses.is_dataclass(inner) and isinstance(document.get(key), Mapping):
            kept[spec.name] = _with_secrets(inner, document[key])
    return dataclasses.replace(value, **kept)
