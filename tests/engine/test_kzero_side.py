"""The SCIM endpoint and its mapper set under a real engine, with a real Keycloak."""

from typing import Any

import pulumi
import pytest
from kzero_sandbox.running import Tenant

from kzero_scim.provider.package import KZERO
from tests.engine.attach import EngineStack, RunFailedError
from tests.engine.conftest import MakeStack


def declared(token: str, outputs: tuple[str, ...], inputs: dict[str, Any], *after: pulumi.Resource) -> pulumi.Resource:
    """Declare one resource by its token."""
    properties = {**dict.fromkeys(outputs), **inputs}
    return pulumi.CustomResource(f"kzero:keycloak:{token}", token, properties, pulumi.ResourceOptions(depends_on=after))


class KZeroSide:
    """A stack with both resources. Tests can change the realm's name and the mappers between runs."""

    def __init__(self, tenant: Tenant, engine: MakeStack) -> None:
        """Configure the provider as a tenant's stack does."""
        self.tenant = tenant
        self.realm = tenant.realm
        self.mapper_set: dict[str, Any] = {}
        made = tenant.credentials
        config = {
            "kzero:serverUrl": tenant.env["KZERO_SERVER_URL"],
            "kzero:realm": tenant.realm,
            "kzero:kzeroClientId": made.client_id,
        }
        secrets = {"kzero:kzeroClientSecret": made.client_secret}
        self.stack: EngineStack = engine(self.program, KZERO, config=config, secrets=secrets)

    def program(self) -> None:
        """Declare the endpoint, then the mappers."""
        settings = {
            "realm": self.realm,
            "azureTenantId": self.tenant.env["ARM_TENANT_ID"],
            "activation": "attributes",
            "preset": "sandbox",
        }
        endpoint = declared("ScimEndpoint", ("tenantUrl", "alive", "answer", "settingsFingerprint"), settings)
        outputs = ("clientUuid", "mapperIds", "unmanaged", "fingerprint")
        declared("MapperSet", outputs, {"realm": self.realm, **self.mapper_set}, endpoint)


@pytest.fixture
def side(tenant: Tenant, engine: MakeStack, monkeypatch: pytest.MonkeyPatch) -> KZeroSide:
    """Both resources, before they are created."""
    for name in ("SSL_CERT_FILE", "NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, tenant.env[name])
    return KZeroSide(tenant, engine)


def test_endpoint_and_mappers_are_created_repaired_and_destroyed(side: KZeroSide, tenant: Tenant) -> None:
    """A second preview finds no changes, drift is shown exactly and repaired, and destroy disables the endpoint."""
    side.stack.up()
    assert len(tenant.scim_client()["protocolMappers"]) == 7
    tenant.kzero.delete("/sandbox/requests").raise_for_status()
    assert side.stack.preview().changes == {}
    assert tenant.kzero.get("/sandbox/requests").json() == [], "a preview without changes sends no request"

    client = tenant.scim_client()
    status = next(mapper for mapper in client["protocolMappers"] if mapper["name"] == "status")
    path = f"/clients/{client['id']}/protocol-mappers/models/{status['id']}"
    changed = {**status, "config": {**status["config"], "jsonType.label": "String"}}
    tenant.keycloak_admin.put(path, json=changed).raise_for_status()
    tenant.set_realm_attributes(kzero__scim__enabled="false")
    drift = side.stack.preview(refresh=True).changes
    assert drift["MapperSet"].diff == {"mappers.status.claimJsonType": ("String", "boolean")}
    assert list(drift["ScimEndpoint"].diff) == ["enabled"]

    side.stack.up(refresh=True)
    assert side.stack.preview(refresh=True).changes == {}
    side.stack.destroy()
    assert not tenant.scim_client().get("protocolMappers")
    assert tenant.keycloak_admin.get("").json()["attributes"]["kzero.scim.enabled"] == "false"
    assert tenant.credentials.client_secret not in side.stack.stored()


def test_a_realm_in_the_wrong_case_is_a_one_line_error_in_the_preview(side: KZeroSide, tenant: Tenant) -> None:
    """The error suggests the right name, and nothing is written."""
    side.realm = tenant.realm.lower()
    with pytest.raises(RunFailedError) as failed:
        side.stack.preview()
    assert any(f'did you mean "{tenant.realm}"? Names are case-sensitive' in text for text in failed.value.run.errors)
    assert "Traceback" not in failed.value.run.output
    assert not tenant.scim_client().get("protocolMappers")
