"""The login endpoint: metadata, signing keys, and tokens by client secret or by federated workload identity.

Follows learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow and reference-error-codes.
Must not know Graph's operations.
"""

import secrets
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NoReturn
from urllib.parse import parse_qsl, urlencode

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from kzero_sandbox.organisation import PARTNER, Organisation

from .directory import Directory
from .registrations import MULTI_TENANT, Registry, add_principal, grant, granted_roles
from .tokens import LIFETIME_SECONDS, Caller, TokenIssuer, TokenRefusedError

Json = dict[str, Any]
_ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


@dataclass
class RegisteredClient:
    """A client that may sign in; its permissions can change while the sandbox runs."""

    name: str
    client_id: str
    object_id: str
    secret: str
    permissions: set[str] = field(default_factory=set)
    federated_subject: str | None = None

    def caller(self) -> Caller:
        """Return the caller that its tokens identify."""
        return Caller(app_id=self.client_id, object_id=self.object_id, roles=frozenset(self.permissions))


def registered_clients(organisation: Organisation) -> dict[str, RegisteredClient]:
    """Return the organisation's clients by client id."""
    return {
        seed.client_id: RegisteredClient(
            name=seed.name,
            client_id=seed.client_id,
            object_id=seed.object_id,
            secret=seed.secret,
            permissions=set(seed.permissions),
            federated_subject=seed.federated_subject,
        )
        for seed in organisation.clients
    }


class LoginError(Exception):
    """A sign-in that Entra refuses."""

    def __init__(self, status: int, error: str, code: int, message: str) -> None:
        """Create the error for an AADSTS code."""
        super().__init__(message)
        self.status = status
        self.error = error
        self.code = code
        self.message = message

    def response(self) -> JSONResponse:
        """Return Entra's answer."""
        trace, correlation = str(uuid.uuid4()), str(uuid.uuid4())
        moment = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%SZ")
        description = (
            f"AADSTS{self.code}: {self.message} Trace ID: {trace} Correlation ID: {correlation} Timestamp: {moment}"
        )
        body = {
            "error": self.error,
            "error_description": description,
            "error_codes": [self.code],
            "timestamp": moment,
            "trace_id": trace,
            "correlation_id": correlation,
            "error_uri": f"https://login.microsoftonline.com/error?code={self.code}",
        }
        return JSONResponse(body, self.status)


def _refuse(status: int, error: str, code: int, message: str) -> NoReturn:
    raise LoginError(status, error, code, message)


