"""One resource of a stack, read and compared by the provider's own ``read`` and ``diff``, without an engine.

Nothing is changed, and nothing is told.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from kzero_scim.resource.codec import decode_lenient, fields_of
from kzero_scim.resource.model import Call, Change, Resource, Sides
from kzero_scim.resource.paths import top_level
from kzero_scim.stack.stack import ResourceState

SECRET: Final = "(secret)"  # noqa: S105 - stands in for one


class _Silent:
    """Takes what resources tell the operator; the command line has its own words."""

    async def debug(self, message: str) -> None: ...

    async def info(self, message: str) -> None: ...

    async def status(self, message: str) -> None: ...

    async def warning(self, message: str) -> None: ...


def silent_call(name: str) -> Call:
    """Make the request for one resource of a stack."""
    return Call(urn="", name=name, log=_Silent(), preview=True)


@dataclass(frozen=True)
class Live:
    """One resource as it is.

    Attributes:
        state: Its state as last known.
        wanted: Its inputs as last wanted.
        found: Its state as it is; None if it is gone.
        changes: What somebody changed; a restart that is still to come, or a quarantine, is none of it.
    """

    state: Any
    wanted: Any
    found: Any
    changes: list[Change]

    @property
    def sides(self) -> Sides:
        """The same, for finding out who did it."""
        return Sides(self.state, self.found, self.wanted)


async def compare_live(resource: Resource[Any, Any], held: ResourceState) -> Live:
    """Read a resource and compare it with what was last wanted; secrets count by whether there is one.

    Args:
        resource: Its kind.
        held: What the stack's state holds.

    Raises:
        KzeroScimError: It cannot be read.
    """
    call = silent_call(held.name)
    state = _with_secrets(decode_lenient(resource.state, held.outputs), held.outputs)
    wanted = _with_secrets(decode_lenient(resource.inputs, held.inputs), held.inputs)
    read = await resource.read(call, held.id, state)
    if read is None:
        return Live(state, wanted, None, [])
    changes = await resource.diff(call, held.id, read.state, wanted)
    own_course = resource.facts.own_course
    return Live(state, wanted, read.state, [item for item in changes if top_level(item.path) not in own_course])


def _with_secrets(value: Any, document: Mapping[str, Any]) -> Any:  # noqa: ANN401 - a dataclass
    """Put a mark where the state keeps a secret, which is not read: that one was set is known, and can be missed."""
    kept: dict[str, Any] = {}
    for key, spec in fields_of(type(value)).items():
        inner = getattr(value, spec.name)
        if spec.about.secret and key in document and document[key] is None:
            kept[spec.name] = SECRET
        elif dataclasses.is_dataclass(inner) and isinstance(document.get(key), Mapping):
            kept[spec.name] = _with_secrets(inner, document[key])
    return dataclasses.replace(value, **kept)
