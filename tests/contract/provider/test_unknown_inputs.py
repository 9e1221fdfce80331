"""An output of another resource in any input of any resource: check, diff and preview work, and the update follows."""

from __future__ import annotations

import base64
import copy
import dataclasses
import json
import types
import typing
from collections.abc import AsyncIterator, Iterator
from typing import Any

import grpc.aio
import httpx
import pytest
import pytest_asyncio
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc

from kzero_scim.clients.keycloak.client import KeycloakClient
from kzero_scim.clients.keycloak.session import Credentials
from kzero_scim.clients.scim import ScimClient
from kzero_scim.clients.token_endpoint import TokenEndpoint
from kzero_scim.provider.engine.adapter import Adapter, start
from kzero_scim.provider.engine.marshal import marshal, unmarshal
from kzero_scim.provider.package import KZERO
from kzero_scim.resource.codec import fields_of
from kzero_scim.resource.model import UNKNOWN
from tests.contract.local_entra import LocalEntra

Json = dict[str, Any]
Path = tuple[str | int, ...]
SERVER = "https://kzero.test"
REALM = "Contoso"
TENANT = "5a4d0b0c-0000-4000-8000-00000000e401"
TAG = "urn:ietf:params:scim:schemas:extension:CustomExtensionName:2.0:User:tag"
_MAPPER = {"userAttribute": "tag", "claim": TAG}
_ROW = {"source": "userPrincipalName", "matchingPriority": 1}
_URL = f"{SERVER}/realms/{REALM}/scim/v2"

EXAMPLES: dict[str, Json] = {
    "kzero:keycloak:ScimEndpoint": {
        "realm": REALM,
        "profile": "Azure",
        "azureTenantId": TENANT,
        "enabled": True,
        "activation": "attributes",
        "preset": "sandbox",
        "attributeHolder": "realm",
        "attributeNames": {"profile": "my.profile"},
        "activationTimeout": 0,
    },
    "kzero:keycloak:MapperSet": {
        "realm": REALM,
        "clientId": "scim-endpoint",
        "mappers": {"tag": {**_MAPPER, "claimJsonType": "String", "idToken": True}},
        "exclusive": False,
        "escapeDots": True,
    },
    "kzero:keycloak:ScimApiClient": {
        "realm": REALM,
        "clientId": "scim-endpoint",
        "audience": _URL,
        "managesUsers": True,
        "accessTokenLifespan": 7200,
    },
    "kzero:keycloak:ScimAttributes": {"realm": REALM, "attributes": {"tag": TAG}},
    "kzero:keycloak:RemoteToken": {
        "realm": REALM,
        "tenantUrl": _URL,
        "clientId": "scim-endpoint",
        "tokenEndpoint": f"{SERVER}/realms/{REALM}/protocol/openid-connect/token",
        "method": "bearer",
        "renewBefore": 3600,
        "triggers": {"a": "1"},
    },
    "kzero:entra:AppRoleAssignments": {
        "servicePrincipalId": "",
        "users": ["alex@contoso.example"],
        "groups": ["KZero users"],
        "roleName": "User",
        "exclusive": True,
        "unassignMaxUsers": 25,
        "unassignMaxShare": 20,
    },
    "kzero:keycloak:ProvisionedUsers": {
        "realm": REALM,
        "servicePrincipalId": "",
        "userNameSource": "userPrincipalName",
        "onDestroy": "disable",
    },
    "kzero:entra:SynchronizationJob": {"servicePrincipalId": "", "templateId": "scim"},
    "kzero:entra:SynchronizationCredentials": {
        "servicePrincipalId": "",
        "jobId": "",
        "tenantUrl": _URL,
        "allowForeignTenantUrl": False,
        "secretToken": "a-token",
        "scope": "assigned",
        "notificationEmail": "a@contoso.example",
        "deletionThreshold": 25,
    },
    "kzero:entra:AttributeMappings": {
        "servicePrincipalId": "",
        "jobId": "",
        "rows": {"userName": _ROW, TAG: {"source": "extensionAttribute1"}},
        "customAttributes": [{"name": TAG, "type": "String", "caseExact": False}],
        "provisionGroups": True,
        "exclusive": False,
    },
    "kzero:entra:ConnectionTest": {"servicePrincipalId": "", "jobId": "", "triggers": {"a": "1"}},
    "kzero:entra:ProvisioningStatus": {"servicePrincipalId": "", "jobId": "", "enabled": True, "triggers": {"a": "1"}},
    "kzero:entra:OnDemandProvisioning": {
        "servicePrincipalId": "",
        "jobId": "",
        "user": "alex@contoso.example",
        "verify": "attributes",
        "rows": {"userName": _ROW},
        "mappers": {"tag": _MAPPER},
        "assignedUsers": ["alex@contoso.example"],
        "assignedGroups": ["KZero users"],
        "triggers": {"a": "1"},
    },
}
"""Valid inputs of each resource, with every field. Those of Entra get the IDs of a real application and job."""
ALTERNATIVES: dict[str, Json] = {
    "kzero:entra:SynchronizationCredentials": {
        "secretToken": None,
        "oauth2": {"tokenEndpoint": f"{SERVER}/token", "clientId": "scim-endpoint", "secretFingerprint": "f"},
    },
}
"""Inputs that exclude others of the example."""
OUTPUTS: Json = {"expiresAt": "2030-01-01T00:00:00+00:00", "issuedAt": "2026-01-01T00:00:00+00:00", "lifespan": 10**8}
"""Outputs whose type allows more than the resource writes."""


