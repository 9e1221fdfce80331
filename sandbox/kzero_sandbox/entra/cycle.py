"""Run a provisioning cycle of a job, or provision on demand: decide the scope, the order, and when to quarantine.

Follows learn.microsoft.com/entra/identity/app-provisioning/how-provisioning-works, accidental-deletions and
application-provisioning-quarantine-status. Must not know Graph's routes.
"""

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import httpx

from .application_template import now
from .attribute_flow import Flow, user_entry
from .client_credentials import ClientCredentials, uses_client_credentials
from .directory import Directory
from .graph_errors import refuse
from .jobs import Job, Jobs, NotificationSettings
from .outcomes import Outcome
from .provisioner import Provisioner
from .scim_client import ScimClient, ScimError, TenantUrl
from .tokens import TokenIssuer

Json = dict[str, Any]
_PARALLEL = 8
_ESCROW_MINIMUM = 5000
_ESCROW_PROPORTION = 0.4
_ESCROW_MAXIMUM = 40_000
"""From 5,000 failures on, a job with more than 40 % or more than 40,000 failures is put into quarantine."""


@dataclass
class _Progress:
    """The outcomes and counts of one cycle."""

    outcomes: list[Outcome] = field(default_factory=list)
    entitled: int = 0
    imported: int = 0

    def failures(self) -> list[Outcome]:
        return [outcome for outcome in self.outcomes if outcome.status == "Failure"]

    def exports(self) -> int:
        return sum(outcome.status == "Success" for outcome in self.outcomes)

    def complete_failure(self) -> Outcome | None:
        return next((outcome for outcome in self.outcomes if outcome.complete_failure), None)


