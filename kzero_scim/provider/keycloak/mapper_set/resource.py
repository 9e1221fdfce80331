"""``kzero:keycloak:MapperSet``: the mappers of the client that interprets provisioning requests."""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Collection
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar, Final

from kzero_scim.errors import (
    NO_REALM,
    KeycloakError,
    KzeroScimError,
    MissingRightError,
    PartialFailureError,
    ProviderError,
)
from kzero_scim.guide import values
from kzero_scim.keycloak.protocol_mapper import MapperPlan, Representation, is_escaped, plan_mappers, row_of, unmanaged
from kzero_scim.keycloak.user_profile import explanation
from kzero_scim.provider.keycloak.mapper_set.changes import announce_first, announce_update
from kzero_scim.provider.keycloak.mapper_set.facts import FACTS
from kzero_scim.provider.keycloak.mapper_set.model import MapperSetInputs, MapperSetState
from kzero_scim.provider.keycloak.missing_client import missing_client, required_client
from kzero_scim.provider.keycloak.owner import claim, release, require_ours
from kzero_scim.provider.keycloak.role_check import may_only_read, needed_roles, warn_of_roles
from kzero_scim.resource.facts import Facts
from kzero_scim.resource.model import (
    UNKNOWN,
    Call,
    Change,
    ChangeKind,
    Created,
    Failure,
    Found,
    Resource,
    Sides,
    as_plain,
    compare,
    inputs_of,
    is_known,
    path_key,
    replacing,
)
from kzero_scim.resource.paths import parse_path
from kzero_scim.resource.reading import Absent, Present, Reading, Unknown, observed
from kzero_scim.settings.items import Mapper, repeated_claims, unescaped
from kzero_scim.settings.moves import is_left_behind, moved_from

if TYPE_CHECKING:
    from kzero_scim.provider.services import Services

LONGEST_NAME: Final = 255
"""Most characters of a mapper's name in Keycloak."""


