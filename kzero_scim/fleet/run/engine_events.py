"""Turns the events of Pulumi's engine for one stack into changes, drift, warnings and errors. Contacts no service.

`sdk/go/common/apitype/events.go` defines the events. The engine has already redacted secrets in them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from kzero_scim.display import one_line
from kzero_scim.entra.azuread_error import without_frames
from kzero_scim.fleet.model import PropertyChange, ResourceChange
from kzero_scim.tenant.drift import WHOLE, Difference, value_at

if TYPE_CHECKING:
    from pulumi.automation import EngineEvent
    from pulumi.automation.events import StepEventMetadata

SECRET: Final = "(secret)"  # noqa: S105 - shown instead of a secret
UNKNOWN: Final = "(not known yet)"
_BLOTTED: Final = "[secret]"
_UNKNOWN: Final = frozenset(
    {"04da6b54-80e4-46f7-96ec-b56ff0331ba9", "[unknown]", "output<string>"}  # `sdk/go/common/resource/plugin/rpc.go`
)
_STACK: Final = "pulumi:pulumi:Stack"
_PROVIDER: Final = "pulumi:providers:"
_AZUREAD: Final = "azuread:"
_DEFAULT_PROVIDER: Final = re.compile(r"default(_\d.*)?")
_OPERATIONS: Final = {
    "create": "create",
    "update": "update",
    "delete": "delete",
    "replace": "replace",
    "create-replacement": "replace",
    "delete-replaced": "replace",
    "discard-replaced": "replace",
    "import": "import",
    "import-replacement": "replace",
}
_DOING: Final = {
    "create": "creating",
    "update": "updating",
    "delete": "deleting",
    "replace": "replacing",
    "same": "comparing",
}
_COLOR: Final = re.compile(r"<\{%.*?%\}>")
_UNHANDLED: Final = "an unhandled error occurred: "
"""Prefix of the engine when it repeats a program's error."""
_CONSEQUENCE: Final = re.compile(r"(preview|update|refresh|operation) failed|resource plugin .* is expected to have")


class EngineEvents:
    """Collects a run's events.

    Args:
        refreshing: Whether the command is a refresh. Its findings are drift, not changes.
        rewrite: Returns the text of an error to report.

    Attributes:
        errors: The engine's errors, each once, one line each; azuread's last, because the others say more.
        warnings: The engine's warnings, each once, one line each.
        outputs: The stack's outputs at the end, without secrets; empty if the run did not reach its end. Changed
            outputs do not count as a change of the tenant, also in Pulumi: some describe the last provisioning cycle.
    """

    def __init__(self, *, refreshing: bool, rewrite: Callable[[str], str] = str) -> None:
        """Start without events."""
        self._rewrite = rewrite
        self._errors: list[str] = []
        self._azuread_errors: list[str] = []
        self.warnings: list[str] = []
        self.outputs: Mapping[str, Any] = {}
        self._refreshing = refreshing
        self._changes: dict[str, ResourceChange] = {}
        self._drift: dict[str, list[Difference]] = {}
        self._failed: set[str] = set()

    @property
    def errors(self) -> list[str]:
        """The errors so far."""
        return self._errors + [line for line in self._azuread_errors if line not in self._errors]

    @property
    def changes(self) -> list[ResourceChange]:
        """The changes that were made or would be made, in the engine's order, without failed ones."""
        return [change for urn, change in self._changes.items() if urn not in self._failed]

    @property
    def drift(self) -> list[Difference]:
        """The differences from the state in resources that the engine refreshed."""
        return [difference for differences in self._drift.values() for difference in differences]

    def take(self, event: EngineEvent) -> str:
        """Record one event.

        Returns:
            The engine's present step in words; "" if the event is not about a step.
        """
        if event.diagnostic_event is not None:
            said = event.diagnostic_event
            self._said(said.severity, said.message, of_azuread=_AZUREAD in (said.urn or ""))
        if event.res_op_failed_event is not None:
            self._failed.add(event.res_op_failed_event.metadata.urn)
        if event.resource_pre_event is not None:
            return self._begins(event.resource_pre_event.metadata)
        if event.res_outputs_event is not None:
            self._ends(event.res_outputs_event.metadata)
        return ""

    def _said(self, severity: str, message: str, *, of_azuread: bool) -> None:
        errors = self._azuread_errors if of_azuread else self._errors
        lines = {"error": errors, "warning": self.warnings}.get(severity)
        line = as_one_line(without_frames(self._rewrite(_COLOR.sub("", message).removeprefix(_UNHANDLED))))
        if lines is not None and line and line not in lines and not _CONSEQUENCE.fullmatch(line):
            lines.append(line)

    def _begins(self, step: StepEventMetadata) -> str:
        if not self._refreshing and step.op.value != "refresh":
            self._change(step)
        kind = _kind(step)
        if not kind or _is_component(step):
            return ""
        if step.op.value == "refresh":
            return f"reading {kind}"
        doing = _DOING.get(_OPERATIONS.get(step.op.value, step.op.value))
        return f"{doing} {kind}" if doing else ""

    def _ends(self, step: StepEventMetadata) -> None:
        if step.type == _STACK:
            self.outputs = dict(step.new.outputs or {}) if step.new else {}
        elif self._refreshing or step.op.value == "refresh":
            self._compare(step)
        else:
            self._change(step)

    def _change(self, step: StepEventMetadata) -> None:
        operation, kind = _OPERATIONS.get(step.op.value), _kind(step)
        if operation is None or not kind or not _is_told(step, operation):
            return
        properties = _properties(step) if operation in {"update", "replace"} else []
        before = self._changes.get(step.urn)
        if before is not None:
            # A replacement has several steps, and only the first contains the reason.
            operation = "replace" if "replace" in {operation, before.operation} else operation
            properties = _known(before.properties, properties)
        self._changes[step.urn] = ResourceChange(
            resource=kind, name=_name(step), operation=operation, properties=properties
        )

    def _compare(self, step: StepEventMetadata) -> None:
        kind = _kind(step)
        if not kind or _is_component(step) or step.type.startswith(_PROVIDER):
            return
        if step.new is None or step.op.value == "delete":
            found = [Difference(resource=kind, property=WHOLE, was="exists", now=None)]
        else:
            found = [
                Difference(resource=kind, property=item.property, was=item.was, now=item.now)
                for item in _properties(step)
            ]
        if found:
            self._drift[step.urn] = found


