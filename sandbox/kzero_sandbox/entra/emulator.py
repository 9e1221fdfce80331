"""The local Entra: login, Graph, provisioning service and control API of one tenant as one ASGI app."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from kzero_sandbox.organisation import Organisation

from .application_routes import ApplicationRoutes
from .audit import AuditLog
from .control import Control
from .cycle import ProvisioningService
from .directory import Directory
from .directory_routes import DirectoryRoutes
from .graph import Graph
from .graph_routing import Router
from .jobs import Job, Jobs
from .login import Login, RegisteredClient, registered_clients
from .registration_routes import RegistrationRoutes
from .registrations import GRAPH, Registry, graph_principal
from .scim_client import connections
from .state_file import StateFile, contents, from_contents
from .synchronization_routes import SynchronizationRoutes
from .tenant_routes import TenantRoutes
from .tokens import TokenIssuer
from .traffic import Traffic

Json = dict[str, Any]
_SAVE_SECONDS = 2.0
_SAVE_SHARE = 50
"""The minimum pause between two saves, as a multiple of the last save's duration: a save blocks all requests."""


class EntraEmulator:
    """One tenant of a local Microsoft Entra ID.

    Attributes:
        app: The ASGI application; serve it at `base_url`.
        organisation: The organisation that defines the initial content.
        tokens: Issues and verifies the tenant's tokens.
        directory: The users, groups and applications.
        jobs: The synchronization jobs.
        clients: The registered clients by client id.
        traffic: The request log and the faults.
        auto_cycle: Whether to run a cycle in the background when a job is started; off if tests decide when cycles run.
    """

    def __init__(  # noqa: PLR0913 - one keyword per dependency
        self,
        base_url: str,
        organisation: Organisation,
        ca_file: Path | None,
        *,
        state_file: Path | None = None,
        auto_cycle: bool = False,
        beside: "EntraEmulator | None" = None,
    ) -> None:
        """Create a tenant, or load it from its state file.

        Args:
            base_url: The origin that serves the tenant, https, without a trailing slash.
            organisation: The organisation that defines the initial content.
            ca_file: The authority that signed the certificates of SCIM endpoints; None for the machine's own.
            state_file: The file that keeps the tenant's state between runs; None to keep nothing.
            auto_cycle: Whether to run a cycle in the background when a job is started.
            beside: Another tenant of the same Entra, whose signing keys and connections are shared.
        """
        self.base_url = base_url.rstrip("/")
        self.organisation = organisation
        keys = beside.tokens.keys if beside else None
        self.tokens: TokenIssuer = TokenIssuer(organisation.tenant_id, self.base_url, keys=keys)
        self._beside = beside
        self._registry: Registry = beside._registry if beside else Registry()  # noqa: SLF001 - an instance of the same class
        self.traffic = Traffic()
        self.auto_cycle = auto_cycle
        self._ca_file = ca_file
        self._state = StateFile(state_file) if state_file else None
        self._http: httpx.AsyncClient | None = None
        self._background: set[asyncio.Task[Json]] = set()
        self.directory: Directory
        self.jobs: Jobs
        self.clients: dict[str, RegisteredClient]
        self.service: ProvisioningService
        self._graph: Graph
        self._login: Login
        kept = self._state.load(organisation) if self._state else None
        self._settle(*(kept or self._first_day()))
        self._registry.join(lambda: self.directory)
        self.app = self._application()

    def _settle(self, directory: Directory, jobs: Jobs, clients: dict[str, RegisteredClient]) -> None:
        self.directory, self.jobs, self.clients = directory, jobs, clients
        if not directory.indexed("service_principals", "appId", GRAPH):
            graph = graph_principal(self.organisation.tenant_id)
            directory.service_principals[graph["id"]] = graph
            directory.changed()
        self._login = Login(directory, self.tokens, clients, self._registry)
        router = Router(lambda target, owner: owner in directory.owners.get(target, []))
        self.service = ProvisioningService(directory, jobs, self.tokens, self._connections())
        DirectoryRoutes(directory).register(router)
        TenantRoutes(directory).register(router)
        ApplicationRoutes(directory, jobs.forget).register(router)
        RegistrationRoutes(directory, self._registry).register(router)
        SynchronizationRoutes(directory, jobs, self.service, self._started).register(router)
        audit = AuditLog(directory)
        audit.register(router)
        self._graph = Graph(router, self.tokens, self.traffic, audit)

    def _connections(self) -> httpx.AsyncClient:
        if self._beside is not None:
            return self._beside._connections()  # noqa: SLF001 - as above
        if self._http is None or self._http.is_closed:
            self._http = connections(self._ca_file)
        return self._http

    def reset(self) -> None:
        """Restore the initial state: seeded directory, no jobs, no faults, empty log."""
        self.traffic.clear()
        self._settle(*self._first_day())

    def _first_day(self) -> tuple[Directory, Jobs, dict[str, RegisteredClient]]:
        organisation = self.organisation
        return Directory.seeded(organisation), Jobs(organisation.tenant_id), registered_clients(organisation)

    def contents(self) -> Json:
        """Return everything that the tenant holds, including secrets, as JSON values."""
        return contents(self.directory, self.jobs, self.clients)

    def hold(self, data: Json) -> None:
        """Replace everything that the tenant holds with the result of an earlier call of `contents`.

        Raises:
            ValueError: The content is another tenant's.
        """
        made = from_contents(self.organisation, data)
        if made is None:
            message = f"this is not the content of tenant {self.organisation.tenant_id}"
            raise ValueError(message)
        self._settle(*made)

    def save(self) -> None:
        """Write the state file if the tenant has one and its state has changed."""
        if self._state is not None:
            self._state.save(self.directory, self.jobs, self.clients)

    async def _keep_saving(self) -> None:
        """Save at intervals, which are longer for a large tenant, so that little is lost if the process is killed."""
        took = 0.0
        while True:
            await asyncio.sleep(max(_SAVE_SECONDS, _SAVE_SHARE * took))
            began = time.monotonic()
            self.save()
            took = time.monotonic() - began

    def _started(self, job: Job) -> None:
        if self.auto_cycle:
            task = asyncio.get_running_loop().create_task(self.service.run_cycle(job))
            self._background.add(task)
            task.add_done_callback(self._background.discard)

    async def run_cycle(self, tenant_id: str | None = None, job_id: str | None = None) -> dict[str, Json]:
        """Run one cycle of every job, or of one job.

        Args:
            tenant_id: If given, must be this tenant's id.
            job_id: The only job to run.

        Returns:
            The execution of each job by job id, as the job's status shows it.

        Raises:
            KeyError: The tenant is another one, or the job is unknown.
        """
        if tenant_id is not None and tenant_id != self.organisation.tenant_id:
            raise KeyError(tenant_id)
        jobs = [self.jobs.jobs[job_id]] if job_id else list(self.jobs.jobs.values())
        return {job.id: await self.service.run_cycle(job) for job in jobs}

    # --- ASGI --------------------------------------------------------------------------------------------------------

    def _application(self) -> Starlette:
        login = [
            Route(route.path, self._recorded(route.name), methods=list(route.methods or ["GET"]))
            for route in self._login.routes()
        ]

        async def graph(request: Request) -> Response:
            return await self._graph.endpoint(request)

        paths = [Route(route.path, graph, methods=list(route.methods or [])) for route in self._graph.routes()]
        return Starlette(routes=[*Control(self).routes(), *login, *paths], lifespan=self._lifespan)

    @property
    def is_busy(self) -> bool:
        """Whether cycles run in the background."""
        return bool(self._background)

    def _recorded(self, name: str) -> Callable[[Request], Awaitable[Response]]:
        """Return a login endpoint that logs requests and applies faults."""

        async def endpoint(request: Request) -> Response:
            form = {part.partition("=")[0]: "*" for part in (await request.body()).decode().split("&") if part}
            path = request.url.path
            agent = request.headers.get("user-agent")
            entry = self.traffic.note(request.method, path, request.url.query, body=form or None, user_agent=agent)

            async def carry_out() -> Response:
                answered: Response = await getattr(self._login, name)(request)
                return answered

            response = await self.traffic.faults.around(request.method, path, carry_out)
            entry["status"] = response.status_code
            return response

        return endpoint

    @asynccontextmanager
    async def _lifespan(self, app: Starlette) -> AsyncIterator[None]:
        del app
        async with self.running():
            yield

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Save the tenant's state while the block runs, and cancel background work at its end."""
        saving = asyncio.create_task(self._keep_saving()) if self._state else None
        yield
        if saving is not None:
            saving.cancel()
        await self.close()

    async def close(self) -> None:
        """Save the state and cancel background work."""
        self.save()
        for task in list(self._background):
            task.cancel()
        if self._http is not None:
            await self._http.aclose()
