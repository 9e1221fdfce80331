"""``kzero:keycloak:ScimEndpoint``: the SCIM endpoint of a KZero tenant."""

from __future__ import annotations

import asyncio
import dataclasses
import hashlib
import json
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Final

from kzero_scim.clients.scim import Answer, Meaning
from kzero_scim.errors import NO_REALM, KeycloakError, PartialFailureError, ProviderError, ScimError
from kzero_scim.guide import values
from kzero_scim.keycloak.endpoint_settings import (
    differing_inputs,
    recognised_preset,
    switched_off,
    understand,
    wanted_attributes,
)
from kzero_scim.provider.keycloak.scim_endpoint.attributes import EndpointAttributes, names_of, settings_of
from kzero_scim.provider.keycloak.scim_endpoint.checks import attribute_failures, tenant_failures
from kzero_scim.provider.keycloak.scim_endpoint.dashboard_steps import (
    CHANGED_PROFILE,
    changed_settings,
    instructions,
    left_as_it_is,
    settings_to_enter,
    switch_off,
)
from kzero_scim.provider.keycloak.scim_endpoint.facts import FACTS
from kzero_scim.provider.keycloak.scim_endpoint.model import EndpointAnswer, ScimEndpointInputs, ScimEndpointState
from kzero_scim.resource.facts import Facts
from kzero_scim.resource.formats import same_id
from kzero_scim.resource.model import (
    UNKNOWN,
    AdminEvents,
    Call,
    Change,
    Created,
    Failure,
    Found,
    Resource,
    camel,
    compare,
    compare_ids,
    inputs_of,
    is_known,
    replacing,
)
from kzero_scim.resource.reading import Absent, Unknown, observed
from kzero_scim.settings.moves import is_left_behind, moved_from

if TYPE_CHECKING:
    from kzero_scim.provider.services import Services

POLL_INTERVAL: Final = 5.0
"""Seconds between two checks while waiting for the endpoint."""
LONGEST_WAIT: Final = 24 * 3600
"""Largest value of ``activationTimeout``, in seconds."""


