"""``kzero:entra:SynchronizationCredentials``: the portal's Admin Credentials and provisioning settings.

https://learn.microsoft.com/graph/api/synchronization-serviceprincipal-put-synchronization
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar, Final
from urllib.parse import urlsplit

from kzero_scim.clients.graph.client import segment
from kzero_scim.clients.graph.graph_errors import unexpected
from kzero_scim.clients.graph.look_up import look_up_part, principal_path, require_gone
from kzero_scim.errors import GraphError, PartialFailureError, ProviderError
from kzero_scim.origin import origin
from kzero_scim.provider.entra.permission_check import SET_CREDENTIALS, require_permissions, warn_of_permissions
from kzero_scim.provider.entra.synchronization_credentials.changes import announce, refuse_whole_directory, try_out
from kzero_scim.provider.entra.synchronization_credentials.facts import FACTS
from kzero_scim.provider.entra.synchronization_credentials.model import (
    SynchronizationCredentialsInputs,
    SynchronizationCredentialsState,
)
from kzero_scim.provider.entra.synchronization_credentials.oauth2 import (
    OAUTH2_KEYS,
    client_fingerprint,
    oauth2_values,
)
from kzero_scim.provider.entra.synchronization_credentials.secret_keys import (
    ADDRESS,
    NOTIFICATION,
    SCOPE,
    TOKEN,
    Notification,
    body_of,
    decode_notification,
    keys_of,
    settings_fingerprint,
    visible,
)
from kzero_scim.provider.services import Services
from kzero_scim.resource.facts import Facts
from kzero_scim.resource.fingerprints import token_fingerprint
from kzero_scim.resource.formats import COMPLIANCE_FLAG, fold_id, is_email, is_guid, is_tenant_path, tenant_url
from kzero_scim.resource.model import (
    UNKNOWN,
    Call,
    Change,
    ChangeKind,
    Created,
    Failure,
    Found,
    Resource,
    compare,
    compare_ids,
    inputs_of,
    is_known,
    replacing,
)
from kzero_scim.resource.reading import Absent, Present, Unknown, observed

_SETTLING: Final = 30.0
"""Seconds in which Graph may still show the old keys."""


class SynchronizationCredentials(Resource[SynchronizationCredentialsInputs, SynchronizationCredentialsState]):
    """Tenant URL, token, scope, notification and deletion threshold of a service principal's provisioning.

    The resource owns the keys BaseAddress and SyncAll. It owns SecretToken, SyncNotificationSettings and the keys of an
    OAuth 2.0 client only if they are set.

    Graph shows which keys exist, but not their values. A refresh detects a key that was removed in the portal, but not
    a value that was changed there.

    Needs Application.ReadWrite.OwnedBy or Synchronization.ReadWrite.All.
    """

    token: ClassVar[str] = "kzero:entra:SynchronizationCredentials"  # noqa: S105 - a type token
    facts: ClassVar[Facts] = FACTS
    inputs = SynchronizationCredentialsInputs
    state = SynchronizationCredentialsState

    def __init__(self, services: Services) -> None:
        """Store the clients."""
        self._services = services

    @classmethod
    def fingerprint_of(cls, state: SynchronizationCredentialsState) -> tuple[str, str] | None:
        """Return the fingerprint of the settings without a token."""
        return "settingsFingerprint", settings_fingerprint(state.tenant_url, None, state.scope)

    async def check(
        self,
        call: Call,  # noqa: ARG002
        new: SynchronizationCredentialsInputs,
        old: SynchronizationCredentialsInputs | None,  # noqa: ARG002
    ) -> tuple[SynchronizationCredentialsInputs, list[Failure]]:
        """Refuse values that Entra or KZero would refuse. An empty token counts as no token."""
        failures: list[Failure] = []
        if new.service_principal_id is not UNKNOWN and not is_guid(new.service_principal_id):
            reason = f'"{new.service_principal_id}" is not an object ID (GUID); use the service principal\'s object ID'
            failures.append(Failure("servicePrincipalId", reason))
        if new.tenant_url is not UNKNOWN and (reason := _wrong_address(new.tenant_url)):
            failures.append(Failure("tenantUrl", reason))
        elif is_known(new.tenant_url) and new.allow_foreign_tenant_url is False:
            failures += self._foreign(new.tenant_url)
        token = new.secret_token
        if token is not UNKNOWN and token and token != token.strip():
            failures.append(Failure("secretToken", "has spaces or line breaks around it; remove them"))
        if token is not UNKNOWN and token and new.oauth2 is not None:
            failures.append(Failure("oauth2", "conflicts with secretToken; remove one"))
        email = new.notification_email
        if email is not UNKNOWN and email is not None and not is_email(email):
            failures.append(Failure("notificationEmail", f'"{email}" is not an email address; set exactly one'))
        threshold = new.deletion_threshold
        if threshold is not UNKNOWN and threshold is not None and threshold < 1:
            failures.append(Failure("deletionThreshold", f"{threshold} is below 1; remove it for no threshold"))
        if token is not UNKNOWN and not token:
            new = replace(new, secret_token=None)
        return new, failures

    async def diff(
        self,
        call: Call,  # noqa: ARG002
        id: str,  # noqa: A002, ARG002
        old: SynchronizationCredentialsState,
        new: SynchronizationCredentialsInputs,
    ) -> list[Change]:
        """Compare with what Entra was seen to have. Asks no service."""
        changes = [
            replacing(change)
            for change in compare_ids(old.service_principal_id, new.service_principal_id, "servicePrincipalId")
        ]
        changes += compare(old.tenant_url, new.tenant_url, "tenantUrl")
        changes += compare(old.secret_token, new.secret_token, "secretToken")
        changes += compare(old.oauth2, new.oauth2, "oauth2")
        changes += compare(old.scope, new.scope, "scope")
        changes += compare(old.notification_email, new.notification_email, "notificationEmail")
        changes += compare(old.deletion_threshold, new.deletion_threshold, "deletionThreshold")
        changes += [Change(f"missingKeys[{index}]", ChangeKind.DELETE) for index in range(len(old.missing_keys))]
        return changes

    async def plan(
        self, call: Call, new: SynchronizationCredentialsInputs, old: SynchronizationCredentialsState | None
    ) -> SynchronizationCredentialsState:
        """Return the state after the update, log what the change means, and warn of a missing permission.

        Raises:
            ProviderError: The scope would become the whole directory, and the run does not confirm it.
        """
        refuse_whole_directory(new, old)
        await warn_of_permissions(call, self._services.graph, SET_CREDENTIALS)
        await announce(call, new, old)
        state = await _state(new, {})
        return replace(state, unmanaged_keys=UNKNOWN if old is None else old.unmanaged_keys)

    async def create(
        self, call: Call, new: SynchronizationCredentialsInputs
    ) -> Created[SynchronizationCredentialsState]:
        """Set the keys.

        Raises:
            GraphError: Graph refused the request.
            ProviderError: The scope would become the whole directory, and the run does not confirm it.
            PartialFailureError: Entra accepted the keys but does not show all of them.
        """
        refuse_whole_directory(new, None)
        return Created(new.service_principal_id, await self._apply(call, new, None))

    async def update(
        self,
        call: Call,
        id: str,  # noqa: A002
        old: SynchronizationCredentialsState,
        new: SynchronizationCredentialsInputs,
    ) -> SynchronizationCredentialsState:
        """Set the keys, and remove those that are no longer wanted. Sends nothing if only the job's ID changed.

        Entra tests a changed Tenant URL or token before it is saved.

        Raises:
            GraphError: Graph refused the request.
            ProviderError: The scope would become the whole directory without a confirmation, or the new Tenant URL or
                token does not pass a connection test. Nothing was changed.
            PartialFailureError: Entra accepted the keys but does not show all of them.
        """
        if not await self.diff(call, id, old, new):
            return replace(old, job_id=new.job_id)
        refuse_whole_directory(new, old)
        return await self._apply(call, new, old)

    @observed
    async def read(
        self,
        call: Call,  # noqa: ARG002
        id: str,  # noqa: A002
        old: SynchronizationCredentialsState | None,
    ) -> Found[SynchronizationCredentialsInputs, SynchronizationCredentialsState] | Absent | Unknown:
        """Read which keys exist. The resource is absent if no owned key or no service principal exists.

        Entra usually hides the values. An import then has the Tenant URL of the provider's configuration as an input.

        Raises:
            ProviderError: The Tenant URL to import is hidden and does not follow from the configuration.
        """
        answer = await look_up_part(self._services.graph, principal_path(id), lambda: self._keys(id))
        if not isinstance(answer, Present):
            return answer
        keys = answer.value
        if not {ADDRESS, TOKEN, SCOPE, NOTIFICATION} & keys.keys():
            return Absent()
        state = await (_refreshed(old, keys) if old is not None else _imported(id, keys))
        inputs = SynchronizationCredentialsInputs(**inputs_of(SynchronizationCredentialsInputs, state))
        if old is None and not state.tenant_url:
            # The engine checks imported inputs. The state keeps the address empty, so that an update saves it.
            inputs = replace(inputs, tenant_url=self._configured_url(id))
        # Graph shows that the stack's token exists, and hides its value.
        return Found(id, inputs, state, unread=frozenset({"secretToken"} if state.secret_token else ()))

    async def delete(
        self,
        call: Call,  # noqa: ARG002
        id: str,  # noqa: A002
        old: SynchronizationCredentialsState,
    ) -> None:
        """Remove the owned keys. Other keys stay."""
        await self._remove(id, _names(old))

    async def give_up(
        self,
        call: Call,  # noqa: ARG002
        id: str,  # noqa: A002
        old: SynchronizationCredentialsState,
        new: SynchronizationCredentialsState,
    ) -> None:
        """Remove the keys that only the old settings own."""
        if rest := [key for key in _names(old) if key not in _names(new)]:
            await self._remove(id, rest)

    async def _remove(self, service_principal_id: str, keys: Sequence[str]) -> None:
        try:
            await self._services.graph.put(_path(service_principal_id), body_of(dict.fromkeys(keys, "")))
        except GraphError as error:
            await require_gone(self._services.graph, principal_path(service_principal_id), error)

    def _configured_url(self, service_principal_id: str) -> str:
        config = self._services.config
        if config.server_url and config.realm:
            return tenant_url(config.server_url, config.realm)
        message = (
            f"cannot import the provisioning credentials of service principal {service_principal_id}: Entra hides "
            "their Tenant URL. Set kzero:serverUrl and kzero:realm, which determine it, and import again. Or run "
            "`pulumi up` without an import, which writes the credentials"
        )
        raise ProviderError(message)

    def _foreign(self, tenant_url: str) -> list[Failure]:
        """Refuse an address at another server than the provider's serverUrl."""
        home = self._services.config.server_url
        if not home or origin(tenant_url) == origin(home):
            return []
        reason = (
            f'"{tenant_url}" is at another server than serverUrl ({home}). Entra would send its token and all users '
            "there; correct it, or set allowForeignTenantUrl"
        )
        return [Failure("tenantUrl", reason)]

    async def _apply(
        self,
        call: Call,
        new: SynchronizationCredentialsInputs,
        old: SynchronizationCredentialsState | None,
    ) -> SynchronizationCredentialsState:
        graph, sp = self._services.graph, new.service_principal_id
        await require_permissions(graph, SET_CREDENTIALS)
        values = _values(new)
        if new.oauth2 is not None:
            values |= await oauth2_values(self._services, new.oauth2)
        removed = [key for key in (_names(old) if old is not None else ()) if key not in values]
        before = await graph.consistent(lambda: self._keys(sp))
        is_others = TOKEN in before and TOKEN not in {*values, *removed}
        # A test would need the token that someone else has set, but its value cannot be read.
        if old is not None and not is_others:
            await call.log.status("testing the new credentials")
            await try_out(graph, new, old, values)
        if is_others:
            await call.log.warning(
                "Entra has a secret token that this stack did not set, and keeps sending it. Set secretToken, or clear "
                "the token in the portal"
            )
        body = body_of(values | dict.fromkeys(removed, ""))
        await graph.consistent(lambda: graph.put(_path(sp), body))
        after = await self._settle(sp, values, removed)
        if lost := sorted(before.keys() - after.keys() - set(removed)):
            message = f"Entra lost secrets that this stack did not set ({', '.join(lost)}); enter them in the portal"
            await call.log.warning(message)
        state = await _state(new, after)
        missing, left = values.keys() - after.keys(), [key for key in removed if key in after]
        if missing or left:
            said = " and ".join(
                part
                for part in (
                    f"does not show {', '.join(sorted(missing))}" if missing else "",
                    f"still shows {', '.join(left)}" if left else "",
                )
                if part
            )
            reason = f"Entra accepted the provisioning credentials of service principal {sp} but {said}"
            raise PartialFailureError(sp, await _refreshed(state, after), f"{reason}; run `pulumi up --refresh`")
        return state

    async def _settle(self, sp: str, values: Mapping[str, str], removed: list[str]) -> dict[str, str]:
        """Read the keys until Graph shows the new ones, or the time is up."""
        graph = self._services.graph
        latest: dict[str, str] = {}

        async def look() -> None:
            nonlocal latest
            latest = await self._keys(sp, fresh=True)
            if values.keys() - latest.keys() or latest.keys() & set(removed):
                message = "the keys are not there yet"
                raise GraphError(message, status=404)

        try:
            await graph.consistent(look, within=_SETTLING)
        except GraphError:
            if not latest:
                raise
        return latest

    async def _keys(self, service_principal_id: str, *, fresh: bool = False) -> dict[str, str]:
        path = _path(service_principal_id)
        document = await self._services.graph.get(path, fresh=fresh)
        if not isinstance(document.get("value"), list):
            raise unexpected(path, "something else where a list of keys belongs")
        return keys_of(document)


