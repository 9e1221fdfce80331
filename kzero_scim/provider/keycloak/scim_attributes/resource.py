"""``kzero:keycloak:ScimAttributes``: adds attributes that Keycloak's own SCIM API stores.

In the realm's user profile, an attribute's annotation ``kc.scim.schema.attribute`` names its SCIM attribute:
https://www.keycloak.org/docs/latest/server_admin/ (SCIM API).
"""

from __future__ import annotations

import copy
import hashlib
import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar

from kzero_scim.errors import NO_REALM, KeycloakError
from kzero_scim.keycloak.native_scim import ALWAYS, ANNOTATION
from kzero_scim.provider.keycloak.role_check import require_roles, warn_of_roles
from kzero_scim.provider.keycloak.scim_attributes.facts import FACTS
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
    is_known,
    path_key,
    prop,
    replacing,
)
from kzero_scim.resource.reading import Absent, Unknown, observed

if TYPE_CHECKING:
    from kzero_scim.provider.services import Services

Representation = dict[str, Any]
_CORE = frozenset(kept.user_attribute for kept in ALWAYS.values())


@dataclass(frozen=True, kw_only=True)
class ScimAttributesInputs:
    """The wanted attributes."""

    realm: str = prop("Name of the tenant (realm), case-sensitive.", replace=True)
    attributes: dict[str, str] = prop("SCIM attribute by user attribute, for example `urn:...:User:tag` by `tag`.")


@dataclass(frozen=True, kw_only=True)
class ScimAttributesState(ScimAttributesInputs):
    """The existing attributes."""

    created: list[str] = prop("User attributes that this resource added to the user profile.", default_factory=list)
    prior: dict[str, str] = prop("Annotations before the change, by user attribute.", default_factory=dict)
    fingerprint: str = prop("Hash of the attributes. Use it as a trigger.")


