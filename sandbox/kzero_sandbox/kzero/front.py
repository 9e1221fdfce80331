"""The origin of a KZero tenant's URLs: answers SCIM requests itself and forwards all others to Keycloak.

Also serves `/sandbox/*`, with which tests and the command line control this KZero.
"""

import ssl
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from typing import Any, Self
from urllib.parse import urlsplit

import httpx
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from kzero_sandbox.fault_control import FaultControl
from kzero_sandbox.faults import Faults
from kzero_sandbox.kzero import tenants
from kzero_sandbox.kzero.admin import KeycloakAdmin, KeycloakRefusedError
from kzero_sandbox.kzero.keycloak import MasterCredentials
from kzero_sandbox.kzero.scim import ScimEndpoint
from kzero_sandbox.kzero.tokens import TokenVerifier

_METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
_TIMEOUT_SECONDS = 60.0
_LOG_LENGTH = 20_000
# RFC 9110 section 7.6.1: headers for one connection only, which a proxy must not forward.
_HOP_BY_HOP = frozenset(
    {"connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"}
)


@dataclass(frozen=True, kw_only=True)
class LoggedRequest:
    """One request that the front answered."""

    method: str
    path: str
    query: str
    status: int
    user_agent: str | None
    """The client: the provider, Entra's provisioning service, or a browser."""