class MapperSet(Resource[MapperSetInputs, MapperSetState]):
    """The User Attribute mappers of one client, read and compared as one set.

    The resource owns the listed mappers, and nothing else of the client.

    Needs the role view-clients of client realm-management in the tenant's realm, and manage-clients to change mappers.
    """

    token: ClassVar[str] = "kzero:keycloak:MapperSet"  # noqa: S105 - a type token
    facts: ClassVar[Facts] = FACTS
    inputs = MapperSetInputs
    state = MapperSetState

    def __init__(self, services: Services) -> None:
        """Store the clients."""
        self._services = services

    @classmethod
    def changed_objects(cls, sides: Sides, change: Change) -> list[str] | None:
        """Return Keycloak's IDs of the mapper. The ID of an unmanaged mapper is not known."""
        steps = parse_path(change.path)
        if steps[:1] == ("unmanaged",):
            return None
        if steps[:1] != ("mappers",) or len(steps) == 1:
            return []
        ids = [(getattr(side, "mapper_ids", None) or {}).get(steps[1]) for side in (sides.state, sides.found)]
        return [key for key in ids if key] or None

    @classmethod
    def fingerprint_of(cls, state: MapperSetState) -> tuple[str, str] | None:
        """Return the fingerprint of the mappers."""
        return "fingerprint", mappers_fingerprint(state)

    async def check(
        self,
        call: Call,  # noqa: ARG002
        new: MapperSetInputs,
        old: MapperSetInputs | None,  # noqa: ARG002
    ) -> tuple[MapperSetInputs, list[Failure]]:
        """Refuse empty names, claims and attributes, and claims that two mappers write."""
        failures = [
            Failure(path, "must not be empty")
            for path, value in (("realm", new.realm), ("clientId", new.client_id))
            if value is not UNKNOWN and not value.strip()
        ]
        if new.mappers is UNKNOWN:
            return new, failures
        for name, mapper in new.mappers.items():
            path = f"mappers{path_key(name)}"
            if not name.strip() or name != name.strip() or len(name) > LONGEST_NAME:
                reason = f"a mapper's name must have 1 to {LONGEST_NAME} characters, without spaces around it"
                failures.append(Failure(path, reason))
            if name.endswith("\\"):
                reason = "a mapper's name must not end in a backslash, because of Pulumi's property paths; rename it"
                failures.append(Failure("mappers", reason))
            if mapper is not UNKNOWN:
                failures += _mapper_failures(path, mapper)
        for name, other in repeated_claims(new.mappers):
            reason = f'mapper "{other}" already writes the claim "{new.mappers[name].claim}"; remove one of the two'
            failures.append(Failure(f"mappers{path_key(name)}.claim", reason))
        return new, failures

    async def diff(
        self,
        call: Call,  # noqa: ARG002
        id: str,  # noqa: A002, ARG002
        old: MapperSetState,
        new: MapperSetInputs,
    ) -> list[Change]:
        """Compare mapper by mapper and property by property. Asks no service."""
        changes = [replacing(change) for change in compare(old.realm, new.realm, "realm")]
        changes += [replacing(change) for change in compare(old.client_id, new.client_id, "clientId")]
        changes += compare(_shown(old), _shown(new), "mappers")
        changes += compare(old.exclusive, new.exclusive, "exclusive")
        changes += compare(old.escape_dots, new.escape_dots, "escapeDots")
        if old.server_url is not None and moved_from(old.server_url, self._services.config.server_url):
            changes.append(Change("serverUrl"))
        if new.exclusive is True:
            changes += [Change(f"unmanaged[{index}]", ChangeKind.DELETE) for index in range(len(old.unmanaged))]
        return changes

    async def plan(self, call: Call, new: MapperSetInputs, old: MapperSetState | None) -> MapperSetState:
        """Return the state after the update, and check the realm and the client. Warns if the update needs a role.

        Raises:
            ProviderError: The realm does not exist, or the account may not see the client.
        """
        uuid: Any = UNKNOWN if old is None else old.client_uuid
        ids: Any = UNKNOWN
        others: Any = UNKNOWN
        if is_known(new.realm) and is_known(new.client_id):
            answer = await self._client(new.realm, new.client_id)
            # Not an error yet: KZero creates the client when a person enables the endpoint, perhaps in this run.
            if isinstance(answer, Absent):
                await call.log.warning(missing_client(new.realm, new.client_id))
                keycloak = self._services.keycloak
                await warn_of_roles(call, keycloak, new.realm, _purpose(new.client_id), "manage-clients")
            elif isinstance(answer, Unknown):
                await call.log.warning(answer.reason)
            else:
                client = answer.value
                await self._services.keycloak.check_server(new.realm)
                require_ours(call.urn, new.realm, client)
                uuid, actual = client["id"], client["protocolMappers"]
                if is_known(new):
                    plan = _plan(actual, new, old)
                    if plan and may_only_read(client):
                        keycloak = self._services.keycloak
                        note = needed_roles(keycloak, new.realm, _purpose(new.client_id), ["manage-clients"])
                        await call.log.warning(note)
                    await self._warn_of_dropped(call, new)
                    if old is None:
                        await announce_first(call, actual, new, plan)
                    else:
                        await announce_update(call, plan)
                if new.mappers is not UNKNOWN:
                    existing = {mapper["name"]: mapper["id"] for mapper in actual}
                    ids = {name: existing.get(name, UNKNOWN) for name in new.mappers}
                    others = [] if new.exclusive is True else unmanaged(actual, {*new.mappers, *_owned(old)})
        return MapperSetState(
            **inputs_of(MapperSetInputs, new),
            client_uuid=uuid,
            mapper_ids=ids,
            unmanaged=others,
            fingerprint=mappers_fingerprint(new) if is_known(new) else UNKNOWN,
            server_url=self._services.keycloak.server_url,
        )

    async def create(self, call: Call, new: MapperSetInputs) -> Created[MapperSetState]:
        """Write the client's mappers. Existing mappers with the same names are adopted.

        Raises:
            ProviderError: The client does not exist.
            PartialFailureError: Some mappers were written.
        """
        return Created(_id(new), await self._apply(call, new, None))

    @observed
    async def read(
        self,
        call: Call,
        id: str,  # noqa: A002
        old: MapperSetState | None,
    ) -> Found[MapperSetInputs, MapperSetState] | Absent | Unknown:
        """Read the client once. An import owns all of its User Attribute mappers."""
        realm, client_id = _split(id)
        keycloak = self._services.keycloak
        if old is None:
            await keycloak.check_realm(realm)
        try:
            answer = await keycloak.client(realm, client_id)
        except KeycloakError as error:
            if error.code == NO_REALM and old is not None:
                return Absent()
            raise
        if not isinstance(answer, Present):
            return answer
        client = answer.value
        actual = client.get("protocolMappers") or []
        if old is None:
            require_ours(call.urn, realm, client)
            owned = {mapper["name"] for mapper in actual if row_of(mapper) is not None}
            inputs = MapperSetInputs(realm=realm, client_id=client_id, mappers={})
        else:
            owned = set(old.mappers)
            inputs = MapperSetInputs(**inputs_of(MapperSetInputs, old))
        state = self._described(client["id"], actual, inputs, owned)
        return Found(id, MapperSetInputs(**inputs_of(MapperSetInputs, state)), state)

    async def update(
        self,
        call: Call,
        id: str,  # noqa: A002, ARG002
        old: MapperSetState,
        new: MapperSetInputs,
    ) -> MapperSetState:
        """Write only the mappers that differ from the client's mappers now."""
        return await self._apply(call, new, old)

    async def delete(
        self,
        call: Call,
        id: str,  # noqa: A002, ARG002
        old: MapperSetState,
    ) -> None:
        """Delete the owned mappers that the client still has and the stack's mark, and nothing else.

        Raises:
            ProviderError: Another stack manages the client now, or the account may not change it.
        """
        client = await self._remove(call, old)
        if client is not None:
            await release(self._services.keycloak, old.realm, client)

    async def _remove(self, call: Call, old: MapperSetState) -> Representation | None:
        """Delete the owned mappers, and return the client as it was before, None if it does not exist."""
        keycloak = self._services.keycloak
        try:
            answer = await keycloak.client(old.realm, old.client_id)
        except KeycloakError as error:
            if is_left_behind(self._services.config.realm, old.realm):
                names = ", ".join(sorted(old.mappers))
                note = (
                    f'the mappers {names} of client "{old.client_id}" stay in realm "{old.realm}", which this stack '
                    f"has left: {error}"
                )
                await call.log.warning(note)
                return None
            if error.code != NO_REALM:
                raise
            note = f"no mappers to delete: {error}"
            await call.log.warning(note)
            return None
        if isinstance(answer, Absent):
            return None
        client = required_client(answer, old.realm, old.client_id)
        require_ours(call.urn, old.realm, client, is_deletion=True)
        plan = plan_mappers(client.get("protocolMappers") or [], {}, drop=set(old.mappers))
        self._refuse_without_role(client, plan, old.realm)
        for mapper in plan.delete:
            await keycloak.delete_mapper(old.realm, client["id"], mapper)
        return client

    async def give_up(self, call: Call, id: str, old: MapperSetState, new: MapperSetState) -> None:  # noqa: A002, ARG002
        """Delete the mappers that only the old set has."""
        rest = {name: mapper for name, mapper in old.mappers.items() if name not in new.mappers}
        if rest:
            await self._remove(call, replace(old, mappers=rest))

    async def _apply(self, call: Call, new: MapperSetInputs, old: MapperSetState | None) -> MapperSetState:
        """Read the client, write the mappers that differ, and read them back."""
        client = await self._required(new)
        require_ours(call.urn, new.realm, client)
        plan = _plan(client["protocolMappers"], new, old)
        self._refuse_without_role(client, plan, new.realm)
        await claim(self._services.keycloak, call.urn, new.realm, client)
        if not plan:
            return self._described(client["id"], client["protocolMappers"], new, set(new.mappers))
        names = sorted(mapper["name"] for mapper in (*plan.update, *plan.add, *plan.delete))
        note = f"writing the mappers {', '.join(names)}"
        await call.log.status(note)
        done: list[str] = []
        try:
            await self._write(new.realm, client["id"], plan, done)
            client = await self._required(new)
        except KzeroScimError as error:
            if not done:
                raise
            state = await self._left(client, new, old)
            written = ", ".join(sorted(done))
            reason = f"only the mappers {written} were written; run `pulumi up` again to write the others: {error}"
            raise PartialFailureError(_id(new), state, reason) from error
        return self._described(client["id"], client["protocolMappers"], new, set(new.mappers))

    async def _write(self, realm: str, uuid: str, plan: MapperPlan, done: list[str]) -> None:
        keycloak = self._services.keycloak
        for mapper in plan.update:
            await keycloak.update_mapper(realm, uuid, mapper)
            done.append(mapper["name"])
        if plan.add:
            await keycloak.add_mappers(realm, uuid, plan.add)
            done += [mapper["name"] for mapper in plan.add]
        for mapper in plan.delete:
            await keycloak.delete_mapper(realm, uuid, mapper)
            done.append(mapper["name"])

    async def _left(self, client: Representation, new: MapperSetInputs, old: MapperSetState | None) -> MapperSetState:
        """Return the state after a failed update, from a new read or else from the last one."""
        with contextlib.suppress(KzeroScimError):
            client = await self._required(new)
        return self._described(client["id"], client["protocolMappers"], new, {*new.mappers, *_owned(old)})

    def _described(
        self, uuid: str, actual: list[Representation], inputs: MapperSetInputs, owned: Collection[str]
    ) -> MapperSetState:
        return replace(_described(uuid, actual, inputs, owned), server_url=self._services.keycloak.server_url)

    async def _client(self, realm: str, client_id: str) -> Reading[Representation]:
        keycloak = self._services.keycloak
        await keycloak.check_realm(realm)
        answer = await keycloak.client(realm, client_id)
        if not isinstance(answer, Present):
            return answer
        return Present({**answer.value, "protocolMappers": answer.value.get("protocolMappers") or []})

    async def _required(self, new: MapperSetInputs) -> Representation:
        return required_client(await self._client(new.realm, new.client_id), new.realm, new.client_id)

    async def _warn_of_dropped(self, call: Call, new: MapperSetInputs) -> None:
        """Warn of user attributes that the realm would drop, whatever the mappers say."""
        # Slow to import, and only previews of changes need it.
        from kzero_scim.clients.keycloak.accounts import KeycloakAccounts  # noqa: PLC0415

        names = [mapper.user_attribute for mapper in new.mappers.values()]
        if dropped := await KeycloakAccounts(self._services.keycloak).dropped_attributes(new.realm, names):
            await call.log.warning(explanation(new.realm, dropped))

    @staticmethod
    def _refuse_without_role(client: Representation, plan: MapperPlan, realm: str) -> None:
        """Raise an error before the first write if the account may only read."""
        if plan and may_only_read(client):
            message = (
                f'cannot change client "{client["clientId"]}" of realm "{realm}": the account may only read it. Give '
                "the account the role manage-clients of client realm-management"
            )
            raise MissingRightError(message)


