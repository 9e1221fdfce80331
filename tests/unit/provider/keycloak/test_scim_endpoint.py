"""Tests the SCIM endpoint on a made-up Keycloak: activation, waiting, drift and messages."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, cast

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kzero_scim.clients.keycloak.session import Credentials
from kzero_scim.clients.scim import Answer, Meaning, ScimClient
from kzero_scim.errors import NO_REALM, KeycloakError, PartialFailureError, ProviderError, ScimError
from kzero_scim.keycloak.endpoint_settings import (
    PRESETS,
    Preset,
    Settings,
    differing_inputs,
    owned_attributes,
    understand,
    wanted_attributes,
)
from kzero_scim.provider.keycloak.scim_endpoint.model import ScimEndpointInputs, ScimEndpointState
from kzero_scim.provider.keycloak.scim_endpoint.resource import ScimEndpoint
from kzero_scim.resource.codec import decode, decode_lenient
from kzero_scim.resource.model import UNKNOWN, Call, Change, ChangeKind, Failure, Found, as_plain
from kzero_scim.resource.reading import Absent, Unknown
from kzero_scim.settings.provider_config import Config
from tests.recording_log import RecordingLog

TENANT = "5a4d0b0c-0000-4000-8000-00000000e401"
ALIVE = Answer(401, Meaning.ALIVE, "answers 401")
OFF = Answer(404, Meaning.NOT_ENABLED, "answers 404")
OTHER = Answer(200, Meaning.SOMETHING_ELSE, "answers 200 with a web page")
URL = "https://kzero.test/realms/Contoso/scim/v2"


class MadeUpKeycloak:
    """A realm's attributes, with a count of requests."""

    def __init__(self, attributes: Mapping[str, str] | None = None) -> None:
        """Start with these attributes."""
        self.attributes = dict(attributes or {})
        self.realms = {"Contoso"}
        self.requests = 0
        self.credentials = Credentials(client_id="kzero-scim", client_secret="secret")

    def tenant_url(self, realm: str) -> str:
        """Return the Tenant URL."""
        return f"https://kzero.test/realms/{realm}/scim/v2"

    async def check_realm(self, realm: str) -> None:
        """Raise an error if the realm does not exist."""
        if realm not in self.realms:
            message = f'realm "{realm}" does not exist'
            raise KeycloakError(message, code=NO_REALM)

    async def granted_roles(self, realm: str) -> None:
        """Return that the account's roles are unknown."""

    async def realm_attributes(self, realm: str) -> dict[str, str]:
        """Return the realm's attributes."""
        await self.check_realm(realm)
        self.requests += 1
        return dict(self.attributes)

    async def set_realm_attributes(self, realm: str, changes: Mapping[str, str | None]) -> None:
        """Change the realm's attributes."""
        await self.check_realm(realm)
        self.requests += 1
        for name, value in changes.items():
            self.attributes.pop(name, None)
            if value is not None:
                self.attributes[name] = value


class Answers:
    """A SCIM endpoint that gives its answers in order and repeats the last one."""

    def __init__(self, *answers: Answer | ScimError) -> None:
        """Use these answers."""
        self.answers = list(answers)
        self.looks = 0

    async def probe(self, tenant_url: str) -> Answer:
        """Return the next answer."""
        assert tenant_url == URL
        self.looks += 1
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, ScimError):
            raise answer
        return answer


@dataclasses.dataclass
class Scene:
    """One resource on made-up services, with its log."""

    resource: ScimEndpoint
    keycloak: MadeUpKeycloak
    scim: Answers
    told: RecordingLog
    pauses: list[float]

    @property
    def call(self) -> Call:
        """A request of the engine."""
        return Call(urn="urn:test", name="endpoint", log=self.told)

    def warnings(self) -> str:
        """Return all warnings as one text."""
        return "\n".join(text for level, text in self.told.lines if level == "warning")


def scene(*answers: Answer | ScimError, attributes: Mapping[str, str] | None = None) -> Scene:
    """Return a new scene."""
    keycloak, scim, pauses = MadeUpKeycloak(attributes), Answers(*(answers or (ALIVE,))), list[float]()

    class Services:
        """The services that the resource needs."""

        def __init__(self) -> None:
            self.keycloak, self.scim, self.config = keycloak, scim, Config(tenant_id=TENANT)

    async def pause(seconds: float) -> None:
        pauses.append(seconds)

    return Scene(ScimEndpoint(cast("Any", Services()), sleep=pause), keycloak, scim, RecordingLog(), pauses)