class KZeroFront:
    """The ASGI app of the local KZero.

    Args:
        public_url: The front's own origin, for example `https://localhost:8443`.
        keycloak_url: The address of Keycloak behind the front.
        entra_url: The origin of Entra's login endpoint, for example `https://localhost:8444`.
        credentials: The sandbox's administrator account in Keycloak.
        trust: Trusts the Entra emulator's certificate.
        restart_keycloak: Stops Keycloak, starts it again and waits until it answers; None if a restart is not possible.
    """

    def __init__(  # noqa: PLR0913 - one keyword per dependency
        self,
        *,
        public_url: str,
        keycloak_url: str,
        entra_url: str,
        credentials: MasterCredentials,
        trust: ssl.SSLContext,
        restart_keycloak: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        """Keep the settings; the app opens connections when it starts."""
        self._public_url = public_url
        self._keycloak_url = keycloak_url
        self._entra_url = entra_url
        self._credentials = credentials
        self._trust = trust
        self._restart_keycloak = restart_keycloak
        self._log: deque[LoggedRequest] = deque(maxlen=_LOG_LENGTH)
        self._faults = Faults()
        self._admin: KeycloakAdmin
        self._proxy: ReverseProxy
        self._scim: ScimEndpoint
        self.app: ASGIApp = _Logged(
            Starlette(
                lifespan=self._lifespan,
                routes=[
                    Route("/sandbox/tenants", self._create_tenant, methods=["POST"]),
                    Route("/sandbox/tenants/{tenant}", self._delete_tenant, methods=["DELETE"]),
                    Route("/sandbox/keycloak/restart", self._restart, methods=["POST"]),
                    Route("/sandbox/requests", self._requests, methods=["GET", "DELETE"]),
                    *(Route(path, do, methods=[method]) for method, path, do in FaultControl(self._faults).table()),
                    Route("/realms/{tenant}/scim/v2", self._answer_scim, methods=_METHODS),
                    Route("/realms/{tenant}/scim/v2/{rest:path}", self._answer_scim, methods=_METHODS),
                    Route("/{path:path}", self._forward, methods=_METHODS),
                ],
            ),
            self._log,
        )

    @asynccontextmanager
    async def _lifespan(self, _app: Starlette) -> AsyncIterator[None]:
        admin = KeycloakAdmin(
            self._keycloak_url,
            client_id=self._credentials.client_id,
            client_secret=self._credentials.client_secret,
        )
        outside = httpx.AsyncClient(verify=self._trust, trust_env=False, timeout=_TIMEOUT_SECONDS)
        proxy = ReverseProxy(self._keycloak_url, self._public_url)
        async with admin, outside, proxy:
            self._admin, self._proxy = admin, proxy
            self._scim = ScimEndpoint(
                admin,
                TokenVerifier(outside),
                public_url=self._public_url,
                entra_url=self._entra_url,
                fallback=proxy.forward,
            )
            yield

    async def _answer_scim(self, request: Request) -> Response:
        return await self._faults.around(request.method, request.url.path, lambda: self._scim(request))

    async def _forward(self, request: Request) -> Response:
        return await self._faults.around(request.method, request.url.path, lambda: self._proxy.forward(request))

    async def _create_tenant(self, request: Request) -> Response:
        """Create a tenant with the name in `{"name": …}` and return its credentials.

        With `"keepsUnmanaged": false`, its realm drops user attributes that the user profile does not declare.
        """
        asked = await request.json()
        name = asked.get("name")
        if not isinstance(name, str) or not name:
            return JSONResponse({"error": "name is missing"}, status_code=400)
        credentials = tenants.TenantCredentials.generate(name)
        try:
            kept = asked.get("keepsUnmanaged") is not False
            await tenants.create_tenant(self._admin, credentials, keeps_unmanaged=kept)
        except KeycloakRefusedError as error:
            return JSONResponse({"error": f"tenant {name}: {error}"}, status_code=error.status)
        return JSONResponse(asdict(credentials), status_code=201)

    async def _delete_tenant(self, request: Request) -> Response:
        name = request.path_params["tenant"]
        try:
            await tenants.delete_tenant(self._admin, name)
        except KeycloakRefusedError as error:
            return JSONResponse({"error": f"tenant {name}: {error}"}, status_code=error.status)
        return Response(status_code=204)

    async def _restart(self, request: Request) -> Response:
        """Restart Keycloak, and answer once Keycloak answers again."""
        del request
        if self._restart_keycloak is None:
            return JSONResponse({"error": "this KZero cannot restart Keycloak"}, status_code=501)
        await self._restart_keycloak()
        return Response(status_code=204)

    async def _requests(self, request: Request) -> Response:
        """Return the requests so far, oldest first, or delete them."""
        if request.method == "DELETE":
            self._log.clear()
            return Response(status_code=204)
        return JSONResponse([asdict(entry) for entry in self._log])


class ReverseProxy:
    """Forwards requests to Keycloak, streaming, with the headers that Keycloak expects from a proxy.

    Args:
        target: Keycloak's address.
        public_url: The origin that users see.
    """

    def __init__(self, target: str, public_url: str) -> None:
        """Prepare the connections."""
        self._target = target
        # Use only the transport: a client would send one user's cookies for the next user, and follow redirects.
        self._transport = httpx.AsyncHTTPTransport(
            limits=httpx.Limits(max_connections=200, max_keepalive_connections=50)
        )
        public = urlsplit(public_url)
        self._forwarded = {
            "x-forwarded-proto": public.scheme,
            "x-forwarded-host": public.netloc,
            "x-forwarded-port": str(public.port or 443),
        }

    async def __aenter__(self) -> Self:
        """Return itself."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close the connections."""
        await self._transport.aclose()

    async def forward(self, request: Request) -> Response:
        """Send a request to Keycloak and return its answer unchanged."""
        query = request.scope["query_string"]
        path = request.scope.get("raw_path") or request.url.path.encode()
        target = httpx.URL(self._target).copy_with(raw_path=path + (b"?" + query if query else b""))
        headers = {
            name: value
            for name, value in request.headers.items()
            if name not in _HOP_BY_HOP and not name.startswith("x-forwarded-") and name != "forwarded"
        }
        headers |= self._forwarded | {"x-forwarded-for": request.client.host if request.client else "127.0.0.1"}
        body = await request.body()
        outgoing = httpx.Request(
            request.method,
            target,
            headers=headers,
            content=body or None,
            extensions={"timeout": httpx.Timeout(_TIMEOUT_SECONDS).as_dict()},
        )
        try:
            answer = await self._transport.handle_async_request(outgoing)
        except httpx.TransportError as error:
            return JSONResponse({"error": f"Keycloak does not answer: {type(error).__name__}"}, status_code=502)
        response = StreamingResponse(
            answer.aiter_raw(), status_code=answer.status_code, background=BackgroundTask(answer.aclose)
        )
        response.raw_headers = [
            (name.lower(), value) for name, value in answer.headers.raw if name.lower().decode() not in _HOP_BY_HOP
        ]
        return response


class _Logged:
    """Records every request except those to `/sandbox`."""

    def __init__(self, app: ASGIApp, log: deque[LoggedRequest]) -> None:
        self._app = app
        self._log = log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].startswith("/sandbox/"):
            await self._app(scope, receive, send)
            return

        async def noting(message: Any) -> None:  # noqa: ANN401 - ASGI's own
            if message["type"] == "http.response.start":
                query = scope["query_string"].decode("latin-1")
                agent = dict(scope["headers"]).get(b"user-agent")
                entry = LoggedRequest(
                    method=scope["method"],
                    path=scope["path"],
                    query=query,
                    status=message["status"],
                    user_agent=agent.decode("latin-1") if agent else None,
                )
                self._log.append(entry)
            await send(message)

        await self._app(scope, receive, noting)
