"""Stacks of `pulumi_azuread` on the stand-in of its plugin with a real engine."""

import os
import socket
import subprocess
import sys
import threading
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pulumi
import pulumi_azuread as azuread
import pytest
import trustme
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.engine.attach import AttachedProvider, EngineStack, Run, RunFailedError

Document = dict[str, Any]

TENANT = "11111111-1111-1111-1111-111111111111"
CLIENT = "22222222-2222-2222-2222-222222222222"
TEMPLATE = "8adf8e6e-67b2-4cf2-a259-e3dc5476c621"
USER = {"id": str(uuid.UUID(int=1)), "userPrincipalName": "adele@contoso.com", "displayName": "Adele Vance"}
ROLE: Document = {"id": str(uuid.UUID(int=2)), "displayName": "User", "allowedMemberTypes": ["User"], "isEnabled": True}
# Header and claims {"oid": "99999999-9999-9999-9999-999999999999"}, not signed.
TOKEN = "e30.eyJvaWQiOiAiOTk5OTk5OTktOTk5OS05OTk5LTk5OTktOTk5OTk5OTk5OTk5In0.sig"


@dataclass
class Directory:
    """A directory behind the part of Microsoft Graph that one application, its assignments and a user need."""

    address: str = ""
    applications: dict[str, Document] = field(default_factory=dict)
    service_principals: dict[str, Document] = field(default_factory=dict)
    assignments: dict[str, Document] = field(default_factory=dict)
    writes: list[str] = field(default_factory=list)

    @property
    def app(self) -> Starlette:
        """The directory as a web application."""
        graph = "/v1.0"
        return Starlette(
            routes=[
                Route("/metadata/endpoints", self._metadata),
                Route(f"/{TENANT}/oauth2/v2.0/token", self._token, methods=["POST"]),
                Route(f"{graph}/applicationTemplates/{{id}}/instantiate", self._instantiate, methods=["POST"]),
                Route(f"{graph}/applications/{{id}}", self._application, methods=["GET", "PATCH", "DELETE"]),
                Route("/beta/applications/{id}", self._application),
                Route(f"{graph}/applications/{{id}}/owners", self._no_owners),
                Route("/beta/servicePrincipals/{id}", self._service_principal),
                Route(f"{graph}/servicePrincipals", self._service_principals),
                Route(f"{graph}/servicePrincipals/{{id}}", self._service_principal, methods=["GET", "PATCH", "DELETE"]),
                Route(f"{graph}/servicePrincipals/{{id}}/owners", self._no_owners),
                Route(f"{graph}/servicePrincipals/{{id}}/appRoleAssignedTo", self._assign, methods=["POST"]),
                Route(
                    f"{graph}/servicePrincipals/{{sp}}/appRoleAssignedTo/{{id}}",
                    self._assignment,
                    methods=["GET", "DELETE"],
                ),
                Route(f"{graph}/users", self._users),
                Route(f"{graph}/users/{{id}}", self._user),
                Route(f"{graph}/users/{{id}}/manager", self._object_not_there),
            ]
        )

    async def _metadata(self, _request: Request) -> Response:
        return JSONResponse(
            {
                "name": "Double",
                "authentication": {"loginEndpoint": self.address},
                "resourceManager": f"{self.address}/arm",
                "microsoftGraphResourceId": f"{self.address}/",
            }
        )

    async def _token(self, request: Request) -> Response:
        assert b"client_secret=x" in await request.body()
        return JSONResponse({"token_type": "Bearer", "expires_in": 3599, "access_token": TOKEN})

    async def _instantiate(self, request: Request) -> Response:
        name = (await request.json())["displayName"]
        self.writes.append("instantiate")
        application = {"id": str(uuid.uuid4()), "appId": str(uuid.uuid4()), "displayName": name, "appRoles": [ROLE]}
        service_principal = application | {"id": str(uuid.uuid4()), "accountEnabled": True, "tags": ["HideApp"]}
        self.applications[application["id"]] = application
        self.service_principals[service_principal["id"]] = service_principal
        return JSONResponse({"application": application, "servicePrincipal": service_principal}, status_code=201)

    async def _application(self, request: Request) -> Response:
        return await self._object(request, self.applications)

    async def _service_principal(self, request: Request) -> Response:
        return await self._object(request, self.service_principals)

    async def _assignment(self, request: Request) -> Response:
        return await self._object(request, self.assignments)

    async def _service_principals(self, request: Request) -> Response:
        app_id = request.query_params["$filter"].split("'")[1]
        found = [each for each in self.service_principals.values() if each["appId"] == app_id]
        return JSONResponse({"value": found})

    async def _assign(self, request: Request) -> Response:
        self.writes.append("assign")
        assignment = await request.json() | {"id": str(uuid.uuid4()), "principalType": "User"}
        self.assignments[assignment["id"]] = assignment
        return JSONResponse(assignment, status_code=201)

    async def _no_owners(self, _request: Request) -> Response:
        return JSONResponse({"value": []})

    async def _users(self, request: Request) -> Response:
        wanted = request.query_params["$filter"] == f"userPrincipalName eq '{USER['userPrincipalName']}'"
        return JSONResponse({"value": [USER] if wanted else []})

    async def _user(self, _request: Request) -> Response:
        return JSONResponse(USER)

    async def _object_not_there(self, _request: Request) -> Response:
        error = {"code": "Request_ResourceNotFound", "message": "Resource does not exist"}
        return JSONResponse({"error": error}, status_code=404)

    async def _object(self, request: Request, objects: dict[str, Document]) -> Response:
        found = objects.get(request.path_params["id"])
        if found is None:
            return await self._object_not_there(request)
        if request.method == "GET":
            return JSONResponse(found)
        self.writes.append(f"{request.method} {request.url.path.split('/')[2]}")
        if request.method == "PATCH":
            found.update(await request.json())
        else:
            del objects[request.path_params["id"]]
        return Response(status_code=204)


