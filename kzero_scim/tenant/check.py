"""Checks the seven points of the guide's checklist: reads both services now and changes neither.

Compares the services with the stack's state, with the provider's own ``read`` and ``diff``, so that the command line
and the engine always agree.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from kzero_scim.clients.graph.client import segment
from kzero_scim.clients.shared_connections import SharedConnections
from kzero_scim.errors import KzeroScimError, MissingRightError, ServiceError, SettingsError
from kzero_scim.guide.checklist import UNKNOWN, Evidence, Item, judge
from kzero_scim.keycloak.native_scim import kept_attributes
from kzero_scim.mapping.user_comparison import is_user_name_known
from kzero_scim.provider.entra.app_role_assignments.resource import AppRoleAssignments
from kzero_scim.provider.entra.attribute_mappings.resource import AttributeMappings
from kzero_scim.provider.entra.connection_test.resource import ConnectionTest
from kzero_scim.provider.entra.on_demand_provisioning.resource import OnDemandProvisioning, OnDemandProvisioningInputs
from kzero_scim.provider.entra.provisioning_status.resource import ProvisioningStatus
from kzero_scim.provider.keycloak.mapper_set.resource import MapperSet
from kzero_scim.provider.keycloak.remote_token.resource import RemoteToken
from kzero_scim.provider.keycloak.scim_api_client.resource import ScimApiClient
from kzero_scim.provider.keycloak.scim_attributes.resource import ScimAttributes
from kzero_scim.provider.keycloak.scim_endpoint.resource import ScimEndpoint
from kzero_scim.provider.services import Services
from kzero_scim.resource.codec import decode_lenient
from kzero_scim.resource.formats import same_id
from kzero_scim.resource.model import Resource, as_plain
from kzero_scim.settings.tenant_settings import TenantSettings
from kzero_scim.stack.stack import ResourceState, Stack
from kzero_scim.tenant.live_resource import compare_live, silent_call
from kzero_scim.tenant.services import tenant_services

NOT_SET_UP: Final = "the stack has no such resource yet; run `pulumi up`"


@dataclass
class _Findings:
    """The evidence and the problems found so far."""

    evidence: dict[str, Any] = field(default_factory=dict)
    problems: dict[int, str] = field(default_factory=dict)


async def check(
    stack: Stack, environment: Mapping[str, str] | None = None, connections: SharedConnections | None = None
) -> list[Item]:
    """Check the seven points. Entra's connection test needs write permission.

    Args:
        stack: The tenant's stack as last applied.
        environment: The tenant's environment variables; None for this process's.
        connections: Connections that tenants share.

    Returns:
        Seven items in the guide's order. A point whose service cannot be asked is unknown, and has not passed.

    Raises:
        SettingsError: The stack's settings are wrong.
    """
    settings = await asyncio.to_thread(TenantSettings.parse, stack.configuration, stack.secret_keys, stack.project)
    findings = _Findings()
    findings.evidence.update(application_name=settings.application_name, test_user=settings.test_user)
    findings.evidence["everybody"] = settings.scope == "all"
    async with (
        tenant_services(settings, stack.configuration, environment, connections, stack.project) as services,
        asyncio.TaskGroup() as group,
    ):
        group.create_task(_endpoint(services, stack, findings))
        group.create_task(_mappings(services, stack, findings, settings))
        group.create_task(_application(services, stack, findings))
        group.create_task(_assignments(services, stack, findings))
        group.create_task(_status(services, stack, findings))
        group.create_task(_connection(services, stack, findings))
        group.create_task(_test_user(services, stack, findings))
    return judge(Evidence(**findings.evidence, problems=findings.problems))


async def _live(resource: Resource[Any, Any], held: ResourceState) -> tuple[Any, str | None]:
    """Return one resource's present state, and a message if it differs from the stack."""
    live = await compare_live(resource, held)
    if live.found is None:
        return None, f"{resource.token.rsplit(':', 1)[-1]} {held.id} is gone"
    drifted = [change.path for change in live.changes]
    return live.found, f"differs from the stack: {', '.join(drifted)}" if drifted else None


def _problem(error: KzeroScimError) -> str:
    """Return the problem that an error shows: unknown if the service could not be asked or refused to answer."""
    is_observed = isinstance(error, ServiceError) and error.is_missing
    is_unasked = isinstance(error, (ServiceError, SettingsError, MissingRightError)) and not is_observed
    return f"{UNKNOWN if is_unasked else ''}{error}"


async def _probe(number: int, resource: Resource[Any, Any], stack: Stack, findings: _Findings) -> Any:  # noqa: ANN401
    held = stack.find(resource.token)
    if held is None:
        findings.problems[number] = NOT_SET_UP
        return None
    try:
        state, problem = await _live(resource, held)
    except KzeroScimError as error:
        findings.problems[number] = _problem(error)
        return None
    if problem and number not in findings.problems:
        findings.problems[number] = problem
    return state


