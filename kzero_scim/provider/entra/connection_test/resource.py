"""``kzero:entra:ConnectionTest``: the portal's Test Connection, repeated whenever a trigger changes.

See https://learn.microsoft.com/graph/api/synchronization-synchronizationjob-validatecredentials. The test asks the
endpoint for a user that does not exist. It changes nothing on either side.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, ClassVar, Final, Literal

from kzero_scim.entra.connection_failure import is_about_the_request, meaning
from kzero_scim.entra.synchronization_job import job_changes, job_path, job_resource_id, split_job_resource_id
from kzero_scim.errors import GraphError, ProviderError
from kzero_scim.provider.entra.connection_test.facts import FACTS
from kzero_scim.provider.entra.permission_check import TEST_CONNECTION, require_permissions, warn_of_permissions
from kzero_scim.provider.services import Services
from kzero_scim.resource.facts import Facts
from kzero_scim.resource.model import (
    UNKNOWN,
    Call,
    Change,
    Created,
    Found,
    Resource,
    compare,
    compare_ids,
    prop,
    replacing,
)
from kzero_scim.resource.reading import Absent, Unknown, observed

if TYPE_CHECKING:
    from kzero_scim.clients.graph.client import GraphClient

DELAYS: Final = (2.0, 5.0)
"""Seconds before each repetition of a failed test, because Entra uses replaced credentials for a short time."""


@dataclass(frozen=True, kw_only=True)
class ConnectionTestInputs:
    """The connection to test."""

    service_principal_id: str = prop("Object ID of the service principal.", replace=True)
    job_id: str = prop("ID of its synchronization job.", replace=True)
    triggers: dict[str, str] = prop(
        "A changed value repeats the test. Use fingerprints of the credentials and of the endpoint's settings.",
        default_factory=dict,
    )


@dataclass(frozen=True, kw_only=True)
class ConnectionTestState(ConnectionTestInputs):
    """The last test."""

    tested_at: str = prop("Time when the test passed, in ISO 8601.")
    result: Literal["passed"] = prop("Always `passed`. A test that does not pass is an error.")


class ConnectionTest(Resource[ConnectionTestInputs, ConnectionTestState]):
    """A passed connection test of one synchronization job with its saved credentials.

    Args:
        services: The clients.
        delays: Seconds before each repetition of a failed test, because Entra uses replaced credentials for a short
            time.
        sleep: Waits for some seconds.
        now: Returns the time.
    """

    token: ClassVar[str] = "kzero:entra:ConnectionTest"  # noqa: S105 - a type token
    facts: ClassVar[Facts] = FACTS
    inputs = ConnectionTestInputs
    state = ConnectionTestState

    def __init__(
        self,
        services: Services,
        *,
        delays: Sequence[float] = DELAYS,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Store the clients."""
        self._services = services
        self._delays = tuple(delays)
        self._sleep = sleep
        self._now = now

    async def diff(
        self,
        call: Call,  # noqa: ARG002
        id: str,  # noqa: A002, ARG002
        old: ConnectionTestState,
        new: ConnectionTestInputs,
    ) -> list[Change]:
        """Return the changes that make the test run again."""
        return [
            *map(replacing, compare_ids(old.service_principal_id, new.service_principal_id, "servicePrincipalId")),
            *job_changes(old.job_id, new.job_id),
            *compare(old.triggers, new.triggers, "triggers"),
        ]

    async def plan(
        self,
        call: Call,
        new: ConnectionTestInputs,
        old: ConnectionTestState | None,  # noqa: ARG002
    ) -> ConnectionTestState:
        """Return the state after a test that passes, and warn of a missing permission. Tests nothing."""
        await warn_of_permissions(call, self._services.graph, TEST_CONNECTION)
        return ConnectionTestState(
            service_principal_id=new.service_principal_id,
            job_id=new.job_id,
            triggers=new.triggers,
            tested_at=UNKNOWN,
            result="passed",
        )

    async def create(self, call: Call, new: ConnectionTestInputs) -> Created[ConnectionTestState]:
        """Run the test.

        Raises:
            ProviderError: The test did not pass. The message has the usual cause, the remedy and Entra's words.
        """
        return Created(job_resource_id(new.service_principal_id, new.job_id), await self._test(call, new))

    @observed
    async def read(
        self,
        call: Call,
        id: str,  # noqa: A002
        old: ConnectionTestState | None,
    ) -> Found[ConnectionTestInputs, ConnectionTestState] | Absent | Unknown:
        """Return the last test without a request. An import runs the test."""
        if old is None:
            service_principal_id, job_id = split_job_resource_id(id)
            old = await self._test(call, ConnectionTestInputs(service_principal_id=service_principal_id, job_id=job_id))
        inputs = ConnectionTestInputs(
            service_principal_id=old.service_principal_id, job_id=old.job_id, triggers=old.triggers
        )
        return Found(id, inputs, old)

    async def update(
        self,
        call: Call,
        id: str,  # noqa: A002, ARG002
        old: ConnectionTestState,  # noqa: ARG002
        new: ConnectionTestInputs,
    ) -> ConnectionTestState:
        """Run the test again.

        Raises:
            ProviderError: The test did not pass.
        """
        return await self._test(call, new)

    async def delete(self, call: Call, id: str, old: ConnectionTestState) -> None:  # noqa: A002
        """Do nothing: a test leaves nothing to delete."""

    async def _test(self, call: Call, new: ConnectionTestInputs) -> ConnectionTestState:
        await try_connection(
            self._services.graph,
            call,
            new.service_principal_id,
            new.job_id,
            delays=self._delays,
            sleep=self._sleep,
        )
        return ConnectionTestState(
            service_principal_id=new.service_principal_id,
            job_id=new.job_id,
            triggers=new.triggers,
            tested_at=self._now().isoformat(timespec="seconds"),
            result="passed",
        )


async def try_connection(  # noqa: PLR0913 - two arguments are only for tests
    graph: GraphClient,
    call: Call,
    service_principal_id: str,
    job_id: str,
    *,
    delays: Sequence[float] = DELAYS,
    sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
) -> None:
    """Let Entra test the connection with its saved credentials. Changes nothing.

    Args:
        graph: Microsoft Graph.
        call: The request that runs the test; its log shows the progress.
        service_principal_id: Object ID of the service principal.
        job_id: ID of its synchronization job.
        delays: Seconds before each repetition of a failed test.
        sleep: Waits for some seconds.

    Raises:
        ProviderError: The test did not pass. The message has the usual cause, the remedy and Entra's words.
        MissingRightError: The signed-in application may not have Entra test a connection.
        GraphError: Graph refused the request itself.
    """
    await require_permissions(graph, TEST_CONNECTION)
    await call.log.status("testing the connection from Entra to the SCIM endpoint")
    for delay in (*delays, None):
        try:
            await graph.post(
                f"{job_path(service_principal_id, job_id)}/validateCredentials",
                {"useSavedCredentials": True, "credentials": []},
            )
        except GraphError as error:
            if is_about_the_request(error):
                raise
            usual = meaning(str(error))
            if delay is None or not usual.may_pass:
                message = (
                    f"connection test of job {job_id} to the SCIM endpoint did not pass. Usual cause: {usual.text}. "
                    f"Entra's answer: {error}"
                )
                raise ProviderError(message) from error
            await call.log.status(f"connection test failed; repeating in {delay:g} s, when Entra uses new credentials")
            await sleep(delay)
        else:
            return