class ProvisioningService:
    """The service behind Graph's synchronization operations that sends requests to targets."""

    def __init__(self, directory: Directory, jobs: Jobs, tokens: TokenIssuer, http: httpx.AsyncClient) -> None:
        """Prepare the service; the caller closes `http`."""
        self._directory = directory
        self._jobs = jobs
        self._tokens = tokens
        self._http = http
        self._locks: dict[str, asyncio.Lock] = {}

    def _lock(self, job: Job) -> asyncio.Lock:
        return self._locks.setdefault(job.id, asyncio.Lock())

    def _client(self, secrets: dict[str, str]) -> ScimClient:
        """Return a client for these credentials.

        Raises:
            ScimError: The Tenant URL is missing or invalid.
        """
        url = TenantUrl.parse(secrets.get("BaseAddress", ""))
        if uses_client_credentials(secrets):
            client = ClientCredentials(self._http, secrets)
            return ScimClient(self._http, url, client.token, lambda refused: client.token(refused=refused))

        async def token() -> str:
            return secrets.get("SecretToken") or self._tokens.provisioning_token()

        return ScimClient(self._http, url, token)

    # --- connection test ---------------------------------------------------------------------------------------------

    async def validate(self, secrets: dict[str, str], schema: Json) -> None:
        """Test a connection: search for a user, and a group, that cannot exist, by the schema's matching attributes.

        Raises:
            ScimError: The target does not answer with an empty list.
        """
        client = self._client(secrets)
        await self._probe(client, "User", Flow.of(schema, "User"))
        groups = Flow.of(schema, "Group")
        if groups.enabled:
            await self._probe(client, "Group", groups)

    async def _probe(self, client: ScimClient, kind: str, flow: Flow) -> None:
        parameters = {"excludedAttributes": "members"} if kind == "Group" else {}
        for row in flow.matching[:1]:
            await client.find(f"{kind}s", row.target, str(uuid.uuid4()), **parameters)

    # --- scope -------------------------------------------------------------------------------------------------------

    def _scope(self, job: Job) -> tuple[set[str], list[str]]:
        """Return the users and the groups that are in scope."""
        users, groups = self._entitled(job)
        flow = Flow.of(job.schema, "User")
        return {user for user in users if flow.in_scope(user_entry(self._directory, user, entitled=True))}, groups

    def _entitled(self, job: Job) -> tuple[set[str], list[str]]:
        secrets = self._jobs.secrets.get(job.service_principal_id, {})
        if secrets.get("SyncAll", "").lower() == "true":
            return set(self._directory.users), list(self._directory.groups)
        users: set[str] = set()
        groups: list[str] = []
        for assignment in self._directory.assigned_to(job.service_principal_id):
            principal = assignment["principalId"]
            if principal in self._directory.groups:
                groups.append(principal)
                users.update(self._directory.effective_members(principal))
            elif principal in self._directory.users:
                users.add(principal)
        return users, list(dict.fromkeys(groups))

    def _gone(self, source_id: str) -> bool:
        directory = self._directory
        return not any(source_id in kind for kind in (directory.users, directory.deleted_users, directory.groups))

    # --- cycle -------------------------------------------------------------------------------------------------------

    async def run_cycle(self, job: Job) -> Json:
        """Run one cycle now if the job is started.

        Returns:
            The execution as the job's status shows it; `state` is `NotStarted` if the job is not started.
        """
        job.stop_after_long_quarantine()
        if job.schedule_state != "Active":
            return {"state": "NotStarted", "scheduleState": job.schedule_state}
        async with self._lock(job):
            return await self._run_cycle(job)

    async def _run_cycle(self, job: Job) -> Json:
        began, cycle_id, progress = now(), str(uuid.uuid4()), _Progress()
        error: ScimError | None = None
        held_back = 0
        initial = not job.watermark
        try:
            client = self._client(self._jobs.secrets.get(job.service_principal_id, {}))
            provisioner = Provisioner(self._directory, job, client, compliant=client.url.compliant)
            # A refused token shows even if nothing is to do. Otherwise the objects' own failures show it too.
            try:
                await self._probe(client, "User", provisioner.users)
            except ScimError as failure:
                error = failure
            held_back = self._deletions_above_threshold(job)
            if not held_back:
                await self._provision_everything(job, provisioner, progress, initial=initial)
        except ScimError as failure:
            error = failure
        failed = progress.complete_failure()
        if failed is not None:
            error = ScimError(failed.error_code or "Unknown", failed.error_message or "")
        self._conclude(job, progress, error, held_back)
        execution = self._execution(progress, error, began, cycle_id, held_back)
        self._record(job, execution, cycle_id, progress)
        return execution

    def _deletions_above_threshold(self, job: Job) -> int:
        """Return how many users would be disabled or deleted if that exceeds the threshold, otherwise 0."""
        secrets = self._jobs.secrets.get(job.service_principal_id, {})
        threshold = NotificationSettings.parse(secrets.get("SyncNotificationSettings")).threshold
        if threshold is None or job.force_deletes:
            return 0
        users, _ = self._scope(job)
        leaving = [
            key
            for key, link in job.links.items()
            if link.kind == "User" and link.active and (self._gone(key) or self._inactive(key, users))
        ]
        return len(leaving) if len(leaving) > threshold else 0

    def _inactive(self, user_id: str, users: set[str]) -> bool:
        return user_entry(self._directory, user_id, entitled=user_id in users)["IsSoftDeleted"] == "True"

    async def _provision_everything(
        self, job: Job, provisioner: Provisioner, progress: _Progress, *, initial: bool
    ) -> None:
        users, groups = self._scope(job)
        progress.entitled = len(users)
        progress.imported = len(users) + len(groups)
        linked = [key for key, link in job.links.items() if link.kind == "User"]
        subjects = [key for key in dict.fromkeys([*sorted(users), *linked]) if not self._gone(key)]
        if not initial:
            subjects = [key for key in subjects if self._changed(job, provisioner, key, entitled=key in users)]
        await self._each(
            subjects,
            progress,
            lambda key: self._user(job, provisioner, key, entitled=key in users),
        )
        if progress.complete_failure():
            return
        await self._references(job, provisioner, users, progress)
        gone = [key for key in job.links if self._gone(key)]
        for key in gone:
            if not job.links[key].entitled:
                # It had left the scope before: Entra has forgotten it and deletes nothing.
                del job.links[key]
        await self._each([key for key in gone if key in job.links], progress, provisioner.removed)
        if provisioner.groups.enabled:
            await self._groups(job, provisioner, groups, progress)

    async def _each(
        self, keys: Iterable[str], progress: _Progress, provision: Callable[[str], Awaitable[Outcome]]
    ) -> None:
        """Provision several objects at a time; stop after an outcome that shows that the endpoint is unreachable."""
        pending = list(keys)
        for start in range(0, len(pending), _PARALLEL):
            batch = pending[start : start + _PARALLEL]
            progress.outcomes += await asyncio.gather(*(provision(key) for key in batch))
            if progress.complete_failure():
                return

    async def _user(self, job: Job, provisioner: Provisioner, user_id: str, *, entitled: bool) -> Outcome:
        secrets = self._jobs.secrets.get(job.service_principal_id, {})
        if not entitled and secrets.get("SkipOutOfScopeDeletions", "").lower() == "true":
            outcome = Outcome("User", user_id, user_id)
            outcome.skipped("SkipOutOfScopeDeletions", "Users that left the scope are not changed.")
            return outcome
        return await provisioner.user(user_id, entitled=entitled, references=False)

    def _changed(self, job: Job, provisioner: Provisioner, user_id: str, *, entitled: bool) -> bool:
        """Return whether an incremental cycle must provision a user. Entra uses a watermark for this."""
        if user_id in job.escrows or user_id not in job.links:
            return user_id in job.escrows or entitled
        link = job.links[user_id]
        entry = user_entry(self._directory, user_id, entitled=entitled)
        active = entry["IsSoftDeleted"] == "False"
        if active != link.active:
            return True
        wanted = provisioner.users.values(entry, creating=False) if active else {}
        return any(link.exported.get(name) != value for name, value in wanted.items())

    async def _references(self, job: Job, provisioner: Provisioner, users: set[str], progress: _Progress) -> None:
        by_id = {outcome.source_id: outcome for outcome in progress.outcomes}
        for user_id in sorted(users):
            link = job.links.get(user_id)
            if link is None or not link.active or user_id not in self._directory.users:
                continue
            outcome = by_id.get(user_id)
            known = outcome is not None
            outcome = outcome or Outcome("User", user_id, self._directory.users[user_id]["userPrincipalName"])
            try:
                await provisioner.user_references(user_id, outcome)
            except ScimError as error:
                outcome.failed("Update", error.code, error.message)
            if not known and outcome.steps:
                progress.outcomes.append(outcome)

    async def _groups(self, job: Job, provisioner: Provisioner, groups: list[str], progress: _Progress) -> None:
        leaving = [key for key, link in job.links.items() if link.kind == "Group" and key not in groups]
        await self._each(leaving, progress, provisioner.removed)
        await self._each(groups, progress, provisioner.group)

    # --- conclusion --------------------------------------------------------------------------------------------------

    def _conclude(self, job: Job, progress: _Progress, error: ScimError | None, held_back: int) -> None:
        failures = progress.failures()
        for outcome in progress.outcomes:
            job.escrows.pop(outcome.source_id, None)
        job.escrows.update({outcome.source_id: outcome.error_message or "" for outcome in failures})
        if error is not None:
            job.successive_failures += 1
            job.enter_quarantine("EncounteredQuarantineException", error.code, error.message)
            return
        if held_back:
            job.enter_quarantine(
                "TooManyDeletes",
                "TooManyDeletes",
                f"{held_back} deletions are above the accidental deletion threshold; allow or reject them.",
            )
            return
        attempted = len(progress.outcomes)
        proportion = len(failures) > attempted * _ESCROW_PROPORTION
        if len(failures) >= _ESCROW_MINIMUM and (proportion or len(failures) > _ESCROW_MAXIMUM):
            message = f"{len(failures)} of {attempted} operations failed."
            job.enter_quarantine("EncounteredEscrowProportionThreshold", "TooManyEscrows", message)
            return
        job.leave_quarantine()
        job.successive_failures = 0
        job.watermark = True
        job.force_deletes = False
        job.steady_last = now()
        if job.steady_since.startswith("0001"):
            job.steady_since = job.steady_last

    def _execution(
        self, progress: _Progress, error: ScimError | None, began: str, cycle_id: str, held_back: int
    ) -> Json:
        failures = len(progress.failures())
        state = "Failed" if error or held_back else "EntryLevelErrors" if failures else "Succeeded"
        shown = {"code": error.code, "message": error.message, "tenantActionable": True} if error else None
        return {
            "activityIdentifier": cycle_id,
            "countEntitled": progress.entitled,
            "countEntitledForProvisioning": progress.entitled,
            "countEscrowed": failures,
            "countEscrowedRaw": failures,
            "countExported": progress.exports(),
            "countExports": progress.exports(),
            "countImported": progress.imported,
            "countImportedDeltas": len(progress.outcomes),
            "countImportedReferenceDeltas": 0,
            "error": shown,
            "state": state,
            "timeBegan": began,
            "timeEnded": now(),
        }

    def _record(self, job: Job, execution: Json, cycle_id: str, progress: _Progress) -> None:
        job.last_execution = execution
        if execution["state"] != "Failed":
            job.last_successful = execution
            if execution["countExports"]:
                job.last_with_exports = execution
        for outcome in progress.outcomes:
            self._log(job, outcome, cycle_id)

    def _log(self, job: Job, outcome: Outcome, cycle_id: str) -> None:
        principal = self._directory.service_principals.get(job.service_principal_id, {})
        self._jobs.log.append(
            outcome.summary(
                tenant_id=self._jobs.tenant_id, job_id=job.id, cycle_id=cycle_id, service_principal=principal
            )
        )

    # --- on demand ---------------------------------------------------------------------------------------------------

    async def provision_on_demand(self, job: Job, object_id: str, kind: str) -> Outcome:
        """Provision one user or group now, whether or not the job is started.

        As Microsoft documents, the flag aadOptscim062020 has no effect here.

        Raises:
            GraphError: 400, if the object does not exist.
        """
        known = self._directory.groups if kind == "Group" else self._directory.users
        if object_id not in known:
            refuse(f"Object '{object_id}' of type '{kind}' was not found in the source directory.", code="BadRequest")
        async with self._lock(job):
            users, groups = self._scope(job)
            try:
                client = self._client(self._jobs.secrets.get(job.service_principal_id, {}))
            except ScimError as error:
                outcome = Outcome(kind, object_id, object_id)
                outcome.failed("Other", error.code, error.message)
                return outcome
            provisioner = Provisioner(self._directory, job, client, compliant=False)
            outcome = await self._on_demand(provisioner, object_id, kind, users, groups)
            self._log(job, outcome, str(uuid.uuid4()))
            return outcome

    async def _on_demand(
        self, provisioner: Provisioner, object_id: str, kind: str, users: set[str], groups: list[str]
    ) -> Outcome:
        if kind != "Group":
            return await provisioner.user(object_id, entitled=object_id in users)
        if object_id in groups and provisioner.groups.enabled:
            return await provisioner.group(object_id)
        outcome = Outcome("Group", object_id, str(self._directory.groups[object_id]["displayName"]))
        outcome.scoped(active=True, assigned=False)
        outcome.skipped("NotEffectivelyEntitled", f"Group '{outcome.name}' is not effectively entitled.")
        return outcome
