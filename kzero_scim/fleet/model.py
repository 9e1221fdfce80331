"""What came of a run over many tenants: plain data, to JSON and back. Every report is made of it.

``docs/fleet-run.schema.json`` documents the JSON.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated, Any, Final

from pydantic import PlainSerializer, PlainValidator, TypeAdapter, ValidationError, WithJsonSchema

from kzero_scim.errors import SettingsError
from kzero_scim.exit_codes import ExitCode
from kzero_scim.guide.checklist import Item
from kzero_scim.tenant.drift import Difference
from kzero_scim.tenant.status import StatusReport

VERSION: Final = 1
"""Of the JSON document; a change that a reader of this version would misread raises it."""


class Command(StrEnum):
    """What was run."""

    PREVIEW = "preview"
    UP = "up"
    REFRESH = "refresh"
    DRIFT = "drift"
    STATUS = "status"


class Outcome(StrEnum):
    """What came of one tenant, the worst first."""

    FAILED = "failed"
    """It could not be done; ``error`` says why."""
    TIMED_OUT = "timed-out"
    """It took too long and was stopped."""
    UNHEALTHY = "unhealthy"
    """Its provisioning is in quarantine, paused against the stack's wish, or has users in error."""
    DRIFTED = "drifted"
    """Somebody changed a side behind the stack's back."""
    CHANGED = "changed"
    """After preview: would change. After up: was changed."""
    NOT_RUN = "not-run"
    """Its turn did not come; ``error`` says why."""
    UNCHANGED = "unchanged"
    """As it should be."""


@dataclass(frozen=True, kw_only=True)
class PropertyChange:
    """One property that changes.

    Attributes:
        property: Its path: ``mappers.tag.claim``.
        kind: ``add``, ``update`` or ``delete``; ``replace`` where the resource is made anew for it.
        was: Its value before, as JSON; None for none, ``(secret)`` for a secret, ``(not known yet)`` for what only
            the run will tell.
        now: Its value after it, likewise.
    """

    property: str
    kind: str
    was: Any = None
    now: Any = None


@dataclass(frozen=True, kw_only=True)
class ResourceChange:
    """What is done to one resource.

    Attributes:
        resource: Its kind: MapperSet, ApplicationFromTemplate, ...
        name: What the program calls it.
        operation: ``create``, ``update``, ``replace``, ``delete`` or ``import``.
        properties: What changes of it, in order of path; empty for create and delete.
    """

    resource: str
    name: str
    operation: str
    properties: list[PropertyChange] = field(default_factory=list)


_OBJECT: Final = WithJsonSchema({"additionalProperties": True, "type": "object"})
_Status = Annotated[
    StatusReport | None,
    PlainValidator(lambda value: StatusReport.from_document(value) if isinstance(value, Mapping) else value),
    PlainSerializer(lambda value: value and value.document()),
    WithJsonSchema({"anyOf": [{"additionalProperties": True, "type": "object"}, {"type": "null"}]}),
]


@dataclass(frozen=True, kw_only=True)
class TenantResult:
    """What came of one tenant.

    Attributes:
        tenant: The stack's name.
        outcome: In one word.
        changes: Preview and up: what changes.
        drift: Drift and refresh: what differs from what the stack wants.
        error: Why it failed, or was not run, in one line.
        warnings: What else an operator should know, a line each.
        seconds: How long it took.
        tags: From the stack file.
        log: The tenant's log file, relative to the project; "" for none.
        status: Status: the document of `kzero-scim status --json`.
        checklist: Status and up: the seven points, each ``{"item", "passed", "evidence"}``; empty if not looked at.
        portals: Where to look at it: label to address.
        names: What is the tenant's own beside the stack's name: the realm, the Entra tenant's id, the domains of its
            users. Tenants whose changes differ in these alone are told as one group.
        fingerprint: Up: of the tenant's files and of the program that were applied; a resumed up runs nobody again for
            whom it is the same.
    """

    tenant: str
    outcome: Outcome
    changes: list[ResourceChange] = field(default_factory=list)
    drift: list[Difference] = field(default_factory=list)
    error: str = ""
    warnings: list[str] = field(default_factory=list)
    seconds: float = 0.0
    tags: list[str] = field(default_factory=list)
    log: str = ""
    status: _Status = None
    checklist: list[Annotated[Item, _OBJECT]] = field(default_factory=list)
    portals: dict[str, str] = field(default_factory=dict)
    names: list[str] = field(default_factory=list)
    fingerprint: str = ""


@dataclass(frozen=True, kw_only=True)
class FleetRun:
    """One run over many tenants.

    Attributes:
        command: What was run.
        project: The project's name.
        began: When, ISO 8601, UTC, to the second.
        ended: Likewise.
        commit: The commit of the working tree; "" for none. A ``+`` behind it says that the tree has changes.
        results: One a selected tenant, by name.
        version: Of the document.
    """

    command: Command
    project: str
    began: str
    ended: str
    commit: str = ""
    results: list[TenantResult] = field(default_factory=list)
    version: int = VERSION

    @property
    def counts(self) -> Mapping[Outcome, int]:
        """How many tenants came to which outcome; 0 for the others."""
        return Counter(result.outcome for result in self.results)

    @property
    def exit_code(self) -> ExitCode:
        """What is left to do; of several the first: failed tenants, drift, tenants that need action."""
        found = self.counts
        if any(found[bad] for bad in (Outcome.FAILED, Outcome.TIMED_OUT, Outcome.NOT_RUN)):
            return ExitCode.FAILED
        if found[Outcome.DRIFTED]:
            return ExitCode.DRIFT
        is_pending = found[Outcome.CHANGED] and self.command is not Command.UP
        return ExitCode.ACTION_NEEDED if found[Outcome.UNHEALTHY] or is_pending else ExitCode.DONE

    def document(self) -> dict[str, Any]:
        """Give it as JSON."""
        document: dict[str, Any] = _RUN.dump_python(self, mode="json")
        return document

    @classmethod
    def from_document(cls, document: object, name: str) -> FleetRun:
        """Read what :meth:`document` gave.

        Args:
            document: The JSON.
            name: What to call it in an error: its file.

        Raises:
            SettingsError: It is not such a document, or one of a later version.
        """
        version = document.get("version", VERSION) if isinstance(document, dict) else VERSION
        if isinstance(version, int) and version > VERSION:
            message = (
                f"{name} is of version {version}, and this kzero-scim reads up to {VERSION}; use the one that wrote it"
            )
            raise SettingsError(message)
        try:
            return _RUN.validate_python(document)
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(str(step) for step in first["loc"]) or "the document"
            message = f"{name} is no result of a fleet run: {place}: {first['msg']}"
            raise SettingsError(message) from None


_RUN: Final = TypeAdapter(FleetRun)