def inputs(**changes: Any) -> ScimEndpointInputs:  # noqa: ANN401 - any input
    """Return valid inputs for activation console, with changes."""
    return ScimEndpointInputs(**{"realm": "Contoso", "azure_tenant_id": TENANT, **changes})


def attributed(preset: Preset = "sandbox", **changes: Any) -> ScimEndpointInputs:  # noqa: ANN401 - any input
    """Return valid inputs for activation attributes, with changes."""
    return inputs(activation="attributes", preset=preset, **changes)


async def created(at: Scene, new: ScimEndpointInputs) -> ScimEndpointState:
    """Create the endpoint and return its state."""
    return (await at.resource.create(at.call, new)).state


# console


async def test_a_dead_endpoint_stops_the_update_with_page_and_values() -> None:
    """The error has page, values and button in one line."""
    at = scene(OFF)
    with pytest.raises(ProviderError) as refused:
        await at.resource.create(at.call, inputs())
    message = str(refused.value)
    for part in (
        "Integrations > SCIM > SCIM Endpoint",
        "Profile to Azure",
        f"Azure Tenant ID to {TENANT}",
        "Enable to ON",
        "Update",
    ):
        assert part in message
    assert "\n" not in message
    assert at.pauses == []


async def test_a_live_endpoint_is_all_that_console_activation_needs() -> None:
    """With activation console, nothing is written and no attribute is read."""
    at = scene(ALIVE)
    state = await created(at, inputs())
    assert (state.alive, state.answer.status, state.tenant_url) == (True, 401, URL)
    assert at.keycloak.requests == 0


async def test_the_update_waits_for_the_person_and_goes_on_by_itself() -> None:
    """A waiting update shows its status, and continues after an unreachable server."""
    at = scene(OFF, ScimError("restarting"), ALIVE)
    state = await created(at, inputs(activation_timeout=60))
    assert state.alive
    assert at.pauses == [5.0, 5.0]
    status = next(text for level, text in at.told.lines if level == "status")
    assert status.startswith("waiting for the SCIM endpoint, 60 s left")


async def test_waiting_ends_when_the_time_is_up() -> None:
    """An update waits exactly the set time, and the error says how long."""
    at = scene(OFF)
    with pytest.raises(ProviderError, match="it waited 12 s"):
        await at.resource.create(at.call, inputs(activation_timeout=12))
    assert at.pauses == [5.0, 5.0, 2.0]


async def test_something_else_at_the_address_is_not_waited_for() -> None:
    """An update does not wait for a web page to become a SCIM endpoint."""
    at = scene(OTHER)
    with pytest.raises(ProviderError, match=r"kzeroServerUrl"):
        await at.resource.create(at.call, inputs(activation_timeout=60))
    assert at.pauses == []


async def test_the_preview_warns_of_a_dead_endpoint_and_foretells_the_rest() -> None:
    """A preview warns of a disabled endpoint, because a person may enable it before the update."""
    at = scene(OFF)
    state = await at.resource.plan(at.call, inputs(), None)
    assert "Integrations > SCIM > SCIM Endpoint" in at.warnings()
    assert state.tenant_url == URL
    assert state.alive is UNKNOWN
    assert state.settings_fingerprint is not UNKNOWN


async def test_the_preview_refuses_something_else_and_a_wrong_realm() -> None:
    """A preview refuses a web page and a wrong realm."""
    with pytest.raises(ProviderError, match="web page"):
        await scene(OTHER).resource.plan(scene(OTHER).call, inputs(), None)
    at = scene()
    with pytest.raises(KeycloakError, match="does not exist"):
        await at.resource.plan(at.call, inputs(realm="contoso"), None)


async def test_an_endpoint_that_went_off_is_drift_of_enabled() -> None:
    """An endpoint that was turned off is drift of enabled."""
    at = scene(ALIVE, OFF)
    state = await created(at, inputs())
    found = await at.resource.read(at.call, "Contoso", state)
    assert isinstance(found, Found)
    assert (found.inputs.enabled, found.state.alive) == (False, False)
    assert [c.path for c in await at.resource.diff(at.call, "Contoso", found.state, inputs())] == ["enabled"]


async def test_a_changed_tenant_id_is_for_a_person_to_enter() -> None:
    """A changed tenant ID is a warning for a person, and the new fingerprint repeats the connection test."""
    at = scene(ALIVE)
    old = await created(at, inputs())
    other = "11111111-2222-4333-8444-555555555555"
    state = await at.resource.update(at.call, "Contoso", old, inputs(azure_tenant_id=other))
    assert f"Azure Tenant ID to {other}" in at.warnings()
    assert state.settings_fingerprint != old.settings_fingerprint