def _path(service_principal_id: str) -> str:
    return f"/servicePrincipals/{segment(service_principal_id)}/synchronization/secrets"


def _names(new: SynchronizationCredentialsInputs) -> list[str]:
    """Return the names of the keys that these settings own."""
    return [*_values(new), *(OAUTH2_KEYS if new.oauth2 is not None else ())]


def _values(new: SynchronizationCredentialsInputs) -> dict[str, str]:
    """Return the keys that these settings own, with their values, without those of an OAuth 2.0 client."""
    values = {ADDRESS: new.tenant_url, SCOPE: "true" if new.scope == "all" else "false"}
    if new.secret_token:
        values[TOKEN] = new.secret_token
    if notification := Notification(new.notification_email, new.deletion_threshold):
        values[NOTIFICATION] = notification.encode()
    return values


async def _state(new: SynchronizationCredentialsInputs, keys: Mapping[str, str]) -> SynchronizationCredentialsState:
    """Return the state with these settings in Entra. Unknown settings give unknown fingerprints."""
    if is_known(new.secret_token) and is_known(new.service_principal_id):
        # In a thread, because the hash takes 50 ms by design.
        salt = fold_id(new.service_principal_id)
        token: Any = await asyncio.to_thread(token_fingerprint, salt, new.secret_token)
    else:
        token = UNKNOWN
    settled = UNKNOWN
    if is_known([token, new.tenant_url, new.scope, new.oauth2]):
        settled = settings_fingerprint(new.tenant_url, token, new.scope, client_fingerprint(new.oauth2))
    return SynchronizationCredentialsState(
        **inputs_of(SynchronizationCredentialsInputs, new),
        secret_token_fingerprint=token,
        settings_fingerprint=settled,
        unmanaged_keys=sorted(keys.keys() - set(_names(new))) if keys else [],
    )


