"""Every operation on Keycloak against the newest and the oldest supported version: writes keep what is not ours."""

import asyncio
import dataclasses
from collections.abc import Iterator
from typing import Any

import pytest
from kzero_sandbox.running import RunningSandbox, Tenant, own_sandbox

from kzero_scim.clients.keycloak.users import Immunity, disable_user
from kzero_scim.errors import KeycloakError, ProviderError
from kzero_scim.keycloak.server_version import TESTED
from kzero_scim.provider.keycloak.mapper_set.model import MapperSetInputs
from kzero_scim.provider.keycloak.mapper_set.resource import MapperSet
from kzero_scim.provider.keycloak.scim_endpoint.model import ScimEndpointInputs
from kzero_scim.provider.keycloak.scim_endpoint.resource import ScimEndpoint
from kzero_scim.resource.model import Call, Change, Found
from kzero_scim.resource.reading import Present, Reading
from kzero_scim.settings.items import Mapper
from tests.contract.kzero_access import account, signed_in
from tests.kzero_endpoint import open_endpoint
from tests.recording_log import RecordingLog
from tools import keycloak_dist
from tools.problem import Problem

Json = dict[str, Any]
OLDEST, NEWEST = TESTED
ROLES = ("view-clients", "manage-clients", "view-realm", "manage-realm", "view-users", "manage-users", "view-events")


@pytest.fixture(scope="module")
def oldest(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSandbox]:
    """A sandbox on the oldest supported Keycloak. It ends with this file's tests."""
    try:
        home = keycloak_dist.oldest_home()
    except Problem as problem:
        pytest.fail(str(problem), pytrace=False)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KEYCLOAK_HOME", str(home))
        started = own_sandbox(tmp_path_factory.mktemp("oldest"))
        running = started.__enter__()
    try:
        yield running
    finally:
        started.__exit__(None, None, None)


@pytest.fixture(params=[NEWEST, OLDEST])
def served(request: pytest.FixtureRequest, keycloak: object) -> RunningSandbox:
    """A sandbox on each version; the newest is the one that all tests share."""
    del keycloak  # marks the tests as external
    found: RunningSandbox = request.getfixturevalue("sandbox" if request.param == NEWEST else "oldest")
    return found


@pytest.fixture
def realm(served: RunningSandbox, monkeypatch: pytest.MonkeyPatch) -> Iterator[Tenant]:
    """A tenant on each version, whose certificates this process trusts."""
    with served.tenant() as made:
        for name in ("SSL_CERT_FILE", "NO_PROXY", "no_proxy"):
            monkeypatch.setenv(name, made.env[name])
        yield made


def read(tenant: Tenant, path: str) -> Any:  # noqa: ANN401 - JSON
    """Read a path of the realm as its administrator."""
    return tenant.keycloak_admin.get(path).raise_for_status().json()


def value_of(answer: Reading[Json]) -> Json:
    """Return what a read found."""
    assert isinstance(answer, Present)
    return answer.value


def furnish(tenant: Tenant) -> None:
    """Set fields of the realm that a partial write loses on some version, and one that Keycloak masks."""
    changes: Json = {
        "displayName": "As it was",
        "failureFactor": 17,
        "bruteForceProtected": True,
        "accessTokenLifespan": 450,
        "actionTokenGeneratedByUserLifespan": 111,
        "passwordPolicy": "length(9)",
        "browserSecurityHeaders": {"xFrameOptions": "DENY", "contentSecurityPolicy": "frame-src 'none'"},
        "smtpServer": {"host": "mail.example", "from": "a@mail.example", "auth": "true", "user": "u", "password": "p"},
        "webAuthnPolicyRpEntityName": "theirs",
        "attributes": {"theirs": "1", "oauth2DeviceCodeLifespan": "333", "frontendUrl": ""},
    }
    tenant.keycloak_admin.put("", json=read(tenant, "") | changes).raise_for_status()


async def test_the_version_can_be_read_by_the_automation_and_is_supported(
    realm: Tenant, served: RunningSandbox
) -> None:
    """The server reports the version that the tests name, or hides it; neither is refused."""
    log = served.layout.keycloak_log.read_text()
    expected = next(version for version in TESTED if f"Keycloak {version} " in log)
    async with signed_in(realm) as kzero:
        assert await kzero.keycloak.version(realm.realm) in {expected, None}
        await kzero.keycloak.check_server(realm.realm)