def cases() -> Iterator[tuple[str, Json]]:
    """List each resource with its examples."""
    for token, example in EXAMPLES.items():
        yield token, example
        if token in ALTERNATIVES:
            changed = {**example, **ALTERNATIVES[token]}
            yield token, {key: value for key, value in changed.items() if value is not None}


def places(value: Any, path: Path = ()) -> Iterator[Path]:  # noqa: ANN401 - JSON
    """List the paths of all values inside a value, at any depth."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in pairs:
        yield (*path, key)
        yield from places(inner, (*path, key))


def replaced(value: Json, path: Path) -> Json:
    """Return a copy with one value that is not known yet."""
    changed = copy.deepcopy(value)
    parent: Any = changed
    for key in path[:-1]:
        parent = parent[key]
    parent[path[-1]] = UNKNOWN
    return changed


def at(value: Any, path: Path) -> Any:  # noqa: ANN401 - JSON
    """Return the value at a path, or the unknown one that contains it."""
    for key in path:
        if value is UNKNOWN:
            return value
        value = value[key]
    return value


def state_of(kind: type[Any], inputs: Json) -> Json:
    """Return a state with these inputs and plausible outputs."""
    outputs = {key: OUTPUTS.get(key, _plausible(spec.hint)) for key, spec in fields_of(kind).items()}
    return {**{key: value for key, value in outputs.items() if value is not None}, **inputs}


def _plausible(hint: Any) -> Any:  # noqa: ANN401 - a type and a value of it
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in {types.UnionType, typing.Union}:
        return None
    if origin is typing.Literal:
        return arguments[0]
    if origin is list:
        return []
    if origin is dict:
        return {}
    if isinstance(hint, type) and dataclasses.is_dataclass(hint):
        return {key: value for key, spec in fields_of(hint).items() if (value := _plausible(spec.hint)) is not None}
    return {str: "x", int: 0, bool: False, float: 0.0}.get(hint, "x")


def kzero(request: httpx.Request) -> httpx.Response:
    """Answer as a Keycloak with one realm that has everything."""
    path = request.url.path
    if path.endswith("/token"):
        roles = ["realm-admin", "manage-users", "view-clients", "manage-clients", "view-users"]
        claims = {"resource_access": {"realm-management": {"roles": roles}}}
        payload = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
        return httpx.Response(200, json={"access_token": f"h.{payload}.s", "expires_in": 10**8})
    if path.endswith("/ServiceProviderConfig"):
        return httpx.Response(401)
    if path.endswith("/clients"):
        return httpx.Response(200, json=[{"id": "1", "clientId": request.url.params["clientId"], "access": {}}])
    if path.endswith("/service-account-user"):
        return httpx.Response(200, json={"id": "2"})
    if path.endswith("/role-mappings"):
        return httpx.Response(200, json={})
    if path.endswith("/users/profile"):
        return httpx.Response(200, json={"attributes": []})
    if path.endswith("/users"):
        return httpx.Response(200, json=[])
    if path.endswith("/serverinfo"):
        return httpx.Response(200, json={})
    return httpx.Response(200, json={"realm": REALM, "attributes": {}})


@dataclasses.dataclass(frozen=True)
class Provider:
    """The provider as the engine sees it, and the IDs of an application with a job."""

    stub: provider_pb2_grpc.ResourceProviderStub
    ids: Json

    def inputs(self, example: Json) -> Json:
        """Return an example with the IDs."""
        return {key: self.ids.get(key, value) if value == "" else value for key, value in example.items()}


@pytest_asyncio.fixture
async def provider(entra: LocalEntra) -> AsyncIterator[Provider]:
    """Yield the provider with the sandbox's Entra and a scripted Keycloak."""
    services = entra.services()
    transport = httpx.MockTransport(kzero)
    changes: Json = {
        "server_url": SERVER,
        "realm": REALM,
        "remote_token_client_id": "scim-endpoint",
        "remote_token_client_secret": "remote-secret",
    }
    services.config = dataclasses.replace(services.config, **changes)
    account = Credentials(realm=REALM, client_id="kzero-scim", client_secret="secret")
    services.__dict__["keycloak"] = KeycloakClient(SERVER, account, transport=transport)
    services.__dict__["scim"] = ScimClient(transport=transport)
    services.__dict__["tokens"] = TokenEndpoint(transport=transport)
    principal = entra.application()
    job = await services.graph.post(f"/servicePrincipals/{principal}/synchronization/jobs", {"templateId": "scim"})
    assert job is not None
    adapter = Adapter(dataclasses.replace(KZERO, connect=lambda _: services, on_drift=None))
    server, port = await start(adapter)
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        stub = provider_pb2_grpc.ResourceProviderStub(channel)
        await stub.Configure(provider_pb2.ConfigureRequest(acceptSecrets=True))
        yield Provider(stub, {"servicePrincipalId": principal, "jobId": job["id"]})
    await server.stop(grace=None)
    await adapter.aclose()