async def _refreshed(old: SynchronizationCredentialsState, keys: Mapping[str, str]) -> SynchronizationCredentialsState:
    """Return a state after a refresh. A missing key, or a visible value that differs, changes its property."""
    notification = Notification(old.notification_email, old.deletion_threshold)
    if NOTIFICATION not in keys:
        notification = Notification()
    elif notification and (shown := visible(NOTIFICATION, keys[NOTIFICATION])) is not None:
        notification = decode_notification(shown)
    token = old.secret_token if TOKEN in keys else None
    fingerprint = old.secret_token_fingerprint if token is not None else None
    address = (visible(ADDRESS, keys[ADDRESS]) or old.tenant_url) if ADDRESS in keys else ""
    scope = old.scope
    if (shown := visible(SCOPE, keys.get(SCOPE))) is not None:
        scope = "all" if shown.casefold() == "true" else "assigned"
    oauth2 = old.oauth2 if set(OAUTH2_KEYS) <= keys.keys() else None
    settled = settings_fingerprint(address, fingerprint, scope if SCOPE in keys else None, client_fingerprint(oauth2))
    return replace(
        old,
        tenant_url=address,
        secret_token=token,
        oauth2=oauth2,
        scope=scope,
        notification_email=notification.email,
        deletion_threshold=notification.deletion_threshold,
        secret_token_fingerprint=fingerprint,
        settings_fingerprint=settled,
        # The other keys, if missing, change their own properties.
        missing_keys=[SCOPE] if SCOPE not in keys else [],
        unmanaged_keys=sorted(keys.keys() - set(_names(old))),
    )