async def test_an_endpoint_that_should_be_off_is_only_told_about() -> None:
    """With activation console, an endpoint that should be off is a warning only."""
    at = scene(ALIVE)
    state = await created(at, inputs(enabled=False))
    assert "Enable to OFF" in at.warnings()
    assert await at.resource.diff(at.call, "Contoso", state, inputs(enabled=False)) == []


async def test_deleting_says_what_to_click() -> None:
    """A deletion with activation console logs the instructions and changes nothing."""
    at = scene(ALIVE)
    await at.resource.delete(at.call, "Contoso", await created(at, inputs()))
    assert "Enable to OFF" in at.told.lines[-1][1]
    assert at.keycloak.requests == 0


async def test_a_vanished_realm_is_gone_on_refresh() -> None:
    """A refresh reports a deleted realm, from the endpoint or the admin API."""
    for new in (inputs(), attributed()):
        at = scene(ALIVE, Answer(404, Meaning.NO_TENANT, "answers 404"))
        state = await created(at, new)
        at.keycloak.realms.clear()
        assert await at.resource.read(at.call, "Contoso", state) == Absent()


# attributes


async def test_attributes_are_written_beside_those_of_others() -> None:
    """The preset's attributes are written, and other attributes stay."""
    at = scene(attributes={"theirs": "1"})
    state = await created(at, attributed())
    written = {
        "kzero.scim.enabled": "true",
        "kzero.scim.profile": "Azure",
        "kzero.scim.azureTenantId": TENANT,
    }
    assert at.keycloak.attributes == {"theirs": "1", **written}
    assert state.attributes == written


async def test_written_attributes_without_a_living_endpoint_are_a_partial_failure() -> None:
    """The state keeps the written attributes, and the next update continues."""
    at = scene(OFF)
    with pytest.raises(PartialFailureError, match="scim-api") as failed:
        await at.resource.create(at.call, attributed("keycloak"))
    state = failed.value.state
    assert isinstance(state, ScimEndpointState)
    assert state.attributes == {"scimApiEnabled": "true"}
    assert [c.path for c in await at.resource.diff(at.call, "Contoso", state, attributed("keycloak"))] == ["enabled"]


@pytest.mark.parametrize(
    ("attribute", "value", "path"),
    [
        ("kzero.scim.enabled", "false", "enabled"),
        ("kzero.scim.profile", "Generic", "profile"),
        ("kzero.scim.profile", "Nonsense", "profile"),
        ("kzero.scim.azureTenantId", "11111111-2222-4333-8444-555555555555", "azureTenantId"),
        ("kzero.scim.azureTenantId", None, "azureTenantId"),
    ],
)
async def test_drift_of_an_attribute_shows_as_its_property(attribute: str, value: str | None, path: str) -> None:
    """A changed attribute is drift of its property, and an update repairs it."""
    at = scene()
    state = await created(at, attributed())
    await at.keycloak.set_realm_attributes("Contoso", {attribute: value})
    found = await at.resource.read(at.call, "Contoso", state)
    assert isinstance(found, Found)
    assert [c.path for c in await at.resource.diff(at.call, "Contoso", found.state, attributed())] == [path]
    repaired = await at.resource.update(at.call, "Contoso", found.state, attributed())
    assert await at.resource.diff(at.call, "Contoso", repaired, attributed()) == []
    assert at.keycloak.attributes == state.attributes


async def test_deleting_leaves_an_endpoint_that_is_off() -> None:
    """A deletion turns the endpoint off and removes the other settings."""
    at = scene(attributes={"theirs": "1"})
    await at.resource.delete(at.call, "Contoso", await created(at, attributed()))
    assert at.keycloak.attributes == {"theirs": "1", "kzero.scim.enabled": "false"}


async def test_a_changed_preset_removes_the_old_attributes() -> None:
    """A changed preset removes the old preset's attributes."""
    at = scene()
    old = await created(at, attributed("sandbox"))
    await at.resource.update(at.call, "Contoso", old, attributed("keycloak"))
    assert at.keycloak.attributes == {"scimApiEnabled": "true"}


