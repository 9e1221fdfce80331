"""The model of a resource, as plain typed classes. Knows nothing of gRPC, HTTP or the engine's encoding.

A resource is a :class:`Resource` subclass with two dataclasses: its inputs, and its state, which has all inputs and
adds the outputs. ``provider/engine`` translates the engine's requests into calls of these methods, and the dataclasses
into the package's schema.
"""

from __future__ import annotations

import dataclasses
import functools
import re
from abc import ABC, abstractmethod
from collections.abc import Mapping
from enum import StrEnum
from typing import Any, ClassVar, Final, Generic, Protocol, Self, TypeVar, assert_never, final

from kzero_scim.resource.facts import Facts
from kzero_scim.resource.formats import same_id
from kzero_scim.resource.reading import Absent, Unknown


@final
class UnknownValue:
    """The type of :data:`UNKNOWN`, a value that only the update itself can compute."""

    _instance: ClassVar[UnknownValue | None] = None

    def __new__(cls) -> UnknownValue:
        """Return the only instance."""
        if cls._instance is None:
            cls._instance = super().__new__(cls)
        return cls._instance

    def __repr__(self) -> str:
        """Return the name."""
        return "UNKNOWN"

    def __bool__(self) -> bool:
        """Raise an error, because an unknown value is neither true nor false."""
        message = "an unknown value has no truth value; check it with is_known() first"
        raise TypeError(message)


UNKNOWN: Final[Any] = UnknownValue()
"""A value that a preview cannot know yet, in any dataclass field at any depth."""


def is_known(value: object) -> bool:
    """Return whether a value is known, including everything inside it."""
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
    """What the schema says about a property, in addition to its type."""

    description: str
    secret: bool = False
    replace: bool = False
    """A change of this input replaces the resource."""
    environment: tuple[str, ...] = ()
    """Environment variables that replace a missing provider setting."""


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
        description: One or two sentences for the schema, the SDK and the documentation.
        default: The value if the program sets none. Without a default or factory, the property is required.
        default_factory: As in :func:`dataclasses.field`.
        secret: Whether state, previews and outputs mark the value as secret.
        replace: Whether a changed input replaces the resource.
        environment: Environment variables that replace a missing provider setting. The first one that is set applies.
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
        repr=not secret,
        **given,
    )


class Packed(ABC):
    """A dataclass that is sent and stored as one line of text.

    For states with thousands of records. The engine keeps several copies of a state in memory, and an object with three
    properties needs ten times the memory of a text. A state with objects of the same properties can be read too.
    """

    __slots__ = ()

    @abstractmethod
    def packed(self) -> Any:  # noqa: ANN401 - UNKNOWN too
        """Return the text, or UNKNOWN if a part of it is unknown."""

    @classmethod
    @abstractmethod
    def unpacked(cls, text: str) -> Self | None:
        """Return the instance that a text describes, or None if the text has another form."""


class Log(Protocol):
    """Messages of a resource to the operator, which the engine displays below the resource."""

    async def debug(self, message: str) -> None:
        """Log a message that only --debug shows."""

    async def info(self, message: str) -> None:
        """Log a note that stays in the display."""

    async def status(self, message: str) -> None:
        """Show the current step. The next message replaces it."""

    async def warning(self, message: str) -> None:
        """Log a problem that the operator should check."""


@dataclasses.dataclass(frozen=True)
class Call:
    """The request in which a resource's method runs.

    Attributes:
        urn: URN of the resource, ``""`` for a function.
        name: Name of the resource in the program.
        log: Messages to the operator.
        preview: True if nothing may be changed.
    """

    urn: str
    name: str
    log: Log
    preview: bool = False


