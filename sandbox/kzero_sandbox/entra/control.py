"""The control API, `/sandbox/*`: what tests and users can do to the local Entra in addition to Graph. Loopback only.

Changes that Graph supports (rename, unassign, pause, edit the schema, disable a user) are made through Graph with a
token from POST /sandbox/token, as in the portal.
"""

import json
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from kzero_sandbox.fault_control import FaultControl
from kzero_sandbox.organisation import ALL_PERMISSIONS, Organisation, SeedUser

from .application_template import USER_ROLE
from .directory import Directory
from .graph_errors import GraphError, error_body
from .jobs import Jobs
from .login import RegisteredClient
from .tokens import LIFETIME_SECONDS, Caller, TokenIssuer
from .traffic import Traffic

Json = dict[str, Any]
_LOOPBACK = frozenset({"127.0.0.1", "::1"})
Endpoint = Callable[[Request], Awaitable[Response]]


class Emulator(Protocol):
    """The controlled tenant; see `emulator.EntraEmulator`."""

    base_url: str
    organisation: Organisation
    tokens: TokenIssuer
    directory: Directory
    jobs: Jobs
    clients: dict[str, RegisteredClient]
    traffic: Traffic
    auto_cycle: bool

    def reset(self) -> None:
        """Restore the initial state."""

    def contents(self) -> Json:
        """Return everything that the tenant holds."""

    def hold(self, data: Json) -> None:
        """Replace everything that the tenant holds with the result of `contents`."""

    async def run_cycle(self, tenant_id: str | None = None, job_id: str | None = None) -> dict[str, Json]:
        """Run one cycle of every job, or of one job."""