async def _endpoint(services: Services, stack: Stack, findings: _Findings) -> None:
    state = await _probe(1, ScimEndpoint(services), stack, findings)
    if state is not None:
        findings.evidence.update(tenant_url=state.tenant_url, answer=as_plain(state.answer), alive=state.alive)


async def _mappings(services: Services, stack: Stack, findings: _Findings, settings: TenantSettings) -> None:
    if settings.is_native:
        if settings.scim_attributes:
            await _probe(2, ScimAttributes(services), stack, findings)
        rows = await _probe(2, AttributeMappings(services), stack, findings)
        findings.evidence.update(
            kept=list(kept_attributes(settings.scim_attributes)), rows=list(rows.rows) if rows else []
        )
        return
    mapper_set = await _probe(2, MapperSet(services), stack, findings)
    rows = await _probe(2, AttributeMappings(services), stack, findings)
    if mapper_set is not None and rows is not None:
        findings.evidence.update(mappers=list(mapper_set.mappers), rows=list(rows.rows))


async def _application(services: Services, stack: Stack, findings: _Findings) -> None:
    held = stack.find(AppRoleAssignments.token)
    if held is None:
        findings.problems[3] = NOT_SET_UP
        return
    principal = str(held.inputs.get("servicePrincipalId") or "")
    try:
        found: Mapping[str, Any] = await services.graph.get(f"/servicePrincipals/{segment(principal)}")
    except KzeroScimError as error:
        findings.problems[3] = _problem(error)
        return
    if not same_id(found.get("id"), principal):
        findings.problems[3] = f"{UNKNOWN}Microsoft Graph did not answer with service principal {principal}"
        return
    findings.evidence.update(application_name=found.get("displayName"), service_principal_id=found.get("id"))


async def _assignments(services: Services, stack: Stack, findings: _Findings) -> None:
    state = await _probe(4, AppRoleAssignments(services), stack, findings)
    if state is not None:
        findings.evidence["assigned"] = list(state.assignments)


async def _status(services: Services, stack: Stack, findings: _Findings) -> None:
    state = await _probe(5, ProvisioningStatus(services), stack, findings)
    if state is not None:
        findings.evidence.update(
            job_id=state.job_id,
            schedule_state=state.schedule_state,
            quarantine=as_plain(state.quarantine) if state.quarantine else None,
        )


async def _connection(services: Services, stack: Stack, findings: _Findings) -> None:
    await _remote_access(services, stack, findings)
    held = stack.find(ConnectionTest.token)
    if held is None:
        findings.problems[6] = NOT_SET_UP
        return
    test = ConnectionTest(services)
    call = silent_call(held.name)
    try:
        # Entra's test asks the endpoint for a user that does not exist. It changes neither side.
        made = await test.create(call, decode_lenient(test.inputs, held.inputs))
    except KzeroScimError as error:
        # A known cause comes before Entra's message.
        cause = findings.problems.get(6)
        findings.problems[6] = f"{cause}; {error}" if cause else _problem(error)
        return
    findings.evidence.update(test_result=made.state.result, tested_at=made.state.tested_at)


async def _remote_access(services: Services, stack: Stack, findings: _Findings) -> None:
    """Check what Entra signs in with: the client in Keycloak, and whether a bearer token has expired."""
    if stack.find(ScimApiClient.token) is not None:
        await _probe(6, ScimApiClient(services), stack, findings)
        if found := findings.problems.get(6):
            mark = UNKNOWN if found.startswith(UNKNOWN) else ""
            findings.problems[6] = f"{mark}client that Entra signs in as: {found.removeprefix(UNKNOWN)}"
    held = stack.find(RemoteToken.token)
    if held is None or held.outputs.get("method") != "bearer" or not held.outputs.get("expiresAt"):
        return
    ends = datetime.fromisoformat(held.outputs["expiresAt"])
    if ends <= datetime.now(UTC):
        findings.problems.setdefault(6, f"the token that Entra sends expired {ends.isoformat()}; run `pulumi up`")


async def _test_user(services: Services, stack: Stack, findings: _Findings) -> None:
    held = stack.find(OnDemandProvisioning.token)
    if held is None:
        return
    on_demand = OnDemandProvisioning(services)
    inputs: OnDemandProvisioningInputs = decode_lenient(on_demand.inputs, held.inputs)
    findings.evidence.update(on_demand_result=held.outputs.get("result"), verify=inputs.verify)
    if not is_user_name_known(inputs.rows):
        # Only Entra knows the user's name in KZero.
        return
    try:
        _, kzero_user_id, arrival = await on_demand.compare_user(inputs)
    except KzeroScimError as error:
        findings.problems[7] = _problem(error)
        return
    if kzero_user_id is None:
        findings.problems[7] = f"{inputs.user} no longer exists in KZero"
    elif arrival.mismatches:
        findings.problems[7] = f"{inputs.user} differs between KZero and Entra: {'; '.join(arrival.mismatches)}"
    findings.evidence.update(
        comparisons=[as_plain(comparison) for comparison in arrival.comparisons],
        not_compared=arrival.notes,
        kzero_user_id=kzero_user_id,
    )