class Login:
    """The login endpoints of one tenant."""

    def __init__(
        self, directory: Directory, tokens: TokenIssuer, clients: dict[str, RegisteredClient], registry: Registry
    ) -> None:
        """Serve the sign-ins of these clients and of applications registered through Graph."""
        self._directory = directory
        self._organisation = directory.organisation
        self._tokens = tokens
        self.clients = clients
        self._registry = registry

    def routes(self) -> list[Route]:
        """Return the routes, relative to the origin."""
        return [
            Route("/metadata/endpoints", self.metadata),
            Route("/{tenant}/v2.0/.well-known/openid-configuration", self.configuration),
            Route("/{tenant}/.well-known/openid-configuration", self.configuration),
            Route("/{tenant}/discovery/v2.0/keys", self.keys),
            Route("/{tenant}/discovery/keys", self.keys),
            Route("/{tenant}/oauth2/v2.0/token", self.token, methods=["POST"]),
            Route("/{tenant}/v2.0/adminconsent", self.consent),
            Route("/{tenant}/adminconsent", self.consent),
        ]

    async def metadata(self, request: Request) -> Response:
        """GET /metadata/endpoints: the description of the cloud that azuread and similar clients read first."""
        del request
        base = self._tokens.base_url
        return JSONResponse(
            {
                "name": "KZeroSandbox",
                "portal": base,
                "authentication": {
                    "loginEndpoint": base,
                    "audiences": [base],
                    "tenant": "common",
                    "identityProvider": "AAD",
                },
                "resourceManager": f"{base}/arm",
                "microsoftGraphResourceId": f"{base}/",
                "suffixes": {},
            }
        )

    def _check_tenant(self, tenant: str) -> None:
        known = {self._organisation.tenant_id, self._organisation.initial_domain, self._organisation.domain}
        if tenant.lower() not in known:
            _refuse(
                400,
                "invalid_request",
                90002,
                f"Tenant '{tenant}' not found. Check to make sure you have the correct tenant ID and are signing into"
                " the correct cloud. Check with your subscription administrator, this may happen if there are no active"
                " subscriptions for the tenant.",
            )

    async def configuration(self, request: Request) -> Response:
        """GET the OpenID Connect discovery document."""
        try:
            self._check_tenant(request.path_params["tenant"])
        except LoginError as error:
            return error.response()
        base = f"{self._tokens.base_url}/{self._organisation.tenant_id}"
        return JSONResponse(
            {
                "issuer": f"{base}/v2.0",
                "authorization_endpoint": f"{base}/oauth2/v2.0/authorize",
                "token_endpoint": f"{base}/oauth2/v2.0/token",
                "device_authorization_endpoint": f"{base}/oauth2/v2.0/devicecode",
                "end_session_endpoint": f"{base}/oauth2/v2.0/logout",
                "jwks_uri": f"{base}/discovery/v2.0/keys",
                "id_token_signing_alg_values_supported": ["RS256"],
                "response_types_supported": ["code", "id_token", "token"],
                "response_modes_supported": ["query", "fragment", "form_post"],
                "scopes_supported": ["openid", "profile", "email", "offline_access"],
                "subject_types_supported": ["pairwise"],
                "token_endpoint_auth_methods_supported": ["client_secret_post", "private_key_jwt"],
                "tenant_region_scope": "NA",
                "msgraph_host": self._tokens.base_url.partition("://")[2],
            }
        )

    async def keys(self, request: Request) -> Response:
        """GET the public signing keys."""
        try:
            self._check_tenant(request.path_params["tenant"])
        except LoginError as error:
            return error.response()
        return JSONResponse(self._tokens.jwks())

    async def token(self, request: Request) -> Response:
        """POST the token request."""
        form = dict(parse_qsl((await request.body()).decode()))
        try:
            self._check_tenant(request.path_params["tenant"])
            caller = self._authenticate(form)
            self._check_scope(form.get("scope", ""))
        except LoginError as error:
            return error.response()
        body: dict[str, Any] = {
            "token_type": "Bearer",
            "expires_in": LIFETIME_SECONDS,
            "ext_expires_in": LIFETIME_SECONDS,
            "access_token": self._tokens.access_token(caller),
        }
        return JSONResponse(body, headers={"Cache-Control": "no-store"})

    async def consent(self, request: Request) -> Response:
        """GET the admin consent page: consents immediately, as the tenant's administrator does after signing in.

        Follows learn.microsoft.com/entra/identity-platform/v2-admin-consent.
        """
        query = request.query_params
        client_id, target = query.get("client_id", ""), query.get("redirect_uri", "")
        try:
            self._check_tenant(request.path_params["tenant"])
            found = self._registry.find(client_id)
            if found is None or (found[0] is not self._directory and found[1]["signInAudience"] not in MULTI_TENANT):
                self._refuse_unknown(client_id)
            application = found[1]
            if target not in application["web"]["redirectUris"]:
                message = f"The redirect URI '{target}' specified in the request does not match those of '{client_id}'."
                _refuse(400, "invalid_client", 50011, message)
        except LoginError as error:
            return error.response()
        present = self._directory.indexed("service_principals", "appId", client_id)
        principal = present[0] if present else add_principal(self._directory, self._registry, client_id)
        grant(self._directory, principal, application)
        answer = {"admin_consent": "True", "tenant": self._organisation.tenant_id}
        state = {"state": query["state"]} if "state" in query else {}
        return RedirectResponse(f"{target}?{urlencode(answer | state)}", 302)

    def _authenticate(self, form: dict[str, str]) -> Caller:
        if form.get("grant_type") != "client_credentials":
            _refuse(
                400,
                "unsupported_grant_type",
                70003,
                f"The app requested an unsupported grant type '{form.get('grant_type')}'.",
            )
        client_id = form.get("client_id", "")
        client = self.clients.get(client_id)
        consented = client is not None and client.object_id in self._directory.service_principals
        if not consented and (client is not None or client_id == PARTNER.client_id):
            # The client exists, here or in all tenants, but has no service principal in this tenant.
            self._refuse_missing(client_id)
        if client is None:
            return self._registered(client_id, form)
        if "client_assertion" in form:
            self._check_assertion(client, form)
        elif not form.get("client_secret"):
            _refuse(
                401,
                "invalid_client",
                7000216,
                "'client_assertion', 'client_secret' or 'request' is required for the 'client_credentials' grant type.",
            )
        elif form["client_secret"] != client.secret:
            _refuse(
                401,
                "invalid_client",
                7000215,
                "Invalid client secret provided. Ensure the secret being sent in the request is the client secret"
                f" value, not the client secret ID, for a secret added to app '{client_id}'.",
            )
        return client.caller()

    def _refuse_unknown(self, client_id: str) -> NoReturn:
        _refuse(
            400,
            "unauthorized_client",
            700016,
            f"Application with identifier '{client_id}' was not found in the directory '{self._organisation.name}'."
            " This can happen if the application has not been installed by the administrator of the tenant or"
            " consented to by any user in the tenant. You may have sent your authentication request to the wrong"
            " tenant.",
        )

    def _refuse_missing(self, client_id: str) -> NoReturn:
        # The message is documented at microsoft.github.io/teams-sdk/teams/app-authentication/troubleshooting.
        message = f"The client application {client_id} is missing service principal in the tenant"
        instructions = "See instructions here: https://go.microsoft.com/fwlink/?linkid=2225119"
        _refuse(401, "invalid_client", 7000229, f"{message} {self._organisation.tenant_id}. {instructions}")

    def _registered(self, client_id: str, form: dict[str, str]) -> Caller:
        """Authenticate an application that was registered through Graph, in this tenant or in another."""
        found = self._registry.find(client_id)
        if found is None or (found[0] is not self._directory and found[1]["signInAudience"] not in MULTI_TENANT):
            self._refuse_unknown(client_id)
        home, application = found
        principals = self._directory.indexed("service_principals", "appId", client_id)
        if not principals:
            self._refuse_missing(client_id)
        principal = principals[0]
        if not principal["accountEnabled"]:
            message = f"Application '{client_id}'({application['displayName']}) is disabled."
            _refuse(401, "unauthorized_client", 7000112, message)
        if "client_assertion" in form:
            self._check_federated(home.federated.get(application["id"], []), form)
        else:
            self._check_password(home, application, form.get("client_secret", ""))
        return Caller(app_id=client_id, object_id=principal["id"], roles=granted_roles(self._directory, principal))

    def _check_password(self, home: Directory, application: Json, given: str) -> None:
        ends = [
            item["endDateTime"]
            for item in application["passwordCredentials"]
            if secrets.compare_digest(home.client_secrets[item["keyId"]].encode(), given.encode())
        ]
        if not ends:
            message = (
                "Invalid client secret provided. Ensure the secret being sent in the request is the client secret"
                f" value, not the client secret ID, for a secret added to app '{application['appId']}'."
            )
            _refuse(401, "invalid_client", 7000215, message)
        if datetime.fromisoformat(ends[0]) <= datetime.now(UTC):
            message = f"The provided client secret keys for app '{application['appId']}' are expired."
            _refuse(401, "invalid_client", 7000222, message)

    def _check_federated(self, credentials: list[Json], form: dict[str, str]) -> None:
        if form.get("client_assertion_type") != _ASSERTION_TYPE:
            _refuse(400, "invalid_request", 900144, "The request body must contain: 'client_assertion_type'.")
        try:
            claims = self._tokens.workload_claims(form["client_assertion"])
        except TokenRefusedError as error:
            if "expired" in str(error):
                _refuse(401, "invalid_client", 700024, "Client assertion is not within its valid time range.")
            _refuse(401, "invalid_client", 700027, "Client assertion failed signature validation.")
        left = credentials
        for code, name, accepted in (
            (700211, "issuer", lambda item: item["issuer"] == claims.get("iss")),
            (700213, "subject", lambda item: item["subject"] == claims.get("sub")),
            (700212, "audience", lambda item: claims.get("aud") in item["audiences"]),
        ):
            left = [item for item in left if accepted(item)]
            if not left:
                shown = claims.get({"issuer": "iss", "subject": "sub", "audience": "aud"}[name])
                message = f"No matching federated identity record found for presented assertion {name} '{shown}'."
                _refuse(401, "invalid_client", code, message)

    def _check_assertion(self, client: RegisteredClient, form: dict[str, str]) -> None:
        if form.get("client_assertion_type") != _ASSERTION_TYPE:
            _refuse(400, "invalid_request", 900144, "The request body must contain: 'client_assertion_type'.")
        try:
            subject = self._tokens.verify_workload_token(form["client_assertion"])
        except TokenRefusedError:
            _refuse(
                401,
                "invalid_client",
                700027,
                "The certificate with identifier used to sign the client assertion is not registered on application.",
            )
        if subject != client.federated_subject:
            _refuse(
                401,
                "invalid_client",
                700213,
                f"No matching federated identity record found for presented assertion subject '{subject}'.",
            )

    def _check_scope(self, scope: str) -> None:
        resource = scope.removesuffix("/.default")
        if resource == scope or resource.rstrip("/") != self._tokens.base_url:
            _refuse(
                400,
                "invalid_scope",
                1002012,
                f"The provided value for scope {scope} is not valid. Client credential flows must have a scope value"
                " with /.default suffixed to the resource identifier (application ID URI).",
            )