class ScimAttributes(Resource[ScimAttributesInputs, ScimAttributesState]):
    """Annotations in a realm's user profile, and the user attributes that they need.

    The rest of the profile stays unchanged. Only administrators can see and edit an added attribute.

    Needs the role view-realm of client realm-management, and manage-realm to change attributes.

    Args:
        services: The clients.
    """

    token: ClassVar[str] = "kzero:keycloak:ScimAttributes"  # noqa: S105 - a type token
    facts: ClassVar[Facts] = FACTS
    inputs = ScimAttributesInputs
    state = ScimAttributesState

    def __init__(self, services: Services) -> None:
        """Store the clients."""
        self._services = services

    async def check(
        self,
        call: Call,  # noqa: ARG002
        new: ScimAttributesInputs,
        old: ScimAttributesInputs | None,  # noqa: ARG002
    ) -> tuple[ScimAttributesInputs, list[Failure]]:
        """Refuse attributes that Keycloak maps itself, and two user attributes for one SCIM attribute."""
        failures: list[Failure] = []
        if new.attributes is UNKNOWN:
            return new, failures
        seen: dict[str, str] = {}
        for name, target in new.attributes.items():
            path = f"attributes{path_key(name)}"
            if name in _CORE or not name.strip():
                failures.append(Failure(path, "is mapped by Keycloak itself; remove it"))
            elif target is not UNKNOWN:
                if not target.strip():
                    failures.append(Failure(path, "must name a SCIM attribute"))
                other = seen.setdefault(target.casefold(), name)
                if other != name:
                    failures.append(Failure(path, f'stores "{target}", which {other} already stores; remove one'))
        return new, failures

    async def diff(
        self,
        call: Call,  # noqa: ARG002
        id: str,  # noqa: A002, ARG002
        old: ScimAttributesState,
        new: ScimAttributesInputs,
    ) -> list[Change]:
        """Compare attribute by attribute. Asks no service."""
        changes = [replacing(change) for change in compare(old.realm, new.realm, "realm")]
        return changes + compare(old.attributes, new.attributes, "attributes")

    async def plan(self, call: Call, new: ScimAttributesInputs, old: ScimAttributesState | None) -> ScimAttributesState:
        """Return the state after the update, and check that the user profile can be read. Warns of a missing role."""
        if is_known(new.realm):
            held = _annotations(await self._services.accounts.user_profile(new.realm))
            await self._services.keycloak.check_server(new.realm)
            owned = {} if old is None else old.attributes
            if new.attributes is UNKNOWN or owned.keys() - new.attributes or new.attributes.items() - held.items():
                purpose = "change the user profile"
                await warn_of_roles(call, self._services.keycloak, new.realm, purpose, "manage-realm")
        return ScimAttributesState(
            realm=new.realm,
            attributes=new.attributes,
            created=UNKNOWN,
            prior=UNKNOWN,
            fingerprint=_fingerprint(new.attributes) if is_known(new.attributes) else UNKNOWN,
        )

    async def create(self, call: Call, new: ScimAttributesInputs) -> Created[ScimAttributesState]:
        """Add the missing attributes and the annotations."""
        return Created(new.realm, await self._apply(call, new, None))

    @observed
    async def read(
        self,
        call: Call,  # noqa: ARG002
        id: str,  # noqa: A002
        old: ScimAttributesState | None,
    ) -> Found[ScimAttributesInputs, ScimAttributesState] | Absent | Unknown:
        """Read the user profile, with one request. An import adopts all annotations."""
        if old is None:
            await self._services.keycloak.check_realm(id)
        try:
            held = _annotations(await self._services.accounts.user_profile(id))
        except KeycloakError as error:
            if error.code == NO_REALM and old is not None:
                return Absent()
            raise
        owned = held if old is None else {name: held[name] for name in old.attributes if name in held}
        state = ScimAttributesState(
            realm=id,
            attributes=owned,
            created=[] if old is None else old.created,
            prior={} if old is None else old.prior,
            fingerprint=_fingerprint(owned),
        )
        return Found(id, ScimAttributesInputs(realm=id, attributes=owned), state)

    async def update(
        self,
        call: Call,
        id: str,  # noqa: A002, ARG002
        old: ScimAttributesState,
        new: ScimAttributesInputs,
    ) -> ScimAttributesState:
        """Annotate the wanted attributes, and restore those that are no longer wanted."""
        return await self._apply(call, new, old)

    def inherit(self, old: ScimAttributesState, new: ScimAttributesState) -> ScimAttributesState:
        """Keep what the old state records about the attributes before this resource changed them."""
        created = [name for name in old.created if name in new.attributes]
        prior = {name: value for name, value in old.prior.items() if name in new.attributes}
        prior |= {name: value for name, value in new.prior.items() if name not in old.attributes}
        return replace(new, created=sorted({*created, *new.created}), prior=prior)

    async def give_up(self, call: Call, id: str, old: ScimAttributesState, new: ScimAttributesState) -> None:  # noqa: A002, ARG002
        """Restore the attributes that only the old state has."""
        await self._apply(call, ScimAttributesInputs(realm=old.realm, attributes=new.attributes), old)

    async def delete(
        self,
        call: Call,
        id: str,  # noqa: A002, ARG002
        old: ScimAttributesState,
    ) -> None:
        """Restore all attributes. Added attributes are removed, but users keep their values."""
        try:
            await self._apply(call, ScimAttributesInputs(realm=old.realm, attributes={}), old)
        except KeycloakError as error:
            if error.code != NO_REALM:
                raise

    async def _apply(
        self, call: Call, new: ScimAttributesInputs, old: ScimAttributesState | None
    ) -> ScimAttributesState:
        await require_roles(self._services.keycloak, new.realm, "the user profile needs", "manage-realm")
        await call.log.status("writing the user profile")
        async with self._services.keycloak.writing(new.realm, "user profile"):
            return await self._write(new, old)

    async def _write(self, new: ScimAttributesInputs, old: ScimAttributesState | None) -> ScimAttributesState:
        accounts = self._services.accounts
        profile = await accounts.user_profile(new.realm)
        created = set(old.created) if old is not None else set[str]()
        prior = dict(old.prior) if old is not None else {}
        changed = copy.deepcopy(profile)
        rows: list[Representation] = changed.setdefault("attributes", [])
        for name in [name for name in (old.attributes if old is not None else {}) if name not in new.attributes]:
            if name in created:
                rows[:] = [row for row in rows if row.get("name") != name]
                created.discard(name)
            else:
                _annotate(rows, name, prior.pop(name, None))
        held = _annotations(profile)
        for name, target in new.attributes.items():
            if name not in {row.get("name") for row in rows}:
                admin_only = {"view": ["admin"], "edit": ["admin"]}
                rows.append({"name": name, "displayName": name, "permissions": admin_only, "multivalued": False})
                created.add(name)
            elif name in held and name not in prior and (old is None or name not in old.attributes):
                prior[name] = held[name]
            _annotate(rows, name, target)
        if changed != profile:
            await accounts.set_user_profile(new.realm, changed)
        return ScimAttributesState(
            realm=new.realm,
            attributes=dict(new.attributes),
            created=sorted(created),
            prior=prior,
            fingerprint=_fingerprint(new.attributes),
        )


def _annotations(profile: Representation) -> dict[str, str]:
    """Return the SCIM attribute by user attribute, for the annotated attributes."""
    pairs = (
        (str(row["name"]), (row.get("annotations") or {}).get(ANNOTATION)) for row in profile.get("attributes") or []
    )
    return {name: str(target) for name, target in pairs if target and name not in _CORE}


def _annotate(rows: list[Representation], name: str, target: str | None) -> None:
    for row in rows:
        if row.get("name") != name:
            continue
        annotations = dict(row.get("annotations") or {})
        if target is None:
            annotations.pop(ANNOTATION, None)
        else:
            annotations[ANNOTATION] = target
        if annotations or "annotations" in row:
            row["annotations"] = annotations


def _fingerprint(attributes: dict[str, str]) -> str:
    return hashlib.sha256(json.dumps(attributes, sort_keys=True).encode()).hexdigest()
