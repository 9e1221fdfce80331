"""The SCIM endpoint of every tenant, `/realms/{tenant}/scim/v2`: answers requests according to the tenant's settings.

Reads the tenant's settings and mappers again for each request.
"""

import json
from collections.abc import Awaitable, Callable
from typing import Any, NoReturn

from scim2_models.exceptions import InvalidSyntaxException, InvalidValueException, NotFoundException, SCIMException
from scim2_models.path import FilterNode
from starlette.requests import Request
from starlette.responses import Response

from kzero_sandbox.kzero import discovery, filters
from kzero_sandbox.kzero.admin import KeycloakAdmin, KeycloakRefusedError
from kzero_sandbox.kzero.groups import Groups
from kzero_sandbox.kzero.settings import EndpointSettings, read_settings
from kzero_sandbox.kzero.tenants import SCIM_CLIENT
from kzero_sandbox.kzero.tokens import ENTRA_SCIM_AUDIENCE, Expected, TokenRefusedError, TokenVerifier, is_fixed_token
from kzero_sandbox.kzero.users import Page, Users

_MEDIA_TYPE = "application/scim+json"
_LIST_RESPONSE = "urn:ietf:params:scim:api:messages:2.0:ListResponse"
_ERROR = "urn:ietf:params:scim:api:messages:2.0:Error"
_DEFAULT_COUNT = 100


class ScimEndpoint:
    """Answers the SCIM requests of all tenants.

    Args:
        admin: The client of Keycloak.
        verifier: Checks bearer tokens.
        public_url: The origin of the front, which is also in the realms' issuer.
        entra_url: The origin of Entra's login endpoint, which publishes Entra's keys.
        fallback: Answers the requests of tenants whose endpoint is off: Keycloak itself.
    """

    def __init__(
        self,
        admin: KeycloakAdmin,
        verifier: TokenVerifier,
        *,
        public_url: str,
        entra_url: str,
        fallback: Callable[[Request], Awaitable[Response]],
    ) -> None:
        """Keep what every request needs."""
        self._admin = admin
        self._verifier = verifier
        self._public_url = public_url
        self._entra_url = entra_url
        self._fallback = fallback

    async def __call__(self, request: Request) -> Response:
        """Answer one request. If the tenant's endpoint is off, the answer is Keycloak's 404, as from a real KZero."""
        tenant = request.path_params["tenant"]
        settings = await read_settings(self._admin, tenant)
        if settings is None or not settings.enabled:
            return await self._fallback(request)
        try:
            authorization = request.headers.get("authorization")
            if not is_fixed_token(authorization, settings.secret_tokens):
                await self._verifier.verify(authorization, self._expected(settings))
            return await self._answer(request, settings)
        except TokenRefusedError as refused:
            challenge = _challenge(settings.realm, str(refused))
            return _error(401, str(refused), headers={"WWW-Authenticate": challenge})
        except SCIMException as error:
            return _error(error.status, error.detail, scim_type=error.scim_type)
        except KeycloakRefusedError as error:
            return _error(502, str(error))

    def _expected(self, settings: EndpointSettings) -> Expected:
        if settings.profile == "Azure":
            if not settings.azure_tenant_id:
                reason = "profile Azure needs an Azure Tenant ID, which is not set"
                raise TokenRefusedError(reason)
            return Expected(
                issuer=f"https://sts.windows.net/{settings.azure_tenant_id}/",
                keys_url=f"{self._entra_url}/{settings.azure_tenant_id}/discovery/v2.0/keys",
                audience=ENTRA_SCIM_AUDIENCE,
            )
        if settings.profile == "Generic":
            # The issuer contains the public origin; the keys are fetched directly from Keycloak.
            return Expected(
                issuer=f"{self._public_url}/realms/{settings.realm}",
                keys_url=f"{self._admin.url}/realms/{settings.realm}/protocol/openid-connect/certs",
                client_id=SCIM_CLIENT,
            )
        reason = f"profile {settings.profile!r} is neither Azure nor Generic"
        raise TokenRefusedError(reason)

    async def _answer(self, request: Request, settings: EndpointSettings) -> Response:
        base_url = f"{self._public_url}/realms/{settings.realm}/scim/v2"
        kind, _, id_ = request.path_params.get("rest", "").strip("/").partition("/")
        if kind in {"ServiceProviderConfig", "ResourceTypes", "Schemas"}:
            return _discovery(request.method, kind, id_, settings, base_url)
        if kind == "Users":
            return await self._users(request, Users(self._admin, settings.realm, settings.mappings, base_url), id_)
        if kind == "Groups":
            return await self._groups(request, Groups(self._admin, settings.realm, base_url), id_)
        raise NotFoundException(detail=f"/{kind} is not a SCIM resource type")

    async def _users(self, request: Request, users: Users, id_: str) -> Response:
        match request.method, bool(id_):
            case "GET", False:
                return _list(await users.find(_filter(request), *_window(request)), request)
            case "POST", False:
                return _created(await users.create(await _body(request)))
            case "GET", True:
                return _resource(await users.get(id_))
            case "PUT", True:
                return _resource(await users.replace(id_, await _body(request)))
            case "PATCH", True:
                return _resource(await users.patch(id_, await _body(request)))
            case "DELETE", True:
                await users.delete(id_)
                return Response(status_code=204)
        return _error(405, f"{request.method} is not allowed here")

    async def _groups(self, request: Request, groups: Groups, id_: str) -> Response:
        with_members = "members" not in request.query_params.get("excludedAttributes", "").split(",")
        match request.method, bool(id_):
            case "GET", False:
                page = await groups.find(_filter(request), *_window(request), members=with_members)
                return _list(page, request)
            case "POST", False:
                return _created(await groups.create(await _body(request)))
            case "GET", True:
                return _resource(await groups.get(id_, members=with_members))
            case "PUT", True:
                return _resource(await groups.replace(id_, await _body(request)))
            case "PATCH", True:
                await groups.patch(id_, await _body(request))
                return Response(status_code=204)
            case "DELETE", True:
                await groups.delete(id_)
                return Response(status_code=204)
        return _error(405, f"{request.method} is not allowed here")


