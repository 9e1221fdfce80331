"""Tests mappings, connection test, status and on-demand run against the local Entra and an independent server.

The receiver is scim2-server. The users that Keycloak would show are read from it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace
from typing import Any, cast

import pytest
from kzero_sandbox.organisation import fixed_id
from kzero_sandbox.serving import Certificates, issue_certificates

from kzero_scim.clients.keycloak.client import KeycloakClient
from kzero_scim.errors import GraphError, PartialFailureError, ProviderError
from kzero_scim.mapping.attribute_mapping import TAG, WORK_EMAIL, guide_custom_attributes, guide_rows
from kzero_scim.provider.entra.attribute_mappings.model import AttributeMappingsInputs
from kzero_scim.provider.entra.attribute_mappings.resource import AttributeMappings
from kzero_scim.provider.entra.connection_test.resource import ConnectionTest, ConnectionTestInputs
from kzero_scim.provider.entra.on_demand_provisioning.resource import OnDemandProvisioning, OnDemandProvisioningInputs
from kzero_scim.provider.entra.provisioning_status.resource import ProvisioningStatus, ProvisioningStatusInputs
from kzero_scim.provider.services import Services
from kzero_scim.resource.model import UNKNOWN, Found
from kzero_scim.resource.reading import Absent, Present, Reading
from kzero_scim.settings.items import CustomAttribute, Row
from tests.contract.local_entra import LocalEntra
from tests.contract.sandbox.entra.world import (
    CUSTOM_EXTENSION,
    TOKEN,
    Application,
    Entra,
    Target,
    running_entra,
    running_target,
)
from tests.contract.scripted_graph import Json, Lines, call, no_sleep

ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
ALEX = "alex@contoso.example"


class AsKeycloak:
    """The receiver's users, in the form of Keycloak's admin API."""

    def __init__(self, target: Target) -> None:
        """Read from this receiver."""
        self._target = target
        self.without: set[str] = set()

    async def version(self, _: str) -> str:
        """Return a version without user profiles."""
        return "23.0.7"

    async def find_user(self, realm: str, username: str) -> Reading[Json]:
        """Return a user by name."""
        assert realm == "Contoso"
        user = next((user for name, user in self._target.users().items() if name.lower() == username.lower()), None)
        if user is None:
            return Absent()
        emails = [email["value"] for email in user.get("emails", [])]
        attributes = {
            "extensionAttribute1": [user.get(CUSTOM_EXTENSION, {}).get("tag")],
            "manager": [user.get(ENTERPRISE, {}).get("manager", {}).get("value")],
        }
        found = {
            "id": user["id"],
            "username": user["userName"].lower(),
            "enabled": user.get("active", True),
            "firstName": user.get("name", {}).get("givenName"),
            "lastName": user.get("name", {}).get("familyName"),
            "email": emails[0] if emails else None,
            "attributes": {
                name: value for name, value in attributes.items() if value != [None] and name not in self.without
            },
        }
        return Present(found)


@dataclass
class Chain:
    """One job, its receiver, and the clients of a provider."""

    application: Application
    target: Target
    services: Services
    keycloak: AsKeycloak

    @property
    def ids(self) -> dict[str, Any]:
        """The inputs that all resources of the job share."""
        return {"service_principal_id": self.application.principal, "job_id": self.application.job}

    @property
    def resource_id(self) -> str:
        """ID of the job's resources."""
        return f"{self.application.principal}/{self.application.job}"

    def mappings(self) -> AttributeMappings:
        """Return the attribute mappings resource."""
        return AttributeMappings(self.services, sleep=no_sleep)

    def on_demand(self) -> OnDemandProvisioning:
        """Return the on-demand provisioning resource."""
        return OnDemandProvisioning(self.services, sleep=no_sleep)


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """Return a certificate authority that both sides trust."""
    return issue_certificates(tmp_path_factory.mktemp("chain"))


@pytest.fixture(scope="module")
def running(certificates: Certificates) -> Iterator[Entra]:
    """Run the local Entra."""
    with running_entra(certificates) as entra:
        yield entra


@pytest.fixture
async def chain(running: Entra, certificates: Certificates, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Chain]:
    """Return a job with one assigned user, whose credentials point to an empty receiver."""
    host = running.emulator.base_url.removeprefix("https://")
    local = LocalEntra(running.emulator, host, certificates.ca_file)
    local.clean(monkeypatch)
    token = running.http.post("/sandbox/token").json()["access_token"]
    running.http.headers["Authorization"] = f"Bearer {token}"
    with running_target(certificates) as target:
        application = running.application()
        application.create_job()
        application.assign(fixed_id(f"user:{ALEX}"))
        assert application.set_secrets(BaseAddress=target.url, SecretToken=TOKEN).status_code == 204
        services = Services(local.config(realm="Contoso"))
        services.__dict__["graph"] = local.graph()
        keycloak = AsKeycloak(target)
        services.__dict__["keycloak"] = cast("KeycloakClient", keycloak)
        yield Chain(application, target, services, keycloak)
        await services.graph.aclose()


async def test_the_guides_steps_end_with_the_user_in_kzero(chain: Chain) -> None:
    """The guide's steps provision the user, and a second run changes nothing."""
    mappings = AttributeMappingsInputs(**chain.ids)
    state = (await chain.mappings().create(call(), mappings)).state
    tested = await ConnectionTest(chain.services).create(call(), ConnectionTestInputs(**chain.ids))
    started = await ProvisioningStatus(chain.services).create(call(), ProvisioningStatusInputs(**chain.ids))
    first = await chain.on_demand().create(call(), OnDemandProvisioningInputs(**chain.ids, user=ALEX))
    second = await chain.on_demand().create(call(), OnDemandProvisioningInputs(**chain.ids, user=ALEX))

    assert await chain.mappings().diff(call(), chain.resource_id, state, mappings) == []
    assert tested.state.result == "passed"
    assert started.state.enabled
    assert (first.state.result, second.state.result) == ("success", "alreadyInDesiredState")
    assert {item.attribute: item.kzero for item in first.state.comparisons} == {
        "status": "true",
        "loginName": ALEX,
        "firstName": "Alex",
        "lastName": "Lindqvist",
        "tag": "field",
        "email": ALEX,
    }


