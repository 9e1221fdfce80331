"""The servers of the local Entra's contract tests: Entra and an independent SCIM server, both over TLS in threads."""

import functools
import json
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
from kzero_sandbox.entra.application_template import NON_GALLERY_TEMPLATE, USER_ROLE
from kzero_sandbox.entra.emulator import EntraEmulator
from kzero_sandbox.organisation import Organisation
from kzero_sandbox.serving import Certificates, ServerThread, listen, port_of
from scim2_models import Attribute, Schema, ScimProvider, UnauthorizedException
from scim2_server.applications.asgi import ASGIApplication
from scim2_server.memory import AsyncInMemoryStorage
from scim2_server.requests import ScimRequest
from scim2_server.responses import ScimResponse
from scim2_server.utils import load_default_resource_types, load_default_schemas, load_default_service_provider_config

Json = dict[str, Any]
CUSTOM_EXTENSION = "urn:ietf:params:scim:schemas:extension:CustomExtensionName:2.0:User"
TAG = f"{CUSTOM_EXTENSION}:tag"
TOKEN = "token-that-the-target-expects"
COMPLIANT = "?aadOptscim062020"


@dataclass
class Entra:
    """A running local Entra, and a client signed in with every permission."""

    emulator: EntraEmulator
    http: httpx.Client
    organisation: Organisation

    def sign_in(self, client: str, secret: str | None = None) -> httpx.Response:
        """Request a token as one of the registered clients."""
        seed = self.organisation.client(client)
        form = {
            "client_id": seed.client_id,
            "client_secret": secret or seed.secret,
            "grant_type": "client_credentials",
            "scope": f"{self.emulator.base_url}/.default",
        }
        return self.http.post(f"/{self.organisation.tenant_id}/oauth2/v2.0/token", data=form)

    def headers(self, *permissions: str) -> dict[str, str]:
        """Return the headers of a client with only these permissions."""
        answer = self.http.post("/sandbox/token", json={"permissions": list(permissions)})
        return {"Authorization": f"Bearer {answer.json()['access_token']}"}

    def application(self, name: str = "KZero Passwordless SCIM") -> "Application":
        """Instantiate the non-gallery template and return the application."""
        answer = self.http.post(
            f"/v1.0/applicationTemplates/{NON_GALLERY_TEMPLATE}/instantiate", json={"displayName": name}
        )
        assert answer.status_code == 201
        body = answer.json()
        return Application(self, body["application"]["id"], body["servicePrincipal"]["id"])


@dataclass
class Application:
    """An enterprise application of the local Entra."""

    entra: Entra
    id: str
    principal: str
    job: str = ""

    @property
    def path(self) -> str:
        """The path of the service principal."""
        return f"/v1.0/servicePrincipals/{self.principal}"

    @property
    def job_path(self) -> str:
        """The path of the job."""
        return f"{self.path}/synchronization/jobs/{self.job}"

    def assign(self, *principals: str) -> list[Json]:
        """Assign users or groups by object id and return the assignments."""
        assigned = []
        for principal in principals:
            body = {"principalId": principal, "resourceId": self.principal, "appRoleId": USER_ROLE}
            answer = self.entra.http.post(f"{self.path}/appRoleAssignedTo", json=body)
            assert answer.status_code == 201, answer.text
            assigned.append(answer.json())
        return assigned

    def unassign(self, *principals: str) -> None:
        """Delete the assignments of users or groups."""
        for item in self.entra.http.get(f"{self.path}/appRoleAssignedTo").json()["value"]:
            if item["principalId"] in principals:
                assert self.entra.http.delete(f"{self.path}/appRoleAssignedTo/{item['id']}").status_code == 204

    def create_job(self) -> str:
        """Create the synchronization job and return its id."""
        answer = self.entra.http.post(f"{self.path}/synchronization/jobs", json={"templateId": "scim"})
        assert answer.status_code == 201
        self.job = answer.json()["id"]
        return self.job

    def set_secrets(self, **secrets: str) -> httpx.Response:
        """PUT synchronization secrets."""
        pairs = [{"key": key, "value": value} for key, value in secrets.items()]
        return self.entra.http.put(f"{self.path}/synchronization/secrets", json={"value": pairs})

    def schema(self) -> Json:
        """Return the job's schema."""
        schema: Json = self.entra.http.get(f"{self.job_path}/schema").json()
        return schema

    def put_schema(self, schema: Json) -> httpx.Response:
        """PUT the job's schema."""
        return self.entra.http.put(f"{self.job_path}/schema", json=schema)

    def status(self) -> Json:
        """Return the job in Graph's format."""
        job: Json = self.entra.http.get(self.job_path).json()
        return job

    def start(self) -> None:
        """Start the job."""
        assert self.entra.http.post(f"{self.job_path}/start").status_code == 204

    def cycle(self) -> Json:
        """Run one cycle and return its execution."""
        answer = self.entra.http.post("/sandbox/cycle", json={"jobId": self.job})
        assert answer.status_code == 200
        execution: Json = answer.json()["cycles"][self.job]
        return execution

    def provision(self, object_id: str, kind: str = "User") -> httpx.Response:
        """Provision an object on demand."""
        rule = self.schema()["synchronizationRules"][0]["id"]
        body = {"parameters": [{"ruleId": rule, "subjects": [{"objectId": object_id, "objectTypeName": kind}]}]}
        return self.entra.http.post(f"{self.job_path}/provisionOnDemand", json=body)


