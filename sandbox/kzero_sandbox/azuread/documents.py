"""Convert parts of Graph's documents that both a resource and a function return to Pulumi's form.

Follows `internal/helpers/applications/applications.go` and the `flatten` functions of terraform-provider-azuread:
a value that Graph omits or returns as null becomes an empty string, false or an empty list. Must not send requests.
"""

from collections.abc import Iterable
from typing import Final

from kzero_sandbox.azuread.errors import Refusal
from kzero_sandbox.azuread.graph import Document
from kzero_sandbox.azuread.properties import Values

CUSTOM_SINGLE_SIGN_ON: Final = "WindowsAzureActiveDirectoryCustomSingleSignOnApplication"
ENTERPRISE: Final = "WindowsAzureActiveDirectoryIntegratedApp"
GALLERY: Final = "WindowsAzureActiveDirectoryGalleryApplicationNonPrimaryV1"
HIDE: Final = "HideApp"


def text(document: Document, name: str) -> str:
    """Return a string, empty if it is missing."""
    return str(document.get(name) or "")


def needed(document: Document, *path: str) -> str:
    """Return a required string, for instance the id of a created object.

    Raises:
        Refusal: Graph's answer lacks the string.
    """
    found: object = document
    for name in path:
        found = found.get(name) if isinstance(found, dict) else None
    if not found:
        message = f"Microsoft Graph's answer lacks {'.'.join(path)}"
        raise Refusal(message)
    return str(found)


def truth(document: Document, name: str) -> bool:
    """Return a boolean, false if it is missing."""
    return bool(document.get(name))


def texts(document: Document, name: str) -> list[str]:
    """Return a list of strings, empty if it is missing."""
    return [str(each) for each in document.get(name) or []]


def ids(documents: Iterable[Document]) -> list[str]:
    """Return the object ids of directory objects."""
    return [text(each, "id") for each in documents]


def app_roles(document: Document) -> list[Values]:
    """Return the app roles of an application or service principal."""
    return [
        {
            "allowedMemberTypes": texts(role, "allowedMemberTypes"),
            "description": text(role, "description"),
            "displayName": text(role, "displayName"),
            "enabled": truth(role, "isEnabled"),
            "id": text(role, "id"),
            "value": text(role, "value"),
        }
        for role in document.get("appRoles") or []
    ]


def ids_by_value(documents: Iterable[Document] | None) -> dict[str, str]:
    """Return the ids of app roles or permission scopes by their value, for those that have both."""
    return {each["value"]: each["id"] for each in documents or [] if each.get("value") and each.get("id")}


def permission_scopes(documents: Iterable[Document] | None) -> list[Values]:
    """Return the OAuth 2.0 permission scopes."""
    return [
        {
            "adminConsentDescription": text(scope, "adminConsentDescription"),
            "adminConsentDisplayName": text(scope, "adminConsentDisplayName"),
            "enabled": truth(scope, "isEnabled"),
            "id": text(scope, "id"),
            "type": text(scope, "type"),
            "userConsentDescription": text(scope, "userConsentDescription"),
            "userConsentDisplayName": text(scope, "userConsentDisplayName"),
            "value": text(scope, "value"),
        }
        for scope in documents or []
    ]


def feature_tags(document: Document) -> list[Values]:
    """Return which tags with a defined meaning are set, by name."""
    tags = {tag.lower() for tag in texts(document, "tags")}
    return [
        {
            "customSingleSignOn": CUSTOM_SINGLE_SIGN_ON.lower() in tags,
            "enterprise": ENTERPRISE.lower() in tags,
            "gallery": GALLERY.lower() in tags,
            "hide": HIDE.lower() in tags,
        }
    ]


def features(document: Document) -> list[Values]:
    """Return the same flags under the names that are deprecated since version 2."""
    (tags,) = feature_tags(document)
    return [
        {
            "customSingleSignOnApp": tags["customSingleSignOn"],
            "enterpriseApplication": tags["enterprise"],
            "galleryApplication": tags["gallery"],
            "visibleToUsers": not tags["hide"],
        }
    ]


def service_principal(document: Document, beta: Document) -> Values:
    """Return a service principal without its owners and relay state.

    Args:
        document: The service principal from Graph v1.0.
        beta: The service principal from Graph beta, for `samlMetadataUrl`, which v1.0 does not return.
    """
    app_id = text(document, "appId")
    scopes = document.get("oauth2PermissionScopes")
    return {
        "accountEnabled": truth(document, "accountEnabled"),
        "alternativeNames": texts(document, "alternativeNames"),
        "appRoleAssignmentRequired": truth(document, "appRoleAssignmentRequired"),
        "appRoleIds": ids_by_value(document.get("appRoles")),
        "appRoles": app_roles(document),
        "applicationTenantId": text(document, "appOwnerOrganizationId"),
        "clientId": app_id,
        "description": text(document, "description"),
        "displayName": text(document, "displayName"),
        "featureTags": feature_tags(document),
        "features": features(document),
        "homepageUrl": text(document, "homepage"),
        "loginUrl": text(document, "loginUrl"),
        "logoutUrl": text(document, "logoutUrl"),
        "notes": text(document, "notes"),
        "notificationEmailAddresses": texts(document, "notificationEmailAddresses"),
        "oauth2PermissionScopeIds": ids_by_value(scopes),
        "oauth2PermissionScopes": permission_scopes(scopes),
        "objectId": text(document, "id"),
        "preferredSingleSignOnMode": text(document, "preferredSingleSignOnMode"),
        "redirectUris": texts(document, "replyUrls"),
        "samlMetadataUrl": text(beta, "samlMetadataUrl"),
        # The application's own id is always among the names and carries no information.
        "servicePrincipalNames": [
            name for name in texts(document, "servicePrincipalNames") if name.lower() != app_id.lower()
        ],
        "signInAudience": text(document, "signInAudience"),
        "tags": texts(document, "tags"),
        "type": text(document, "servicePrincipalType"),
    }


def relay_states(document: Document) -> list[Values]:
    """Return the SAML single sign-on settings as a list of at most one element."""
    settings = document.get("samlSingleSignOnSettings")
    return [] if settings is None else [{"relayState": text(settings, "relayState")}]