@dataclass
class Plugin:
    """The stand-in, running in a separate process."""

    port: int
    name: str = "azuread"


@pytest.fixture
def directory(tmp_path: Path) -> Iterator[Directory]:
    """Yield a directory that serves over TLS and whose CA is in `ca.pem`."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    leaf = authority.issue_cert("localhost")
    leaf.private_key_and_cert_chain_pem.write_to_path(str(tmp_path / "server.pem"))
    # Bound before the server starts, so that connections queue and no client has to wait for the server.
    listener = socket.create_server(("127.0.0.1", 0))
    directory = Directory(address=f"https://localhost:{listener.getsockname()[1]}")
    config = uvicorn.Config(
        directory.app, ssl_certfile=str(tmp_path / "server.pem"), log_level="error", lifespan="off", ws="none"
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    yield directory
    server.should_exit = True
    thread.join()
    listener.close()


@pytest.fixture
def plugin(directory: Directory, tmp_path: Path) -> Iterator[Plugin]:
    """Yield the stand-in, which signs in to the directory when the engine configures it."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ARM_")}
    environment |= {
        "ARM_METADATA_HOSTNAME": directory.address.removeprefix("https://"),
        "ARM_TENANT_ID": TENANT,
        "ARM_CLIENT_ID": CLIENT,
        "ARM_CLIENT_SECRET": "x",
        "AZUREAD_STANDIN_POLL_SECONDS": "0",
        "SSL_CERT_FILE": str(tmp_path / "ca.pem"),
        "NO_PROXY": "localhost,127.0.0.1",
    }
    command = [sys.executable, "-m", "kzero_sandbox.azuread"]
    root = Path(__file__).parents[3]
    with subprocess.Popen(command, cwd=root, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield Plugin(port=int(process.stdout.readline()))
        process.terminate()


@pytest.fixture
def stack(pulumi: Path, plugin: Plugin, tmp_path: Path) -> EngineStack:
    """A stack over the program below."""
    del pulumi  # the Automation API finds it by itself
    return EngineStack(program, tmp_path, [cast("AttachedProvider", plugin)])


def program(name: str = "KZero SCIM") -> None:
    """Declare an application from the gallery and assign it to a user."""
    application = azuread.ApplicationFromTemplate("app", display_name=name, template_id=TEMPLATE)
    registration = azuread.get_application_output(object_id=application.application_object_id)
    service_principal = azuread.ServicePrincipal(
        "sp", client_id=registration.client_id, use_existing=True, feature_tags=[{"enterprise": True}]
    )
    azuread.AppRoleAssignment(
        "user",
        app_role_id=ROLE["id"],
        principal_object_id=azuread.get_user(user_principal_name="adele@contoso.com").object_id,
        resource_object_id=service_principal.object_id,
    )
    pulumi.export("tenant", azuread.get_client_config().tenant_id)


def ops(run: Run) -> dict[str, str]:
    """Return what a run does to the program's resources, by name."""
    return {name: step.op for name, step in run.changes.items() if name in {"app", "sp", "user"}}


def test_a_stack_is_created_refreshed_without_changes_and_destroyed(stack: EngineStack, directory: Directory) -> None:
    """A stack is created, previewed and refreshed without a change, and destroyed."""
    preview = stack.preview()
    made = stack.up()
    again = stack.preview(refresh=True)
    stack.refresh()
    after_refresh = stack.preview()
    wrote = list(directory.writes)
    outputs = stack.outputs()
    gone = stack.destroy()

    assert ops(preview) == {"app": "create", "sp": "create", "user": "create"}
    assert ops(made) == ops(preview)
    assert again.changes == {}
    assert after_refresh.changes == {}
    assert wrote == ["instantiate", "PATCH servicePrincipals", "assign"]
    assert outputs == {"tenant": TENANT}
    assert ops(gone) == {"app": "delete", "sp": "delete", "user": "delete"}
    assert directory.applications | directory.service_principals | directory.assignments == {}


def test_drift_is_seen_and_repaired(stack: EngineStack, directory: Directory) -> None:
    """A preview with refresh shows a rename and a lost assignment made outside Pulumi, and `up` repairs both."""
    stack.up()
    (application,) = directory.applications.values()
    application["displayName"] = "Renamed outside"
    directory.assignments.clear()

    preview = stack.preview(refresh=True)
    stack.up(refresh=True)

    assert ops(preview) == {"app": "update", "user": "create"}
    assert preview.steps["app"].diff == {"displayName": ("Renamed outside", "KZero SCIM")}
    assert application["displayName"] == "KZero SCIM"
    assert len(directory.assignments) == 1
    stack.destroy()


def test_a_refusal_reads_in_one_line(stack: EngineStack) -> None:
    """A missing object is named in one line without a traceback."""

    def unknown_user() -> None:
        azuread.get_user(user_principal_name="nobody@contoso.com")

    stack.program = unknown_user

    with pytest.raises(RunFailedError) as failed:
        stack.preview()

    assert f'No user found with UPN: "nobody@contoso.com" in tenant {TENANT}' in failed.value.run.output