def _discovery(method: str, kind: str, id_: str, settings: EndpointSettings, base_url: str) -> Response:
    if method != "GET":
        return _error(405, f"{method} is not allowed here")
    if kind == "ServiceProviderConfig":
        return _resource(discovery.service_provider_config(base_url))
    make = discovery.schemas if kind == "Schemas" else discovery.resource_types
    found = make(settings.mappings, base_url)
    if not id_:
        return _scim(_list_response(found, total=len(found), start=1))
    for document in found:
        if document["id"].lower() == id_.lower():
            return _resource(document)
    raise NotFoundException(detail=f"{kind} has no {id_}")


def _filter(request: Request) -> FilterNode | None:
    text = request.query_params.get("filter")
    return filters.parse(text) if text else None


def _window(request: Request) -> tuple[int, int]:
    """Return startIndex and count, within the bounds of RFC 7644 section 3.4.2.4."""
    try:
        start = int(request.query_params.get("startIndex", "1"))
        count = int(request.query_params.get("count", str(_DEFAULT_COUNT)))
    except ValueError:
        raise InvalidValueException(detail="startIndex and count must be integers") from None
    return max(start, 1), min(max(count, 0), discovery.MAX_RESULTS)


async def _body(request: Request) -> dict[str, Any]:
    try:
        body = json.loads(await request.body(), parse_constant=_no_constant)
        spelled = json.dumps(body, ensure_ascii=False)
        spelled.encode()  # fails for an unpaired surrogate, which Keycloak cannot store either
    except (ValueError, RecursionError):
        raise InvalidSyntaxException(detail="the body is not JSON") from None
    if not isinstance(body, dict):
        raise InvalidSyntaxException(detail="the body is not a JSON object")
    if "\\u0000" in spelled:
        raise InvalidValueException(detail="a string contains the character U+0000")
    return body


def _no_constant(name: str) -> NoReturn:
    message = f"{name} is not JSON"
    raise ValueError(message)


def _list(page: Page, request: Request) -> Response:
    return _scim(_list_response(page.resources, total=page.total, start=_window(request)[0]))


def _list_response(resources: list[dict[str, Any]], *, total: int, start: int) -> dict[str, Any]:
    return {
        "schemas": [_LIST_RESPONSE],
        "totalResults": total,
        "startIndex": start,
        "itemsPerPage": len(resources),
        "Resources": resources,
    }


def _created(resource: dict[str, Any]) -> Response:
    return _scim(resource, status=201, headers={"Location": resource["meta"]["location"]})


def _resource(resource: dict[str, Any]) -> Response:
    location = (resource.get("meta") or {}).get("location")
    return _scim(resource, headers={"Content-Location": location} if location else None)


def _challenge(realm: str, reason: str) -> str:
    """Return a `WWW-Authenticate` value according to RFC 6750 section 3."""
    described = reason.replace('"', "'")
    return f'Bearer realm="{realm}", error="invalid_token", error_description="{described}"'


def _error(
    status: int, detail: str, *, scim_type: str | None = None, headers: dict[str, str] | None = None
) -> Response:
    body = {"schemas": [_ERROR], "status": str(status), "detail": detail}
    return _scim(body | ({"scimType": scim_type} if scim_type else {}), status=status, headers=headers)


def _scim(body: dict[str, Any], *, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return Response(json.dumps(body), status_code=status, headers=headers, media_type=_MEDIA_TYPE)