async def test_deleting_in_a_realm_that_is_gone_is_no_error() -> None:
    """Deleting the endpoint of a deleted realm is a warning, not an error."""
    at = scene()
    state = await created(at, attributed())
    at.keycloak.realms.clear()
    await at.resource.delete(at.call, "Contoso", state)
    assert "no SCIM endpoint to turn off" in at.warnings()


async def test_an_import_recognises_how_the_endpoint_is_switched() -> None:
    """An import recognizes known attributes, and uses activation console otherwise."""
    by_attributes = scene(attributes={"kzero.scim.enabled": "true", "kzero.scim.profile": "Generic"})
    found = await by_attributes.resource.read(by_attributes.call, "Contoso", None)
    assert isinstance(found, Found)
    assert found.inputs == ScimEndpointInputs(
        realm="Contoso", profile="Generic", activation="attributes", preset="sandbox"
    )
    in_console = scene(attributes={"scimApiEnabled": "false"})
    found = await in_console.resource.read(in_console.call, "Contoso", None)
    assert isinstance(found, Found)
    assert found.inputs == inputs()


async def test_a_refresh_keeps_the_fingerprint_of_an_import() -> None:
    """The fingerprint describes what was read, so that a refresh after an import repeats no connection test."""
    attributes = {"enabled": "true", "profile": "Azure", "azureTenantId": TENANT}
    at = scene(attributes={f"kzero.scim.{name}": value for name, value in attributes.items()})

    imported = await at.resource.read(at.call, "Contoso", None)
    assert isinstance(imported, Found)
    refreshed = await at.resource.read(at.call, "Contoso", imported.state)

    assert isinstance(refreshed, Found)
    assert imported.state.azure_tenant_id == TENANT
    assert imported.state.settings_fingerprint == refreshed.state.settings_fingerprint


async def test_a_dead_endpoint_cannot_be_imported_from_the_console() -> None:
    """A disabled endpoint with activation console cannot be imported."""
    at = scene(OFF)
    assert await at.resource.read(at.call, "Contoso", None) == Absent()


# settings


@given(
    st.sampled_from(list(PRESETS)),
    st.booleans(),
    st.sampled_from(["Azure", "Generic"]),
    st.dictionaries(
        st.sampled_from(["theirs", "scimApiEnabled", "kzero.scim.profile"]), st.sampled_from(["", "x", "true"])
    ),
)
def test_written_attributes_say_what_was_wanted(
    preset: Preset,
    enabled: bool,  # noqa: FBT001 - hypothesis passes it
    profile: str,
    others: dict[str, str],
) -> None:
    """Written attributes are read as the same settings, as far as the preset allows."""
    names = dict(PRESETS[preset])
    settings = Settings(enabled, profile, TENANT if profile == "Azure" else None)
    changes = wanted_attributes(names, settings)
    after = {name: value for name, value in {**others, **changes}.items() if value is not None}
    owned = owned_attributes(names, after)
    assert differing_inputs(names, owned, settings) == []
    understood = understand(names, owned)
    assert understood.enabled is enabled
    if preset == "sandbox":
        assert understood == settings


# check


async def failures(new: ScimEndpointInputs) -> Sequence[Failure]:
    """Check inputs and return the failures."""
    at = scene()
    return (await at.resource.check(at.call, new, None))[1]


@pytest.mark.parametrize(
    ("changes", "path", "reason"),
    [
        ({"azure_tenant_id": None}, "azureTenantId", "required for the profile Azure"),
        ({"azure_tenant_id": "contoso.example"}, "azureTenantId", "(GUID)"),
        ({"azure_tenant_id": "00000000-0000-0000-0000-000000000000"}, "azureTenantId", "(GUID)"),
        ({"profile": "Generic"}, "azureTenantId", "remove it for Generic"),
        ({"realm": " "}, "realm", "empty"),
        ({"activation_timeout": -1}, "activationTimeout", "seconds"),
        ({"preset": "sandbox"}, "preset", "activation: attributes"),
        ({"attribute_holder": "client"}, "attributeHolder", "activation: attributes"),
        ({"activation": "attributes"}, "preset", "needs a preset"),
        (
            {"activation": "attributes", "preset": "sandbox", "attribute_names": {"x": "y"}},
            "attributeNames.x",
            "is not a setting",
        ),
        (
            {"activation": "attributes", "attribute_names": {"enabled": "a", "profile": "a"}},
            "attributeNames",
            "have the same attribute",
        ),
    ],
)
async def test_each_bad_input_has_its_own_failure(changes: dict[str, Any], path: str, reason: str) -> None:
    """Each wrong input is reported with path and remedy."""
    (failure,) = await failures(inputs(**changes))
    assert failure.path == path
    assert reason in failure.reason


