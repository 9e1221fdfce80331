"""The application and service principal that Entra creates from the template for applications outside the gallery.

The members are those of Microsoft's documented response to applicationTemplate: instantiate.
Must not know the directory.
"""

import uuid
from datetime import UTC, datetime
from typing import Any

Json = dict[str, Any]

NON_GALLERY_TEMPLATE = "8adf8e6e-67b2-4cf2-a259-e3dc5476c621"
"""The application template "integrate any other application you don't find in the gallery"."""
USER_ROLE = "18d14569-c3bd-439b-9a66-3a2aee01d14f"


def now() -> str:
    """Return the current time in Graph's format."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _app_roles() -> list[Json]:
    return [
        {
            "allowedMemberTypes": ["User"],
            "description": name,
            "displayName": name,
            "id": role_id,
            "isEnabled": True,
            "origin": "Application",
            "value": None,
        }
        for name, role_id in (("User", USER_ROLE), ("msiam_access", "b9632174-c057-4f7e-951b-be3adc52bfe6"))
    ]


def template_objects(display_name: str, tenant_id: str) -> tuple[Json, Json]:
    """Return a new application and its service principal with this name."""
    app_id = str(uuid.uuid4())
    scope = {
        "adminConsentDescription": f"Allow the application to access {display_name} on behalf of the user.",
        "adminConsentDisplayName": f"Access {display_name}",
        "id": str(uuid.uuid4()),
        "isEnabled": True,
        "type": "User",
        "userConsentDescription": f"Allow the application to access {display_name} on your behalf.",
        "userConsentDisplayName": f"Access {display_name}",
        "value": "user_impersonation",
    }
    home = "https://account.activedirectory.windowsazure.com:444/applications/default.aspx?metadata=customappsso|ISV9.1|primary|z"
    application: Json = {
        "id": str(uuid.uuid4()),
        "appId": app_id,
        "applicationTemplateId": NON_GALLERY_TEMPLATE,
        "createdDateTime": now(),
        "deletedDateTime": None,
        "displayName": display_name,
        "groupMembershipClaims": None,
        "identifierUris": [],
        "isFallbackPublicClient": False,
        "notes": None,
        "signInAudience": "AzureADMyOrg",
        "tags": [],
        "api": {
            "acceptMappedClaims": None,
            "knownClientApplications": [],
            "requestedAccessTokenVersion": None,
            "oauth2PermissionScopes": [scope],
            "preAuthorizedApplications": [],
        },
        "appRoles": _app_roles(),
        "info": {
            "logoUrl": None,
            "marketingUrl": None,
            "privacyStatementUrl": None,
            "supportUrl": None,
            "termsOfServiceUrl": None,
        },
        "keyCredentials": [],
        "passwordCredentials": [],
        "publicClient": {"redirectUris": []},
        "requiredResourceAccess": [],
        "web": {
            "homePageUrl": home,
            "redirectUris": [],
            "implicitGrantSettings": {"enableAccessTokenIssuance": False, "enableIdTokenIssuance": True},
        },
    }
    service_principal: Json = {
        "id": str(uuid.uuid4()),
        "accountEnabled": True,
        "alternativeNames": [],
        "appDisplayName": display_name,
        "appId": app_id,
        "appOwnerOrganizationId": tenant_id,
        "applicationTemplateId": NON_GALLERY_TEMPLATE,
        "appRoleAssignmentRequired": True,
        "appRoles": _app_roles(),
        "createdDateTime": now(),
        "deletedDateTime": None,
        "description": None,
        "displayName": display_name,
        "homepage": home,
        "keyCredentials": [],
        "loginUrl": None,
        "logoutUrl": None,
        "notes": None,
        "notificationEmailAddresses": [],
        "oauth2PermissionScopes": [scope],
        "passwordCredentials": [],
        "preferredSingleSignOnMode": None,
        "replyUrls": [],
        "samlSingleSignOnSettings": None,
        "servicePrincipalNames": [app_id],
        "servicePrincipalType": "Application",
        "signInAudience": "AzureADMyOrg",
        "tags": [
            "WindowsAzureActiveDirectoryCustomSingleSignOnApplication",
            "WindowsAzureActiveDirectoryIntegratedApp",
        ],
    }
    return application, service_principal
