"""The synchronization schema of a new job with the template `scim`.

Rows, names and shape follow Microsoft's published mapping table for non-gallery applications and
learn.microsoft.com/graph/api/resources/synchronization-synchronizationschema. Microsoft publishes no verbatim export,
so the order and the metadata are assumptions. Must not know jobs or the directory.
"""

from typing import Any

from .expressions import attribute, call, constant

Json = dict[str, Any]

RULE_ID = "03f7d90d-bf71-41b1-bda6-aaf0ddbee5d8"
RULE_NAME = "USERGROUP_OUTBOUND_USERGROUP"
SOURCE_DIRECTORY = "Azure Active Directory"
TARGET_DIRECTORY = "customappsso"
SCIM_USER = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
SCIM_GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"

_SOURCE_USER = (
    "accountEnabled", "appRoleAssignments", "city", "companyName", "country", "department", "displayName",
    "employeeId", "facsimileTelephoneNumber", "givenName", "jobTitle", "mail", "mailNickname", "mobile",
    "onPremisesDistinguishedName", "onPremisesSecurityIdentifier", "originalUserPrincipalName", "otherMails",
    "passwordProfile.password",
    "physicalDeliveryOfficeName", "postalCode", "preferredLanguage", "proxyAddresses", "state", "streetAddress",
    "surname", "telephoneNumber", "usageLocation", "userPrincipalName", "userType",
    *(f"extensionAttribute{number}" for number in range(1, 16)),
)  # fmt: skip
_SOURCE_GROUP = ("description", "displayName", "mail", "mailEnabled", "mailNickname", "securityEnabled")
_ADDRESS = ("formatted", "streetAddress", "locality", "region", "postalCode", "country")
_TARGET_USER = (
    "displayName", "externalId", "title", "preferredLanguage", "name.givenName", "name.familyName", "name.formatted",
    "nickName", "profileUrl", "userType", "locale", "timezone",
    'emails[type eq "work"].value', 'emails[type eq "home"].value', 'emails[type eq "other"].value',
    *(f'addresses[type eq "work"].{part}' for part in _ADDRESS),
    *(f'phoneNumbers[type eq "{kind}"].value' for kind in ("work", "mobile", "fax", "home", "pager", "other")),
    'roles[primary eq "True"].value',
    *(f"{SCIM_USER}:{part}" for part in ("employeeNumber", "costCenter", "organization", "division", "department")),
)  # fmt: skip


def definition(name: str, **differences: Any) -> Json:  # noqa: ANN401 - members of an attributeDefinition
    """Return an attributeDefinition, by default of an optional, writable, single string."""
    return {
        "anchor": False,
        "apiExpressions": [],
        "caseExact": False,
        "defaultValue": None,
        "flowNullValues": False,
        "metadata": [],
        "multivalued": False,
        "mutability": "ReadWrite",
        "name": name,
        "referencedObjects": [],
        "required": False,
        "type": "String",
        **differences,
    }


def _reference(name: str, *objects: str, **differences: Any) -> Json:  # noqa: ANN401 - see definition
    references = [{"referencedObjectName": target, "referencedProperty": None} for target in objects]
    return definition(name, type="Reference", referencedObjects=references, **differences)


def _object(name: str, attributes: list[Json]) -> Json:
    return {"attributes": attributes, "metadata": [], "name": name, "supportedApis": []}


def _directories() -> list[Json]:
    source_user = [
        definition("objectId", anchor=True, mutability="ReadOnly", required=True),
        definition("IsSoftDeleted", type="Boolean", required=True, mutability="ReadOnly"),
        _reference("manager", "User"),
        *(
            definition(name, **({"type": "Boolean"} if name == "accountEnabled" else {}))
            | ({"multivalued": True} if name in {"appRoleAssignments", "otherMails", "proxyAddresses"} else {})
            for name in _SOURCE_USER
        ),
    ]
    source_group = [
        definition("objectId", anchor=True, mutability="ReadOnly", required=True),
        _reference("members", "User", "Group", multivalued=True),
        *(definition(name, **({"type": "Boolean"} if name.endswith("Enabled") else {})) for name in _SOURCE_GROUP),
    ]
    target_user = [
        definition("id", anchor=True, mutability="ReadOnly", required=True),
        definition("userName", required=True),
        definition("active", type="Boolean"),
        *(definition(name) for name in _TARGET_USER),
        _reference(f"{SCIM_USER}:manager", SCIM_USER),
    ]
    target_group = [
        definition("id", anchor=True, mutability="ReadOnly", required=True),
        definition("displayName", required=True),
        definition("externalId"),
        _reference("members", SCIM_USER, SCIM_GROUP, multivalued=True),
    ]
    return [
        {
            "id": "66e4a8cc-1b7b-435e-95f8-f06cea133828",
            "name": SOURCE_DIRECTORY,
            "discoverabilities": "None",
            "discoveryDateTime": None,
            "objects": [_object("User", source_user), _object("Group", source_group)],
            "readOnly": False,
            "version": None,
        },
        {
            "id": "af4c3a3d-3c0f-4a5c-a9a2-0b9a4d7a5c3e",
            "name": TARGET_DIRECTORY,
            "discoverabilities": "None",
            "discoveryDateTime": None,
            "objects": [_object(SCIM_USER, target_user), _object(SCIM_GROUP, target_group)],
            "readOnly": False,
            "version": None,
        },
    ]