@dataclasses.dataclass(frozen=True)
class Failure:
    """One wrong input: its camelCase path (``rows[2].target``), and a reason with the remedy, to follow the path."""

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
        path: Path of the property in the engine's notation, such as ``mappers.status.claimJsonType``, ``users[3]`` or
            ``rows["emails[type eq \\"work\\"].value"].source``.
        kind: What happens to the property.
        replace: True if the change replaces the resource.
    """

    path: str
    kind: ChangeKind = ChangeKind.UPDATE
    replace: bool = False


InputsT = TypeVar("InputsT")
StateT = TypeVar("StateT")


@dataclasses.dataclass(frozen=True)
class Created(Generic[StateT]):
    """A new resource: its ID and its state."""

    id: str
    state: StateT


@dataclasses.dataclass(frozen=True)
class Found(Generic[InputsT, StateT]):
    """A resource as it exists now.

    Attributes:
        id: Its ID, usually the requested one.
        inputs: Inputs that describe the resource. ``pulumi import`` writes them, and ``ignoreChanges`` keeps them.
        state: Its state.
        unread: Properties (camelCase) that exist but whose values the service hides. Their last values stay.
    """

    id: str
    inputs: InputsT
    state: StateT
    unread: frozenset[str] = frozenset()


def found_or_gone(answer: Found[InputsT, StateT] | Absent | Unknown) -> Found[InputsT, StateT] | None:
    """Return a resource that was read, None if it does not exist.

    Raises:
        ServiceError: It is unknown whether it exists.
    """
    match answer:
        case Found():
            return answer
        case Absent():
            return None
        case Unknown():
            raise answer.failure()
        case never:
            assert_never(never)


@dataclasses.dataclass(frozen=True)
class Sides:
    """A resource's last known state, its state now (None if it was deleted), and its last wanted inputs."""

    state: Any
    found: Any
    wanted: Any


@dataclasses.dataclass(frozen=True)
class AdminEvents:
    """Selects Keycloak's admin events for changes of a resource.

    Attributes:
        kinds: Resource types of the events.
        client_uuid: Keycloak's ID of the client that they must concern; None for any client.
        client_id: Client ID of that client, if Keycloak's ID is not known.
    """

    kinds: tuple[str, ...]
    client_uuid: str | None = None
    client_id: str | None = None


class Resource(ABC, Generic[InputsT, StateT]):
    """A type of resource. Instances have the provider's clients, and no state of a single resource.

    The methods get inputs and state as the dataclasses :attr:`inputs` and :attr:`state`. Types, unknown keys and
    missing required properties are already checked. In a preview, any field may be :data:`UNKNOWN`. ``create``,
    ``update``, ``read`` and ``delete`` get known values only.
    """

    token: ClassVar[str]
    """Type token of package, module and name, such as ``toy:index:Shelf``."""
    facts: ClassVar[Facts]
    """Facts for reports, drift detection and the search for the author of a change."""
    inputs: type[InputsT]
    state: type[StateT]
    delete_before_replace: ClassVar[bool] = False
    """Whether a replacement deletes the old resource first, because the service allows only one."""

    @classmethod
    def changed_objects(cls, sides: Sides, change: Change) -> list[str] | None:  # noqa: ARG003 - for subclasses
        """Return IDs and names of the object inside the resource that a change affects, such as a user or a mapper.

        Returns:
            An empty list if the change affects the whole resource, None if the object is not known.
        """
        return []

    @classmethod
    def admin_events(cls, state: StateT) -> AdminEvents | None:
        """Return which of Keycloak's admin events concern the resource, None if no event does."""
        return AdminEvents(cls.facts.admin_events, getattr(state, "client_uuid", None))

    @classmethod
    def fingerprint_of(cls, state: StateT) -> tuple[str, str] | None:  # noqa: ARG003 - for subclasses
        """Return name and value of the property that is a hash of names in the state, None without such a property."""
        return None

    async def check(self, call: Call, new: InputsT, old: InputsT | None) -> tuple[InputsT, list[Failure]]:  # noqa: ARG002
        """Normalize inputs and report all errors in them, without asking a service if possible.

        Args:
            call: The request.
            new: The program's inputs.
            old: The inputs at the last update, or None.

        Returns:
            The normalized inputs, and all failures.
        """
        return new, []

    @abstractmethod
    async def diff(self, call: Call, id: str, old: StateT, new: InputsT) -> list[Change]:  # noqa: A002
        """Return the changes from the existing state to the wanted inputs. May look up names."""

    @abstractmethod
    async def plan(self, call: Call, new: InputsT, old: StateT | None) -> StateT:
        """Return the state after a create (``old`` is None) or an update. Outputs that it cannot know are UNKNOWN.

        Runs only in previews and changes nothing. It may read from the services, to warn or to refuse early.
        """

    @abstractmethod
    async def create(self, call: Call, new: InputsT) -> Created[StateT]:
        """Create the resource, or adopt what an interrupted create left.

        Raises:
            PartialFailureError: The resource exists but is not as wanted.
            ProviderError: Nothing was created.
        """

    @abstractmethod
    async def read(self, call: Call, id: str, old: StateT | None) -> Found[InputsT, StateT] | Absent | Unknown:  # noqa: A002
        """Read the resource. ``old`` is None in an import.

        Returns:
            The resource; :class:`Absent` only if the service answered that exactly this resource does not exist;
            :class:`Unknown` for everything else, which :func:`observed` returns for each failed request.
        """

    @abstractmethod
    async def update(self, call: Call, id: str, old: StateT, new: InputsT) -> StateT:  # noqa: A002
        """Change the resource in place.

        Raises:
            PartialFailureError: Only a part was changed.
        """

    @abstractmethod
    async def delete(self, call: Call, id: str, old: StateT) -> None:  # noqa: A002
        """Delete the resource. A resource that does not exist is not an error."""

    def inherit(self, old: StateT, new: StateT) -> StateT:  # noqa: ARG002 - for subclasses
        """Return the state of a replacement that turned out to be the same object, with what the old state recorded.

        For values from before the stack owned the object, which the new resource cannot see any more.
        """
        return new

    async def give_up(self, call: Call, id: str, old: StateT, new: StateT) -> None:  # noqa: A002
        """Delete what only the old state owns, after a replacement that turned out to be the same object.

        By default, the new resource has taken over everything.
        """


