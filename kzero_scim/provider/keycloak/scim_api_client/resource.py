"""``kzero:keycloak:ScimApiClient``: lets a client provision through Keycloak's own SCIM API.

The API accepts a token of the realm with the endpoint's URL as audience, from a confidential client whose service
account has the role manage-users of client realm-management:
https://www.keycloak.org/docs/latest/server_admin/ (SCIM API).
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, Final

from kzero_scim.errors import (
    NO_REALM,
    KeycloakError,
    KzeroScimError,
    MissingRightError,
    PartialFailureError,
    ProviderError,
)
from kzero_scim.keycloak import native_scim
from kzero_scim.provider.keycloak.missing_client import required_client
from kzero_scim.provider.keycloak.owner import claim, release, require_ours, stack_of
from kzero_scim.provider.keycloak.role_check import missing_roles, require_roles, warn_of_roles
from kzero_scim.provider.keycloak.scim_api_client.facts import FACTS
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
    inputs_of,
    is_known,
    prop,
    replacing,
)
from kzero_scim.resource.reading import Absent, Present, Reading, Unknown, observed

if TYPE_CHECKING:
    from kzero_scim.clients.keycloak.client import Representation
    from kzero_scim.provider.services import Services

MAPPER_NAME: Final = "Audience of Keycloak's SCIM API"
_MAPPER_TYPE: Final = "oidc-audience-mapper"
_CUSTOM_AUDIENCE: Final = "included.custom.audience"
_LIFESPAN: Final = "access.token.lifespan"
_BAD_REQUEST: Final = 400


@dataclass(frozen=True, kw_only=True)
class ScimApiClientInputs:
    """The client, and what its tokens need."""

    realm: str = prop("Name of the tenant (realm), case-sensitive.", replace=True)
    client_id: str = prop(
        "Client ID of the client whose tokens Entra sends. It must be confidential and have a service account.",
        replace=True,
    )
    audience: str = prop("URL of the SCIM endpoint, to add to the audiences of the client's tokens.")
    manages_users: bool = prop(
        "Whether to give the client's service account the role manage-users of client realm-management. With `false`, "
        "its roles stay unchanged.",
        default=True,
    )
    access_token_lifespan: int | None = prop(
        "Lifespan of the client's tokens in seconds (Advanced > Access Token Lifespan). Without a value, it stays "
        "unchanged. The realm's SSO Session Max is its upper limit.",
        default=None,
    )


@dataclass(frozen=True, kw_only=True)
class ScimApiClientState(ScimApiClientInputs):
    """The client's audiences, roles and token lifespan."""

    client_uuid: str = prop("Keycloak's ID of the client, a UUID.")
    audiences: list[str] = prop("Audiences that the client's mappers add to its tokens.", default_factory=list)
    roles: list[str] = prop(
        "Roles of client realm-management that the client's service account has.", default_factory=list
    )
    made: list[str] = prop(
        "What this resource has changed, and a deletion undoes: `audience`, `role`, `lifespan`.", default_factory=list
    )
    prior_lifespan: str | None = prop("The lifespan before the change, which a deletion restores.", default=None)
    fingerprint: str = prop("Hash of audience, roles and lifespan. Use it as a trigger.")


