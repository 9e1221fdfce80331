"""The directory audit log, which records who changed what through Graph, and the filters of both of Graph's logs.

Follows learn.microsoft.com/graph/api/resources/directoryaudit and
learn.microsoft.com/entra/identity/monitoring-health/reference-audit-activities. Microsoft does not document the target
of entries by Account Provisioning; this module assumes that it is the service principal.
Must not change the audited objects.
"""

import json
import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from . import odata, permissions
from .directory import Directory
from .graph_errors import refuse
from .graph_routing import GraphAnswer, GraphRequest, Router, page

Json = dict[str, Any]
CORE, PROVISIONING = "Core Directory", "Account Provisioning"
_MAXIMUM = 20_000
_SP = r"/servicePrincipals/(?P<principal>[^/]+)"
_JOBS = _SP + r"/synchronization/jobs"
_JOB = _JOBS + r"/[^/]+"
_ASSIGNMENT = "app role assignment"
_ACTIVITIES = tuple(
    (method, re.compile(pattern), activity)
    for method, pattern, activity in (
        ("PATCH", r"/applications/(?P<application>[^/]+)", "Update application"),
        ("DELETE", r"/applications/(?P<application>[^/]+)", "Delete application"),
        ("PATCH", _SP, "Update service principal"),
        ("DELETE", _SP, "Remove service principal"),
        ("POST", _SP + "/appRoleAssignedTo", f"Add {_ASSIGNMENT}"),
        ("DELETE", _SP + "/appRoleAssignedTo/(?P<assignment>[^/]+)", f"Remove {_ASSIGNMENT}"),
        ("PUT", _SP + "/synchronization/secrets", "Update provisioning setting or credentials"),
        ("POST", _JOBS, "Add provisioning configuration"),
        ("DELETE", _JOB, "Delete provisioning configuration"),
        ("POST", _JOB + "/start", "Enable/start provisioning configuration"),
        ("POST", _JOB + "/restart", "Enable/restart provisioning configuration"),
        ("POST", _JOB + "/pause", "Disable/pause provisioning configuration"),
        ("PUT", _JOB + "/schema", "Update attribute mappings or scope"),
        ("DELETE", _JOB + "/schema", "Update attribute mappings or scope"),
    )
)
_ASSIGNED_TO = {"User": ("grant to user", "from user"), "Group": ("to group", "from group")}


@dataclass(frozen=True)
class LogFilter:
    """The operators and functions that a log supports in $filter.

    Attributes:
        operators: The supported comparison operators.
        functions: The supported functions.
    """

    operators: frozenset[str]
    functions: frozenset[str]

    def select(self, request: GraphRequest, entries: list[Json]) -> list[Json]:
        """Return the entries that the request selects, newest first by default.

        Args:
            request: The request with $filter and $orderby.
            entries: All entries, oldest first.

        Raises:
            GraphError: 400, for a query that Graph does not document.
        """
        text, order = request.query.get("$filter"), request.query.get("$orderby", "activityDateTime desc")
        if order not in {"activityDateTime desc", "activityDateTime asc", "activityDateTime"}:
            refuse(f"$orderby '{order}' is not supported.", code="BadRequest")
        if text is not None:
            tree = odata.parse_filter(text)
            self._check(tree)
            entries = [entry for entry in entries if odata.matches(tree, entry)]
        return entries[::-1] if order.endswith("desc") else entries

    def _check(self, tree: odata.Filter) -> None:
        match tree:
            case odata.Junction(_, left, right):
                self._check(left)
                self._check(right)
            case odata.Exists(_, operand):
                self._check(operand)
            case odata.Comparison(_, operator, _) if operator in self.operators:
                pass
            case odata.Call(function, _, _) if function in self.functions:
                pass
            case _:
                refuse(f"Invalid filter clause: {odata.format_filter(tree)} is not supported.", code="BadRequest")


PROVISIONING_LOG = LogFilter(frozenset({"eq", "gt", "lt"}), frozenset({"contains"}))
DIRECTORY_AUDIT = LogFilter(frozenset({"eq", "ge", "le"}), frozenset({"startswith"}))