class Function(ABC, Generic[InputsT, StateT]):
    """A function (``invoke``) of the package. It changes nothing."""

    token: ClassVar[str]
    """Function token, such as ``toy:index:countShelves``."""
    inputs: type[InputsT]
    state: type[StateT]
    """The dataclass of the result."""

    @abstractmethod
    async def invoke(self, call: Call, args: InputsT) -> StateT:
        """Return the result. All arguments are known."""


def replacing(change: Change) -> Change:
    """Return the change, marked as one that replaces the resource."""
    return dataclasses.replace(change, replace=True)


_PLAIN_KEY: Final = re.compile(r"[\w-]+")


def inputs_of(kind: type[Any], value: object) -> dict[str, Any]:
    """Return the inputs in a state, or in inputs, by field name.

    Args:
        kind: Dataclass of the inputs.
        value: An instance of it, or of the state, which has all inputs.
    """
    return {field.name: getattr(value, field.name) for field in dataclasses.fields(kind)}


def path_key(key: str) -> str:
    """Return a map key as part of a property path, such as ``.status`` or ``["name.givenName"]``.

    The engine parses paths in the notation of `sdk/go/common/resource/property_path.go`. The notation has no form for a
    key that ends in a backslash, so resources must refuse such a name if people choose the keys.
    """
    if _PLAIN_KEY.fullmatch(key):
        return f".{key}"
    # Only quotes are escaped. For the engine, a backslash before another character is a plain backslash.
    escaped = key.replace('"', '\\"')
    return f'["{escaped}"]'


def compare(old: Any, new: Any, path: str = "") -> list[Change]:  # noqa: ANN401 - any property value
    """Return the differences between two property values. :data:`UNKNOWN` in ``new`` counts as an update.

    Args:
        old: The existing value: plain values, lists, dictionaries with string keys, or dataclasses.
        new: The wanted value, of the same shape. None equals a missing key.
        path: The path of both values.

    Returns:
        The innermost differences, in the order of ``new``.
    """
    return _compare(as_plain(old), as_plain(new), path)


def compare_ids(old: Any, new: Any, path: str) -> list[Change]:  # noqa: ANN401 - any property value
    """Return the difference between two IDs of Entra, which ignores their case."""
    return [] if same_id(old, new) else compare(old, new, path)


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
    """Return a name in camelCase: ``sync_all`` becomes ``syncAll``."""
    head, *rest = name.split("_")
    return head + "".join(part.capitalize() for part in rest)


def as_plain(value: Any) -> Any:  # noqa: ANN401 - any property value
    """Return a value with all dataclasses as dictionaries with camelCase keys. Fields that are None are left out.

    Dataclasses that are :class:`Packed` become text.
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