def as_one_line(message: str) -> str:
    """Return a message in one line. A heading with a line per problem becomes ``heading: problem; problem``."""
    heading, _, problems = message.partition(":\n  ")
    return one_line(f"{heading}: {'; '.join(problems.splitlines())}" if problems else message)


def _is_told(step: StepEventMetadata, operation: str) -> bool:
    """Return whether a change is reported.

    A new component or provider only accompanies its resources. The engine itself adds and removes default providers.
    """
    if step.type.startswith(_PROVIDER):
        named = _DEFAULT_PROVIDER.fullmatch(_name(step)) is None
        return (operation == "delete" and named) or operation not in {"create", "delete"}
    return operation == "delete" or not _is_component(step)


def _is_component(step: StepEventMetadata) -> bool:
    state = step.new or step.old
    return state is not None and not state.custom


def _name(step: StepEventMetadata) -> str:
    return step.urn.rsplit("::", 1)[-1]


def _kind(step: StepEventMetadata) -> str:
    """Return a resource's kind; "" for the stack."""
    if step.type == _STACK or (step.new or step.old) is None:
        return ""
    return "Provider" if step.type.startswith(_PROVIDER) else step.type.rsplit(":", 1)[-1].rsplit("/", 1)[-1]


def _properties(step: StepEventMetadata) -> list[PropertyChange]:
    found = [
        _property(step, path, diff.diff_kind.value, of_inputs=diff.input_diff)
        for path, diff in (step.detailed_diff or {}).items()
    ]
    if not found:
        found = [_property(step, path, "update", of_inputs=False) for path in step.diffs or []]
    return sorted(found, key=lambda item: item.property)


def _property(step: StepEventMetadata, path: str, kind: str, *, of_inputs: bool) -> PropertyChange:
    old, new = step.old, step.new
    was = value_at((old.inputs if of_inputs else old.outputs) if old else None, path)
    now = value_at(new.outputs if new else None, path)
    if now is None or of_inputs:
        # In a preview, only one event has the planned outputs, but all have the inputs.
        now = value_at(new.inputs if new else None, path)
    replaces = kind.endswith("-replace")
    plain = kind.removesuffix("-replace")
    return PropertyChange(
        property=path,
        kind="replace" if replaces else plain,
        was=None if plain == "add" else _shown(was),
        now=None if plain == "delete" else _shown(now),
    )


def _known(before: list[PropertyChange], now: list[PropertyChange]) -> list[PropertyChange]:
    """Return the later properties with earlier values where they lack them."""
    if not now:
        return before
    earlier = {item.property: item for item in before}
    return [
        replace(item, was=item.was if item.was is not None else earlier[item.property].was)
        if item.property in earlier
        else item
        for item in now
    ]


def _shown(value: Any) -> Any:  # noqa: ANN401 - any JSON
    if isinstance(value, str):
        return SECRET if value == _BLOTTED else UNKNOWN if value in _UNKNOWN else value
    if isinstance(value, Mapping):
        return {key: _shown(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_shown(item) for item in value]
    if isinstance(value, float) and value.is_integer():
        # The engine sends all numbers as floats.
        return int(value)
    return value if value is None or isinstance(value, bool | int | float) else json.dumps(value)