def row(target: str, source: Json, *, matching_priority: int = 0) -> Json:
    """Return an attributeMapping that always flows when its source changes."""
    return {
        "defaultValue": None,
        "exportMissingReferences": False,
        "flowBehavior": "FlowWhenChanged",
        "flowType": "Always",
        "matchingPriority": matching_priority,
        "source": source,
        "targetAttributeName": target,
    }


def _mapping(name: str, source: str, target: str, joining: str, rows: list[Json]) -> Json:
    metadata = {
        "EscrowBehavior": '"Default"',
        "DisableMonitoringForChanges": "False",
        "OriginalJoiningProperty": joining,
        "Disposition": '"Normal"',
        "IsCustomerDefined": "False",
        "ExcludeFromReporting": "False",
        "Unsynchronized": "False",
    }
    return {
        "attributeMappings": rows,
        "enabled": True,
        "flowTypes": "Add,Update,Delete",
        "metadata": [{"key": key, "value": value} for key, value in metadata.items()],
        "name": name,
        "scope": None,
        "sourceObjectName": source,
        "targetObjectName": target,
    }


def _user_rows() -> list[Json]:
    plain = {
        "displayName": "displayName",
        "title": "jobTitle",
        'emails[type eq "work"].value': "mail",
        "preferredLanguage": "preferredLanguage",
        "name.givenName": "givenName",
        "name.familyName": "surname",
        'addresses[type eq "work"].formatted': "physicalDeliveryOfficeName",
        'addresses[type eq "work"].streetAddress': "streetAddress",
        'addresses[type eq "work"].locality': "city",
        'addresses[type eq "work"].region': "state",
        'addresses[type eq "work"].postalCode': "postalCode",
        'addresses[type eq "work"].country': "country",
        'phoneNumbers[type eq "work"].value': "telephoneNumber",
        'phoneNumbers[type eq "mobile"].value': "mobile",
        'phoneNumbers[type eq "fax"].value': "facsimileTelephoneNumber",
        "externalId": "mailNickname",
        f"{SCIM_USER}:employeeNumber": "employeeId",
        f"{SCIM_USER}:department": "department",
        f"{SCIM_USER}:manager": "manager",
    }
    active = call(
        "Switch",
        attribute("IsSoftDeleted"),
        None,
        constant("False"),
        constant("True"),
        constant("True"),
        constant("False"),
    )
    whole_name = call("Join", constant(" "), attribute("givenName"), attribute("surname"))
    return [
        row("userName", attribute("userPrincipalName"), matching_priority=1),
        row("active", active),
        *(row(target, attribute(source)) for target, source in plain.items()),
        row("name.formatted", whole_name),
    ]


def default_schema(identifier: str) -> Json:
    """Return the schema of a new job or of the template, with this identifier as its id."""
    groups = [
        row("displayName", attribute("displayName"), matching_priority=1),
        row("externalId", attribute("objectId")),
        row("members", attribute("members")),
    ]
    return {
        "id": identifier,
        "version": "v1.0",
        "directories": _directories(),
        "synchronizationRules": [
            {
                "containerFilter": None,
                "editable": True,
                "groupFilter": None,
                "id": RULE_ID,
                "metadata": [{"key": "supportsProvisionOnDemand", "value": "true"}],
                "name": RULE_NAME,
                "objectMappings": [
                    _mapping("Provision Microsoft Entra ID Groups", "Group", SCIM_GROUP, "displayName", groups),
                    _mapping("Provision Microsoft Entra ID Users", "User", SCIM_USER, "userName", _user_rows()),
                ],
                "priority": 1,
                "sourceDirectoryName": SOURCE_DIRECTORY,
                "targetDirectoryName": TARGET_DIRECTORY,
            }
        ],
    }