async def test_a_write_to_the_realm_changes_only_its_attribute(realm: Tenant) -> None:
    """The rest of the realm is the same before and after a write and its removal, masked secrets included."""
    furnish(realm)
    before = read(realm, "")
    async with signed_in(realm) as kzero:
        await kzero.keycloak.set_realm_attributes(realm.realm, {"mine.dotted": "2"})
        during = read(realm, "")
        await kzero.keycloak.set_realm_attributes(realm.realm, {"mine.dotted": None})
    after = read(realm, "")

    assert during == before | {"attributes": before["attributes"] | {"mine.dotted": "2"}}
    assert after == before


async def test_a_write_to_a_client_keeps_its_authorization_services(realm: Tenant) -> None:
    """Resources and policies of the client survive, and so do its secret, flags, mappers and other attributes."""
    client = realm.scim_client()
    path = f"/clients/{client['id']}"
    theirs = {"name": "theirs", "protocol": "openid-connect", "protocolMapper": "oidc-audience-mapper", "config": {}}
    realm.keycloak_admin.post(f"{path}/protocol-mappers/models", json=theirs).raise_for_status()
    wanted = read(realm, path) | {"authorizationServicesEnabled": True, "description": "As it was"}
    wanted["attributes"] = {**(wanted.get("attributes") or {}), "theirs": "1"}
    realm.keycloak_admin.put(path, json=wanted).raise_for_status()
    realm.keycloak_admin.post(f"{path}/authz/resource-server/resource", json={"name": "Door"}).raise_for_status()
    before, secret = read(realm, path), read(realm, f"{path}/client-secret")
    async with signed_in(realm) as kzero:
        await kzero.keycloak.set_client_attributes(realm.realm, client["id"], {"mine": "2"})
        during = read(realm, path)
        await kzero.keycloak.set_client_attributes(realm.realm, client["id"], {"mine": None})

    assert during == before | {"attributes": before["attributes"] | {"mine": "2"}}
    assert read(realm, path) == before
    assert read(realm, f"{path}/client-secret") == secret
    assert "Door" in {item["name"] for item in read(realm, f"{path}/authz/resource-server/resource")}


async def test_two_writes_at_once_do_not_undo_each_other(realm: Tenant) -> None:
    """Resources of one run that change the same object wait for each other."""
    uuid = realm.scim_client()["id"]
    async with signed_in(realm) as kzero:
        await asyncio.gather(
            *(kzero.keycloak.set_realm_attributes(realm.realm, {f"mine.{number}": "x"}) for number in range(4)),
            *(kzero.keycloak.set_client_attributes(realm.realm, uuid, {f"mine.{number}": "x"}) for number in range(4)),
        )

    names = {f"mine.{number}" for number in range(4)}
    assert names <= read(realm, "")["attributes"].keys()
    assert names <= read(realm, f"/clients/{uuid}")["attributes"].keys()