async def test_good_and_unknown_inputs_pass() -> None:
    """Valid and unknown inputs pass, and a tenant ID becomes lower case."""
    at = scene()
    checked, problems = await at.resource.check(at.call, inputs(azure_tenant_id=TENANT.upper()), None)
    assert problems == []
    assert checked.azure_tenant_id == TENANT
    assert await failures(inputs(azure_tenant_id=UNKNOWN)) == []
    assert await failures(attributed(azure_tenant_id=UNKNOWN, attribute_names=UNKNOWN)) == []


async def test_unknown_inputs_make_unknown_outputs() -> None:
    """Unknown inputs give unknown outputs, without a request."""
    at = scene()
    state = await at.resource.plan(at.call, inputs(realm=UNKNOWN), None)
    assert state.tenant_url is UNKNOWN
    assert state.settings_fingerprint is UNKNOWN
    assert at.scim.looks == 0


# the client that looks


@pytest.mark.parametrize(
    ("status", "headers", "body", "meaning"),
    [
        (401, {}, "", Meaning.ALIVE),
        (403, {"Content-Type": "application/json"}, "{}", Meaning.ALIVE),
        (403, {"Content-Type": "text/html"}, "<html>firewall</html>", Meaning.SOMETHING_ELSE),
        (200, {}, '{"schemas": ["urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"]}', Meaning.ALIVE),
        (200, {"Content-Type": "text/html"}, "<html>", Meaning.SOMETHING_ELSE),
        (200, {}, '["a"]', Meaning.SOMETHING_ELSE),
        (404, {}, '{"error": "HTTP 404 Not Found"}', Meaning.NOT_ENABLED),
        (404, {}, '{"error": "Realm does not exist"}', Meaning.NO_TENANT),
        (302, {"Location": "https://login.test/?state=secret"}, "", Meaning.SOMETHING_ELSE),
        (500, {"Content-Type": "text/html"}, "<html>", Meaning.FAILING),
    ],
)
async def test_what_each_answer_means(status: int, headers: dict[str, str], body: str, meaning: Meaning) -> None:
    """A check sends no credentials, follows no redirect, and does not repeat the query of a login page."""
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(status, headers=headers, content=body)

    client = ScimClient(httpx.AsyncClient(transport=httpx.MockTransport(answer)))
    found = await client.probe(f"{URL}/")
    await client.aclose()
    assert found.meaning is meaning
    assert "secret" not in found.detail
    assert [str(request.url) for request in seen] == [f"{URL}/ServiceProviderConfig"]
    assert "Authorization" not in seen[0].headers


# what is unknown


@pytest.mark.parametrize(
    ("status", "headers", "body"),
    [
        *((status, {}, "") for status in (408, 425, 429, 500, 502, 503, 504)),
        (429, {"Content-Type": "application/json"}, '{"error": "slow down"}'),
        (200, {"Content-Type": "text/html"}, "<html>Sign in to the guest network</html>"),
        (200, {"Content-Type": "application/json"}, "{}"),
        (204, {}, ""),
        (302, {"Location": "https://portal.test/login"}, ""),
        (400, {}, ""),
        (401, {"Content-Type": "text/html"}, "<html>proxy</html>"),
        (401, {"WWW-Authenticate": 'Basic realm="proxy"'}, ""),
        (403, {"Content-Type": "text/html"}, "<html>firewall</html>"),
        (403, {"Content-Type": "text/plain"}, "error code: 1020"),
        (404, {"Content-Type": "text/html"}, "<html>nginx</html>"),
        (404, {"Content-Type": "text/plain"}, "default backend - 404"),
        (407, {}, ""),
    ],
)
async def test_an_answer_to_another_question_is_no_drift(status: int, headers: dict[str, str], body: str) -> None:
    """If the endpoint did not answer, it is unknown whether it is enabled, with the reason. It is not off."""
    http = httpx.AsyncClient(
        transport=httpx.MockTransport(lambda _: httpx.Response(status, headers=headers, content=body))
    )
    client = ScimClient(http)
    for new in (inputs(), attributed()):
        at = scene()
        state = await created(at, new)
        at.scim.answers = [await client.probe(URL)]
        found = await at.resource.read(at.call, "Contoso", state)
        assert isinstance(found, Unknown)
        assert f" {status}" in found.reason
        assert "unknown whether the SCIM endpoint" in found.reason
    await client.aclose()


