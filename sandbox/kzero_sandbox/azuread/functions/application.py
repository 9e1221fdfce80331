"""azuread:index/getApplication:getApplication, an application registration.

Follows `internal/services/applications/application_data_source.go` of terraform-provider-azuread.
"""

from typing import Any

from kzero_sandbox.azuread import documents
from kzero_sandbox.azuread.documents import text, texts, truth
from kzero_sandbox.azuread.errors import Refusal
from kzero_sandbox.azuread.graph import Document, Graph
from kzero_sandbox.azuread.properties import Values


async def get_application(graph: Graph, args: Values) -> Values:
    """Find an application by object id, client id, display name or identifier URI."""
    application = await _application(graph, args)
    path = f"/applications/{application['id']}"
    # Graph v1.0 does not return this property (microsoftgraph/msgraph-metadata#273).
    beta = await graph.get(path, version="beta", select="oauth2RequirePostResponse")
    owners = await graph.search(f"{path}/owners")
    return {
        "apis": _apis(application.get("api")),
        "appRoleIds": documents.ids_by_value(application.get("appRoles")),
        "appRoles": documents.app_roles(application),
        "clientId": text(application, "appId"),
        "deviceOnlyAuthEnabled": truth(application, "isDeviceOnlyAuthSupported"),
        "disabledByMicrosoft": text(application, "disabledByMicrosoftStatus"),
        "displayName": text(application, "displayName"),
        "fallbackPublicClientEnabled": truth(application, "isFallbackPublicClient"),
        "featureTags": documents.feature_tags(application),
        "groupMembershipClaims": _group_membership_claims(application),
        "id": path,
        "identifierUri": args.get("identifierUri"),
        "identifierUris": texts(application, "identifierUris"),
        "notes": text(application, "notes"),
        "oauth2PermissionScopeIds": _scope_ids(application.get("api")),
        "oauth2PostResponseRequired": truth(beta, "oauth2RequirePostResponse"),
        "objectId": text(application, "id"),
        "optionalClaims": _optional_claims(application.get("optionalClaims")),
        "owners": documents.ids(owners),
        "publicClients": _redirects(application.get("publicClient")),
        "publisherDomain": text(application, "publisherDomain"),
        "requiredResourceAccesses": _required_resource_accesses(application),
        "serviceManagementReference": text(application, "serviceManagementReference"),
        "signInAudience": text(application, "signInAudience"),
        "singlePageApplications": _redirects(application.get("spa")),
        "tags": texts(application, "tags"),
        "webs": _webs(application.get("web")),
    } | _info(application.get("info"))


async def _application(graph: Graph, args: Values) -> Document:
    if object_id := args.get("objectId"):
        by_id = await graph.find(f"/applications/{object_id}")
        if by_id is None:
            message = f'Application with object ID "{object_id}" was not found in tenant {graph.tenant_id}'
            raise Refusal(message)
        return by_id
    for name, where in (
        ("clientId", "appId eq '{}'"),
        ("displayName", "displayName eq '{}'"),
        ("identifierUri", "identifierUris/any(uri:uri eq '{}')"),
    ):
        value = args.get(name)
        if not value:
            continue
        filtered = where.format(str(value).replace("'", "''"))
        found = await graph.search("/applications", where=filtered)
        if len(found) == 1:
            return found[0]
        trouble = "Multiple applications found" if found else "No applications found"
        message = f'{trouble} matching filter: "{filtered}" in tenant {graph.tenant_id}'
        raise Refusal(message)
    message = "getApplication: one of objectId, clientId, displayName or identifierUri must be specified"
    raise Refusal(message)


def _apis(api: Document | None) -> list[Values]:
    if api is None:
        return []
    # The Go SDK distinguishes null, which means version 1, from a missing value, which stays at zero.
    version = api.get("requestedAccessTokenVersion", 0)
    return [
        {
            "knownClientApplications": texts(api, "knownClientApplications"),
            "mappedClaimsEnabled": truth(api, "acceptMappedClaims"),
            "oauth2PermissionScopes": documents.permission_scopes(api.get("oauth2PermissionScopes")),
            "requestedAccessTokenVersion": 1 if version is None else version,
        }
    ]


def _scope_ids(api: Document | None) -> dict[str, str] | None:
    return None if api is None else documents.ids_by_value(api.get("oauth2PermissionScopes"))


def _group_membership_claims(application: Document) -> list[str]:
    claims: str | None = application.get("groupMembershipClaims", "")
    return [] if claims is None else [each.strip() for each in claims.split(",")]


def _optional_claims(claims: Document | None) -> list[Values]:
    if claims is None:
        return []
    tokens = (("accessTokens", "accessToken"), ("idTokens", "idToken"), ("saml2Tokens", "saml2Token"))
    return [{name: [_optional_claim(each) for each in claims.get(field) or []] for name, field in tokens}]


def _optional_claim(claim: Document) -> Values:
    return {
        "additionalProperties": texts(claim, "additionalProperties"),
        "essential": truth(claim, "essential"),
        "name": text(claim, "name"),
        "source": text(claim, "source"),
    }


def _redirects(client: Document | None) -> list[Values]:
    return [] if client is None else [{"redirectUris": texts(client, "redirectUris")}]


def _required_resource_accesses(application: Document) -> list[Values]:
    return [
        {
            "resourceAccesses": [
                {"id": text(access, "id"), "type": text(access, "type")}
                for access in required.get("resourceAccess") or []
            ],
            "resourceAppId": text(required, "resourceAppId"),
        }
        for required in application.get("requiredResourceAccess") or []
    ]


def _webs(web: Document | None) -> list[Values]:
    if web is None:
        return []
    grants: dict[str, Any] | None = web.get("implicitGrantSettings")
    return [
        {
            "homepageUrl": text(web, "homePageUrl"),
            "implicitGrants": []
            if grants is None
            else [
                {
                    "accessTokenIssuanceEnabled": truth(grants, "enableAccessTokenIssuance"),
                    "idTokenIssuanceEnabled": truth(grants, "enableIdTokenIssuance"),
                }
            ],
            "logoutUrl": text(web, "logoutUrl"),
            "redirectUris": texts(web, "redirectUris"),
        }
    ]


def _info(info: Document | None) -> Values:
    names = ("logoUrl", "marketingUrl", "privacyStatementUrl", "supportUrl", "termsOfServiceUrl")
    return {} if info is None else {name: text(info, name) for name in names}
