"""``kzero:entra:ProvisioningStatus``: the portal's Provisioning Status (ON or OFF), and the status of the job.

See https://learn.microsoft.com/graph/api/synchronization-synchronizationjob-start, ``-pause`` and ``-restart``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, fields, replace
from typing import ClassVar

from kzero_scim.clients.graph.look_up import look_up, require_gone
from kzero_scim.entra.restart import BY_CONNECTION, decide
from kzero_scim.entra.synchronization_job import (
    ACTIVE,
    JobStatus,
    Quarantine,
    job_changes,
    job_path,
    job_resource_id,
    parse_job,
    quarantine_warning,
    split_job_resource_id,
)
from kzero_scim.errors import GraphError, PartialFailureError, ProviderError
from kzero_scim.provider.entra.connection_test.resource import try_connection
from kzero_scim.provider.entra.permission_check import RUN_JOB, require_permissions, warn_of_permissions
from kzero_scim.provider.entra.provisioning_status.facts import FACTS
from kzero_scim.provider.services import Services
from kzero_scim.resource.facts import Facts
from kzero_scim.resource.model import (
    UNKNOWN,
    Call,
    Change,
    ChangeKind,
    Created,
    Found,
    Resource,
    compare,
    compare_ids,
    inputs_of,
    is_known,
    prop,
    replacing,
)
from kzero_scim.resource.reading import Absent, Present, Unknown, observed

_NEVER_STARTED = "Disabled"
"""Schedule state of a job that has not run yet."""

_TURNS_OFF = (
    "provisioning would be turned OFF: Entra would pause the job, and would not create, change or disable users in "
    "KZero until it is ON again, not even users who are unassigned or leave"
)
_RESTARTS_LATER = "; because of the other changes, it will restart with an initial cycle when it is turned ON"
_CONTINUES = "Entra continues where the job was paused, with the changes since then"
_STARTS = "provisioning would be turned ON: Entra would start with an initial cycle over all users in scope"

_READ_BACK_DELAYS = (0.5, 1.0, 2.0)
"""Seconds before each further read, while Graph does not show yet that the job was started or paused."""


@dataclass(frozen=True, kw_only=True)
class ProvisioningStatusInputs:
    """The wanted status."""

    service_principal_id: str = prop("Object ID of the service principal.", replace=True)
    job_id: str = prop("ID of its synchronization job.", replace=True)
    enabled: bool = prop("Whether the job runs its cycles, every 40 minutes.", default=True)
    triggers: dict[str, str] = prop(
        "A changed value restarts the job. Use the keys `mappings` and `credentials` for fingerprints, `tenantUrl` and "
        "`scope`. If only `credentials` changes, which means a new secret token, Entra does not read all users again.",
        default_factory=dict,
    )


@dataclass(frozen=True, kw_only=True)
class ProvisioningStatusState(ProvisioningStatusInputs, JobStatus):
    """The existing status."""


class ProvisioningStatus(Resource[ProvisioningStatusInputs, ProvisioningStatusState]):
    """Whether one synchronization job runs."""

    token: ClassVar[str] = "kzero:entra:ProvisioningStatus"  # noqa: S105 - a type token
    facts: ClassVar[Facts] = FACTS
    inputs = ProvisioningStatusInputs
    state = ProvisioningStatusState

    def __init__(self, services: Services, *, sleep: Callable[[float], Awaitable[object]] = asyncio.sleep) -> None:
        """Store the clients. ``sleep`` waits between reads after a change."""
        self._services = services
        self._sleep = sleep

    async def diff(
        self,
        call: Call,  # noqa: ARG002
        id: str,  # noqa: A002, ARG002
        old: ProvisioningStatusState,
        new: ProvisioningStatusInputs,
    ) -> list[Change]:
        """Return the changes. A job paused in the portal changes ``enabled``.

        A quarantine that an update can end is a change of ``quarantine``.
        """
        changes = [
            *map(replacing, compare_ids(old.service_principal_id, new.service_principal_id, "servicePrincipalId")),
            *job_changes(old.job_id, new.job_id),
            *compare(old.enabled, new.enabled, "enabled"),
            # A trigger that changes while the job is off restarts it when it is turned on.
            *([] if new.enabled is False else compare(old.triggers, new.triggers, "triggers")),
        ]
        if new.enabled is True and _reason(old.quarantine) == BY_CONNECTION:
            changes.append(Change("quarantine", ChangeKind.DELETE))
        return changes

    async def plan(
        self,
        call: Call,
        new: ProvisioningStatusInputs,
        old: ProvisioningStatusState | None,
    ) -> ProvisioningStatusState:
        """Return the state after the update, log what happens to provisioning, and warn of a missing permission.

        Values that Entra reports stay as they are until the next read.
        """
        if _may_switch(new, old):
            await warn_of_permissions(call, self._services.graph, RUN_JOB)
        wanted = inputs_of(ProvisioningStatusInputs, new)
        if old is None:
            return ProvisioningStatusState(
                **wanted, **dict.fromkeys((spec.name for spec in fields(JobStatus)), UNKNOWN)
            )
        await _announce(call, new, old)
        is_same = is_known(new.enabled) and new.enabled == old.enabled
        return ProvisioningStatusState(
            **wanted,
            schedule_state=old.schedule_state if is_same else UNKNOWN,
            status_code=UNKNOWN,
            last_cycle=old.last_cycle,
            last_successful_cycle=old.last_successful_cycle,
            last_successful_cycle_with_exports=old.last_successful_cycle_with_exports,
            successive_failures=old.successive_failures,
            synchronized_entries=old.synchronized_entries,
            quarantine=UNKNOWN,
            interval=old.interval,
        )

    async def create(self, call: Call, new: ProvisioningStatusInputs) -> Created[ProvisioningStatusState]:
        """Start the job, or make sure that it is paused.

        Raises:
            PartialFailureError: Entra accepted the request, but its status does not show that.
            ProviderError: The adopted job is in quarantine, and the connection test does not pass.
        """
        status = await self._services.graph.consistent(lambda: self._status(new))
        state = await self._run(call, new, status, restarted_for=new.triggers)
        return Created(job_resource_id(new.service_principal_id, new.job_id), state)

    @observed
    async def read(
        self,
        call: Call,
        id: str,  # noqa: A002
        old: ProvisioningStatusState | None,
    ) -> Found[ProvisioningStatusInputs, ProvisioningStatusState] | Absent | Unknown:
        """Read the job, and warn if it is in quarantine."""
        service_principal_id, job_id = split_job_resource_id(id)
        inputs = ProvisioningStatusInputs(
            service_principal_id=service_principal_id,
            job_id=job_id,
            triggers={} if old is None else old.triggers,
        )
        answer = await look_up(self._services.graph, _path(inputs))
        if not isinstance(answer, Present):
            return answer
        status = parse_job(answer.value)
        if not status.schedule_state:
            return Unknown(f"Microsoft Graph shows job {job_id} without the state of its schedule; try again later")
        state = await _state(call, inputs, status)
        return Found(id, ProvisioningStatusInputs(**inputs_of(ProvisioningStatusInputs, state)), state)

    async def update(
        self,
        call: Call,
        id: str,  # noqa: A002, ARG002
        old: ProvisioningStatusState,
        new: ProvisioningStatusInputs,
    ) -> ProvisioningStatusState:
        """Start or pause the job. Restart it if changed triggers or its quarantine require that.

        A paused job is not restarted.

        Raises:
            PartialFailureError: Entra accepted the request, but its status does not show that.
            ProviderError: The job is in quarantine, and the connection test does not pass.
        """
        return await self._run(call, new, await self._status(new), restarted_for=old.triggers)

    async def delete(self, call: Call, id: str, old: ProvisioningStatusState) -> None:  # noqa: A002, ARG002
        """Pause the job. A deleted job is not an error."""
        try:
            # Someone may have started the job after the stack paused it.
            if not old.enabled and (await self._status(old, fresh=True)).schedule_state != ACTIVE:
                return
            await self._services.graph.post(f"{_path(old)}/pause")
        except GraphError as error:
            await require_gone(self._services.graph, _path(old), error)

    async def _run(
        self, call: Call, new: ProvisioningStatusInputs, status: JobStatus, *, restarted_for: dict[str, str]
    ) -> ProvisioningStatusState:
        """Restart the job as :func:`decide` says, then start or pause it.

        If the restart has to wait for a person, the state keeps the old triggers, so that a later run restarts it.
        """
        done = replace(new, triggers=restarted_for)
        if new.enabled:
            decision = decide(restarted_for, new.triggers, _reason(status.quarantine))
            if decision.tests_connection:
                await self._try(call, new)
                await call.log.info("the connection test passed, so provisioning leaves quarantine")
            if decision.reset_scope is not None:
                await require_permissions(self._services.graph, RUN_JOB)
                await call.log.status("restarting the provisioning job")
                criteria = {"criteria": {"resetScope": decision.reset_scope}}
                await self._services.graph.post(f"{_path(new)}/restart", criteria)
                status = await self._status(new, fresh=True)
            if decision.waits:
                await call.log.warning(decision.sentence)
            else:
                done = new
        return await self._switch(call, done, status)

    async def _try(self, call: Call, new: ProvisioningStatusInputs) -> None:
        graph, sp = self._services.graph, new.service_principal_id
        try:
            await try_connection(graph, call, sp, new.job_id, sleep=self._sleep)
        except ProviderError as error:
            message = f"provisioning stays in quarantine: {error}"
            raise ProviderError(message) from error

    async def _switch(self, call: Call, new: ProvisioningStatusInputs, status: JobStatus) -> ProvisioningStatusState:
        is_active = status.schedule_state == ACTIVE
        if new.enabled is not is_active:
            await require_permissions(self._services.graph, RUN_JOB)
        if new.enabled and not is_active:
            await call.log.status("starting the provisioning job")
            await self._services.graph.post(f"{_path(new)}/start")
            status = await self._read_back(new)
        elif is_active and not new.enabled:
            await call.log.status("pausing the provisioning job")
            await self._services.graph.post(f"{_path(new)}/pause")
            status = await self._read_back(new)
        state = await _state(call, new, status)
        if state.enabled != new.enabled:
            reason = (
                f"synchronization job {new.job_id} was {'started' if new.enabled else 'paused'}, but Entra reports "
                f"state {status.schedule_state or 'none'!r}; check Provisioning in the portal, then run `pulumi up` "
                "again"
            )
            raise PartialFailureError(job_resource_id(new.service_principal_id, new.job_id), state, reason)
        return state

    async def _status(self, inputs: ProvisioningStatusInputs, *, fresh: bool = False) -> JobStatus:
        return parse_job(await self._services.graph.get(_path(inputs), fresh=fresh))

    async def _read_back(self, new: ProvisioningStatusInputs) -> JobStatus:
        status = await self._status(new, fresh=True)
        for delay in _READ_BACK_DELAYS:
            if (status.schedule_state == ACTIVE) is new.enabled:
                break
            await self._sleep(delay)
            status = await self._status(new, fresh=True)
        return status


def _path(inputs: ProvisioningStatusInputs) -> str:
    return job_path(inputs.service_principal_id, inputs.job_id)


def _reason(quarantine: Quarantine | None) -> str | None:
    return None if quarantine is None or not is_known(quarantine) else quarantine.reason


def _may_switch(new: ProvisioningStatusInputs, old: ProvisioningStatusState | None) -> bool:
    """Return whether the update may start, pause or restart the job."""
    if old is None or new.enabled is UNKNOWN or new.enabled != old.enabled:
        return True
    decision = decide(old.triggers, new.triggers, _reason(old.quarantine))
    return new.enabled is True and (decision.reset_scope is not None or decision.tests_connection)


async def _announce(call: Call, new: ProvisioningStatusInputs, old: ProvisioningStatusState) -> None:
    """Log in a preview what the update would do to provisioning."""
    decision = decide(old.triggers, new.triggers, _reason(old.quarantine))
    if new.enabled is False:
        if old.enabled:
            note = _TURNS_OFF + (_RESTARTS_LATER if decision.reset_scope else "")
            await call.log.warning(note)
    elif old.enabled:
        if decision.sentence:
            await (call.log.warning if decision.waits else call.log.info)(decision.sentence)
    elif old.schedule_state == _NEVER_STARTED:
        await call.log.info(_STARTS)
    else:
        note = f"provisioning would be turned ON: {decision.sentence or _CONTINUES}"
        await call.log.info(note)


async def _state(call: Call, inputs: ProvisioningStatusInputs, status: JobStatus) -> ProvisioningStatusState:
    if status.quarantine is not None:
        await call.log.warning(quarantine_warning(status))
    return ProvisioningStatusState(
        service_principal_id=inputs.service_principal_id,
        job_id=inputs.job_id,
        enabled=status.schedule_state == ACTIVE,
        triggers=inputs.triggers,
        **{spec.name: getattr(status, spec.name) for spec in fields(JobStatus)},
    )
