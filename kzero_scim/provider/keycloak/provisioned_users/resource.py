"""``kzero:keycloak:ProvisionedUsers``: keeps or disables the users in KZero when the stack is destroyed.

Graph does not list the users that Entra has provisioned. It lists who is in scope, assigned users and direct members of
assigned groups:
https://learn.microsoft.com/entra/identity/app-provisioning/define-conditional-rules-for-provisioning-user-accounts
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Final, Literal, assert_never

from kzero_scim.clients.graph.look_up import look_up, look_up_part, principal_path
from kzero_scim.display import listed
from kzero_scim.errors import NO_REALM, KeycloakError, ProviderError
from kzero_scim.mapping.source_attributes import graph_property, read_attribute
from kzero_scim.provider.directory.assignments import assigned_to
from kzero_scim.provider.directory.group_members import user_members
from kzero_scim.provider.directory.principals import users_by_id
from kzero_scim.provider.keycloak.provisioned_users.facts import FACTS
from kzero_scim.provider.keycloak.role_check import require_roles, warn_of_roles
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
    inputs_of,
    prop,
)
from kzero_scim.resource.reading import Absent, Present, Unknown, observed

if TYPE_CHECKING:
    from kzero_scim.provider.services import Services

_AT_ONCE: Final = 8
"""Users to look up and disable at the same time."""
_LONGEST_LIST: Final = 20
_NEEDED: Final = 'kzero-scim:onDestroy "disable" needs'
_NEEDED_FOR: Final = 'disable users when the stack is destroyed (kzero-scim:onDestroy "disable")'
_INSTEAD: Final = ", or set onDestroy to keep"


@dataclass(frozen=True, kw_only=True)
class ProvisionedUsersInputs:
    """The users, and what a deletion does with them."""

    realm: str = prop("Name of the KZero tenant (realm), case-sensitive.")
    service_principal_id: str = prop("Object ID of the service principal whose job provisions the users.")
    user_name_source: str = prop(
        "Attribute of users in Entra that is their user name in KZero.", default="userPrincipalName"
    )
    on_destroy: Literal["keep", "disable"] = prop(
        "What a deletion of this resource does with the users. `keep`: they stay unchanged; `disable`: users who are "
        "assigned then, directly or through a group, are disabled.",
        default="keep",
    )


@dataclass(frozen=True, kw_only=True)
class ProvisionedUsersState(ProvisionedUsersInputs):
    """The users, and a description of what a deletion does with them."""

    on_delete: str = prop("What a deletion of this resource does with the users, in words.")


class ProvisionedUsers(Resource[ProvisionedUsersInputs, ProvisionedUsersState]):
    """Keeps or disables the users that a provisioning job created in KZero, when the resource is deleted.

    The resource changes nothing while it exists, and is never replaced. Delete it after the job and before the
    assignments. It never disables administrators, service accounts or the account that runs this stack.

    ``disable`` needs the roles manage-users and view-clients of client realm-management. ``keep`` needs none.
    """

    token: ClassVar[str] = "kzero:keycloak:ProvisionedUsers"  # noqa: S105 - a type token
    facts: ClassVar[Facts] = FACTS
    inputs = ProvisionedUsersInputs
    state = ProvisionedUsersState

    def __init__(self, services: Services) -> None:
        """Store the clients."""
        self._services = services

    async def check(
        self,
        call: Call,  # noqa: ARG002
        new: ProvisionedUsersInputs,
        old: ProvisionedUsersInputs | None,  # noqa: ARG002
    ) -> tuple[ProvisionedUsersInputs, list[Failure]]:
        """Refuse a value that is not an object ID, an empty realm, and an attribute that Graph does not show."""
        failures: list[Failure] = []
        if new.realm is not UNKNOWN and not new.realm.strip():
            failures.append(Failure("realm", "must not be empty"))
        if new.service_principal_id is not UNKNOWN and not is_guid(new.service_principal_id):
            reason = f'"{new.service_principal_id}" is not an object ID (GUID); use the service principal\'s object ID'
            failures.append(Failure("servicePrincipalId", reason))
        if new.user_name_source is not UNKNOWN and graph_property(new.user_name_source) is None:
            reason = f'Microsoft Graph does not show "{new.user_name_source}"; use an attribute that it shows'
            failures.append(Failure("userNameSource", reason))
        return new, failures

    async def diff(
        self,
        call: Call,  # noqa: ARG002
        id: str,  # noqa: A002, ARG002
        old: ProvisionedUsersState,
        new: ProvisionedUsersInputs,
    ) -> list[Change]:
        """Compare the inputs. No change replaces the resource, because its deletion can disable users."""
        return [
            *compare(old.realm, new.realm, "realm"),
            *compare_ids(old.service_principal_id, new.service_principal_id, "servicePrincipalId"),
            *compare(old.user_name_source, new.user_name_source, "userNameSource"),
            *compare(old.on_destroy, new.on_destroy, "onDestroy"),
        ]

    async def plan(
        self,
        call: Call,
        new: ProvisionedUsersInputs,
        old: ProvisionedUsersState | None,
    ) -> ProvisionedUsersState:
        """Log what a destroy will do, and warn if the account may not do it.

        Raises:
            ProviderError: The account may not see clients.
            KeycloakError: The sign-in failed.
        """
        if new.on_destroy == "disable" and new.realm is not UNKNOWN:
            keycloak = self._services.keycloak
            await require_roles(keycloak, new.realm, _NEEDED, "view-clients", remedy=_INSTEAD)
            await warn_of_roles(call, keycloak, new.realm, _NEEDED_FOR, "manage-users")
            await keycloak.check_server(new.realm)
        if new.on_destroy == "disable" and (old is None or old.on_destroy != "disable"):
            note = f"`pulumi destroy` will do this: {_words(new)}"
            await call.log.info(note)
        return _state(new)

    async def create(self, call: Call, new: ProvisionedUsersInputs) -> Created[ProvisionedUsersState]:  # noqa: ARG002
        """Store what a deletion will do.

        Raises:
            ProviderError: The account lacks a role.
        """
        await self._require_role(new)
        return Created(f"{new.realm}/{new.service_principal_id}", _state(new))

    @observed
    async def read(
        self,
        call: Call,  # noqa: ARG002
        id: str,  # noqa: A002
        old: ProvisionedUsersState | None,
    ) -> Found[ProvisionedUsersInputs, ProvisionedUsersState] | Absent | Unknown:
        """Return the stored state. With ``disable``, it is absent if the service principal was deleted."""
        if old is None:
            realm, _, principal = id.rpartition("/")
            if not realm or not is_guid(principal):
                message = f"the ID {id!r} must have the form <realm>/<servicePrincipalId>"
                raise ProviderError(message)
            inputs = ProvisionedUsersInputs(realm=realm, service_principal_id=principal)
            return Found(id, inputs, _state(inputs))
        if old.on_destroy == "disable":
            answer = await look_up(self._services.graph, principal_path(old.service_principal_id))
            if not isinstance(answer, Present):
                return answer
        return Found(id, ProvisionedUsersInputs(**inputs_of(ProvisionedUsersInputs, old)), old)

    async def update(
        self,
        call: Call,  # noqa: ARG002
        id: str,  # noqa: A002, ARG002
        old: ProvisionedUsersState,  # noqa: ARG002
        new: ProvisionedUsersInputs,
    ) -> ProvisionedUsersState:
        """Store what a deletion will do.

        Raises:
            ProviderError: The account lacks a role.
        """
        await self._require_role(new)
        return _state(new)

    async def delete(self, call: Call, id: str, old: ProvisionedUsersState) -> None:  # noqa: A002, ARG002
        """Disable the users if ``onDestroy`` says so. A repetition skips users that are already disabled.

        Raises:
            ProviderError: Some users could not be disabled, or the users to disable are unknown. The engine then
                deletes nothing else, and the next run tries again.
        """
        if old.on_destroy != "disable":
            return
        names, unnamed = await self._in_scope(old)
        if unnamed:
            note = (
                f"not disabled, because Entra does not show the {old.user_name_source} of these users{_named(unnamed)}"
            )
            await call.log.warning(note)
        try:
            await self._disable(call, old.realm, names)
        except KeycloakError as error:
            if error.code != NO_REALM:
                raise
            note = f"no users to disable: {error}"
            await call.log.warning(note)

    async def _require_role(self, new: ProvisionedUsersInputs) -> None:
        if UNKNOWN in (new.on_destroy, new.realm) or new.on_destroy != "disable":
            return
        keycloak = self._services.keycloak
        await require_roles(keycloak, new.realm, _NEEDED, "manage-users", "view-clients", remedy=_INSTEAD)
        await keycloak.check_server(new.realm)

    async def _in_scope(self, old: ProvisionedUsersState) -> tuple[list[str], list[str]]:
        """Return the KZero user names of all users who are assigned, directly or through a group.

        Returns:
            The names, and the object IDs of users whose name Entra does not show.
        """
        graph, principal = self._services.graph, old.service_principal_id
        match await look_up_part(graph, principal_path(principal), lambda: assigned_to(graph, principal)):
            case Present(assigned):
                pass
            case Absent():
                message = (
                    f"cannot find the users to disable in KZero: service principal {principal} and its assignments "
                    "were deleted in Entra. Disable the users in KZero's Advanced Console, then run `pulumi destroy "
                    "--refresh`, which skips this step"
                )
                raise ProviderError(message)
            case Unknown() as unknown:
                raise unknown.failure()
            case never:
                assert_never(never)
        ids = {item.principal_id for item in assigned if item.kind == "User"}
        groups = [item.principal_id for item in assigned if item.kind == "Group"]
        for members in (await user_members(graph, groups)).values():
            ids |= members.keys()
        shown = graph_property(old.user_name_source) or "userPrincipalName"
        users = await users_by_id(graph, sorted(ids), f"id,{shown}" if shown != "id" else "id")
        names = {str(user["id"]).casefold(): read_attribute(user, old.user_name_source) for user in users}
        unnamed = sorted(user_id for user_id in ids if not names.get(user_id.casefold()))
        return sorted({name for name in names.values() if name}), unnamed

    async def _disable(self, call: Call, realm: str, names: Collection[str]) -> None:
        # Slow to import, and only needed here.
        from kzero_scim.clients.keycloak.users import Immunity, disable_user  # noqa: PLC0415

        keycloak, limit = self._services.keycloak, asyncio.Semaphore(_AT_ONCE)
        immunity = await Immunity.of(keycloak, realm)
        await keycloak.granted_roles(realm)
        disabled: list[str] = []
        absent: list[str] = []
        spared: list[str] = []
        failures: list[str] = []

        async def one(name: str) -> None:
            async with limit:
                try:
                    answer = await keycloak.find_user(realm, name)
                    if isinstance(answer, Unknown):
                        failures.append(answer.reason)
                        return
                    if isinstance(answer, Absent):
                        absent.append(name)
                        return
                    if answer.value.get("enabled") is False:
                        return
                    user = answer.value
                    if reason := await immunity.reason(user):
                        spared.append(f"{name} ({reason})")
                        return
                    await disable_user(keycloak, realm, user)
                    disabled.append(name)
                except KeycloakError as error:
                    failures.append(str(error))

        await call.log.status(f"disabling {len(names)} users")
        await asyncio.gather(*(one(name) for name in names))
        note = f'disabled {len(disabled)} users in KZero realm "{realm}"{_named(disabled)}'
        await call.log.info(note)
        if absent:
            note = f'not found in KZero realm "{realm}", so not disabled{_named(absent)}'
            await call.log.warning(note)
        if spared:
            note = f"not disabled{_named(spared)}"
            await call.log.warning(note)
        if failures:
            message = (
                f'could not disable {len(failures)} of {len(names)} users of realm "{realm}". Fix the cause and run '
                f"`pulumi destroy` again, which disables the rest: {failures[0]}"
            )
            raise ProviderError(message)


def _state(new: ProvisionedUsersInputs) -> ProvisionedUsersState:
    known = UNKNOWN not in (new.on_destroy, new.realm)
    return ProvisionedUsersState(**inputs_of(ProvisionedUsersInputs, new), on_delete=_words(new) if known else UNKNOWN)


def _words(new: ProvisionedUsersInputs) -> str:
    if new.on_destroy == "keep":
        return f'users in KZero realm "{new.realm}" stay unchanged, enabled users stay enabled'
    return (
        f'users who are assigned, directly or through a group, are DISABLED in KZero realm "{new.realm}"; '
        "administrators, service accounts and the account that runs this stack stay unchanged"
    )


def _named(names: Collection[str]) -> str:
    return f": {listed(sorted(names), _LONGEST_LIST)}" if names else ""
