"""What a resource is. Plain typed classes; knows nothing of gRPC, HTTP or the engine's encoding.

A resource kind is a :class:`Resource` subclass over two dataclasses: its inputs, and its state, which repeats
every input and adds the outputs. The engine adapter (``engine.py``) turns the engine's requests into calls of
these methods, and the dataclasses into the package's schema.
"""

from __future__ import annotations

import dataclasses
import functools
import re
from abc import ABC, abstractmethod
from collections.abc import Mapping
from enum import StrEnum
from typing import Any, ClassVar, Final, Generic, Protocol, Self, TypeVar, final

from kzero_scim.resource.facts import Facts


@final
class Unknown:
    """The type of :data:`UNKNOWN`: a value that is only computed during the update itself."""

    _instance: ClassVar[Unknown | None] = None

    def __new__(cls) -> Unknown:
        """Give the one instance."""
        if cls._instance is None:
            cls._instance = super().__new__(cls)
        return cls._instance

    def __repr__(self) -> str:
        """Say what it stands for."""
        return "UNKNOWN"

    def __bool__(self) -> bool:
        """Refuse to be tested: an unknown value is neither true nor false."""
        message = "an unknown value was tested for truth; guard it with is_known()"
        raise TypeError(message)


UNKNOWN: Final[Any] = Unknown()
"""Stands in any dataclass field, at any depth, for a value that the preview cannot know yet."""


def is_known(value: object) -> bool:
    """Tell whether a value, with everything inside it, is known."""
    if value is UNKNOWN:
        return False
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return all(is_known(getattr(value, field.name)) for field in dataclasses.fields(value))
    if isinstance(value, Mapping):
        return all(is_known(item) for item in value.values())
    if isinstance(value, list | tuple | set | frozenset):
        return all(is_known(item) for item in value)
    return True


PROPERTY: Final = "kzero-property"


@dataclasses.dataclass(frozen=True)
class Property:
    """What the schema says of one property beside its type."""

    description: str
    secret: bool = False
    replace: bool = False
    """A change of this input replaces the resource."""
    environment: tuple[str, ...] = ()
    """Environment variables that stand in for a provider setting which is not given."""


def prop(  # noqa: PLR0913 - one keyword a fact
    description: str,
    *,
    default: Any = dataclasses.MISSING,  # noqa: ANN401 - a dataclass default is of any type
    default_factory: Any = dataclasses.MISSING,  # noqa: ANN401
    secret: bool = False,
    replace: bool = False,
    environment: tuple[str, ...] = (),
) -> Any:  # noqa: ANN401 - like dataclasses.field
    """Declare a field of an inputs, state or nested dataclass.

    Args:
        description: One sentence or two for the schema and the docs.
        default: The value if the program gives none; without it (and without a factory) the property is required.
        default_factory: As in :func:`dataclasses.field`.
        secret: The value is marked secret in state, previews and outputs.
        replace: A changed input replaces the resource.
        environment: Environment variables that stand in for a provider setting which is not given, the first set wins.
    """
    given: dict[str, Any] = {}
    if default is not dataclasses.MISSING:
        given["default"] = default
    if default_factory is not dataclasses.MISSING:
        given["default_factory"] = default_factory
    return dataclasses.field(
        metadata={
            PROPERTY: Property(description, secret=secret, replace=replace, environment=environment),
            "description": description,  # where settings use the dataclass, for pydantic
        },
        kw_only=True,
        **given,
    )


class Packed(ABC):
    """A dataclass that travels and is stored as one line of text.

    For records of which there are thousands: the engine keeps several copies of a state in memory, and an object of
    three properties takes ten times the room of a text there. A state that holds objects of the same properties is read
    too.
    """

    __slots__ = ()

    @abstractmethod
    def packed(self) -> Any:  # noqa: ANN401 - UNKNOWN too
        """Give the text; UNKNOWN while part of it is."""

    @classmethod
    @abstractmethod
    def unpacked(cls, text: str) -> Self | None:
        """Read the text; None if it is none of this kind."""


class Log(Protocol):
    """Where a resource tells the operator something: lines below the resource in the engine's display."""

    async def debug(self, message: str) -> None:
        """Shown with --debug only."""

    async def info(self, message: str) -> None:
        """A note that stays."""

    async def status(self, message: str) -> None:
        """What is being done right now; the display replaces it."""

    async def warning(self, message: str) -> None:
        """Something the operator should look at."""


@dataclasses.dataclass(frozen=True)
class Call:
    """The request in which a resource's method runs.

    Attributes:
        urn: The resource's URN, ``""`` for a function.
        name: Its name in the program.
        log: Where to tell the operator something.
        preview: True while nothing may be changed.
    """

    urn: str
    name: str
    log: Log
    preview: bool = False


