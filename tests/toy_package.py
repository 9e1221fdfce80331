"""A small package for tests of the adapter: shelves in a service that lives in memory and can fail on request."""

from __future__ import annotations

import asyncio
import dataclasses
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from kzero_scim.errors import PartialFailureError
from kzero_scim.provider.package import Package
from kzero_scim.resource.model import (
    UNKNOWN,
    Call,
    Change,
    Created,
    Failure,
    Found,
    Function,
    Resource,
    as_plain,
    compare,
    is_known,
    prop,
)
from kzero_scim.resource.reading import Absent, Unknown, observed


@dataclass(frozen=True, kw_only=True)
class Part:
    """A part of a shelf."""

    schema_module: ClassVar[str] = "index"

    user_attribute: str = prop("Where its value comes from.")
    claim_json_type: Literal["String", "boolean"] = prop("Its type.", default="String")
    weight: float | None = prop("In kilograms.", default=None)


@dataclass(frozen=True, kw_only=True)
class ShelfInputs:
    """A program's inputs."""

    room: str = prop("Where it stands.", replace=True)
    label: str = prop("What it says.", default="plain")
    boards: int = prop("How many.", default=3)
    parts: dict[str, Part] = prop("By name.", default_factory=dict)
    colours: list[str] = prop("From the top.", default_factory=list)
    password: str | None = prop("Opens it.", default=None, secret=True)
    note: str | None = prop("Anything.", default=None)


@dataclass(frozen=True, kw_only=True)
class ShelfState(ShelfInputs):
    """The state of a shelf."""

    serial: str = prop("Given by the maker.")
    key: str = prop("Opens it too.", secret=True)
    books: int = prop("How many stand in it now; changes by itself.")


@dataclass(frozen=True, kw_only=True)
class ToyConfig:
    """How to reach the service."""

    server: str | None = prop("Its name.", default=None, environment=("TOY_SERVER",))
    strict: bool | None = prop("Whether it is.", default=None)
    api_key: str | None = prop("Signs in.", default=None, secret=True, environment=("TOY_API_KEY",))


class ToyService:
    """Shelves by id, as plain inputs. Tests change them to cause drift.

    Attributes:
        shelves: The existing shelves.
        fail: Errors by operation.
        calls: The operations so far, in order.
        config: The provider's configuration.
        reached: Set when an operation that waits forever has started.
    """

    def __init__(self) -> None:
        """Start without shelves."""
        self.shelves: dict[str, dict[str, Any]] = {}
        self.books = 0
        self.fail: dict[str, Exception] = {}
        self.calls: list[str] = []
        self.config: ToyConfig | None = None
        self.wait_in: set[str] = set()
        self.reached = asyncio.Event()
        self.closed = False

    def package(self) -> Package:
        """Return the package whose provider uses this service."""
        return Package(
            name="toy",
            version="1.2.3",
            description="Shelves.",
            config=ToyConfig,
            connect=self.connect,
            resources={"toy:index:Shelf": Shelf},
            functions={"toy:index:countShelves": CountShelves},
        )

    def connect(self, config: ToyConfig) -> ToyService:
        """Replace the clients of a real package."""
        self.config = config
        return self

    async def aclose(self) -> None:
        """Close the service."""
        self.closed = True

    async def begin(self, operation: str) -> None:
        """Record an operation. Fail or wait forever if the test says so."""
        self.calls.append(operation)
        if operation in self.wait_in:
            self.reached.set()
            await asyncio.Event().wait()
        if operation in self.fail:
            raise self.fail[operation]


