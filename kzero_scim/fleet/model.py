"""The document of a fleet run: plain data, to JSON and back. All reports are made from it.

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
"""Version of the JSON document. It increases with each incompatible change."""


class Command(StrEnum):
    """The commands whose runs have a document."""

    PREVIEW = "preview"
    UP = "up"
    REFRESH = "refresh"
    DRIFT = "drift"
    STATUS = "status"


class Outcome(StrEnum):
    """The outcome of one tenant, worst first."""

    FAILED = "failed"
    """The work could not be done; ``error`` says why."""
    TIMED_OUT = "timed-out"
    """The work took too long and was stopped."""
    UNHEALTHY = "unhealthy"
    """Provisioning does not work as the stack says: quarantine, paused, failed cycles, users in error and so on."""
    UNKNOWN = "unknown"
    """After status: Entra does not show whether provisioning works, for example before the first cycle."""
    DRIFTED = "drifted"
    """Someone changed a side by hand, without the stack."""
    CHANGED = "changed"
    """After preview: would change. After up: was changed."""
    NOT_RUN = "not-run"
    """The tenant was skipped, because its turn did not come; ``error`` says why."""
    UNCHANGED = "unchanged"
    """The tenant is as its stack says."""


@dataclass(frozen=True, kw_only=True)
class PropertyChange:
    """One property that changes.

    Attributes:
        property: Its path: ``mappers.tag.claim``.
        kind: ``add``, ``update`` or ``delete``; ``replace`` if the change replaces the resource.
        was: The value before, as JSON: None if there is none, ``(secret)`` for a secret, ``(not known yet)`` for a
            value that only the update determines.
        now: The value after, in the same form.
    """

    property: str
    kind: str
    was: Any = None
    now: Any = None


@dataclass(frozen=True, kw_only=True)
class ResourceChange:
    """The change of one resource.

    Attributes:
        resource: Its kind: MapperSet, ApplicationFromTemplate, ...
        name: Its name in the program.
        operation: ``create``, ``update``, ``replace``, ``delete`` or ``import``.
        properties: The changed properties, sorted by path; empty for create and delete.
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
    """The result of one tenant.

    Attributes:
        tenant: The stack's name.
        outcome: The outcome.
        changes: Preview and up: the changes.
        drift: Drift and refresh: the differences from the stack.
        error: Why the tenant failed or was skipped, in one line.
        warnings: Other facts that the operator should know, one line each.
        seconds: Duration.
        tags: Tags in the stack file.
        log: The tenant's log file, relative to the project; "" if there is none.
        status: Status: the document of `kzero-scim status --json`.
        checklist: Status and up: the seven points, each ``{"item", "passed", "evidence"}``; empty if not checked.
        portals: The tenant's pages in both consoles: label to address.
        names: Names that differ per tenant, beside the stack's name: realm, Entra tenant ID, domains of its users.
            Reports group tenants whose changes differ only in these names.
        fingerprint: Up: fingerprint of the applied files of the tenant and of the program. A resumed up skips tenants
            with an equal fingerprint.
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
        command: The run's command.
        project: The project's name.
        began: Start time, ISO 8601, UTC, to the second.
        ended: End time, in the same form.
        commit: The commit of the working tree; "" if there is none. A ``+`` at its end means uncommitted changes.
        results: One result per selected tenant, sorted by name.
        version: Version of the document.
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
        """The number of tenants by outcome; 0 for missing outcomes."""
        return Counter(result.outcome for result in self.results)

    @property
    def exit_code(self) -> ExitCode:
        """The run's exit code. If several apply: failed tenants first, then drift, then tenants that need action."""
        found = self.counts
        if any(found[bad] for bad in (Outcome.FAILED, Outcome.TIMED_OUT, Outcome.NOT_RUN)):
            return ExitCode.FAILED
        if found[Outcome.DRIFTED]:
            return ExitCode.DRIFT
        is_pending = found[Outcome.CHANGED] and self.command is not Command.UP
        is_ill = found[Outcome.UNHEALTHY] or found[Outcome.UNKNOWN]
        return ExitCode.ACTION_NEEDED if is_ill or is_pending else ExitCode.DONE

    def document(self) -> dict[str, Any]:
        """Return the run as JSON."""
        document: dict[str, Any] = _RUN.dump_python(self, mode="json")
        return document

    @classmethod
    def from_document(cls, document: object, name: str) -> FleetRun:
        """Return the run in a document that :meth:`document` wrote.

        Args:
            document: The JSON.
            name: Its file, for error messages.

        Raises:
            SettingsError: The document is malformed, or of a later version.
        """
        version = document.get("version", VERSION) if isinstance(document, dict) else VERSION
        if isinstance(version, int) and version > VERSION:
            message = (
                f"{name} has version {version}, but this kzero-scim reads up to {VERSION}; use the kzero-scim that "
                "wrote it"
            )
            raise SettingsError(message)
        try:
            return _RUN.validate_python(document)
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(str(step) for step in first["loc"]) or "the document"
            message = (
                f"{name} is not a document of a fleet run ({place}: {first['msg']}); give the output "
                f"of a fleet command with --json"
            )
            raise SettingsError(message) from None


_RUN: Final = TypeAdapter(FleetRun)
