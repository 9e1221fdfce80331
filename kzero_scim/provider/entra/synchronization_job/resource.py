"""``kzero:entra:SynchronizationJob``: creates the synchronization job of a service principal, and does not start it.

https://learn.microsoft.com/graph/api/synchronization-synchronization-post-jobs
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Final, TypeVar

from kzero_scim.clients.graph.look_up import look_up
from kzero_scim.entra.synchronization_job import (
    job_path,
    job_resource_id,
    jobs_path,
    same_job,
    same_template,
    split_job_resource_id,
    template_name,
)
from kzero_scim.errors import GraphError, ProviderError
from kzero_scim.provider.entra.permission_check import (
    CREATE_APPLICATION,
    SET_UP_JOB,
    require_permissions,
    warn_of_permissions,
)
from kzero_scim.provider.entra.synchronization_job.facts import FACTS
from kzero_scim.provider.services import Services
from kzero_scim.resource.facts import Facts
from kzero_scim.resource.formats import is_guid
from kzero_scim.resource.model import (
    UNKNOWN,
    Call,
    Change,
    Created,
    Failure,
    Found,
    Resource,
    compare,
    compare_ids,
    prop,
    replacing,
)
from kzero_scim.resource.reading import Absent, Present, Unknown, observed
from kzero_scim.settings.moves import server

T = TypeVar("T")

_APPLICATION_REPLACED: Final = (
    "the application would be replaced: all assignments would be deleted and created again, and provisioning would "
    "start with an initial cycle, which matches the existing users in KZero by the matching attribute"
)
_JOB_REPLACED: Final = (
    "the provisioning job would be replaced: provisioning would start with an initial cycle; users that the old job "
    "provisioned stay unchanged in KZero"
)

_SETTLING: Final = 60.0
"""Seconds in which the synchronization service may not know a new service principal yet."""
_FORBIDDEN_FOR: Final = 8.0
"""Seconds to repeat a 403. The service returns it in that time too, but also for a missing permission."""


@dataclass(frozen=True, kw_only=True)
class SynchronizationJobInputs:
    """The wanted job."""

    service_principal_id: str = prop("Object ID of the enterprise application's service principal.", replace=True)
    template_id: str = prop(
        "ID of the synchronization template. All applications created for SCIM since 2018 use `scim`.",
        default="scim",
        replace=True,
    )


@dataclass(frozen=True, kw_only=True)
class SynchronizationJobState(SynchronizationJobInputs):
    """The existing job."""

    job_id: str = prop("ID of the job.")
    adopted: bool = prop("Whether the job existed before and was adopted.", default=False)
    target: str | None = prop(
        "The KZero tenant that the provider was configured for. The job stores links to the users of this tenant, so "
        "another tenant needs another job.",
        default=None,
    )


class SynchronizationJob(Resource[SynchronizationJobInputs, SynchronizationJobState]):
    """The synchronization job of a template on a service principal.

    The resource adopts an existing job of the template instead of creating a second one, and deletes it with the
    resource. ``ProvisioningStatus`` starts the job.

    Needs Application.ReadWrite.OwnedBy or Synchronization.ReadWrite.All.
    """

    token: ClassVar[str] = "kzero:entra:SynchronizationJob"  # noqa: S105 - a type token
    facts: ClassVar[Facts] = FACTS
    inputs = SynchronizationJobInputs
    state = SynchronizationJobState
    delete_before_replace: ClassVar[bool] = True

    def __init__(self, services: Services) -> None:
        """Store the clients."""
        self._services = services

    async def check(
        self,
        call: Call,  # noqa: ARG002
        new: SynchronizationJobInputs,
        old: SynchronizationJobInputs | None,  # noqa: ARG002
    ) -> tuple[SynchronizationJobInputs, list[Failure]]:
        """Refuse a value that is not an object ID, and an empty template."""
        failures: list[Failure] = []
        if new.service_principal_id is not UNKNOWN and not is_guid(new.service_principal_id):
            reason = f'"{new.service_principal_id}" is not an object ID (GUID); use the service principal\'s object ID'
            failures.append(Failure("servicePrincipalId", reason))
        if new.template_id is not UNKNOWN and not new.template_id.strip():
            failures.append(Failure("templateId", "must not be empty; use scim"))
        return new, failures

    async def diff(
        self,
        call: Call,
        id: str,  # noqa: A002, ARG002
        old: SynchronizationJobState,
        new: SynchronizationJobInputs,
    ) -> list[Change]:
        """Return the changes, and warn that they replace the job."""
        principal = compare_ids(old.service_principal_id, new.service_principal_id, "servicePrincipalId")
        template: list[Change] = []
        if new.template_id is UNKNOWN or not same_template(old.template_id, new.template_id):
            template = compare(old.template_id, new.template_id, "templateId")
        target = self._target()
        moved = [Change("target")] if old.target is not None and target is not None and old.target != target else []
        if principal:
            await call.log.warning(_APPLICATION_REPLACED)
        elif template or moved:
            await call.log.warning(_JOB_REPLACED)
        return [replacing(change) for change in (*principal, *template, *moved)]

    async def plan(
        self,
        call: Call,
        new: SynchronizationJobInputs,
        old: SynchronizationJobState | None,
    ) -> SynchronizationJobState:
        """Return the state after the update, and warn of a missing permission. The ID of a new job is unknown."""
        if old is None:
            makes_application = new.service_principal_id is UNKNOWN
            needs = (CREATE_APPLICATION, SET_UP_JOB) if makes_application else (SET_UP_JOB,)
            await warn_of_permissions(call, self._services.graph, *needs)
        return SynchronizationJobState(
            service_principal_id=new.service_principal_id,
            template_id=new.template_id,
            target=self._target(),
            job_id=UNKNOWN if old is None else old.job_id,
            adopted=UNKNOWN if old is None else old.adopted,
        )

    async def create(self, call: Call, new: SynchronizationJobInputs) -> Created[SynchronizationJobState]:
        """Adopt the existing job of the template, or create one.

        Raises:
            GraphError: Graph refused a request or is unreachable.
            ProviderError: A permission is missing, or the service principal has several jobs of the template.
        """
        sp = new.service_principal_id
        existing = await self._settled(lambda: self._existing(new))
        job = existing if existing is not None else await self._settled(lambda: self._make(new))
        job_id = str(job["id"])
        if existing is not None:
            message = f"adopted the existing synchronization job {job_id}"
            await call.log.info(message)
        else:
            path = job_path(sp, job_id)
            await self._services.graph.consistent(lambda: self._services.graph.get(path, fresh=True))
        state = SynchronizationJobState(
            service_principal_id=sp,
            template_id=new.template_id,
            target=self._target(),
            job_id=job_id,
            adopted=existing is not None,
        )
        return Created(job_resource_id(sp, job_id), state)

    @observed
    async def read(
        self,
        call: Call,  # noqa: ARG002
        id: str,  # noqa: A002
        old: SynchronizationJobState | None,
    ) -> Found[SynchronizationJobInputs, SynchronizationJobState] | Absent | Unknown:
        """Read the job. It is absent if it or its service principal was deleted."""
        sp, job_id = split_job_resource_id(id)
        answer = await look_up(self._services.graph, job_path(sp, job_id))
        if not isinstance(answer, Present):
            return answer
        job = answer.value
        template = str(job.get("templateId") or ("scim" if old is None else old.template_id))
        template = old.template_id if old is not None and same_template(template, old.template_id) else template
        template = template_name(template) if old is None else template
        found_id = str(job.get("id") or job_id)
        state = SynchronizationJobState(
            service_principal_id=sp,
            template_id=template,
            target=self._target() if old is None or old.target is None else old.target,
            job_id=old.job_id if old is not None and same_job(old.job_id, found_id) else found_id,
            adopted=True if old is None else old.adopted,
        )
        return Found(id, SynchronizationJobInputs(service_principal_id=sp, template_id=template), state)

    async def update(
        self,
        call: Call,  # noqa: ARG002
        id: str,  # noqa: A002, ARG002
        old: SynchronizationJobState,
        new: SynchronizationJobInputs,  # noqa: ARG002
    ) -> SynchronizationJobState:
        """Do nothing: every change replaces the job."""
        return old

    def _target(self) -> str | None:
        """Return the KZero tenant, with the same text for all spellings of its server."""
        config = self._services.config
        return f"{server(config.server_url)}/{config.realm}" if config.server_url and config.realm else None

    async def delete(
        self,
        call: Call,  # noqa: ARG002
        id: str,  # noqa: A002, ARG002
        old: SynchronizationJobState,
    ) -> None:
        """Delete the job. Users that it provisioned stay in KZero."""
        await self._services.graph.delete(job_path(old.service_principal_id, old.job_id), missing_ok=True)

    async def _existing(self, new: SynchronizationJobInputs) -> dict[str, Any] | None:
        jobs = await self._services.graph.pages(jobs_path(new.service_principal_id))
        fitting = [job for job in jobs if same_template(str(job.get("templateId") or ""), new.template_id)]
        if len(fitting) > 1:
            ids = ", ".join(str(job.get("id")) for job in fitting)
            message = (
                f"service principal {new.service_principal_id} has {len(fitting)} synchronization jobs of template "
                f'"{new.template_id}" ({ids}); delete all but one in the portal, or import one of them'
            )
            raise ProviderError(message)
        return fitting[0] if fitting else None

    async def _make(self, new: SynchronizationJobInputs) -> dict[str, Any]:
        await require_permissions(self._services.graph, SET_UP_JOB)
        try:
            job = await self._services.graph.post(jobs_path(new.service_principal_id), {"templateId": new.template_id})
        except GraphError as error:
            # Without an answer, or after a 5xx, the job may exist nevertheless.
            if error.status is not None and error.status < 500:  # noqa: PLR2004
                raise
            job = await self._existing(new)
            if job is None:
                raise
        if job is None or not job.get("id"):
            message = (
                f"Microsoft Graph created a synchronization job on service principal {new.service_principal_id}, but "
                "did not return its ID; run `pulumi up` again, which adopts the job"
            )
            raise ProviderError(message)
        return job

    async def _settled(self, request: Callable[[], Awaitable[T]]) -> T:
        graph = self._services.graph
        return await graph.consistent(
            lambda: graph.consistent(request, statuses=(403,), within=_FORBIDDEN_FOR),
            statuses=(404, 409),
            within=_SETTLING,
        )