class ScimApiClient(Resource[ScimApiClientInputs, ScimApiClientState]):
    """Audience mapper, role and token lifespan of one client.

    The resource owns these three, and nothing else of the client.

    Needs the roles view-clients, manage-clients and view-users of client realm-management. It also needs manage-users
    to assign this role, because Keycloak lets an account assign only roles that it has. An administrator can assign the
    role by hand instead.

    Args:
        services: The clients.
    """

    token: ClassVar[str] = "kzero:keycloak:ScimApiClient"  # noqa: S105 - a type token
    facts: ClassVar[Facts] = FACTS
    inputs = ScimApiClientInputs
    state = ScimApiClientState

    def __init__(self, services: Services) -> None:
        """Store the clients."""
        self._services = services

    async def check(
        self,
        call: Call,  # noqa: ARG002
        new: ScimApiClientInputs,
        old: ScimApiClientInputs | None,  # noqa: ARG002
    ) -> tuple[ScimApiClientInputs, list[Failure]]:
        """Refuse an empty realm or client, and a lifespan below one second."""
        failures = [
            Failure(path, "must not be empty")
            for path, value in (("realm", new.realm), ("clientId", new.client_id))
            if value is not UNKNOWN and not value.strip()
        ]
        lifespan = new.access_token_lifespan
        if lifespan is not None and lifespan is not UNKNOWN and lifespan < 1:
            failures.append(Failure("accessTokenLifespan", f"{lifespan} is below 1 second; set more, or remove it"))
        return new, failures

    async def diff(
        self,
        call: Call,  # noqa: ARG002
        id: str,  # noqa: A002, ARG002
        old: ScimApiClientState,
        new: ScimApiClientInputs,
    ) -> list[Change]:
        """Compare with what the client has. Asks no service."""
        changes = [replacing(change) for change in compare(old.realm, new.realm, "realm")]
        changes += [replacing(change) for change in compare(old.client_id, new.client_id, "clientId")]
        changes += compare(old.audience, new.audience, "audience")
        if new.manages_users is not False:
            changes += compare(old.manages_users, new.manages_users, "managesUsers")
        return changes + compare(old.access_token_lifespan, new.access_token_lifespan, "accessTokenLifespan")

    async def plan(self, call: Call, new: ScimApiClientInputs, old: ScimApiClientState | None) -> ScimApiClientState:
        """Check that the client exists and has a service account, and warn if the account may not give what it lacks.

        Raises:
            ProviderError: The client does not exist or has no service account.
        """
        uuid: Any = UNKNOWN if old is None else old.client_uuid
        if is_known([new.realm, new.client_id]):
            found = await self._look(new)
            await self._services.keycloak.check_server(new.realm)
            await self._owned(call, new)
            uuid = found.client_uuid
            is_role_missing = new.manages_users is True and not found.manages_users
            keycloak = self._services.keycloak
            if is_role_missing and await missing_roles(keycloak, new.realm, native_scim.ROLE):
                note = f"`pulumi up` would fail: {_unassignable(new)}"
                await call.log.warning(note)
            if is_known(new) and _changes_client(new, found, old):
                purpose = f'change the audience and token lifespan of client "{new.client_id}"'
                await warn_of_roles(call, keycloak, new.realm, purpose, "manage-clients")
            if old is None and is_known(new) and not await self.diff(call, "", found, new):
                return replace(found, **inputs_of(ScimApiClientInputs, new))
        return ScimApiClientState(
            **inputs_of(ScimApiClientInputs, new),
            client_uuid=uuid,
            audiences=UNKNOWN,
            roles=UNKNOWN,
            made=UNKNOWN,
            prior_lifespan=UNKNOWN,
            fingerprint=UNKNOWN,
        )

    async def create(self, call: Call, new: ScimApiClientInputs) -> Created[ScimApiClientState]:
        """Add what the client lacks.

        Raises:
            ProviderError: The client does not exist or has no service account, or the account that runs this stack may
                not assign the role.
            PartialFailureError: Only a part was added, or KZero does not show all of it afterwards.
        """
        return Created(_id(new), await self._apply(call, new, None))

    @observed
    async def read(
        self,
        call: Call,  # noqa: ARG002
        id: str,  # noqa: A002
        old: ScimApiClientState | None,
    ) -> Found[ScimApiClientInputs, ScimApiClientState] | Absent | Unknown:
        """Read the client and the roles of its service account, with three requests."""
        realm, _, client_id = id.partition("/")
        known = old or ScimApiClientInputs(
            realm=realm, client_id=client_id, audience=self._services.keycloak.tenant_url(realm)
        )
        if old is None:
            await self._services.keycloak.check_realm(realm)
        try:
            state = await self._found(known, old)
        except KeycloakError as error:
            if error.code == NO_REALM and old is not None:
                return Absent()
            raise
        if not isinstance(state, Present):
            return state
        return Found(id, ScimApiClientInputs(**inputs_of(ScimApiClientInputs, state.value)), state.value)

    async def update(
        self,
        call: Call,
        id: str,  # noqa: A002, ARG002
        old: ScimApiClientState,
        new: ScimApiClientInputs,
    ) -> ScimApiClientState:
        """Add what the client lacks, as :meth:`create` does. A new audience replaces the old one."""
        return await self._apply(call, new, old)

    def inherit(self, old: ScimApiClientState, new: ScimApiClientState) -> ScimApiClientState:
        """Keep what the old state records as added, so that a deletion still removes it."""
        prior = old.prior_lifespan if "lifespan" in old.made else new.prior_lifespan
        return replace(new, made=sorted({*old.made, *new.made}), prior_lifespan=prior)

    async def delete(
        self,
        call: Call,
        id: str,  # noqa: A002, ARG002
        old: ScimApiClientState,
    ) -> None:
        """Remove what this resource has added, and restore the lifespan."""
        keycloak = self._services.keycloak
        try:
            answer = await keycloak.client(old.realm, old.client_id)
        except KeycloakError as error:
            if error.code != NO_REALM:
                raise
            answer = Absent()
        if isinstance(answer, Absent):
            await call.log.info("nothing to remove: the client was deleted")
            return
        client = required_client(answer, old.realm, old.client_id)
        require_ours(call.urn, old.realm, client, is_deletion=True)
        if "audience" in old.made:
            for mapper in client.get("protocolMappers") or []:
                if mapper["name"] == MAPPER_NAME:
                    await keycloak.delete_mapper(old.realm, client["id"], mapper)
        if "lifespan" in old.made:
            await keycloak.set_client_attributes(old.realm, client["id"], {_LIFESPAN: old.prior_lifespan})
        if "role" in old.made:
            accounts = self._services.accounts
            account, roles = await accounts.management_roles(old.realm, client["id"], old.client_id)
            if native_scim.ROLE in roles:
                whose = f'client "{old.client_id}"'
                await accounts.assign_management_role(old.realm, account, native_scim.ROLE, whose, remove=True)
        await release(keycloak, old.realm, client)

    async def _owned(self, call: Call, new: ScimApiClientInputs) -> Representation | None:
        """Return the client if the stack may manage it, None if the call names no stack.

        Raises:
            ProviderError: Another stack manages it.
        """
        if stack_of(call.urn) is None:
            return None
        answer = await self._services.keycloak.client(new.realm, new.client_id)
        client = required_client(answer, new.realm, new.client_id)
        require_ours(call.urn, new.realm, client)
        return client

    async def _claim(self, call: Call, new: ScimApiClientInputs) -> None:
        """Mark the client with the stack.

        Raises:
            ProviderError: Another stack manages it.
        """
        client = await self._owned(call, new)
        if client is not None:
            await claim(self._services.keycloak, call.urn, new.realm, client)

    async def _require_rights(
        self, new: ScimApiClientInputs, found: ScimApiClientState, old: ScimApiClientState | None
    ) -> None:
        keycloak = self._services.keycloak
        if new.manages_users and not found.manages_users and await missing_roles(keycloak, new.realm, native_scim.ROLE):
            raise MissingRightError(_unassignable(new))
        if _changes_client(new, found, old):
            purpose = f'the audience and token lifespan of client "{new.client_id}" need'
            await require_roles(keycloak, new.realm, purpose, "manage-clients")

    async def _apply(self, call: Call, new: ScimApiClientInputs, old: ScimApiClientState | None) -> ScimApiClientState:
        await self._services.keycloak.check_realm(new.realm)
        found = await self._look(new)
        made = set(old.made) if old is not None else set[str]()
        prior = old.prior_lifespan if old is not None else None
        await self._require_rights(new, found, old)
        await self._claim(call, new)
        done: list[str] = []
        try:
            if new.audience not in found.audiences:
                await call.log.status("adding the audience mapper")
                await self._set_audience(new, found.client_uuid)
                done.append("audience")
            if new.access_token_lifespan is not None and found.access_token_lifespan != new.access_token_lifespan:
                if "lifespan" not in made:
                    prior = str(found.access_token_lifespan) if found.access_token_lifespan else None
                wanted = {_LIFESPAN: str(new.access_token_lifespan)}
                await self._services.keycloak.set_client_attributes(new.realm, found.client_uuid, wanted)
                done.append("lifespan")
            if new.access_token_lifespan is None and "lifespan" in made:
                await self._services.keycloak.set_client_attributes(new.realm, found.client_uuid, {_LIFESPAN: prior})
                made, prior = made - {"lifespan"}, None
            if new.manages_users and not found.manages_users:
                await call.log.status("assigning the role manage-users")
                await self._assign(new, found.client_uuid)
                done.append("role")
        except KzeroScimError as error:
            if not done:
                raise
            left = found
            with contextlib.suppress(KzeroScimError):
                left = await self._look(new)
            # The state shows what exists, so that the next run adds the rest.
            lifespan = None if new.access_token_lifespan is None else left.access_token_lifespan
            state = replace(left, access_token_lifespan=lifespan, made=sorted(made | set(done)), prior_lifespan=prior)
            raise PartialFailureError(_id(new), state, str(error)) from error
        state = replace(await self._look(new) if done else found, made=sorted(made | set(done)), prior_lifespan=prior)
        if lost := _not_kept(state, new):
            reason = (
                f'KZero accepted the changes of client "{new.client_id}" in realm "{new.realm}", but does not show '
                f"{' and '.join(lost)}; compare them with the client in the console, then run `pulumi up` again"
            )
            raise PartialFailureError(_id(new), state, reason)
        return state if new.access_token_lifespan is not None else replace(state, access_token_lifespan=None)

    async def _set_audience(self, new: ScimApiClientInputs, uuid: str) -> None:
        keycloak = self._services.keycloak
        client = required_client(await keycloak.client(new.realm, new.client_id), new.realm, new.client_id)
        mapper: dict[str, Any] = {
            "name": MAPPER_NAME,
            "protocol": "openid-connect",
            "protocolMapper": _MAPPER_TYPE,
            "config": {
                _CUSTOM_AUDIENCE: new.audience,
                "access.token.claim": "true",
                "id.token.claim": "false",
                "introspection.token.claim": "true",
            },
        }
        held = next((item for item in client.get("protocolMappers") or [] if item["name"] == MAPPER_NAME), None)
        if held is None:
            await keycloak.add_mappers(new.realm, uuid, [mapper])
        else:
            config = {**(held.get("config") or {}), **mapper["config"]}  # keeps other settings
            await keycloak.update_mapper(new.realm, uuid, {**held, **mapper, "config": config})

    async def _assign(self, new: ScimApiClientInputs, uuid: str) -> None:
        accounts = self._services.accounts
        account, _ = await accounts.management_roles(new.realm, uuid, new.client_id)
        whose = f'client "{new.client_id}"'
        try:
            await accounts.assign_management_role(new.realm, account, native_scim.ROLE, whose, remove=False)
        except KeycloakError as error:
            if not error.is_forbidden:
                raise
            raise ProviderError(_unassignable(new)) from error

    async def _look(self, new: ScimApiClientInputs) -> ScimApiClientState:
        """Return what the client has.

        Raises:
            ProviderError: The client does not exist or has no service account.
        """
        answer = await self._services.keycloak.client(new.realm, new.client_id)
        client = required_client(answer, new.realm, new.client_id)
        roles = await self._roles(new, client)
        if roles is None:
            message = (
                f'client "{new.client_id}" of realm "{new.realm}" has no service account; turn on Client '
                "authentication and Service accounts roles in its Capability config"
            )
            raise ProviderError(message)
        return self._described(new, None, client, roles)

    async def _found(self, known: ScimApiClientInputs, old: ScimApiClientState | None) -> Reading[ScimApiClientState]:
        answer = await self._services.keycloak.client(known.realm, known.client_id)
        if not isinstance(answer, Present):
            return answer
        # A client that has lost its service account has lost its roles too.
        roles = await self._roles(known, answer.value) or []
        return Present(self._described(known, old, answer.value, roles))

    async def _roles(self, known: ScimApiClientInputs, client: Mapping[str, Any]) -> list[str] | None:
        """Return the roles of the client's service account, None without a service account."""
        try:
            _, roles = await self._services.accounts.management_roles(known.realm, client["id"], known.client_id)
        except KeycloakError as error:
            if error.status != _BAD_REQUEST or "service account" not in error.code.casefold():
                raise
            return None
        return roles

    @staticmethod
    def _described(
        known: ScimApiClientInputs, old: ScimApiClientState | None, client: Mapping[str, Any], roles: list[str]
    ) -> ScimApiClientState:
        audiences = [
            str(mapper["config"][_CUSTOM_AUDIENCE])
            for mapper in client.get("protocolMappers") or []
            if mapper.get("protocolMapper") == _MAPPER_TYPE
            and (mapper.get("config") or {}).get(_CUSTOM_AUDIENCE)
            and mapper["config"].get("access.token.claim") == "true"
        ]
        lifespan = (client.get("attributes") or {}).get(_LIFESPAN)
        shown = int(lifespan) if isinstance(lifespan, str) and lifespan.isdigit() else None
        if old is not None and old.access_token_lifespan is None:
            shown = None  # not managed, so not a difference
        audience = known.audience if known.audience in audiences else next(iter(sorted(audiences)), "")
        content = json.dumps([known.audience in audiences, sorted(roles), lifespan])
        return ScimApiClientState(
            realm=known.realm,
            client_id=known.client_id,
            audience=audience,
            manages_users=bool(native_scim.AUTHORISING_ROLES & set(roles)),
            access_token_lifespan=shown,
            client_uuid=str(client["id"]),
            audiences=sorted(audiences),
            roles=roles,
            made=[] if old is None else old.made,
            prior_lifespan=None if old is None else old.prior_lifespan,
            fingerprint=hashlib.sha256(content.encode()).hexdigest(),
        )


