"""Reads the answer of Graph's ``provisionOnDemand``, tolerantly, and judges it strictly. Pure: sends no request.

The answer is a pair of strings in one of two documented forms. Either ``key`` is JSON with a result, or it is the name
of a .NET type and the result is in ``value``:
https://learn.microsoft.com/graph/api/synchronization-synchronizationjob-provisionondemand,
https://learn.microsoft.com/entra/identity/multi-tenant-organizations/cross-tenant-synchronization-configure-graph.
Everything but a clear success counts as a failure.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from kzero_scim.resource.formats import COMPLIANCE_FLAG
from kzero_scim.resource.model import prop

Result = Literal["success", "alreadyInDesiredState"]

_PROVISIONS = frozenset({"create", "update"})
"""Entra's actions after which the user exists at the target and can be used there."""
_REMOVES = {"disable": "disabled", "delete": "deleted", "stageddelete": "disabled"}
_REMOVING_STEPS = {"entryexportdelete": "deleted", "entryexportupdatesoftdelete": "disabled"}
"""Steps that a success may contain although the user is not provisioned."""

_SUCCESS = "success"
_SKIPPED = "skipped"
_REDUNDANT = "RedundantExport"

_OUTSIDE = (
    "the user is outside the scope of provisioning; assign the user, or a group that the user is a direct member of "
    "(Entra ignores nested groups), to the application, and make sure that the account is enabled"
)
_ADVICE: dict[str, str] = {
    "NotEffectivelyEntitled": _OUTSIDE,
    "NotEntitled": _OUTSIDE,
    "NotAssigned": _OUTSIDE,
    "OutOfScope": _OUTSIDE,
    "NotInProvisioningScope": _OUTSIDE,
    "ScopingFilter": _OUTSIDE,
    "DuplicateTargetEntries": "several KZero users match this user; remove or rename the others",
}
_OTHERWISE = (
    f"correct the step's cause and run it again. On-demand provisioning does not work with ?{COMPLIANCE_FLAG} in the "
    "Tenant URL"
)


@dataclass(frozen=True, kw_only=True)
class Step:
    """One step of on-demand provisioning, as Entra reports it."""

    schema_module: ClassVar[str] = "entra"

    name: str = prop("Entra's name of the step, such as EntryImport or EntryExportAdd.")
    type: str = prop("Import, Matching, Scoping or Export.")
    status: str = prop("Success, Skipped, Warning or Failure.")
    description: str = prop("What Entra did, or why not.")


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """The outcome of on-demand provisioning for one user.

    Attributes:
        result: The result, or None for a failure.
        steps: What Entra did, in order.
        problem: The cause and the remedy of a failure, in one line; empty for a success.
        is_outside: True if Entra says that the user is not in scope.
    """

    result: Result | None
    steps: list[Step]
    problem: str = ""
    is_outside: bool = False


def parse_outcome(answer: Mapping[str, Any] | None) -> Outcome:
    """Return the outcome in an answer of ``provisionOnDemand``.

    Args:
        answer: The ``stringKeyStringValuePair``, or None if Graph's answer was empty.
    """
    verdict = _mapping(_decoded((answer or {}).get("key")))
    summary, raw_steps = _summary(_decoded((answer or {}).get("value")))
    details = _mapping(verdict.get("details"))
    info = _mapping(summary.get("statusInfo") or summary.get("provisioningStatusInfo"))
    steps = [_step(step) for step in raw_steps]
    status = _text(verdict.get("result")) or _text(info.get("status")) or _status_of(steps)
    code = (
        _text(details.get("errorCode"))
        or _text(info.get("errorCode"))
        or _from_steps(raw_steps, "SkipReason", "ErrorCode", "errorCode")
    )
    failing = next((step for step in steps if step.status.casefold() in {"failure", "failed"}), None)
    is_success = failing is None and status.casefold() == _SUCCESS
    is_redundant = failing is None and status.casefold() == _SKIPPED and code.casefold() == _REDUNDANT.casefold()
    if is_success or is_redundant:
        problem, is_outside = _wrong_action(summary, raw_steps, is_success=is_success)
        if problem:
            return Outcome(result=None, steps=steps, problem=problem, is_outside=is_outside)
        return Outcome(result="success" if is_success else "alreadyInDesiredState", steps=steps)
    message = (
        _text(details.get("errorMessage"))
        or _text(info.get("reason"))
        or _from_steps(raw_steps, "ErrorMessage", "errorMessage", "Reason")
    )
    problem = _problem(status, code, message, failing or _stopping(steps))
    return Outcome(result=None, steps=steps, problem=problem, is_outside=_ADVICE.get(code) == _OUTSIDE)