async def test_an_attribute_that_kzero_drops_fails_the_run(chain: Chain) -> None:
    """An attribute that KZero drops fails the run, as a missing mapper does."""
    await chain.mappings().create(call(), AttributeMappingsInputs(**chain.ids))
    chain.keycloak.without.add("extensionAttribute1")

    with pytest.raises(PartialFailureError, match=r'tag: Entra "field", KZero nothing'):
        await chain.on_demand().create(call(), OnDemandProvisioningInputs(**chain.ids, user=ALEX))


async def test_a_user_outside_the_assignments_fails_the_run(chain: Chain) -> None:
    """A user who is not assigned fails the run with the remedy, and no user is created."""
    with pytest.raises(ProviderError, match="assign the user"):
        await chain.on_demand().create(
            call(), OnDemandProvisioningInputs(**chain.ids, user="morgan@contoso.example", verify="off")
        )
    assert chain.target.users() == {}


async def test_a_wrong_token_fails_the_connection_test(chain: Chain) -> None:
    """A wrong token fails the connection test with Entra's code and the usual cause."""
    chain.target.application.token = "another"

    with pytest.raises(ProviderError, match=r"Azure Tenant ID.*CredentialValidationUnavailable"):
        await ConnectionTest(chain.services, delays=()).create(call(), ConnectionTestInputs(**chain.ids))


async def test_entra_takes_every_kind_of_row(chain: Chain) -> None:
    """Entra accepts expressions, constants, defaults, a second matching row and a typed custom attribute."""
    level = TAG.replace(":tag", ":level")
    inputs = AttributeMappingsInputs(
        **chain.ids,
        rows=guide_rows()
        | {
            "title": Row(expression='Switch([jobTitle], , "Chief executive", "CEO")'),
            "locale": Row(constant="en-CA"),
            "nickName": Row(source="mailNickname", default_value="none", flow_behavior="FlowAlways"),
            "externalId": Row(source="objectId", matching_priority=2, flow_type="ObjectAddOnly"),
            level: Row(source="extensionAttribute2"),
        },
        custom_attributes=[*guide_custom_attributes(), CustomAttribute(name=level, type="Integer", case_exact=True)],
        provision_groups=False,
    )
    before = {key: value for key, value in chain.application.schema().items() if key != "version"}

    state = (await chain.mappings().create(call(), inputs)).state
    assert await chain.mappings().diff(call(), chain.resource_id, state, inputs) == []
    await chain.mappings().delete(call(), chain.resource_id, state)

    after = {key: value for key, value in chain.application.schema().items() if key != "version"}
    assert after == before


async def test_an_exclusive_set_is_accepted_and_given_back(chain: Chain) -> None:
    """Entra accepts a schema with only the guide's seven rows, and its original is restored."""
    inputs = AttributeMappingsInputs(**chain.ids, exclusive=True)

    state = (await chain.mappings().create(call(), inputs)).state
    found = await chain.mappings().read(call(), chain.resource_id, state)

    assert state.unmanaged_rows == []
    assert isinstance(found, Found)
    assert await chain.mappings().diff(call(), chain.resource_id, found.state, inputs) == []


async def test_a_new_job_is_previewed_by_its_template(chain: Chain) -> None:
    """A preview of a new job uses the schema of its template."""
    inputs = AttributeMappingsInputs(**chain.ids, rows=guide_rows() | {WORK_EMAIL: Row(source="email")})

    with pytest.raises(ProviderError, match="no attribute 'email'"):
        await chain.mappings().plan(call(preview=True), replace(inputs, job_id=UNKNOWN), None)


async def test_a_missing_permission_is_named_and_a_missing_job_is_gone(chain: Chain) -> None:
    """A 403 is an error with the permission, and a 404 means that the resource was deleted."""
    state = (await chain.mappings().create(call(), AttributeMappingsInputs(**chain.ids))).state
    assert chain.application.entra.http.delete(chain.application.job_path).status_code == 204

    assert await chain.mappings().read(call(), chain.resource_id, state) == Absent()
    await chain.mappings().delete(call(), chain.resource_id, state)
    with pytest.raises(GraphError, match="answered 404"):
        await ConnectionTest(chain.services).create(call(), ConnectionTestInputs(**chain.ids))


async def test_quarantine_is_shown_and_left(chain: Chain) -> None:
    """A job in quarantine does not restart until the receiver accepts requests again."""
    status = ProvisioningStatus(chain.services, sleep=no_sleep)
    inputs = ProvisioningStatusInputs(**chain.ids, triggers={"credentials": "1"})
    state = (await status.create(call(), inputs)).state
    chain.target.application.token = "another"
    chain.application.cycle()
    lines = Lines()

    found = await status.read(call(lines), chain.resource_id, state)
    assert isinstance(found, Found)
    assert found.state.quarantine is not None
    assert found.state.last_cycle is not None
    assert found.state.last_cycle.state == "Failed"
    assert lines.warnings

    with pytest.raises(ProviderError, match="did not pass"):
        await status.update(call(), chain.resource_id, found.state, inputs)
    chain.target.application.token = TOKEN
    again = await status.update(call(), chain.resource_id, found.state, inputs)
    assert again.quarantine is None
    assert again.enabled