def _not_kept(state: ScimApiClientState, new: ScimApiClientInputs) -> list[str]:
    """Return what the client does not have after a change, in words."""
    return [
        *([f"audience {new.audience}"] if new.audience not in state.audiences else []),
        *([f"role {native_scim.ROLE}"] if new.manages_users and not state.manages_users else []),
        *(
            [f"access token lifespan {new.access_token_lifespan}"]
            if new.access_token_lifespan not in {None, state.access_token_lifespan}
            else []
        ),
    ]


def _changes_client(new: ScimApiClientInputs, found: ScimApiClientState, old: ScimApiClientState | None) -> bool:
    """Return whether the update changes the client's mapper or lifespan."""
    wanted = new.access_token_lifespan
    is_restored = wanted is None and old is not None and "lifespan" in old.made
    return (
        new.audience not in found.audiences
        or is_restored
        or (wanted is not None and wanted != found.access_token_lifespan)
    )


def _unassignable(new: ScimApiClientInputs) -> str:
    return (
        f'client "{new.client_id}" of realm "{new.realm}" lacks the role {native_scim.ROLE} of client '
        f"realm-management, and this account may not assign it. Assign it under Clients > {new.client_id} > Service "
        "accounts roles, or give this account the role, so that it may assign it"
    )


def _id(new: ScimApiClientInputs) -> str:
    return f"{new.realm}/{new.client_id}"