def _purpose(client_id: str) -> str:
    return f'change the mappers of client "{client_id}"'


def _mapper_failures(path: str, mapper: Mapper) -> list[Failure]:
    return [
        Failure(f"{path}.{field}", "must not be empty")
        for field, value in (("userAttribute", mapper.user_attribute), ("claim", mapper.claim))
        if value is not UNKNOWN and not value.strip()
    ]


def _plan(actual: list[Representation], new: MapperSetInputs, old: MapperSetState | None) -> MapperPlan:
    return plan_mappers(actual, new.mappers, drop=_owned(old), exclusive=new.exclusive, escape_dots=new.escape_dots)


def _owned(old: MapperSetState | None) -> set[str]:
    return set() if old is None else set(old.mappers)


def _described(
    uuid: str, actual: list[Representation], inputs: MapperSetInputs, owned: Collection[str]
) -> MapperSetState:
    """Return the state of the owned mappers that exist.

    If dots should be escaped but are not, the state shows the option as off, so that the diff includes it.
    """
    escape_dots = inputs.escape_dots and is_escaped(actual, owned)
    existing = {mapper["name"]: mapper for mapper in actual if row_of(mapper) is not None}
    rows: dict[str, Mapper] = {}
    ids: dict[str, str] = {}
    for name in (name for name in (*inputs.mappers, *sorted(set(owned) - set(inputs.mappers))) if name in existing):
        row = row_of(existing[name], escape_dots=escape_dots)
        if row is not None:
            rows[name], ids[name] = row, existing[name]["id"]
    shown = MapperSetInputs(**{**inputs_of(MapperSetInputs, inputs), "mappers": rows, "escape_dots": escape_dots})
    return MapperSetState(
        **inputs_of(MapperSetInputs, shown),
        client_uuid=uuid,
        mapper_ids=ids,
        unmanaged=unmanaged(actual, owned),
        fingerprint=mappers_fingerprint(shown),
    )


def _shown(inputs: MapperSetInputs) -> Any:  # noqa: ANN401 - rows, or UNKNOWN
    """Return the rows for comparison, with unescaped claims if the option escapes them."""
    plain = as_plain(inputs.mappers)
    if inputs.escape_dots is not True or plain is UNKNOWN:
        return plain
    for row in plain.values():
        if row is not UNKNOWN and isinstance(row["claim"], str):
            row["claim"] = unescaped(row["claim"])
    return plain


def mappers_fingerprint(inputs: MapperSetInputs) -> str:
    """Return a hash of the mappers."""
    content = json.dumps([inputs.realm, inputs.client_id, _shown(inputs), inputs.escape_dots], sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()


def _id(inputs: MapperSetInputs) -> str:
    return f"{inputs.realm}/{inputs.client_id}"


def _split(id: str) -> tuple[str, str]:  # noqa: A002 - the engine's word
    """Return realm and client ID from ``<realm>/<clientId>``. Only the client ID may contain a slash."""
    realm, slash, client_id = id.partition("/")
    if not realm or not slash or not client_id:
        message = f'the ID "{id}" must have the form <realm>/<clientId>, for example Contoso/{values.CLIENT_ID}'
        raise ProviderError(message)
    return realm, client_id
