"""azuread:index/getUser:getUser, a user with the manager's id.

Follows `internal/services/users/user_data_source.go` of terraform-provider-azuread.
"""

from typing import Final

from kzero_sandbox.azuread.documents import text, texts, truth
from kzero_sandbox.azuread.errors import Refusal
from kzero_sandbox.azuread.graph import Graph
from kzero_sandbox.azuread.properties import Values

SELECT: Final = (
    "accountEnabled,ageGroup,businessPhones,city,companyName,consentProvidedForMinor,country,creationType,department,"
    "displayName,employeeHireDate,employeeId,employeeOrgData,employeeType,externalUserState,faxNumber,givenName,id,"
    "imAddresses,jobTitle,mail,mailNickname,mobilePhone,officeLocation,onPremisesDistinguishedName,"
    "onPremisesDomainName,onPremisesImmutableId,onPremisesSamAccountName,onPremisesSecurityIdentifier,"
    "onPremisesSyncEnabled,onPremisesUserPrincipalName,otherMails,postalCode,preferredLanguage,proxyAddresses,"
    "showInAddressList,state,streetAddress,surname,usageLocation,userPrincipalName,userType"
)

TEXTS: Final = (
    "ageGroup",
    "city",
    "companyName",
    "consentProvidedForMinor",
    "country",
    "creationType",
    "department",
    "displayName",
    "employeeHireDate",
    "employeeId",
    "employeeType",
    "externalUserState",
    "faxNumber",
    "givenName",
    "jobTitle",
    "mail",
    "mailNickname",
    "mobilePhone",
    "officeLocation",
    "postalCode",
    "preferredLanguage",
    "state",
    "streetAddress",
    "surname",
    "usageLocation",
    "userPrincipalName",
    "userType",
)
"""Strings with the same name in Graph and in Pulumi."""

ON_PREMISES: Final = (
    "DistinguishedName",
    "DomainName",
    "ImmutableId",
    "SamAccountName",
    "SecurityIdentifier",
    "UserPrincipalName",
)

KEYS: Final = (
    # In the order in which the official plugin checks them.
    ("userPrincipalName", "UPN"),
    ("objectId", "object ID"),
    ("mail", "mail"),
    ("mailNickname", "email alias"),
    ("employeeId", "employee ID"),
)


async def get_user(graph: Graph, args: Values) -> Values:
    """Find a user by user principal name, object id, mail, mail nickname or employee id."""
    object_id = await _object_id(graph, args)
    user = await graph.get(f"/users/{object_id}", select=SELECT)
    manager = await graph.find(f"/users/{object_id}/manager") or {}
    organisation = user.get("employeeOrgData")
    return (
        {name: text(user, name) for name in TEXTS}
        | {f"onpremises{name}": text(user, f"onPremises{name}") for name in ON_PREMISES}
        | {
            "accountEnabled": truth(user, "accountEnabled"),
            "businessPhones": texts(user, "businessPhones"),
            "costCenter": None if organisation is None else text(organisation, "costCenter"),
            "division": None if organisation is None else text(organisation, "division"),
            "id": f"/users/{object_id}",
            "imAddresses": texts(user, "imAddresses"),
            "managerId": text(manager, "id"),
            "objectId": object_id,
            "onpremisesSyncEnabled": truth(user, "onPremisesSyncEnabled"),
            "otherMails": texts(user, "otherMails"),
            "proxyAddresses": texts(user, "proxyAddresses"),
            "showInAddressList": truth(user, "showInAddressList"),
        }
    )


async def _object_id(graph: Graph, args: Values) -> str:
    for name, label in KEYS:
        value = args.get(name)
        if not value:
            continue
        if name == "objectId":
            user = await graph.find(f"/users/{value}")
            found = [] if user is None else [user]
        else:
            found = await graph.search("/users", equals={name: value})
        if len(found) == 1:
            return text(found[0], "id")
        trouble = "More than one user found" if found else "No user found"
        message = f'{trouble} with {label}: "{value}" in tenant {graph.tenant_id}'
        raise Refusal(message)
    message = "getUser: one of userPrincipalName, objectId, mail, mailNickname or employeeId must be specified"
    raise Refusal(message)