@dataclasses.dataclass(frozen=True)
class Failure:
    """One bad input: the property's camelCase path (``rows[2].target``) and a reason with the remedy."""

    path: str
    reason: str


class ChangeKind(StrEnum):
    """What happens to one property."""

    ADD = "add"
    UPDATE = "update"
    DELETE = "delete"


@dataclasses.dataclass(frozen=True)
class Change:
    r"""One entry of a detailed diff.

    Attributes:
        path: The property's path in the engine's notation: ``mappers.status.claimJsonType``, ``users[3]``,
            ``rows["emails[type eq \\"work\\"].value"].source``.
        kind: What happens to it.
        replace: True if the resource must be replaced for it.
    """

    path: str
    kind: ChangeKind = ChangeKind.UPDATE
    replace: bool = False


InputsT = TypeVar("InputsT")
StateT = TypeVar("StateT")


@dataclasses.dataclass(frozen=True)
class Created(Generic[StateT]):
    """A new resource: its id as the service names it, and its state."""

    id: str
    state: StateT


@dataclasses.dataclass(frozen=True)
class Found(Generic[InputsT, StateT]):
    """A resource as the service shows it now.

    Attributes:
        id: Its id, normally the one that was asked for.
        inputs: The inputs that describe what exists (what ``pulumi import`` writes, and what ``ignoreChanges`` keeps).
        state: The state now.
    """

    id: str
    inputs: InputsT
    state: StateT


@dataclasses.dataclass(frozen=True)
class Sides:
    """One resource: its state as last known, its state as it is (None if it is gone), and its inputs as last wanted."""

    state: Any
    found: Any
    wanted: Any


@dataclasses.dataclass(frozen=True)
class AdminEvents:
    """Which of Keycloak's admin events are about a resource.

    Attributes:
        kinds: Their resource types.
        client_uuid: Keycloak's own id of the client that they are about; None for any.
        client_id: The same client by its client id, where its own id is not known.
    """

    kinds: tuple[str, ...]
    client_uuid: str | None = None
    client_id: str | None = None


class Resource(ABC, Generic[InputsT, StateT]):
    """One kind of resource. Instances hold the provider's clients and no state of a single resource.

    Inputs and state reach the methods as the dataclasses named by :attr:`inputs` and :attr:`state`, already checked
    for types, unknown keys and missing required properties. Any field may be :data:`UNKNOWN` where a method runs
    during a preview; ``create``, ``update``, ``read`` and ``delete`` see known values only.
    """

    token: ClassVar[str]
    """Type token: package, module and name, ``toy:index:Shelf``."""
    facts: ClassVar[Facts]
    """What reports, drift and the search for who changed it know of it."""
    inputs: type[InputsT]
    state: type[StateT]
    delete_before_replace: ClassVar[bool] = False
    """Delete the old one first when a replacement is needed (where the service allows only one)."""

    @classmethod
    def changed_objects(cls, sides: Sides, change: Change) -> list[str] | None:  # noqa: ARG003 - for subclasses
        """Return ids and names of the object inside the resource that a change is about: a user, a mapper.

        Returns:
            An empty list if the change is about the whole resource, None if the object is not known.
        """
        return []

    @classmethod
    def admin_events(cls, state: StateT) -> AdminEvents | None:
        """Return which of Keycloak's admin events are about the resource, None if no event is."""
        return AdminEvents(cls.facts.admin_events, getattr(state, "client_uuid", None))

    @classmethod
    def fingerprint_of(cls, state: StateT) -> tuple[str, str] | None:  # noqa: ARG003 - for subclasses
        """Return name and value of the property whose value follows from names in the state, None if there is none."""
        return None

    async def check(self, call: Call, new: InputsT, old: InputsT | None) -> tuple[InputsT, list[Failure]]:  # noqa: ARG002
        """Normalise inputs and name everything that is wrong with them, without asking a service if possible.

        Args:
            call: The request.
            new: The program's inputs.
            old: The inputs at the last update, or None.

        Returns:
            The inputs to go on with, and all failures.
        """
        return new, []

    @abstractmethod
    async def diff(self, call: Call, id: str, old: StateT, new: InputsT) -> list[Change]:  # noqa: A002
        """Compare what exists with what is wanted; an empty list means nothing to do. May look names up."""

    @abstractmethod
    async def plan(self, call: Call, new: InputsT, old: StateT | None) -> StateT:
        """Foretell the state after a create (``old`` is None) or an update; outputs not knowable are UNKNOWN.

        Runs in previews only and changes nothing; may read from the services to warn or to refuse early.
        """

    @abstractmethod
    async def create(self, call: Call, new: InputsT) -> Created[StateT]:
        """Make it, or take over what an interrupted create left.

        Raises:
            PartialFailureError: Something exists but is not as wanted.
            ProviderError: Nothing was made.
        """

    @abstractmethod
    async def read(self, call: Call, id: str, old: StateT | None) -> Found[InputsT, StateT] | None:  # noqa: A002
        """Read it. ``old`` is None on import. None means that it is gone."""

    @abstractmethod
    async def update(self, call: Call, id: str, old: StateT, new: InputsT) -> StateT:  # noqa: A002
        """Change it in place.

        Raises:
            PartialFailureError: Part of the change was made.
        """

    @abstractmethod
    async def delete(self, call: Call, id: str, old: StateT) -> None:  # noqa: A002
        """Remove it; something that is gone already is no error."""