def _wrong_action(
    summary: Mapping[str, Any], steps: Sequence[Mapping[str, Any]], *, is_success: bool
) -> tuple[str, bool]:
    """Return why a success did not provision the user (``""`` if it did), and whether the user is out of scope.

    Entra also reports success after it disabled or deleted a user who is out of scope.
    """
    action = _text(summary.get("action")) or _text(summary.get("provisioningAction"))
    exported = [
        _text(step.get("name")).casefold()
        for step in steps
        if _text(step.get("type") or step.get("provisioningStepType")).casefold() == "export"
        and _text(step.get("status")).casefold() == _SUCCESS
    ]
    done = _REMOVES.get(action.casefold()) or next(filter(None, map(_REMOVING_STEPS.get, exported)), None)
    if done:
        return f"Entra {done} the user in KZero instead of provisioning it: {_OUTSIDE}", True
    if any(map(_is_out_of_scope, steps)):
        return f"Entra reports that nothing had to be done, because {_OUTSIDE}", True
    if not is_success or action.casefold() in _PROVISIONS or (not action and exported):
        return "", False
    shown = f'with action "{action}"' if action else "without an action"
    unknown = "it is unknown whether it created or updated the user"
    return f"Entra reports success {shown}, so {unknown}; what to do: {_OTHERWISE}", False


def _is_out_of_scope(step: Mapping[str, Any]) -> bool:
    """Return whether a step says that the user is out of scope."""
    if _text(step.get("type") or step.get("provisioningStepType")).casefold() != "scoping":
        return False
    entitled = _mapping(step.get("details")).get("IsEffectivelyEntitledForProvisioning")
    return _text(step.get("status")).casefold() == _SKIPPED or str(entitled).casefold() == "false"


def _problem(status: str, code: str, message: str, step: Step | None) -> str:
    parts = [f"Entra reports {status or 'no readable result'}"]
    if code or message:
        parts.append(": ".join(part for part in (code, message) if part))
    if step is not None and step.description != message:
        parts.append(f"step {step.name} ({step.type}) {step.status}: {step.description}".rstrip(": "))
    line = "; ".join(" ".join(part.split()).rstrip(".") for part in parts)
    return f"{line}; what to do: {_ADVICE.get(code, _OTHERWISE)}"


def _stopping(steps: Sequence[Step]) -> Step | None:
    """Return the last step without success. It stopped the provisioning if no step failed."""
    return next((step for step in reversed(steps) if step.status.casefold() != _SUCCESS), None)


def _status_of(steps: Sequence[Step]) -> str:
    """Return the status that the steps alone imply: the last export's, if no earlier step went wrong."""
    exports = [step for step in steps if step.type.casefold() == "export"]
    if not exports or any(step.status.casefold() not in {_SUCCESS, _SKIPPED} for step in steps):
        return ""
    return exports[-1].status


def _summary(value: object) -> tuple[Mapping[str, Any], list[Mapping[str, Any]]]:
    """Return the summary and its steps, from an object, a list with one object, or the list of steps."""
    if isinstance(value, list):
        items = [item for item in value if isinstance(item, Mapping)]
        if items and "provisioningSteps" not in items[0]:
            return {}, items
        value = items[0] if items else {}
    summary = _mapping(value)
    steps = summary.get("provisioningSteps")
    return summary, [step for step in steps if isinstance(step, Mapping)] if isinstance(steps, list) else []


def _step(step: Mapping[str, Any]) -> Step:
    return Step(
        name=_text(step.get("name")),
        type=_text(step.get("type") or step.get("provisioningStepType")),
        status=_text(step.get("status")),
        description=" ".join(_text(step.get("description")).split()),
    )


def _from_steps(steps: Sequence[Mapping[str, Any]], *names: str) -> str:
    for step in reversed(steps):
        details = _mapping(step.get("details"))
        for name in names:
            if found := _text(details.get(name)):
                return found
    return ""


def _decoded(text: object) -> object:
    if not isinstance(text, str):
        return text
    try:
        return json.loads(text)
    except ValueError:
        return None


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