class Shelf(Resource[ShelfInputs, ShelfState]):
    """A shelf in a room."""

    token = "toy:index:Shelf"
    inputs = ShelfInputs
    state = ShelfState
    delete_before_replace = True

    def __init__(self, service: ToyService) -> None:
        """Store the service."""
        self.service = service

    def _state(self, id: str) -> ShelfState:  # noqa: A002 - the engine's word
        existing = self.service.shelves[id]
        return ShelfState(**existing, serial=f"serial-{id}", key=f"key-of-{id}", books=self.service.books)

    async def check(self, call: Call, new: ShelfInputs, old: ShelfInputs | None) -> tuple[ShelfInputs, list[Failure]]:
        """Reject a shelf without boards."""
        del call, old
        if is_known(new.boards) and new.boards < 1:
            return new, [Failure("boards", "must be 1 or more; a shelf without boards holds nothing")]
        return new, []

    async def diff(self, call: Call, id: str, old: ShelfState, new: ShelfInputs) -> list[Change]:  # noqa: A002 - the engine's word
        """Compare all inputs."""
        del call, id
        before = {key: value for key, value in as_plain(old).items() if key not in {"serial", "key", "books"}}
        return compare(before, as_plain(new))

    async def plan(self, call: Call, new: ShelfInputs, old: ShelfState | None) -> ShelfState:
        """Return the outputs that will stay the same."""
        assert call.preview
        await self.service.begin("plan")
        await call.log.info(f"plans a shelf for {new.room}")  # noqa: G004 - not a logger of the logging module
        outputs: dict[str, Any] = {"serial": UNKNOWN, "key": UNKNOWN, "books": UNKNOWN}
        if old is not None:
            outputs = {"serial": old.serial, "key": old.key, "books": old.books}
        return ShelfState(**_fields(new), **outputs)

    async def create(self, call: Call, new: ShelfInputs) -> Created[ShelfState]:
        """Create a shelf."""
        await call.log.status("puts up a shelf")
        await self.service.begin("create")
        id = f"shelf-in-{new.room}"  # noqa: A001 - the engine's word
        self.service.shelves[id] = _fields(new)
        if "finish" in self.service.fail:
            raise PartialFailureError(id, self._state(id), str(self.service.fail["finish"]))
        return Created(id, self._state(id))

    @observed
    async def read(
        self,
        call: Call,
        id: str,  # noqa: A002 - the engine's word
        old: ShelfState | None,
    ) -> Found[ShelfInputs, ShelfState] | Absent | Unknown:
        """Read a shelf. The service never returns the password."""
        del call, old
        await self.service.begin("read")
        if id not in self.service.shelves:
            return Absent()
        state = dataclasses.replace(self._state(id), password=None)
        shown = {field.name: getattr(state, field.name) for field in dataclasses.fields(ShelfInputs)}
        unread = frozenset({"password"}) if self._state(id).password else frozenset()
        return Found(id, ShelfInputs(**shown), state, unread=unread)

    async def update(self, call: Call, id: str, old: ShelfState, new: ShelfInputs) -> ShelfState:  # noqa: A002 - the engine's word
        """Change a shelf."""
        del call, old
        await self.service.begin("update")
        self.service.shelves[id] = _fields(new)
        if "finish" in self.service.fail:
            raise PartialFailureError(id, self._state(id), str(self.service.fail["finish"]))
        return self._state(id)

    async def delete(self, call: Call, id: str, old: ShelfState) -> None:  # noqa: A002 - the engine's word
        """Remove a shelf."""
        del call, old
        await self.service.begin("delete")
        self.service.shelves.pop(id, None)


@dataclass(frozen=True, kw_only=True)
class CountInputs:
    """Selects the shelves to count."""

    room: str = prop("Only in this room.", default="")


@dataclass(frozen=True, kw_only=True)
class CountResult:
    """The number of shelves."""

    count: int = prop("All of them.")


class CountShelves(Function[CountInputs, CountResult]):
    """Count the shelves."""

    token = "toy:index:countShelves"
    inputs = CountInputs
    state = CountResult

    def __init__(self, service: ToyService) -> None:
        """Store the service."""
        self.service = service

    async def invoke(self, call: Call, args: CountInputs) -> CountResult:
        """Return the number of shelves."""
        del call
        await self.service.begin("invoke")
        return CountResult(count=sum(1 for shelf in self.service.shelves.values() if args.room in shelf["room"]))


def _fields(inputs: ShelfInputs) -> dict[str, Any]:
    return {field.name: getattr(inputs, field.name) for field in dataclasses.fields(ShelfInputs)}
