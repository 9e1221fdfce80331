"""The result of provisioning one object, with Microsoft's steps, as on-demand answer and as provisioning log entry.

Follows learn.microsoft.com/graph/api/synchronization-synchronizationjob-provisionondemand (the two JSON strings) and
learn.microsoft.com/graph/api/resources/provisioningobjectsummary. Must not know HTTP or the directory.
"""

import json
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from .default_schema import SCIM_GROUP, SCIM_USER, SOURCE_DIRECTORY, TARGET_DIRECTORY

Json = dict[str, Any]


def _precise() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _words(values: Json) -> dict[str, str]:
    return {
        name: value if isinstance(value, str) else str(value) for name, value in values.items() if value is not None
    }


@dataclass
class Outcome:
    """The steps and the result of provisioning one object."""

    kind: str
    """User or Group."""
    source_id: str
    name: str
    """User principal name or display name."""
    action: str = "Other"
    """Create, Update, Disable, Delete or Other."""
    status: str = "Skipped"
    """Success, Skipped or Failure."""
    error_code: str | None = None
    error_message: str | None = None
    target_id: str | None = None
    steps: list[Json] = field(default_factory=list)
    modified: list[Json] = field(default_factory=list)
    began: str = field(default_factory=_precise)
    complete_failure: bool = False
    """Whether the endpoint as a whole failed, so that the cycle cannot continue."""

    def step(self, name: str, kind: str, status: str, description: str, details: Json | None = None) -> None:
        """Record a step."""
        self.steps.append(
            {
                "name": name,
                "type": kind,
                "status": status,
                "description": description,
                "timestamp": _precise(),
                "details": _words(details or {}),
            }
        )

    def imported(self, entry: Json) -> None:
        """Record that the object was read from the directory."""
        description = f"Retrieved {self.kind} '{self.name}' from {SOURCE_DIRECTORY}"
        self.step("EntryImport", "Import", "Success", description, entry)

    def matched(self, target_id: str, values: Json) -> None:
        """Record that the object was found at the target."""
        self.target_id = target_id
        details = {**values, "id": target_id}
        self.step(
            "EntryImport",
            "Matching",
            "Success",
            f"Retrieved {self.kind} '{self.name}' from {TARGET_DIRECTORY}",
            details,
        )

    def unmatched(self) -> None:
        """Record that the target has no such object and that one will be created."""
        description = (
            f"{self.kind} '{self.name}' will be created in {TARGET_DIRECTORY} ({self.kind} is active and assigned in"
            f" {SOURCE_DIRECTORY}, but no matching {self.kind} was found in {TARGET_DIRECTORY})"
        )
        self.step("EntrySynchronizationAdd", "Matching", "Success", description)

    def scoped(self, *, active: bool, assigned: bool) -> None:
        """Record whether the object is in scope."""
        entitled = active and assigned
        self.step(
            "EntrySynchronizationScoping",
            "Scoping",
            "Success" if entitled else "Skipped",
            f"Determine if {self.kind} in scope by evaluating against each scoping filter",
            {
                "Active in the source system": active,
                "IsActive": active,
                "Assigned": assigned,
                "Assigned to the application": assigned,
                "IsEffectivelyEntitledForProvisioning": entitled,
                "IsInProvisioningScopeDisplayName": True,
                "ScopeEvaluationResult": "{}",
            },
        )

    def skipped(self, reason: str, description: str) -> None:
        """Record that the object required no change."""
        self.status, self.error_code, self.error_message = "Skipped", reason, description
        self.step("EntrySynchronizationSkip", "Export", "Skipped", description, {"SkipReason": reason})

    def exported(self, action: str, target_id: str) -> None:
        """Record that the target was changed."""
        self.action, self.status, self.target_id = action, "Success", target_id
        name = {"Create": "EntryExportAdd", "Delete": "EntryExportDelete"}.get(action, "EntryExportUpdate")
        done = {"Create": "created", "Delete": "deleted", "Disable": "disabled"}.get(action, "updated")
        description = f"{self.kind} '{self.name}' was {done} in {TARGET_DIRECTORY}"
        self.step(name, "Export", "Success", description, {"ReportableIdentifier": self.name})

    def failed(self, action: str, code: str, message: str) -> None:
        """Record that the target refused a change."""
        self.action, self.status, self.error_code, self.error_message = action, "Failure", code, message
        matching = action == "Other"
        name = {"Create": "EntryExportAdd", "Delete": "EntryExportDelete", "Other": "EntryImport"}.get(
            action, "EntryExportUpdate"
        )
        done = {"Create": "create", "Delete": "delete", "Other": "match", "Disable": "disable"}.get(action, "update")
        where = f"an entry in the source and target systems {self.kind}" if matching else self.kind
        description = f"Failed to {done} {where} '{self.name}' in {TARGET_DIRECTORY}; Error: {message}"
        kind = "Matching" if matching else "Export"
        self.step(name, kind, "Failure", description, {"ErrorCode": code, "ReportableIdentifier": self.name})

    def modify(self, name: str, old: Any, new: Any) -> None:  # noqa: ANN401 - JSON values
        """Record a changed attribute."""
        self.modified.append(
            {
                "displayName": name,
                "oldValue": None if old is None else str(old),
                "newValue": None if new is None else str(new),
            }
        )

    def _target_type(self) -> str:
        return SCIM_USER if self.kind == "User" else SCIM_GROUP

    def answer(self) -> Json:
        """Return the answer of provisionOnDemand: key and value, each a JSON text."""
        details = {"errorCode": self.error_code, "errorMessage": self.error_message} if self.error_code else {}
        value = {
            "action": self.action,
            "changeId": str(uuid.uuid4()),
            "endTime": _precise(),
            "modifiedProperties": self.modified,
            "provisioningSteps": self.steps,
            "reportableIdentifier": self.name,
            "startTime": self.began,
            "statusInfo": {
                "status": self.status,
                "errorCode": self.error_code if self.status == "Failure" else None,
                "reason": self.error_message if self.status == "Failure" else None,
                "additionalDetails": None,
                "errorCategory": None,
                "recommendedAction": None,
            },
            "sourceIdentity": {"id": self.source_id, "type": self.kind, "displayName": None, "details": None},
            "sourceSystem": {"id": None, "name": SOURCE_DIRECTORY, "details": None},
            "targetIdentity": {"id": self.target_id, "type": self._target_type(), "displayName": None, "details": None},
            "targetSystem": {"id": None, "name": TARGET_DIRECTORY, "details": None},
        }
        return {"key": json.dumps({"result": self.status, "details": details}), "value": json.dumps(value)}

    def summary(self, *, tenant_id: str, job_id: str, cycle_id: str, service_principal: Json) -> Json:
        """Return the provisioning log entry."""
        error = {
            "errorCode": self.error_code,
            "reason": self.error_message,
            "additionalDetails": None,
            "errorCategory": "nonServiceFailure",
            "recommendedAction": None,
        }
        principal = {"id": service_principal.get("id"), "displayName": service_principal.get("displayName")}
        return {
            "id": str(uuid.uuid4()),
            "activityDateTime": self.began,
            "tenantId": tenant_id,
            "jobId": job_id,
            "cycleId": cycle_id,
            "changeId": str(uuid.uuid4()),
            "provisioningAction": self.action[0].lower() + self.action[1:],
            "durationInMilliseconds": 0,
            "provisioningStatusInfo": {
                "status": self.status[0].lower() + self.status[1:],
                "errorInformation": error if self.status == "Failure" else None,
            },
            "provisioningSteps": [
                {
                    "name": step["name"],
                    "provisioningStepType": step["type"][0].lower() + step["type"][1:],
                    "status": step["status"][0].lower() + step["status"][1:],
                    "description": step["description"],
                    "details": step["details"],
                }
                for step in self.steps
            ],
            "modifiedProperties": self.modified,
            "servicePrincipal": principal,
            "sourceSystem": {"id": None, "displayName": SOURCE_DIRECTORY, "details": {}},
            "targetSystem": {
                "id": None,
                "displayName": TARGET_DIRECTORY,
                "details": {
                    "ApplicationId": service_principal.get("appId"),
                    "ServicePrincipalId": principal["id"],
                    "ServicePrincipalDisplayName": principal["displayName"],
                },
            },
            "initiatedBy": {"id": "", "displayName": "Azure AD Provisioning Service", "initiatorType": "system"},
            "sourceIdentity": {
                "id": self.source_id,
                "displayName": self.name,
                "identityType": self.kind,
                "details": {},
            },
            "targetIdentity": {
                "id": self.target_id or "",
                "displayName": "",
                "identityType": self._target_type(),
                "details": {},
            },
        }