async def _imported(service_principal_id: str, keys: Mapping[str, str]) -> SynchronizationCredentialsState:
    """Return the state of an import. The values are hidden, so the program must set them."""
    notification = decode_notification(keys.get(NOTIFICATION, ""))
    inputs = SynchronizationCredentialsInputs(
        service_principal_id=service_principal_id,
        tenant_url=visible(ADDRESS, keys.get(ADDRESS)) or "",
        scope="all" if (visible(SCOPE, keys.get(SCOPE)) or "").casefold() == "true" else "assigned",
        notification_email=notification.email,
        deletion_threshold=notification.deletion_threshold,
    )
    return await _state(inputs, keys)


def _wrong_address(url: str) -> str:
    """Return why a Tenant URL is wrong, or ``""`` if it is right."""
    try:
        parts = urlsplit(url)
        host = parts.hostname
        _ = parts.port
    except ValueError:
        return f'"{url}" is not a URL; use https://<host>/realms/<tenant>/scim/v2'
    if parts.username or parts.password:
        return "must not contain a user name or password; remove them"
    if parts.scheme != "https" or not host:
        return f'"{url}" must start with https:// and a host, because Entra sends credentials there'
    if not is_tenant_path(parts.path) or parts.fragment:
        return f'"{url}" must have the path /realms/<tenant>/scim/v2; copy it from KZero: Integrations > SCIM'
    if parts.query not in {"", COMPLIANCE_FLAG, f"{COMPLIANCE_FLAG}=true"}:
        return f'"{url}" has the query "{parts.query}"; only ?{COMPLIANCE_FLAG} is known, or none'
    return ""