def test_the_examples_have_every_field_of_every_resource() -> None:
    """A new resource or a new input needs an example, so that the next test covers it."""
    assert EXAMPLES.keys() == KZERO.resources.keys()
    for token in KZERO.resources:
        given = {key for other, example in cases() if other == token for key in example}
        assert given == set(fields_of(KZERO.resources[token].inputs)), token


@pytest.mark.parametrize(("token", "example"), list(cases()), ids=[token.rpartition(":")[2] for token, _ in cases()])
async def test_an_unknown_value_in_any_input_previews(provider: Provider, token: str, example: Json) -> None:
    """Each value of the inputs, at any depth, is unknown once: no call fails, and the value stays unknown."""
    known = provider.inputs(example)
    urn = f"urn:pulumi:s::p::{token}::it"
    olds = marshal(state_of(KZERO.resources[token].state, known))
    await previewed(provider, urn, known, olds)
    problems = {}
    for path in places(known):
        try:
            checked = await previewed(provider, urn, replaced(known, path), olds)
            assert at(checked, path) is UNKNOWN
        except (grpc.aio.AioRpcError, AssertionError) as error:
            problems[path] = error.details() if isinstance(error, grpc.aio.AioRpcError) else str(error)
    assert not problems


async def previewed(provider: Provider, urn: str, given: Json, olds: Any) -> Json:  # noqa: ANN401 - a Struct
    """Check, diff and preview inputs, as a create and as an update, and return the checked ones."""
    news = marshal(given)
    answer = await provider.stub.Check(provider_pb2.CheckRequest(urn=urn, news=news))
    assert not answer.failures, (given, answer.failures)
    await provider.stub.Check(provider_pb2.CheckRequest(urn=urn, olds=olds, news=news))
    await provider.stub.Diff(provider_pb2.DiffRequest(id="a/b", urn=urn, olds=olds, news=answer.inputs))
    await provider.stub.Create(provider_pb2.CreateRequest(urn=urn, properties=answer.inputs, preview=True))
    await provider.stub.Update(
        provider_pb2.UpdateRequest(id="a/b", urn=urn, olds=olds, news=answer.inputs, preview=True)
    )
    checked: Json = unmarshal(answer.inputs).values
    return checked