async def test_a_mapper_added_during_a_write_to_its_client_stays(
    realm: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Mappers have requests of their own, so a write of the client does not carry them back in time."""
    uuid = realm.scim_client()["id"]
    mapper = {"name": "theirs", "protocol": "openid-connect", "protocolMapper": "oidc-audience-mapper", "config": {}}
    async with signed_in(realm) as kzero:
        original: Any = kzero.keycloak.change

        async def change(*arguments: Any) -> Any:  # noqa: ANN401 - as the method
            realm.keycloak_admin.post(f"/clients/{uuid}/protocol-mappers/models", json=mapper).raise_for_status()
            return await original(*arguments)

        monkeypatch.setattr(kzero.keycloak, "change", change)
        await kzero.keycloak.set_client_attributes(realm.realm, uuid, {"mine": "1"})

    assert [item["name"] for item in realm.scim_client()["protocolMappers"]] == ["theirs"]


async def test_mappers_converge_and_go(realm: Tenant) -> None:
    """The mapper set is created, read back as wanted, changed in place, found drifted, and deleted."""
    services: Any
    inputs = MapperSetInputs(realm=realm.realm)
    async with signed_in(realm) as services:
        kind = MapperSet(services)
        state = (await kind.create(services.call, inputs)).state
        assert await kind.diff(services.call, "x", state, inputs) == []
        changed = dataclasses.replace(inputs, mappers={"tag": Mapper(user_attribute="tag", claim="tag")})
        state = await kind.update(services.call, "x", state, changed)
        assert list(state.mappers) == ["tag"]
        uuid, mapper_id = state.client_uuid, state.mapper_ids["tag"]
        mapper = read(realm, f"/clients/{uuid}/protocol-mappers/models/{mapper_id}")
        mapper["config"] |= {"user.attribute": "other", "theirs": "1"}
        path = f"/clients/{uuid}/protocol-mappers/models/{mapper_id}"
        realm.keycloak_admin.put(path, json=mapper).raise_for_status()
        found = await kind.read(services.call, f"{realm.realm}/scim-endpoint", state)
        assert isinstance(found, Found)
        drift = await kind.diff(services.call, "x", found.state, changed)
        assert drift == [Change("mappers.tag.userAttribute")]
        state = await kind.update(services.call, "x", found.state, changed)
        assert read(realm, path)["config"]["theirs"] == "1"
        await kind.delete(services.call, "x", state)
    assert realm.scim_client().get("protocolMappers") in ([], None)


async def test_the_endpoint_is_switched_by_attributes_and_provisions(realm: Tenant, served: RunningSandbox) -> None:
    """The endpoint is switched on, a user arrives through it, and a deletion switches it off."""
    services: Any
    inputs = ScimEndpointInputs(
        realm=realm.realm, azure_tenant_id=realm.env["ARM_TENANT_ID"], activation="attributes", preset="sandbox"
    )
    async with signed_in(realm) as services:
        kind = ScimEndpoint(services)
        state = (await kind.create(services.call, inputs)).state
        assert state.alive
        found = await kind.read(services.call, realm.realm, state)
        assert isinstance(found, Found)
        assert await kind.diff(services.call, realm.realm, found.state, inputs) == []
        with open_endpoint(served, realm) as endpoint:
            endpoint.create()
            assert endpoint.kept()["attributes"]["extensionAttribute1"] == ["field"]
        await kind.delete(services.call, realm.realm, state)
        again = await kind.read(services.call, realm.realm, state)
    assert isinstance(again, Found)
    assert not again.state.alive


async def test_a_disabled_user_keeps_everything_else(realm: Tenant) -> None:
    """Only ``enabled`` changes, even if the user was changed after it was found; administrators stay enabled."""
    body = {
        "username": "alex@contoso.example",
        "enabled": True,
        "email": "alex@contoso.example",
        "firstName": "Alex",
        "attributes": {"tag": ["field"], "many": ["1", "2"]},
    }
    realm.keycloak_admin.post("/users", json=body).raise_for_status()
    async with signed_in(realm, account(realm, *ROLES)) as kzero:
        user = value_of(await kzero.keycloak.find_user(realm.realm, "alex@contoso.example"))
        immunity = await Immunity.of(kzero.keycloak, realm.realm)
        assert await immunity.reason(user) is None
        administrator = value_of(await kzero.keycloak.find_user(realm.realm, realm.credentials.admin_username))
        assert await immunity.reason(administrator) == "administrator"
        later = read(realm, f"/users/{user['id']}") | {"lastName": "Lindqvist"}
        realm.keycloak_admin.put(f"/users/{user['id']}", json=later).raise_for_status()
        before = read(realm, f"/users/{user['id']}")
        await disable_user(kzero.keycloak, realm.realm, user)
    after = read(realm, f"/users/{user['id']}")

    assert (before["lastName"], before["enabled"]) == ("Lindqvist", True)
    assert after == before | {"enabled": False}


async def test_admin_events_name_the_author_of_a_change(realm: Tenant) -> None:
    """The search for who changed a mapper reads the events of every version."""
    uuid = realm.scim_client()["id"]
    mapper = {"name": "theirs", "protocol": "openid-connect", "protocolMapper": "oidc-audience-mapper", "config": {}}
    realm.keycloak_admin.post(f"/clients/{uuid}/protocol-mappers/models", json=mapper).raise_for_status()
    async with signed_in(realm, account(realm, *ROLES)) as kzero:
        events = await kzero.keycloak.look_at(
            realm.realm,
            "/admin-events",
            doing="reading admin events",
            role="view-events",
            resourceTypes="PROTOCOL_MAPPER",
        )

    assert [event["operationType"] for event in events] == ["CREATE"]
    assert events[0]["authDetails"]["userId"]


async def test_a_version_that_is_not_supported_is_refused_in_one_sentence(
    realm: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is written, and the sentence names the server, its version and the supported ones."""
    async with signed_in(realm) as kzero:

        async def version(_: str) -> str:
            return "21.1.2"

        monkeypatch.setattr(kzero.keycloak, "version", version)
        before = read(realm, "")
        with pytest.raises(
            KeycloakError, match=r"runs Keycloak 21\.1\.2, which is too old: kzero-scim supports 22\.0\.5"
        ):
            await kzero.keycloak.set_realm_attributes(realm.realm, {"mine": "1"})
        assert read(realm, "") == before


def calls(stack: str, told: RecordingLog) -> Call:
    """Return a request of the engine for a resource of a stack in project fleet."""
    return Call(urn=f"urn:pulumi:{stack}::fleet::kzero:keycloak:MapperSet::tenant", name="tenant", log=told)


async def test_a_second_stack_is_refused_until_it_takes_over(realm: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    """The client names its stack. Another one may not create, change, import or delete before it confirms."""
    services: Any
    theirs, ours = calls("old", RecordingLog()), calls("new", RecordingLog())
    inputs = MapperSetInputs(realm=realm.realm)
    endpoint = ScimEndpointInputs(
        realm=realm.realm, azure_tenant_id=realm.env["ARM_TENANT_ID"], activation="attributes", preset="sandbox"
    )
    refused = pytest.raises(ProviderError, match=r"managed by stack fleet/old.*KZERO_SCIM_CONFIRM=take-over=fleet/old")
    async with signed_in(realm) as services:
        mappers, switch = MapperSet(services), ScimEndpoint(services)
        state = (await mappers.create(theirs, inputs)).state
        assert realm.scim_client()["attributes"]["kzero-scim.stack"] == "fleet/old"
        before, settings = realm.scim_client(), read(realm, "")
        for attempt in (
            lambda: mappers.plan(ours, inputs, None),
            lambda: mappers.create(ours, inputs),
            lambda: mappers.update(ours, "x", state, inputs),
            lambda: mappers.read(ours, f"{realm.realm}/scim-endpoint", None),
            lambda: switch.plan(ours, endpoint, None),
            lambda: switch.create(ours, endpoint),
        ):
            with refused:
                await attempt()
        with pytest.raises(ProviderError, match=r"run `pulumi state delete 'urn:pulumi:new::"):
            await mappers.delete(ours, "x", state)
        assert (realm.scim_client(), read(realm, "")) == (before, settings)

        monkeypatch.setenv("KZERO_SCIM_CONFIRM", "take-over=fleet/old")
        taken = (await mappers.create(ours, inputs)).state
        monkeypatch.delenv("KZERO_SCIM_CONFIRM")
        assert realm.scim_client()["attributes"]["kzero-scim.stack"] == "fleet/new"
        with pytest.raises(ProviderError, match="managed by stack fleet/new, not by fleet/old"):
            await mappers.delete(theirs, "x", state)
        await mappers.delete(ours, "x", taken)
    assert "kzero-scim.stack" not in realm.scim_client()["attributes"]
    assert realm.scim_client().get("protocolMappers") in ([], None)


async def test_a_realm_that_drops_undeclared_attributes_is_known_in_the_preview(
    served: RunningSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Keycloak 24 and later drops them; older versions, and realms that keep unmanaged attributes, get no warning."""
    services: Any
    for name in ("SSL_CERT_FILE", "NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, served.process.environment()[name])
    for keeps in (True, False):
        told = RecordingLog()
        with served.tenant(keeps_unmanaged=keeps) as tenant:
            body = {"username": "alex@contoso.example", "attributes": {"extensionAttribute1": ["field"]}}
            tenant.keycloak_admin.post("/users", json=body).raise_for_status()
            user = tenant.user("alex@contoso.example") or {}
            is_dropped = "extensionAttribute1" not in (user.get("attributes") or {})
            async with signed_in(tenant) as services:
                await MapperSet(services).plan(calls("s", told), MapperSetInputs(realm=tenant.realm), None)
        warned = any("drops the user attributes extensionAttribute1, manager" in line for _, line in told.lines)
        assert warned is is_dropped
        assert not (keeps and warned)


async def test_the_first_preview_says_what_exists_and_what_a_destroy_removes(realm: Tenant) -> None:
    """Mappers and an endpoint that were set up by hand are named before they are adopted."""
    services: Any
    told = RecordingLog()
    inputs = MapperSetInputs(realm=realm.realm)
    endpoint = ScimEndpointInputs(
        realm=realm.realm, azure_tenant_id=realm.env["ARM_TENANT_ID"], activation="attributes", preset="sandbox"
    )
    async with signed_in(realm) as services:
        await MapperSet(services).create(services.call, inputs)
        await ScimEndpoint(services).create(services.call, endpoint)
        await MapperSet(services).plan(calls("new", told), inputs, None)
        await ScimEndpoint(services).plan(calls("new", told), endpoint, None)

    notes = " ".join(line for _, line in told.lines)
    assert "already has the mappers" in notes
    assert "`pulumi destroy` would remove them" in notes
    assert "is on already: would adopt its attributes kzero.scim.azureTenantId" in notes
    assert "`pulumi destroy` would switch it off" in notes