class AuditLog:
    """Records the changes that Graph makes to the objects that provisioning depends on, and serves the records."""

    def __init__(self, directory: Directory) -> None:
        """Store the entries in this directory."""
        self._directory = directory

    def register(self, router: Router) -> None:
        """Add the operation to the router's table."""
        router.add("GET", "/auditLogs/directoryAudits", permissions.READ_LOGS, self.list_audits)

    def list_audits(self, request: GraphRequest) -> GraphAnswer:
        """GET /auditLogs/directoryAudits, newest first."""
        found = DIRECTORY_AUDIT.select(request, self._directory.audits)
        return page(request, found, "auditLogs/directoryAudits", searched=True)

    def observe(self, request: GraphRequest) -> Callable[[GraphAnswer], None]:
        """Prepare the entry for a change that is about to be made.

        Returns:
            A function to call with the answer; it records the entry if the change was made.
        """
        for method, pattern, activity in _ACTIVITIES:
            match = pattern.fullmatch(request.path.rstrip("/")) if method == request.method else None
            if match is not None:
                entry = self._entry(request, activity, match.groupdict())
                return lambda answer: self._written(entry) if answer.status < 300 else None  # noqa: PLR2004 - success
        return lambda _: None

    def _written(self, entry: Json) -> None:
        entry["activityDateTime"] = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        self._directory.audits.append(entry)
        del self._directory.audits[:-_MAXIMUM]

    def _entry(self, request: GraphRequest, activity: str, ids: dict[str, str | None]) -> Json:
        directory = self._directory
        application, principal = ids.get("application"), ids.get("principal")
        targets = []
        if application:
            held = directory.applications.get(application, {})
            targets.append(_target(application, held, "Application", _modified(request, held)))
        if principal:
            held = directory.service_principals.get(principal, {})
            targets.append(_target(principal, held, "ServicePrincipal", _modified(request, held)))
        if _ASSIGNMENT in activity:
            kind, target = self._assigned(request, ids.get("assignment"))
            targets.append(target)
            activity = f"{activity} {_ASSIGNED_TO[kind][activity.startswith('Remove')]}"
        service = PROVISIONING if "provisioning" in activity or "mappings" in activity else CORE
        return {
            "id": f"Directory_{uuid.uuid4()}",
            "category": "ProvisioningManagement" if service == PROVISIONING else "ApplicationManagement",
            "correlationId": str(uuid.uuid4()),
            "result": "success",
            "resultReason": "",
            "activityDisplayName": activity,
            "activityDateTime": None,
            "loggedByService": service,
            "operationType": activity.partition(" ")[0].partition("/")[0],
            "initiatedBy": self._initiator(request),
            "targetResources": targets,
            "additionalDetails": [],
        }

    def _assigned(self, request: GraphRequest, assignment: str | None) -> tuple[str, Json]:
        body = request.body if isinstance(request.body, dict) else {}
        key = self._directory.assignments.get(assignment, {}).get("principalId") if assignment else None
        key = str(key or body.get("principalId"))
        kind = "Group" if key in self._directory.groups else "User"
        held = self._directory.groups.get(key) or self._directory.users.get(key) or {}
        return kind, {**_target(key, held, kind, []), "userPrincipalName": held.get("userPrincipalName")}

    def _initiator(self, request: GraphRequest) -> Json:
        caller = request.caller
        if caller.user is not None:
            person = self._directory.user(caller.user)
            shown = {name: person[name] for name in ("id", "displayName", "userPrincipalName")}
            return {"app": None, "user": {**shown, "ipAddress": "127.0.0.1"}}
        client = self._directory.service_principals.get(caller.object_id, {})
        return {
            "app": {
                "appId": caller.app_id,
                "displayName": client.get("displayName"),
                "servicePrincipalId": caller.object_id,
                "servicePrincipalName": None,
            },
            "user": None,
        }


def _target(key: str, held: Json, kind: str, modified: list[Json]) -> Json:
    return {
        "id": key,
        "displayName": held.get("displayName"),
        "type": kind,
        "userPrincipalName": None,
        "groupType": None,
        "modifiedProperties": modified,
    }


def _modified(request: GraphRequest, held: Json) -> list[Json]:
    if request.method != "PATCH" or not isinstance(request.body, dict):
        return []
    return [
        {"displayName": name, "oldValue": json.dumps([held.get(name)]), "newValue": json.dumps([value])}
        for name, value in request.body.items()
        if not name.startswith("@")
    ]