async def test_an_endpoint_without_an_answer_is_unknown() -> None:
    """A time-out, a refused connection or an untrusted certificate is unknown, not off."""
    at = scene()
    state = await created(at, inputs())
    at.scim.answers = [ScimError("SCIM endpoint cannot be reached (no answer in time)")]
    assert await at.resource.read(at.call, "Contoso", state) == Unknown(
        "SCIM endpoint cannot be reached (no answer in time)"
    )


@pytest.mark.parametrize(
    ("attribute", "value", "path", "kind", "shown"),
    [
        ("kzero.scim.profile", None, "profile", ChangeKind.ADD, None),
        ("kzero.scim.profile", "Nonsense", "profile", ChangeKind.UPDATE, "Nonsense"),
        ("kzero.scim.profile", "Generic", "profile", ChangeKind.UPDATE, "Generic"),
        ("kzero.scim.azureTenantId", None, "azureTenantId", ChangeKind.ADD, None),
        ("kzero.scim.azureTenantId", "other", "azureTenantId", ChangeKind.UPDATE, "other"),
        ("kzero.scim.enabled", None, "enabled", ChangeKind.UPDATE, False),
    ],
)
async def test_the_state_shows_what_the_attribute_says(
    attribute: str,
    value: str | None,
    path: str,
    kind: ChangeKind,
    shown: Any,  # noqa: ANN401 - any property value
) -> None:
    """A removed or changed attribute shows its real value, never the wanted one on both sides."""
    at = scene()
    state = await created(at, attributed())
    await at.keycloak.set_realm_attributes("Contoso", {attribute: value})
    found = await at.resource.read(at.call, "Contoso", state)
    assert isinstance(found, Found)
    # The engine stores the state, and another process decodes it.
    document = as_plain(found.state)
    assert document.get(path) == shown
    stored = decode_lenient(ScimEndpointState, document)
    for old in (found.state, stored):
        assert await at.resource.diff(at.call, "Contoso", old, attributed()) == [Change(path, kind)]
    assert decode(ScimEndpointInputs, as_plain(found.inputs))[1] == []


async def test_an_endpoint_that_was_turned_off_shows_its_other_changes_too() -> None:
    """All attributes are compared, also while the endpoint is off."""
    at = scene()
    state = await created(at, attributed())
    await at.keycloak.set_realm_attributes("Contoso", dict.fromkeys(state.attributes))
    found = await at.resource.read(at.call, "Contoso", state)
    assert isinstance(found, Found)
    assert {change.path for change in await at.resource.diff(at.call, "Contoso", found.state, attributed())} == {
        "enabled",
        "profile",
        "azureTenantId",
    }


async def test_an_endpoint_that_should_be_off_is_switched_off_even_if_it_does_not_answer() -> None:
    """With enabled false, the attribute decides, not the answer."""
    at = scene(OFF)
    new = attributed(enabled=False)
    state = await created(at, new)
    await at.keycloak.set_realm_attributes("Contoso", {"kzero.scim.enabled": "true"})
    found = await at.resource.read(at.call, "Contoso", state)
    assert isinstance(found, Found)
    assert await at.resource.diff(at.call, "Contoso", found.state, new) == [Change("enabled")]


async def test_attributes_that_the_server_drops_are_a_partial_failure() -> None:
    """An update passes only if the written attributes are read back."""
    at = scene()

    async def drop(realm: str, changes: Mapping[str, str | None]) -> None:
        """Keep all attributes but the profile."""
        del realm
        at.keycloak.attributes |= {key: value for key, value in changes.items() if value and "profile" not in key}

    at.keycloak.set_realm_attributes = drop  # type: ignore[method-assign] # a server that drops an attribute
    with pytest.raises(PartialFailureError, match="does not show profile as written"):
        await at.resource.create(at.call, attributed())


def test_the_case_of_the_entra_tenant_does_not_matter() -> None:
    """An attribute with the tenant's ID in another case is the wanted one, but another text is not."""
    names = PRESETS["sandbox"]
    settings = Settings(enabled=True, profile="Azure", azure_tenant_id=TENANT)
    written = {name: value for name, value in wanted_attributes(names, settings).items() if value is not None}
    shouted = {name: value.upper() if value == TENANT else value for name, value in written.items()}

    assert shouted != written
    assert differing_inputs(names, shouted, settings) == []
    assert understand(names, shouted) == settings
    assert differing_inputs(names, {**written, names["profile"]: "AZURE"}, settings) == ["profile"]