class ScimEndpoint(Resource[ScimEndpointInputs, ScimEndpointState]):
    """The SCIM endpoint of one KZero tenant, turned on by a person in the dashboard or through attributes.

    KZero publishes no API for its dashboard page Integrations > SCIM. With activation console, the resource writes
    nothing and needs no credentials. A deletion keeps the endpoint, and logs how to turn it off.

    With activation attributes, the resource needs the role manage-realm of client realm-management (manage-clients for
    holder client). A deletion turns the endpoint off.

    Args:
        services: The clients.
        poll_interval: Seconds between two checks.
        sleep: Waits for some seconds.
    """

    token: ClassVar[str] = "kzero:keycloak:ScimEndpoint"  # noqa: S105 - a type token
    facts: ClassVar[Facts] = FACTS
    inputs = ScimEndpointInputs
    state = ScimEndpointState

    def __init__(
        self,
        services: Services,
        *,
        poll_interval: float = POLL_INTERVAL,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        """Store the clients."""
        self._services = services
        self._poll_interval = poll_interval
        self._sleep = sleep

    @classmethod
    def admin_events(cls, state: ScimEndpointState) -> AdminEvents | None:
        """Return the events on the settings' holder. No known events show what a person enters in the dashboard."""
        if state.activation != "attributes":
            return None
        if state.attribute_holder == "client":
            return AdminEvents(("CLIENT",), client_id=values.CLIENT_ID)
        return super().admin_events(state)

    @classmethod
    def fingerprint_of(cls, state: ScimEndpointState) -> tuple[str, str] | None:
        """Return the fingerprint of the settings."""
        return "settingsFingerprint", str(endpoint_fingerprint(state))

    async def check(
        self,
        call: Call,  # noqa: ARG002
        new: ScimEndpointInputs,
        old: ScimEndpointInputs | None,  # noqa: ARG002
    ) -> tuple[ScimEndpointInputs, list[Failure]]:
        """Check the tenant ID against the profile, and the attribute settings against the activation."""
        failures = []
        if new.realm is not UNKNOWN and not new.realm.strip():
            failures.append(Failure("realm", "must not be empty"))
        if isinstance(new.azure_tenant_id, str):
            new = dataclasses.replace(new, azure_tenant_id=new.azure_tenant_id.strip().lower())
        failures += tenant_failures(new)
        if isinstance(new.activation_timeout, int) and not 0 <= new.activation_timeout <= LONGEST_WAIT:
            failures.append(Failure("activationTimeout", f"must be 0 to {LONGEST_WAIT} seconds"))
        return new, failures + attribute_failures(new)

    async def diff(
        self,
        call: Call,  # noqa: ARG002
        id: str,  # noqa: A002, ARG002
        old: ScimEndpointState,
        new: ScimEndpointInputs,
    ) -> list[Change]:
        """Compare the settings, and their attributes as last read. Asks no service."""
        changes: list[Change] = []
        # The state's properties cannot hold every text of an attribute, and not that it was removed.
        wanted = dataclasses.replace(old, enabled=new.enabled is not False)
        before = {**inputs_of(ScimEndpointInputs, old), **_seen(wanted, old.attributes, alive=old.alive)}
        for field in dataclasses.fields(ScimEndpointInputs):
            same = compare_ids if field.name == "azure_tenant_id" else compare
            found = same(before[field.name], getattr(new, field.name), camel(field.name))
            changes += [replacing(change) for change in found] if field.name == "realm" else found
        if moved_from(_server_of(old.tenant_url), self._services.config.server_url):
            changes.append(Change("tenantUrl"))
        return changes

    async def plan(self, call: Call, new: ScimEndpointInputs, old: ScimEndpointState | None) -> ScimEndpointState:
        """Return the state after the update. Checks realm and endpoint, and warns of steps that a person must do."""
        answer: Answer | None = None
        attributes: Any = UNKNOWN
        tenant_url: Any = UNKNOWN
        if new.realm is not UNKNOWN:
            await self._services.keycloak.check_realm(new.realm)
            tenant_url = self._services.keycloak.tenant_url(new.realm)
            if new.activation == "console":
                attributes = {}
                answer = await self._services.scim.probe(tenant_url)
                await self._forewarn(call, new, answer, old)
            elif is_known(new):
                await self._attributes.preview(call, new, old)
                if old is not None and (old.profile, new.profile) in CHANGED_PROFILE:
                    await call.log.warning(CHANGED_PROFILE[old.profile, new.profile])
                wanted = wanted_attributes(names_of(new), settings_of(new))
                attributes = {name: value for name, value in wanted.items() if value is not None}
        is_settled = answer is not None and answer.alive
        return ScimEndpointState(
            **inputs_of(ScimEndpointInputs, new),
            tenant_url=tenant_url,
            answer=_shown(answer) if answer is not None and is_settled else UNKNOWN,
            alive=True if is_settled else UNKNOWN,
            attributes=attributes,
            settings_fingerprint=endpoint_fingerprint(new),
        )

    async def create(self, call: Call, new: ScimEndpointInputs) -> Created[ScimEndpointState]:
        """Write the settings (attributes) or wait for a person (console), until the endpoint is alive.

        Raises:
            ProviderError: The endpoint is not alive. The message says what to enter on which page.
            PartialFailureError: The attributes were written, but the endpoint is not alive.
        """
        return Created(new.realm, await self._apply(call, new, None))

    @observed
    async def read(
        self,
        call: Call,
        id: str,  # noqa: A002
        old: ScimEndpointState | None,
    ) -> Found[ScimEndpointInputs, ScimEndpointState] | Absent | Unknown:
        """Read the attributes (activation attributes), and check the endpoint.

        The answer is unknown if anything but Keycloak or a SCIM endpoint answers at the address.
        """
        keycloak = self._services.keycloak
        if old is None:
            await keycloak.check_realm(id)
            known = await self._recognised(id)
        else:
            known = ScimEndpointInputs(**inputs_of(ScimEndpointInputs, old))
        attributes: dict[str, str] = {}
        if known.activation == "attributes":
            try:
                attributes = await self._attributes.read(known)
            except KeycloakError as error:
                if error.code == NO_REALM:
                    return Absent()
                raise
        answer = await self._services.scim.probe(keycloak.tenant_url(id))
        if not answer.is_certain:
            return Unknown(
                f'it is unknown whether the SCIM endpoint of tenant "{id}", {keycloak.tenant_url(id)}, is enabled: it '
                f"{answer.detail}; {answer.remedy}"
            )
        if answer.meaning is Meaning.NO_TENANT or (old is None and known.activation == "console" and not answer.alive):
            return Absent()
        if known.enabled and not answer.alive:
            note = f'the SCIM endpoint of tenant "{id}" {answer.detail}'
            await call.log.warning(note)
        state = self._described(known, attributes, answer)
        if old is None and known.activation == "attributes" and not state.enabled:
            # An endpoint that is off may have leftovers of other settings.
            state = _with_fingerprint(dataclasses.replace(state, azure_tenant_id=None))
        return Found(id, _valid_inputs(known, state), state)

    async def update(
        self,
        call: Call,
        id: str,  # noqa: A002, ARG002
        old: ScimEndpointState,
        new: ScimEndpointInputs,
    ) -> ScimEndpointState:
        """Write the settings or wait, as :meth:`create` does. Removes attributes that are no longer used."""
        return await self._apply(call, new, old)

    async def delete(
        self,
        call: Call,
        id: str,  # noqa: A002
        old: ScimEndpointState,
    ) -> None:
        """Turn the endpoint off through its attributes, or log how a person can do it."""
        if old.activation == "console":
            await call.log.info(left_as_it_is(id))
            return
        await self._attributes.require_ours(call, old, is_deletion=True)
        try:
            await self._attributes.write(old, switched_off(names_of(old)))
        except KeycloakError as error:
            if is_left_behind(self._services.config.realm, id):
                note = f'the SCIM endpoint of realm "{id}", which this stack has left, stays ON: {error}'
                await call.log.warning(note)
                return
            if error.code != NO_REALM:
                raise
            note = f"no SCIM endpoint to turn off: {error}"
            await call.log.warning(note)

    async def _apply(self, call: Call, new: ScimEndpointInputs, old: ScimEndpointState | None) -> ScimEndpointState:
        await self._services.keycloak.check_realm(new.realm)
        attributes: dict[str, str] = {}
        if new.activation == "attributes":
            await self._attributes.require_ours(call, new)
            await call.log.status("writing the endpoint's settings")
            await self._attributes.write_settings(new, old)
            attributes = await self._attributes.read(new)
        elif old is not None:
            await self._tell_changes(call, new, old)
        answer = await self._last_answer(call, new)
        state = self._described(new, attributes, answer)
        url = state.tenant_url
        if lost := differing_inputs(names_of(new), attributes, settings_of(new)) if attributes else []:
            reason = (
                f'KZero accepted the settings of the SCIM endpoint of realm "{new.realm}", but does not show '
                f"{' and '.join(lost)} as written; compare the attributes in the console, then run `pulumi up` again"
            )
            raise PartialFailureError(new.realm, state, reason)
        if new.enabled and not answer.alive:
            reason = instructions(new, url, answer, is_over=True)
            if new.activation == "attributes":
                raise PartialFailureError(new.realm, state, reason)
            raise ProviderError(reason)
        if answer.alive and not new.enabled:
            await call.log.warning(switch_off(new.realm, url))
        return state

    async def _last_answer(self, call: Call, new: ScimEndpointInputs) -> Answer:
        """Check the endpoint until it is alive or the time is up, and return its answer.

        Checks only once if the endpoint should be off, or if something else than a SCIM endpoint answers.

        Raises:
            ScimError: The last check got no answer.
        """
        url = self._services.keycloak.tenant_url(new.realm)
        left: float = new.activation_timeout if new.enabled else 0
        while True:
            try:
                answer = await self._services.scim.probe(url)
            except ScimError:
                if left <= 0:
                    raise
            else:
                if left <= 0 or answer.meaning in {Meaning.ALIVE, Meaning.SOMETHING_ELSE}:
                    return answer
            note = f"waiting for the SCIM endpoint, {left:.0f} s left: {settings_to_enter(new)}"
            await call.log.status(note)
            pause = min(self._poll_interval, left)
            await self._sleep(pause)
            left -= pause

    async def _forewarn(
        self, call: Call, new: ScimEndpointInputs, answer: Answer, old: ScimEndpointState | None
    ) -> None:
        """Warn in a preview of steps that a person must do in the dashboard.

        Raises:
            ProviderError: Something else than a SCIM endpoint answers.
        """
        if new.enabled is not True:
            return
        note = instructions(new, self._services.keycloak.tenant_url(new.realm), answer)
        if answer.meaning is Meaning.SOMETHING_ELSE:
            raise ProviderError(note)
        if not answer.alive:
            await call.log.warning(note)
        elif old is not None:
            await self._tell_changes(call, new, old)

    async def _tell_changes(self, call: Call, new: ScimEndpointInputs, old: ScimEndpointState) -> None:
        """Warn of changed settings that a person must enter, because they cannot be read from outside."""
        is_same_tenant = old.azure_tenant_id == new.azure_tenant_id or same_id(old.azure_tenant_id, new.azure_tenant_id)
        is_changed = old.profile != new.profile or not is_same_tenant
        if new.enabled is True and is_changed:
            await call.log.warning(changed_settings(new))

    async def _recognised(self, realm: str) -> ScimEndpointInputs:
        """Return the inputs for an import: by attributes if those of a known server exist, else by the console."""
        tenant = self._services.config.tenant_id
        console = ScimEndpointInputs(realm=realm, profile="Azure" if tenant else "Generic", azure_tenant_id=tenant)
        keycloak = self._services.keycloak
        if not keycloak.credentials.complete:
            return console
        try:
            attributes = await keycloak.realm_attributes(realm)
        except KeycloakError as error:
            if not error.is_forbidden:
                raise
            return console  # an account that may not read the realm's attributes cannot manage them
        preset = recognised_preset(attributes)
        if preset is not None:
            # The attributes contain no profile if the server accepts only the realm's own tokens.
            return ScimEndpointInputs(realm=realm, profile="Generic", activation="attributes", preset=preset)
        return console

    @property
    def _attributes(self) -> EndpointAttributes:
        return EndpointAttributes(self._services.keycloak)

    def _described(self, inputs: ScimEndpointInputs, attributes: dict[str, str], answer: Answer) -> ScimEndpointState:
        """Return the state: the settings as the attributes show them, and the inputs' where no attribute exists."""
        return _with_fingerprint(
            ScimEndpointState(
                **{**inputs_of(ScimEndpointInputs, inputs), **_seen(inputs, attributes, alive=answer.alive)},
                tenant_url=self._services.keycloak.tenant_url(inputs.realm),
                answer=_shown(answer),
                alive=answer.alive,
                attributes=attributes,
                settings_fingerprint="",
            )
        )


def _with_fingerprint(state: ScimEndpointState) -> ScimEndpointState:
    return dataclasses.replace(state, settings_fingerprint=endpoint_fingerprint(state))


def _seen(inputs: ScimEndpointInputs, attributes: Mapping[str, str], *, alive: bool) -> dict[str, Any]:
    """Return the settings that were read, by field. A removed attribute is None.

    An endpoint that should be on but does not answer is off, whatever its attribute says.
    """
    if inputs.activation == "console":
        return {"enabled": inputs.enabled and alive}
    names = names_of(inputs)
    found = understand(names, attributes)
    seen: dict[str, Any] = {"enabled": found.enabled and (alive or not inputs.enabled)}
    if "profile" in names:
        seen["profile"] = found.profile
    if "azureTenantId" in names:
        seen["azure_tenant_id"] = found.azure_tenant_id
    return seen


def _valid_inputs(known: ScimEndpointInputs, state: ScimEndpointState) -> ScimEndpointInputs:
    """Return the inputs that describe a state. A profile that no program may set stays as last set."""
    profile = state.profile if state.profile in {"Azure", "Generic"} else known.profile
    return ScimEndpointInputs(**{**inputs_of(ScimEndpointInputs, state), "profile": profile})


def _server_of(tenant_url: str | None) -> str | None:
    """Return the server's origin in a Tenant URL; None if the state of another version has none."""
    return (tenant_url or "").rpartition("/realms/")[0] or None


def _shown(answer: Answer) -> EndpointAnswer:
    return EndpointAnswer(status=answer.status, meaning=str(answer.meaning))


def endpoint_fingerprint(inputs: ScimEndpointInputs) -> Any:  # noqa: ANN401 - a string, or UNKNOWN
    """Return a hash of realm, profile, Azure tenant ID and enabled; UNKNOWN if one is unknown."""
    settings = [inputs.realm, inputs.profile, inputs.azure_tenant_id, inputs.enabled]
    if not is_known(settings):
        return UNKNOWN
    return hashlib.sha256(json.dumps(settings).encode()).hexdigest()