class Function(ABC, Generic[InputsT, StateT]):
    """One function (``invoke``) of the package: arguments in, result out, nothing changed."""

    token: ClassVar[str]
    """Function token, e.g. ``toy:index:countShelves``."""
    inputs: type[InputsT]
    state: type[StateT]
    """The dataclass of the result."""

    @abstractmethod
    async def invoke(self, call: Call, args: InputsT) -> StateT:
        """Compute the result; arguments are known."""


def replacing(change: Change) -> Change:
    """Give the same change, marked as one that replaces the resource."""
    return dataclasses.replace(change, replace=True)


_PLAIN_KEY: Final = re.compile(r"[\w-]+")


def inputs_of(kind: type[Any], value: object) -> dict[str, Any]:
    """Give the inputs among the fields of a state, or of inputs, by name.

    Args:
        kind: The inputs' dataclass.
        value: One of it, or of the state's, which repeats every input.
    """
    return {field.name: getattr(value, field.name) for field in dataclasses.fields(kind)}


def path_key(key: str) -> str:
    """Spell one map key for a property path: ``.status`` or ``["name.givenName"]``.

    The engine parses paths in the notation of `sdk/go/common/resource/property_path.go`, which cannot spell a key that
    ends in a backslash: where keys are names that people choose, such a name must be refused.
    """
    if _PLAIN_KEY.fullmatch(key):
        return f".{key}"
    # A quote alone is escaped: the engine takes a backslash before anything else as itself.
    escaped = key.replace('"', '\\"')
    return f'["{escaped}"]'


def compare(old: Any, new: Any, path: str = "") -> list[Change]:  # noqa: ANN401 - any property value
    """Compare two property values deeply; :data:`UNKNOWN` in ``new`` counts as an update.

    Args:
        old: What exists: plain values, lists, dictionaries with string keys, or dataclasses (fields in camelCase).
        new: What is wanted, of the same shape. None and a missing key are the same.
        path: The path of both.

    Returns:
        The smallest differing places, in the order of ``new``.
    """
    return _compare(as_plain(old), as_plain(new), path)


def _compare(old: Any, new: Any, path: str) -> list[Change]:  # noqa: ANN401 - any plain property value
    if old is None and new is None:
        return []
    if old is None:
        return [Change(path, ChangeKind.ADD)]
    if new is None:
        return [Change(path, ChangeKind.DELETE)]
    if isinstance(old, dict) and isinstance(new, dict):
        changes: list[Change] = []
        for key in [*new, *(key for key in old if key not in new)]:
            inner = f"{path}{path_key(key)}" if path else path_key(key).removeprefix(".")
            changes += _compare(old.get(key), new.get(key), inner)
        return changes
    if isinstance(old, list) and isinstance(new, list):
        changes = []
        for index in range(max(len(old), len(new))):
            before = old[index] if index < len(old) else None
            after = new[index] if index < len(new) else None
            changes += _compare(before, after, f"{path}[{index}]")
        return changes
    if new is UNKNOWN or old is UNKNOWN or old != new or isinstance(old, bool) is not isinstance(new, bool):
        return [Change(path, ChangeKind.UPDATE)]
    return []


@functools.cache
def camel(name: str) -> str:
    """``sync_all`` to ``syncAll``."""
    head, *rest = name.split("_")
    return head + "".join(part.capitalize() for part in rest)


def as_plain(value: Any) -> Any:  # noqa: ANN401 - any property value
    """Turn dataclasses, at any depth, into dictionaries with camelCase keys; None-valued fields are left out.

    Those that are :class:`Packed` become text.
    """
    if isinstance(value, str):
        return value
    if isinstance(value, Packed):
        return value.packed()
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        pairs = ((camel(field.name), getattr(value, field.name)) for field in dataclasses.fields(value))
        return {key: as_plain(item) for key, item in pairs if item is not None}
    if isinstance(value, Mapping):
        return {key: as_plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [as_plain(item) for item in value]
    return value
