"""``kzero:entra:OnDemandProvisioning``: provisions one test user immediately and looks it up in KZero.

See https://learn.microsoft.com/graph/api/synchronization-synchronizationjob-provisionondemand. Graph returns 200 even
if Entra provisioned nothing. So the resource reads the result step by step, then asks KZero for the user.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from typing import Any, ClassVar, Literal, assert_never
from urllib.parse import quote

from kzero_scim.entra.on_demand_result import Outcome, Result, Step, parse_outcome
from kzero_scim.entra.schema.document import rule_id
from kzero_scim.entra.synchronization_job import job_changes, job_path, split_job_resource_id
from kzero_scim.errors import GraphError, PartialFailureError, ProviderError
from kzero_scim.keycloak.protocol_mapper import guide_mappers
from kzero_scim.keycloak.user_profile import explanation
from kzero_scim.mapping.attribute_mapping import Expectation, expectations, guide_rows, unmatched
from kzero_scim.mapping.source_attributes import provisioned_user_name
from kzero_scim.mapping.user_comparison import (
    Arrival,
    Comparison,
    compare_user,
    graph_selection,
    is_user_name_known,
    reads_manager,
    user_name,
)
from kzero_scim.provider.directory.assignment_scope import is_among, is_assigned
from kzero_scim.provider.entra.on_demand_provisioning.facts import FACTS
from kzero_scim.provider.entra.permission_check import PROVISION_ON_DEMAND, require_permissions, warn_of_permissions
from kzero_scim.provider.services import Services
from kzero_scim.resource.facts import Facts
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
    is_known,
    prop,
    replacing,
)
from kzero_scim.resource.reading import Absent, Present, Reading, Unknown, observed
from kzero_scim.settings.items import Mapper, Row

Verify = Literal["attributes", "user", "off"]


@dataclass(frozen=True, kw_only=True)
class OnDemandProvisioningInputs:
    """The test user, and what to check in KZero."""

    service_principal_id: str = prop("Object ID of the service principal.", replace=True)
    job_id: str = prop("ID of its synchronization job.", replace=True)
    user: str = prop("User principal name or object ID of the test user.", replace=True)
    verify: Verify = prop(
        "What to check in KZero. `attributes`: the user and the mapped attributes; `user`: the user only; `off`: "
        "nothing.",
        default="attributes",
    )
    rows: dict[str, Row] = prop(
        "Entra's attribute mappings by target, the same as those of AttributeMappings.", default_factory=guide_rows
    )
    mappers: dict[str, Mapper] = prop(
        "KZero's mappers by name, the same as those of MapperSet.", default_factory=guide_mappers
    )
    assigned_users: list[str] | None = prop(
        "The assigned users, the same as those of AppRoleAssignments. With it, a preview refuses a test user who is "
        "not assigned.",
        default=None,
    )
    assigned_groups: list[str] | None = prop(
        "The assigned groups, the same as those of AppRoleAssignments.", default=None
    )
    triggers: dict[str, str] = prop("A changed value provisions the user again.", default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class OnDemandProvisioningState(OnDemandProvisioningInputs):
    """The result of the provisioning."""

    result: Result = prop("`success`, or `alreadyInDesiredState` if Entra had nothing to change.")
    steps: list[Step] = prop("Entra's steps, in order.")
    kzero_user_id: str | None = prop("ID of the user in KZero, if `verify` is not `off`.", default=None)
    comparisons: list[Comparison] = prop("The mapped attributes on both sides.")
    not_compared: list[str] = prop("What was not compared and why, one line each.", default_factory=list)
    provisioned_at: str = prop("Time of the provisioning, in ISO 8601.")


class OnDemandProvisioning(Resource[OnDemandProvisioningInputs, OnDemandProvisioningState]):
    """One user that Entra provisions on demand.

    Args:
        services: The clients.
        delays: Seconds before each further look-up in KZero, which may show a user a moment later.
        scope_delays: Seconds before each further attempt while Entra does not know a new assignment yet.
        sleep: Waits for some seconds.
        now: Returns the time.
    """

    token: ClassVar[str] = "kzero:entra:OnDemandProvisioning"  # noqa: S105 - a type token
    facts: ClassVar[Facts] = FACTS
    inputs = OnDemandProvisioningInputs
    state = OnDemandProvisioningState

    def __init__(
        self,
        services: Services,
        *,
        delays: Sequence[float] = (1.0, 3.0),
        scope_delays: Sequence[float] = (5.0, 10.0, 20.0),
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Store the clients."""
        self._services = services
        self._delays = tuple(delays)
        self._scope_delays = tuple(scope_delays)
        self._sleep = sleep
        self._now = now

    async def check(
        self,
        call: Call,  # noqa: ARG002
        new: OnDemandProvisioningInputs,
        old: OnDemandProvisioningInputs | None,  # noqa: ARG002
    ) -> tuple[OnDemandProvisioningInputs, list[Failure]]:
        """Refuse an empty user."""
        if is_known(new.user) and not new.user.strip():
            return new, [Failure("user", "must not be empty; use the user principal name of a test user")]
        return new, []

    async def diff(
        self,
        call: Call,  # noqa: ARG002
        id: str,  # noqa: A002, ARG002
        old: OnDemandProvisioningState,
        new: OnDemandProvisioningInputs,
    ) -> list[Change]:
        """Return the changes that provision the user again. Changed assignments do not."""
        changes = [
            *map(replacing, compare_ids(old.service_principal_id, new.service_principal_id, "servicePrincipalId")),
            *job_changes(old.job_id, new.job_id),
            *map(replacing, compare_ids(old.user, new.user, "user")),
        ]
        for path, before, after in (
            ("verify", old.verify, new.verify),
            ("rows", old.rows, new.rows),
            ("mappers", old.mappers, new.mappers),
            ("triggers", old.triggers, new.triggers),
        ):
            changes += [Change(path)] if after is UNKNOWN else compare(before, after, path)
        if not changes and not _has_arrived(old):
            # The last run failed after Entra had provisioned the user.
            changes.append(Change("verify"))
        return changes

    async def plan(
        self,
        call: Call,
        new: OnDemandProvisioningInputs,
        old: OnDemandProvisioningState | None,
    ) -> OnDemandProvisioningState:
        """Refuse a test user who does not exist or will not be assigned, and warn of a missing permission.

        Raises:
            ProviderError: The user does not exist or will not be assigned.
        """
        await warn_of_permissions(call, self._services.graph, PROVISION_ON_DEMAND)
        if is_known(new.user):
            user = await self._user(new.user, ["id", "userPrincipalName", "accountEnabled"], with_manager=False)
            if user.get("accountEnabled") is False:
                message = (
                    f"test user {new.user} is disabled in Entra, so Entra will not provision it; choose another user"
                )
                await call.log.warning(message)
            await self._refuse_outsider(call, new, user)
        given = {item.name: getattr(new, item.name) for item in fields(OnDemandProvisioningInputs)}
        return OnDemandProvisioningState(
            **given,
            result=UNKNOWN,
            steps=UNKNOWN,
            kzero_user_id=UNKNOWN if old is None else old.kzero_user_id,
            comparisons=UNKNOWN,
            not_compared=UNKNOWN,
            provisioned_at=UNKNOWN,
        )

    async def create(self, call: Call, new: OnDemandProvisioningInputs) -> Created[OnDemandProvisioningState]:
        """Provision the user and check it in KZero.

        Raises:
            ProviderError: Entra did not provision the user. The message has the failing step.
            PartialFailureError: Entra provisioned the user, but KZero does not have it, or has other values.
        """
        resource_id, state = await self._run(call, new)
        return Created(resource_id, state)

    @observed
    async def read(
        self,
        call: Call,
        id: str,  # noqa: A002
        old: OnDemandProvisioningState | None,
    ) -> Found[OnDemandProvisioningInputs, OnDemandProvisioningState] | Absent | Unknown:
        """Return the last result without a request. An import looks the user up in KZero and provisions nothing."""
        if old is None:
            old = await self._found(call, id)
            if old is None:
                return Absent()
        given = {item.name: getattr(old, item.name) for item in fields(OnDemandProvisioningInputs)}
        return Found(id, OnDemandProvisioningInputs(**given), old)

    async def update(
        self,
        call: Call,
        id: str,  # noqa: A002, ARG002
        old: OnDemandProvisioningState,  # noqa: ARG002
        new: OnDemandProvisioningInputs,
    ) -> OnDemandProvisioningState:
        """Provision the user again and check it in KZero.

        Raises:
            ProviderError: Entra did not provision the user.
            PartialFailureError: Entra provisioned the user, but KZero does not have it, or has other values.
        """
        _, state = await self._run(call, new)
        return state

    async def delete(self, call: Call, id: str, old: OnDemandProvisioningState) -> None:  # noqa: A002
        """Do nothing: the user stays in KZero as long as it is assigned in Entra."""

    async def compare_user(self, inputs: OnDemandProvisioningInputs) -> tuple[Mapping[str, Any], str | None, Arrival]:
        """Compare the test user on both sides now. Provisions nothing.

        Args:
            inputs: The user, the rows and the mappers.

        Returns:
            Entra's user, the ID of KZero's user (None if it does not exist), and the comparison.

        Raises:
            ProviderError: The user does not exist in Entra, its name in KZero is unknown, or no KZero tenant is
                configured.
        """
        expected = expectations(inputs.rows, inputs.mappers) if inputs.verify == "attributes" else []
        user = await self._user(inputs.user, graph_selection(expected), with_manager=reads_manager(expected))
        realm, name = self._realm(), user_name(inputs.rows, user)
        if name is None:
            raise ProviderError(_nameless(inputs))
        match await self._look(realm, name, user, expected):
            case Present((kzero_id, arrival)):
                return user, kzero_id, replace(arrival, notes=[*_unmatched(inputs), *arrival.notes])
            case Absent():
                return user, None, Arrival(comparisons=[], notes=_unmatched(inputs))
            case Unknown() as unknown:
                raise unknown.failure()
            case never:
                assert_never(never)

    async def _run(self, call: Call, new: OnDemandProvisioningInputs) -> tuple[str, OnDemandProvisioningState]:
        expected = expectations(new.rows, new.mappers) if new.verify == "attributes" else []
        user = await self._user(new.user, graph_selection(expected), with_manager=reads_manager(expected))
        path = job_path(new.service_principal_id, new.job_id)
        rule = rule_id(await self._services.graph.get(f"{path}/schema"))
        await require_permissions(self._services.graph, PROVISION_ON_DEMAND)
        await call.log.status(f"provisioning {new.user} on demand")
        outcome = await self._provision(new, rule, user)
        if outcome.result is None:
            message = f"on-demand provisioning of user {new.user} by job {new.job_id} failed: {outcome.problem}"
            raise ProviderError(message)
        given = {item.name: getattr(new, item.name) for item in fields(OnDemandProvisioningInputs)}
        state = OnDemandProvisioningState(
            **given,
            result=outcome.result,
            steps=outcome.steps,
            comparisons=[],
            provisioned_at=self._now().isoformat(timespec="seconds"),
        )
        resource_id = f"{new.service_principal_id}/{new.job_id}/{user['id']}"
        if new.verify == "off":
            return resource_id, state
        return resource_id, await self._verified(call, resource_id, state, user, expected)

    async def _provision(self, new: OnDemandProvisioningInputs, rule: str, user: Mapping[str, Any]) -> Outcome:
        """Provision the user. Repeats it for a while if Graph shows an assignment that Entra does not know yet."""
        path = f"{job_path(new.service_principal_id, new.job_id)}/provisionOnDemand"
        subject = {"objectId": user["id"], "objectTypeName": "User"}
        body = {"parameters": [{"ruleId": rule, "subjects": [subject]}]}
        graph = self._services.graph
        outcome = parse_outcome(await graph.post(path, body))
        if outcome.is_outside and await is_assigned(graph, new.service_principal_id, user):
            for delay in self._scope_delays:
                await self._sleep(delay)
                outcome = parse_outcome(await graph.post(path, body))
                if not outcome.is_outside:
                    break
        return outcome

    async def _verified(
        self,
        call: Call,
        resource_id: str,
        state: OnDemandProvisioningState,
        user: Mapping[str, Any],
        expected: Sequence[Expectation],
    ) -> OnDemandProvisioningState:
        await call.log.status(f"looking for {state.user} in KZero")
        realm, name = self._realm(), user_name(state.rows, user)
        if not is_user_name_known(state.rows):
            await call.log.warning(_nameless(state))
            return replace(state, not_compared=[_nameless(state)])
        if name is None:
            raise PartialFailureError(resource_id, state, _nameless(state))
        answer = await self._look(realm, name, user, expected)
        for delay in self._delays:
            if isinstance(answer, Present) and not answer.value[1].mismatches:
                break
            await self._sleep(delay)
            answer = await self._look(realm, name, user, expected)
        if isinstance(answer, Unknown):
            reason = (
                f"Entra reports {state.result} for user {state.user}, but it is unknown whether KZero tenant {realm} "
                f"has user {name!r}: {answer.reason}"
            )
            raise PartialFailureError(resource_id, state, reason)
        if isinstance(answer, Absent):
            reason = (
                f"Entra reports {state.result} for user {state.user}, but KZero tenant {realm} has no user {name!r}; "
                "check that the Tenant URL is this tenant's, and that mapper loginName is as in KZero's guide"
            )
            raise PartialFailureError(resource_id, state, reason)
        kzero_id, arrival = answer.value
        notes = [*_unmatched(state), *arrival.notes]
        state = replace(state, kzero_user_id=kzero_id, comparisons=arrival.comparisons, not_compared=notes)
        for note in notes:
            await call.log.info(note)
        if arrival.mismatches:
            cause = (
                f"The cause is not a mapper: {explanation(realm, sorted(set(arrival.dropped.values())))}"
                if arrival.dropped
                else "Compare the mappers of KZero's client scim-endpoint with the attribute mappings"
            )
            reason = (
                f"user {state.user} has other values in KZero tenant {realm} than in Entra: "
                f"{'; '.join(arrival.mismatches)}. {cause}, then run `pulumi up` again"
            )
            raise PartialFailureError(resource_id, state, reason)
        return state

    @observed
    async def _look(
        self, realm: str, name: str, user: Mapping[str, Any], expected: Sequence[Expectation]
    ) -> Reading[tuple[str, Arrival]]:
        """Return the ID of KZero's user and the comparison."""
        answer = await self._services.keycloak.find_user(realm, name)
        if not isinstance(answer, Present):
            return answer
        kzero = answer.value
        managers = await self._manager_names(realm, user) if reads_manager(expected) else set()
        arrival = compare_user(expected, user, kzero, managers)
        if not expected and kzero.get("enabled") is False and user.get("accountEnabled") is not False:
            arrival.comparisons.append(Comparison(attribute="enabled", entra="true", kzero="false", equal=False))
        lost = {item.attribute for item in arrival.comparisons if not item.equal and item.kzero is None}
        dropped = await self._dropped(realm, [item for item in expected if item.mapper in lost])
        return Present((str(kzero.get("id", "")), replace(arrival, dropped=dropped)))

    async def _dropped(self, realm: str, lost: Sequence[Expectation]) -> dict[str, str]:
        """Return the user attributes that the realm drops, by mapper. Asks KZero only if a value is missing there."""
        if not lost:
            return {}
        # Slow to import, and rarely needed.
        from kzero_scim.clients.keycloak.accounts import KeycloakAccounts  # noqa: PLC0415

        accounts = KeycloakAccounts(self._services.keycloak)
        dropped = await accounts.dropped_attributes(realm, [item.user_attribute for item in lost])
        return {item.mapper: item.user_attribute for item in lost if item.user_attribute in dropped}

    async def _manager_names(self, realm: str, user: Mapping[str, Any]) -> set[str]:
        """Return the names that KZero may use for the manager: user name, display name and both IDs."""
        manager = user.get("manager") or {}
        name = manager.get("userPrincipalName")
        if not name:
            return set()
        sent = provisioned_user_name(name)
        match await self._services.keycloak.find_user(realm, sent):
            case Present(kzero):
                names = (name, sent, manager.get("id"), kzero.get("id"), manager.get("displayName"))
            case Absent():
                names = (name, sent, manager.get("id"), None, manager.get("displayName"))
            case Unknown() as unknown:
                raise unknown.failure()
            case never:
                assert_never(never)
        return {str(item) for item in names if item}

    async def _user(self, user: str, selection: Sequence[str], *, with_manager: bool) -> Mapping[str, Any]:
        parameters = {"$select": ",".join(selection)}
        if with_manager:
            parameters["$expand"] = "manager($select=id,displayName,userPrincipalName)"
        try:
            return await self._services.graph.get(f"/users/{quote(user, safe='')}", parameters)
        except GraphError as error:
            if not error.is_missing:
                raise
            message = f"test user {user!r} does not exist in Entra; use the user principal name as the portal shows it"
            raise ProviderError(message) from error

    async def _refuse_outsider(self, call: Call, new: OnDemandProvisioningInputs, user: Mapping[str, Any]) -> None:
        users, groups = new.assigned_users, new.assigned_groups
        if (users is None and groups is None) or not is_known(users) or not is_known(groups):
            return
        among = await is_among(self._services.graph, user, users or [], groups or [])
        if among is None:
            note = (
                f"unknown whether test user {new.user} is a member of an assigned group, because Microsoft Graph hides "
                "the names of the user's groups; grant the application permission GroupMember.Read.All"
            )
            await call.log.warning(note)
        if among is not False:
            return
        message = (
            f"test user {new.user!r} is not assigned, so Entra would not provision it. Assign the user, or choose one "
            "that is assigned or is a direct member of an assigned group (nested groups do not count)"
        )
        raise ProviderError(message)

    async def _found(self, call: Call, resource_id: str) -> OnDemandProvisioningState | None:
        """Return the state of a user that Entra provisioned before, or None if KZero does not have the user."""
        job, _, user_id = resource_id.rpartition("/")
        service_principal_id, job_id = split_job_resource_id(job)
        inputs = OnDemandProvisioningInputs(service_principal_id=service_principal_id, job_id=job_id, user=user_id)
        user, kzero_id, arrival = await self.compare_user(inputs)
        if kzero_id is None:
            return None
        for line in (*arrival.mismatches, *arrival.notes):
            await call.log.info(line)
        return OnDemandProvisioningState(
            service_principal_id=service_principal_id,
            job_id=job_id,
            user=str(user.get("userPrincipalName") or user_id),
            result="alreadyInDesiredState",
            steps=[],
            kzero_user_id=kzero_id,
            comparisons=arrival.comparisons,
            not_compared=arrival.notes,
            provisioned_at=self._now().isoformat(timespec="seconds"),
        )

    def _realm(self) -> str:
        realm = self._services.config.realm
        if not realm:
            message = (
                "cannot check the user in KZero, because kzeroTenant is not configured; set it (or KZERO_REALM) to the "
                "tenant's name, or set verify to off"
            )
            raise ProviderError(message)
        return realm


def _nameless(inputs: OnDemandProvisioningInputs) -> str:
    """Return why the name that Entra gives the user in KZero is unknown."""
    if is_user_name_known(inputs.rows):
        return f"user {inputs.user} has no value for userName in Entra; map userName to userPrincipalName"
    return f"user {inputs.user} was not checked in KZero: only Entra can compute the expression of userName"


def _unmatched(inputs: OnDemandProvisioningInputs) -> list[str]:
    return unmatched(inputs.rows, inputs.mappers) if inputs.verify == "attributes" else []


def _has_arrived(state: OnDemandProvisioningState) -> bool:
    """Return whether the last run found the expected user in KZero."""
    if state.verify == "off" or not is_user_name_known(state.rows):
        return True
    return state.kzero_user_id is not None and all(item.equal for item in state.comparisons)