class Control:
    """The handlers of the control API for one emulator."""

    def __init__(self, emulator: Emulator) -> None:
        """Control this emulator."""
        self._emulator = emulator

    def routes(self) -> list[Route]:
        """Return the routes, relative to the origin."""
        table: list[tuple[str, str, Endpoint]] = [
            ("GET", "/sandbox/state", self.state),
            ("GET", "/sandbox/contents", self.contents),
            ("PUT", "/sandbox/contents", self.hold),
            ("POST", "/sandbox/reset", self.reset),
            ("GET", "/sandbox/settings", self.settings),
            ("PATCH", "/sandbox/settings", self.change_settings),
            ("POST", "/sandbox/cycle", self.cycle),
            ("GET", "/sandbox/jobs", self.jobs),
            ("GET", "/sandbox/secrets/{principal}", self.secrets),
            *FaultControl(self._emulator.traffic.faults).table(),
            ("GET", "/sandbox/requests", self.requests),
            ("DELETE", "/sandbox/requests", self.clear_requests),
            ("POST", "/sandbox/token", self.token),
            ("POST", "/sandbox/provisioning-token", self.provisioning_token),
            ("POST", "/sandbox/oidc-token", self.workload_token),
            ("GET", "/sandbox/oidc/.well-known/openid-configuration", self.workload_configuration),
            ("GET", "/sandbox/oidc/keys", self.workload_keys),
            ("GET", "/sandbox/clients", self.list_clients),
            ("PATCH", "/sandbox/clients/{client}", self.change_client),
            ("POST", "/sandbox/users", self.add_users),
            ("PATCH", "/sandbox/users/{user}", self.change_user),
            ("DELETE", "/sandbox/users/{user}", self.purge_user),
        ]
        return [Route(path, _guarded(endpoint), methods=[method]) for method, path, endpoint in table]

    @property
    def _directory(self) -> Directory:
        return self._emulator.directory

    # --- state -------------------------------------------------------------------------------------------------------

    async def state(self, request: Request) -> Response:
        """GET state: a summary of the tenant."""
        del request
        emulator = self._emulator
        return JSONResponse(
            {
                "baseUrl": emulator.base_url,
                "tenantId": emulator.organisation.tenant_id,
                "users": len(self._directory.users),
                "groups": len(self._directory.groups),
                "applications": len(self._directory.applications),
                "assignments": len(self._directory.assignments),
                "jobs": [job.id for job in emulator.jobs.jobs.values()],
            }
        )

    async def reset(self, request: Request) -> Response:
        """POST reset: restore the initial state."""
        del request
        self._emulator.reset()
        return Response(status_code=204)

    async def contents(self, request: Request) -> Response:
        """GET everything that the tenant holds, including secrets."""
        del request
        return JSONResponse(self._emulator.contents())

    async def hold(self, request: Request) -> Response:
        """PUT the content of the tenant, which replaces everything."""
        self._emulator.hold(json.loads(await request.body()))
        return Response(status_code=204)

    def _settings(self) -> Json:
        return {
            "autoCycle": self._emulator.auto_cycle,
            "consistencyReads": self._emulator.traffic.consistency_reads,
            "writeLimit": self._emulator.traffic.writes.most,
        }

    async def settings(self, request: Request) -> Response:
        """GET settings."""
        del request
        return JSONResponse(self._settings())

    async def change_settings(self, request: Request) -> Response:
        """PATCH settings: autoCycle, consistencyReads, writeLimit (writes of an application in 150 s; 0 for any)."""
        body = await _body(request, {"autoCycle", "consistencyReads", "writeLimit"})
        self._emulator.auto_cycle = bool(body.get("autoCycle", self._emulator.auto_cycle))
        traffic = self._emulator.traffic
        traffic.consistency_reads = int(body.get("consistencyReads", traffic.consistency_reads))
        traffic.writes.most = int(body.get("writeLimit", traffic.writes.most))
        return JSONResponse(self._settings())

    async def cycle(self, request: Request) -> Response:
        """POST cycle: run a cycle of every started job, or of `jobId`; respond with each job's execution."""
        body = await _body(request, {"jobId", "tenantId"})
        try:
            executions = await self._emulator.run_cycle(body.get("tenantId"), body.get("jobId"))
        except KeyError as error:
            return JSONResponse({"error": f"there is no job or tenant {error.args[0]}"}, 404)
        return JSONResponse({"cycles": executions})

    async def jobs(self, request: Request) -> Response:
        """GET jobs, including the linked objects and the escrows, which Graph does not show."""
        del request
        return JSONResponse(
            [
                {
                    **job.shown(),
                    "servicePrincipalId": job.service_principal_id,
                    "initialCycleNext": not job.watermark,
                    "links": {
                        key: {"targetId": link.target_id, "active": link.active} for key, link in job.links.items()
                    },
                    "escrows": job.escrows,
                }
                for job in self._emulator.jobs.jobs.values()
            ]
        )

    async def secrets(self, request: Request) -> Response:
        """GET the synchronization secrets of a service principal with their values."""
        return JSONResponse(self._emulator.jobs.secrets.get(request.path_params["principal"], {}))

    # --- traffic -----------------------------------------------------------------------------------------------------

    async def requests(self, request: Request) -> Response:
        """GET the request log, oldest first."""
        del request
        return JSONResponse(self._emulator.traffic.log)

    async def clear_requests(self, request: Request) -> Response:
        """DELETE the request log."""
        del request
        self._emulator.traffic.log.clear()
        return Response(status_code=204)

    # --- identities --------------------------------------------------------------------------------------------------

    async def token(self, request: Request) -> Response:
        """POST token: an access token for Graph with all permissions, with those of `client`, or with `permissions`.

        With `user` (a user principal name), the directory audit log records changes with this token as that user's.
        """
        body = await _body(request, {"client", "permissions", "lifetime", "user"})
        client = self._client(body.get("client", "admin"))
        roles = body.get("permissions") or (client.permissions if "client" in body else ALL_PERMISSIONS)
        user = self._directory.user(body["user"])["userPrincipalName"] if "user" in body else None
        caller = Caller(app_id=client.client_id, object_id=client.object_id, roles=frozenset(roles), user=user)
        lifetime = int(body.get("lifetime", LIFETIME_SECONDS))
        return JSONResponse({"access_token": self._emulator.tokens.access_token(caller, lifetime=lifetime)})

    async def provisioning_token(self, request: Request) -> Response:
        """POST provisioning-token: the token that the provisioning service sends if no secret token is configured."""
        body = await _body(request, {"lifetime"})
        lifetime = int(body.get("lifetime", LIFETIME_SECONDS))
        return JSONResponse({"access_token": self._emulator.tokens.provisioning_token(lifetime=lifetime)})

    async def workload_token(self, request: Request) -> Response:
        """POST oidc-token: a workload identity token for `subject`, as a CI system (`issuer`) issues it to a job."""
        body = await _body(request, {"subject", "audience", "lifetime", "issuer"})
        options = {name: body[name] for name in ("audience", "lifetime", "issuer") if name in body}
        return JSONResponse({"value": self._emulator.tokens.workload_token(str(body["subject"]), **options)})

    async def workload_configuration(self, request: Request) -> Response:
        """GET the discovery document of the workload identity issuer."""
        del request
        issuer = self._emulator.tokens.workload_issuer
        return JSONResponse({"issuer": issuer, "jwks_uri": f"{issuer}/keys"})

    async def workload_keys(self, request: Request) -> Response:
        """GET the public keys of the workload identity issuer."""
        del request
        return JSONResponse(self._emulator.tokens.workload_jwks())

    def _client(self, key: str) -> RegisteredClient:
        for client in self._emulator.clients.values():
            if key in {client.name, client.client_id}:
                return client
        message = f"there is no client '{key}'"
        raise ValueError(message)

    def _shown(self, client: RegisteredClient) -> Json:
        return {
            "name": client.name,
            "clientId": client.client_id,
            "objectId": client.object_id,
            "permissions": sorted(client.permissions),
            "federatedSubject": client.federated_subject,
        }

    async def list_clients(self, request: Request) -> Response:
        """GET clients."""
        del request
        return JSONResponse([self._shown(client) for client in self._emulator.clients.values()])

    async def change_client(self, request: Request) -> Response:
        """PATCH a client by name or id: permissions, secret, federatedSubject; existing tokens keep their roles."""
        body = await _body(request, {"permissions", "secret", "federatedSubject"})
        client = self._client(request.path_params["client"])
        client.permissions = set(body.get("permissions", client.permissions))
        client.secret = str(body.get("secret", client.secret))
        client.federated_subject = body.get("federatedSubject", client.federated_subject)
        return JSONResponse(self._shown(client))

    # --- users -------------------------------------------------------------------------------------------------------

    async def add_users(self, request: Request) -> Response:
        """POST users: create `count` synthetic users, named `prefix` and a number.

        With `group`, a group's id, add them to the group. With `assignTo`, a service principal's id, assign them to it.
        """
        body = await _body(request, {"count", "prefix", "group", "assignTo"})
        prefix, domain = str(body.get("prefix", "user")), self._emulator.organisation.domain
        added = []
        for number in range(1, int(body.get("count", 1)) + 1):
            name = f"{prefix}{number:05d}"
            seed = SeedUser(
                user_principal_name=f"{name}@{domain}",
                display_name=f"Synthetic {name}",
                given_name="Synthetic",
                surname=name,
                mail=f"{name}@{domain}",
            )
            user = self._directory.add_user(seed, seed.id)
            if "group" in body:
                self._directory.members[body["group"]].append(user["id"])
            if "assignTo" in body:
                self._directory.assign(body["assignTo"], user["id"], USER_ROLE)
            added.append({"id": user["id"], "userPrincipalName": user["userPrincipalName"]})
        return JSONResponse(added, 201)

    async def change_user(self, request: Request) -> Response:
        """PATCH a user by id or name: Graph's properties, extensionAttribute1..15, manager (id, name or null)."""
        user = self._directory.user(request.path_params["user"])
        body = json.loads(await request.body())
        if "manager" in body:
            manager = body.pop("manager")
            if manager is None:
                self._directory.managers.pop(user["id"], None)
            else:
                self._directory.managers[user["id"]] = self._directory.user(manager)["id"]
        for name, value in body.items():
            holder = user["onPremisesExtensionAttributes"] if name.startswith("extensionAttribute") else user
            if name not in holder or name == "id":
                message = f"a user has no property '{name}' that can be changed"
                raise ValueError(message)
            holder[name] = value
        self._directory.changed()
        return JSONResponse(user)

    async def purge_user(self, request: Request) -> Response:
        """DELETE a user permanently."""
        key = request.path_params["user"]
        known = key in self._directory.deleted_users
        self._directory.purge_user(key if known else self._directory.user(key)["id"])
        return Response(status_code=204)


def _guarded(endpoint: Endpoint) -> Endpoint:
    async def guarded(request: Request) -> Response:
        if request.client is not None and request.client.host not in _LOOPBACK:
            return JSONResponse({"error": "the control API accepts requests from loopback only"}, 403)
        try:
            return await endpoint(request)
        except GraphError as error:
            return JSONResponse(error_body(error), error.status)
        except (ValueError, KeyError) as error:
            return JSONResponse({"error": str(error)}, 400)

    return guarded


async def _body(request: Request, known: set[str]) -> Json:
    raw = await request.body()
    body = json.loads(raw) if raw else {}
    if not isinstance(body, dict) or body.keys() - known:
        message = f"the body must be a JSON object with any of {', '.join(sorted(known))}"
        raise ValueError(message)
    return body
