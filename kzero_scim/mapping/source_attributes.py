"""The user attributes that Entra's provisioning service can read, and Graph's names for them. Pure: sends no request.

The names are from the provisioning service's directory definition and differ from Graph's in part (``telephoneNumber``
is Graph's ``businessPhones``). See
https://learn.microsoft.com/entra/identity/app-provisioning/customize-application-attributes and the synchronization
schema samples in Graph's documentation. Use this list only while a job has no schema to read.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from typing import Any

EXTENSION_ATTRIBUTES = frozenset(f"extensionAttribute{number}" for number in range(1, 16))
"""Exchange's fifteen, in Graph under ``onPremisesExtensionAttributes``."""

USER_ATTRIBUTES: frozenset[str] = EXTENSION_ATTRIBUTES | {
    "IsSoftDeleted",
    "accountEnabled",
    "ageGroup",
    "alternativeSecurityIds",
    "appRoleAssignments",
    "assignedRoles",
    "businessPhones",
    "city",
    "companyName",
    "consentProvidedForMinor",
    "country",
    "createdDateTime",
    "creationType",
    "department",
    "dirSyncEnabled",
    "displayName",
    "employeeHireDate",
    "employeeId",
    "employeeLeaveDateTime",
    "employeeOrgData.costCenter",
    "employeeOrgData.division",
    "employeeType",
    "externalUserState",
    "facsimileTelephoneNumber",
    "givenName",
    "homePhone",
    "immutableId",
    "jobTitle",
    "lastDirSyncTime",
    "mail",
    "mailNickname",
    "manager",
    "mobile",
    "netId",
    "objectId",
    "onPremisesDistinguishedName",
    "onPremisesDomainName",
    "onPremisesImmutableId",
    "onPremisesSamAccountName",
    "onPremisesSecurityIdentifier",
    "onPremisesUserPrincipalName",
    "originalUserPrincipalName",
    "otherMails",
    "otherMobile",
    "otherTelephone",
    "passwordProfile.password",
    "physicalDeliveryOfficeName",
    "postalCode",
    "preferredDataLocation",
    "preferredLanguage",
    "preferredName",
    "proxyAddresses",
    "showInAddressList",
    "sipProxyAddress",
    "state",
    "streetAddress",
    "surname",
    "telephoneNumber",
    "usageLocation",
    "userPrincipalName",
    "userType",
}
"""The source attributes that Entra offers to a new job."""

GRAPH_PROPERTIES: dict[str, str] = {
    "objectId": "id",
    "telephoneNumber": "businessPhones",
    "mobile": "mobilePhone",
    "facsimileTelephoneNumber": "faxNumber",
    "physicalDeliveryOfficeName": "officeLocation",
    "dirSyncEnabled": "onPremisesSyncEnabled",
    "immutableId": "onPremisesImmutableId",
    "originalUserPrincipalName": "userPrincipalName",
}
"""Graph's names for source attributes with another name in its ``user``."""

_NOT_IN_GRAPH = frozenset(
    {
        "IsSoftDeleted",
        "alternativeSecurityIds",
        "appRoleAssignments",
        "assignedRoles",
        "homePhone",
        "lastDirSyncTime",
        "manager",
        "netId",
        "otherMobile",
        "otherTelephone",
        "passwordProfile.password",
        "preferredName",
        "sipProxyAddress",
    }
)

_GUEST = re.compile(r"(?P<user>.+)_(?P<domain>[^_]+)#EXT#@.*", re.IGNORECASE | re.DOTALL)
_DIRECTORY_EXTENSION = re.compile(r"extension_[0-9a-fA-F]{32}_\w+")


def is_user_attribute(name: str) -> bool:
    """Return whether a new job can map from an attribute: one of Entra's own or a directory extension."""
    return name in USER_ATTRIBUTES or _DIRECTORY_EXTENSION.fullmatch(name) is not None


def near_names(name: str, names: Iterable[str]) -> list[str]:
    """Return up to three similar names, the most similar first."""
    by_folded = {known.casefold(): known for known in sorted(names, reverse=True)}
    return [by_folded[match] for match in difflib.get_close_matches(name.casefold(), by_folded, n=3, cutoff=0.7)]


def graph_property(name: str) -> str | None:
    """Return the property of Graph's ``user`` that shows a source attribute, or None.

    Graph does not show passwords, references, and attributes of the provisioning service only (``IsSoftDeleted``).
    """
    if name in EXTENSION_ATTRIBUTES:
        return "onPremisesExtensionAttributes"
    if name in _NOT_IN_GRAPH or not is_user_attribute(name):
        return None
    return GRAPH_PROPERTIES.get(name, name).split(".", maxsplit=1)[0]


def provisioned_user_name(principal_name: str) -> str:
    """Return the ``userPrincipalName`` that Entra matches and sends.

    Entra removes ``#EXT#`` and the tenant's domain from a guest's: ``pat_partner.example#EXT#@contoso.example`` becomes
    ``pat@partner.example``. See
    https://learn.microsoft.com/entra/identity/app-provisioning/how-provisioning-works
    """
    guest = _GUEST.fullmatch(principal_name)
    return f"{guest['user']}@{guest['domain']}" if guest else principal_name


def read_attribute(user: Mapping[str, Any], name: str) -> str | None:
    """Return a source attribute from Graph's ``user`` as the text that Entra sends, or None if it is empty."""
    value: Any = user.get(graph_property(name) or "")
    if isinstance(value, Mapping):
        value = value.get(name if name in EXTENSION_ATTRIBUTES else name.rsplit(".", 1)[-1])
    if isinstance(value, list):
        value = value[0] if value else None
    if isinstance(value, bool):
        return "true" if value else "false"
    if value in {None, ""}:
        return None
    return provisioned_user_name(str(value)) if name == "userPrincipalName" else str(value)
