"""Holds the exact names, values and pages of KZero's guide "Azure/Entra ID - SCIM Configuration". No logic."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

ADDRESS: Final = "https://desk.kzero.com/portal/en/kb/articles/azure-entra-id-scim-configuration-5-3-2026"
"""The article that is the source of these values."""

CLOUD: Final = "https://ca.auth.kzero.com"
"""The origin of KZero's cloud; the guide's Tenant URL is ``<origin>/realms/<TENANT_NAME>/scim/v2``."""
APPLICATION_NAME: Final = "KZero Passwordless SCIM"
"""Step 3: the name of the enterprise application."""

SCIM_PAGE: Final = "Integrations > SCIM > SCIM Endpoint"
"""Step 1: the page of the KZero Passwordless Dashboard where the endpoint is enabled."""
CLIENT_ID: Final = "scim-endpoint"
"""Step 2: the client whose own mappers (its dedicated scope) interpret provisioning requests."""


@dataclass(frozen=True)
class UserAttributeMapper:
    """One mapper of type User Attribute from step 2, with all token options enabled.

    Attributes:
        name: Name.
        user_attribute: User Attribute.
        claim: Token Claim.
        claim_json_type: Claim JSON Type as Keycloak stores it (the guide's "Boolean" is ``boolean``).
    """

    name: str
    user_attribute: str
    claim: str
    claim_json_type: str = "String"


TAG_CLAIM: Final = "urn:ietf:params:scim:schemas:extension:CustomExtensionName:2.0:User:tag"

MAPPERS: Final = (
    UserAttributeMapper("status", "isSoftDeleted", "active", "boolean"),
    UserAttributeMapper("loginName", "userPrincipalName", "userName"),
    UserAttributeMapper("firstName", "givenName", "name.givenName"),
    UserAttributeMapper("manager", "manager", "manager"),
    UserAttributeMapper("lastName", "surName", "name.familyName"),
    UserAttributeMapper("tag", "extensionAttribute1", TAG_CLAIM),
    UserAttributeMapper("email", "email", "email"),
)
"""Step 2, in the guide's order. Two of them behave differently in stock Keycloak: dots in a claim's name nest it, and
``status`` is not inverted. They stay as in the guide, because KZero's server may expect them."""
