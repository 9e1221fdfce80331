"""Synchronization jobs: their states, credentials and links to target objects, and their representation in Graph.

Follows learn.microsoft.com/graph/api/resources/synchronization-synchronizationjob and -synchronizationstatus.
Must not know the directory or SCIM.
"""

import json
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from .application_template import now
from .default_schema import default_schema
from .graph_errors import not_found, refuse

Json = dict[str, Any]

NEVER = "0001-01-01T00:00:00Z"
TEMPLATES = {"customappsso": False, "customappssoOutDelta": False, "customappssoRoleIn": False, "scim": True}
"""The templates of a non-gallery application, and which one is the default."""
SECRET_KEYS = frozenset(
    """
    None UserName Password SecretToken AppKey BaseAddress ClientIdentifier ClientSecret SingleSignOnType Sandbox Url
    Domain ConsumerKey ConsumerSecret TokenKey TokenExpiration Oauth2AccessToken Oauth2AccessTokenCreationTime
    Oauth2RefreshToken SyncAll InstanceName Oauth2ClientId Oauth2ClientSecret CompanyId UpdateKeyOnSoftDelete
    SynchronizationSchedule SystemOfRecord SandboxName EnforceDomain SyncNotificationSettings SkipOutOfScopeDeletions
    Oauth2AuthorizationCode Oauth2RedirectUri ApplicationTemplateIdentifier Oauth2TokenExchangeUri
    Oauth2AuthorizationUri AuthenticationType Server PerformInboundEntitlementGrants HardDeletesEnabled
    SyncAgentCompatibilityKey SyncAgentADContainer ValidateDomain TestReferences ConnectionString
    """.split()  # noqa: SIM905 - quotation marks around each name would hide the names
)
"""All members of the enumeration synchronizationSecret."""
_LONGEST_QUARANTINE = timedelta(days=28)
RESTART = frozenset({"QuarantineState", "Watermark", "Escrows"})
"""What a restart without criteria, or with an empty reset scope, resets."""
RESET_SCOPES = frozenset(
    {"None", "ConnectorDataStore", "Escrows", "Watermark", "QuarantineState", "Full", "ForceDeletes"}
)


@dataclass
class Link:
    """A source object and the target object that it is matched with."""

    kind: str
    """User or Group."""
    target_id: str
    active: bool = True
    """Whether the target last received the user as active."""
    entitled: bool = True
    """Whether the user was in scope when it was last provisioned."""
    exported: dict[str, Any] = field(default_factory=dict)
    """The values last read from or sent to the target, by target attribute."""


@dataclass
class Job:
    """One synchronization job."""

    id: str
    service_principal_id: str
    template_id: str
    schema: Json
    schedule_state: str = "Disabled"
    code: str = "NotRun"
    watermark: bool = False
    """Whether the next cycle is incremental."""
    force_deletes: bool = False
    """Whether the next cycle ignores the deletion threshold."""
    links: dict[str, Link] = field(default_factory=dict)
    """The links by object id of the source."""
    escrows: dict[str, str] = field(default_factory=dict)
    """The error for each object that could not be provisioned, by its id; the next cycle retries these objects."""
    last_execution: Json | None = None
    last_successful: Json | None = None
    last_with_exports: Json | None = None
    successive_failures: int = 0
    quarantine: Json | None = None
    steady_since: str = NEVER
    steady_last: str = NEVER

    def start(self) -> None:
        """Start the job and clear a quarantine; does nothing to a running job."""
        self.schedule_state = self.code = "Active"
        self.quarantine = None

    def pause(self) -> None:
        """Pause the job until it is started again."""
        self.schedule_state = self.code = "Paused"

    def restart(self, scopes: set[str]) -> None:
        """Reset what the scopes name, and start the job."""
        full = "Full" in scopes
        if full or "Watermark" in scopes:
            self.watermark = False
        if full or "Escrows" in scopes:
            self.escrows = {}
        if full or "ConnectorDataStore" in scopes:
            self.links = {}
            self.watermark = False
        if full or "QuarantineState" in scopes or self.quarantine is None:
            self.quarantine = None
            self.code = "Active"
        self.force_deletes = "ForceDeletes" in scopes
        self.schedule_state = "Active"

    def replace_schema(self, schema: Json) -> None:
        """Replace the schema, so that the next cycle is an initial cycle."""
        number = int(str(self.schema["version"]).removeprefix("v1.")) + 1
        self.schema = {**schema, "id": self.id, "version": f"v1.{number}"}
        self.watermark = False

    def enter_quarantine(self, reason: str, code: str, message: str) -> None:
        """Put the job into quarantine, or count another failure if it is already in quarantine."""
        moment = now()
        before = self.quarantine or {"currentBegan": moment, "seriesBegan": moment, "seriesCount": 0}
        # Retried after 6, 12 and 24 hours, then daily: entra/identity/app-provisioning/application-provisioning-
        # quarantine-status
        count = int(before["seriesCount"]) + 1
        wait = timedelta(hours={1: 6, 2: 12}.get(count, 24))
        self.quarantine = {
            "currentBegan": before["currentBegan"],
            "error": {"code": code, "message": message, "tenantActionable": True},
            "nextAttempt": (datetime.now(UTC) + wait).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "reason": reason,
            "seriesBegan": before["seriesBegan"],
            "seriesCount": count,
        }
        self.code = "Quarantine"

    def stop_after_long_quarantine(self) -> None:
        """Turn the job off if it has been in quarantine for more than four weeks."""
        since = (self.quarantine or {}).get("seriesBegan")
        if since and datetime.now(UTC) - datetime.fromisoformat(since) > _LONGEST_QUARANTINE:
            self.schedule_state = "Disabled"

    def leave_quarantine(self) -> None:
        """Continue after a quarantine."""
        self.quarantine = None
        if self.code == "Quarantine":
            self.code = "Active"

    def shown(self) -> Json:
        """Return the job in Graph's format."""
        kinds = [link.kind for link in self.links.values()]
        return {
            "id": self.id,
            "templateId": self.template_id,
            "schedule": {"expiration": None, "interval": "PT40M", "state": self.schedule_state},
            "status": {
                "code": self.code,
                "countSuccessiveCompleteFailures": self.successive_failures,
                "escrowsPruned": False,
                "lastExecution": self.last_execution,
                "lastSuccessfulExecution": self.last_successful,
                "lastSuccessfulExecutionWithExports": self.last_with_exports,
                "progress": [],
                "quarantine": self.quarantine,
                "steadyStateFirstAchievedTime": self.steady_since,
                "steadyStateLastAchievedTime": self.steady_last,
                "synchronizedEntryCountByType": [
                    {"key": kind, "value": kinds.count(kind)} for kind in ("User", "Group") if kind in kinds
                ],
                "troubleshootingUrl": None,
            },
            "synchronizationJobSettings": [
                {"name": "AzureIngestionAttributeOptimization", "value": "False"},
                {"name": "LookaheadQueryEnabled", "value": "False"},
            ],
        }