class _Target(ASGIApplication):
    """scim2-server with one bearer token; records the requests."""

    def __init__(self, storage: AsyncInMemoryStorage, provider: ScimProvider) -> None:
        super().__init__(storage, provider)
        self.token = TOKEN
        self.takes_bare_manager = True
        self.received: list[ScimRequest] = []

    def check_auth(self, request: ScimRequest) -> None:
        """Accept only the one token."""
        self.received.append(request)
        if request.header("Authorization") != f"Bearer {self.token}":
            raise UnauthorizedException

    async def dispatch_request(self, request: ScimRequest) -> ScimResponse:
        """Convert the manager, which Entra sends as a bare id, to the object that RFC 7643 and scim2-server require."""
        if request.method == "PATCH" and self.takes_bare_manager:
            original, body = request.body, json.loads(request.body)
            for operation in body["Operations"]:
                if str(operation.get("path")).endswith(":manager") and isinstance(operation["value"], str):
                    operation["value"] = {"value": operation["value"]}
            request.body = json.dumps(body).encode()
            answer = await super().dispatch_request(request)
            request.body = original
            return answer
        return await super().dispatch_request(request)


@dataclass
class Target:
    """A running scim2-server."""

    url: str
    application: _Target
    http: httpx.Client = field(repr=False)

    def users(self) -> dict[str, Json]:
        """Return the server's users by user name."""
        answer = self.http.get(f"{self.url}/Users", headers={"Authorization": f"Bearer {self.application.token}"})
        return {user["userName"]: user for user in answer.json().get("Resources", [])}

    def groups(self) -> dict[str, Json]:
        """Return the server's groups by display name."""
        answer = self.http.get(f"{self.url}/Groups", headers={"Authorization": f"Bearer {self.application.token}"})
        return {group["displayName"]: group for group in answer.json().get("Resources", [])}

    def bodies(self, method: str) -> list[Json]:
        """Return the bodies of the received requests with this method."""
        requests = [request for request in self.application.received if request.method == method]
        return [json.loads(request.body) for request in requests]

    def queries(self) -> list[dict[str, str]]:
        """Return the queries of the received GET requests."""
        return [dict(request.query) for request in self.application.received if request.method == "GET"]


@contextmanager
def running_entra(certificates: Certificates) -> Iterator[Entra]:
    """Yield a local Entra that runs during the block."""
    listener = listen()
    organisation = Organisation()
    emulator = EntraEmulator(f"https://localhost:{port_of(listener)}", organisation, certificates.ca_file)
    context = ssl.create_default_context(cafile=str(certificates.ca_file))
    with (
        ServerThread(emulator.app, listener=listener, certificates=certificates) as server,
        httpx.Client(base_url=server.url, verify=context, trust_env=False) as http,
    ):
        entra = Entra(emulator, http, organisation)
        token = http.post("/sandbox/token").json()["access_token"]
        http.headers["Authorization"] = f"Bearer {token}"
        yield entra


@functools.cache
def _provider() -> ScimProvider:
    """Return the server's schemas and models. It keeps no resources, so all tests share it."""
    extension = Schema(
        id=CUSTOM_EXTENSION,
        name="CustomExtensionName",
        attributes=[Attribute(name="tag", type=Attribute.Type.string, multi_valued=False)],
    )
    types = load_default_resource_types()
    user = types["User"].model_dump()
    user["schemaExtensions"] = [*user["schemaExtensions"], {"schema": CUSTOM_EXTENSION, "required": False}]
    types["User"] = type(types["User"]).model_validate(user)
    return ScimProvider.from_discovery(
        [*load_default_schemas().values(), extension], types.values(), config=load_default_service_provider_config()
    )


@contextmanager
def running_target(certificates: Certificates) -> Iterator[Target]:
    """Yield a scim2-server that knows the custom extension and runs during the block."""
    application = _Target(AsyncInMemoryStorage(), _provider())
    context = ssl.create_default_context(cafile=str(certificates.ca_file))
    with (
        ServerThread(application, certificates=certificates) as server,
        httpx.Client(verify=context, trust_env=False) as http,
    ):
        yield Target(f"{server.url}/v2", application, http)