@dataclass(frozen=True)
class NotificationSettings:
    """The settings in the secret SyncNotificationSettings that the service uses."""

    threshold: int | None
    """A cycle with more deletions than this makes none of them; None sets no limit."""

    @classmethod
    def parse(cls, text: str | None) -> "NotificationSettings":
        """Parse the secret's value, a JSON object in a string; an invalid value sets no limit."""
        try:
            settings = json.loads(text or "{}")
        except ValueError:
            return cls(None)
        if not isinstance(settings, dict) or not settings.get("DeleteThresholdEnabled"):
            return cls(None)
        value = settings.get("DeleteThresholdValue")
        return cls(value if isinstance(value, int) else None)


@dataclass
class Jobs:
    """All jobs of a tenant, the synchronization secrets of its service principals, and the provisioning log."""

    tenant_id: str
    jobs: dict[str, Job] = field(default_factory=dict)
    secrets: dict[str, dict[str, str]] = field(default_factory=dict)
    """The values by service principal and key, in the order in which they were set."""
    log: list[Json] = field(default_factory=list)
    """provisioningObjectSummary objects, oldest first."""

    def of(self, service_principal_id: str) -> list[Job]:
        """Return the jobs of a service principal."""
        return [job for job in self.jobs.values() if job.service_principal_id == service_principal_id]

    def job(self, service_principal_id: str, job_id: str) -> Job:
        """Return a job of a service principal.

        Raises:
            GraphError: 404, if the job does not exist.
        """
        job = self.jobs.get(job_id)
        if job is None or job.service_principal_id != service_principal_id:
            raise not_found(job_id)
        return job

    def create(self, service_principal_id: str, app_id: str, template_id: str) -> Job:
        """Create a job; a second job of the same template gets a random id.

        Raises:
            GraphError: 400, for an unknown template.
        """
        if template_id not in TEMPLATES:
            refuse(f"Synchronization template '{template_id}' was not found.", code="BadRequest")
        # The old template's name creates a job of its successor.
        used = "customappssoOutDelta" if template_id == "customappsso" else template_id
        tenant = self.tenant_id.replace("-", "")
        job_id = f"{used}.{tenant}.{app_id}"
        if job_id in self.jobs:
            job_id = f"{used}.{tenant}.{uuid.uuid4()}"
        job = Job(job_id, service_principal_id, used, default_schema(job_id))
        self.jobs[job_id] = job
        return job

    def delete(self, service_principal_id: str, job_id: str) -> None:
        """Delete a job.

        Raises:
            GraphError: 404, if the job does not exist.
        """
        del self.jobs[self.job(service_principal_id, job_id).id]

    def forget(self, service_principal_id: str) -> None:
        """Delete the jobs and secrets of a deleted service principal."""
        self.jobs = {key: job for key, job in self.jobs.items() if job.service_principal_id != service_principal_id}
        self.secrets.pop(service_principal_id, None)

    def set_secrets(self, service_principal_id: str, pairs: list[Json]) -> None:
        """Set secrets; an empty value deletes the key, and keys that are not named stay unchanged.

        Raises:
            GraphError: 400, for an unknown key.
        """
        held = dict(self.secrets.get(service_principal_id, {}))
        for pair in pairs:
            if not isinstance(pair, dict) or not isinstance(pair.get("value"), str):
                refuse("Every synchronization secret needs a 'key' and a 'value'.", code="BadRequest")
            key = pair.get("key")
            if key not in SECRET_KEYS:
                refuse(f"Requested value '{key}' was not found.", code="BadRequest")
            if pair["value"]:
                held[key] = pair["value"]
            else:
                held.pop(key, None)
        self.secrets[service_principal_id] = held
