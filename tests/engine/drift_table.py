"""A table of the properties that the product owns, with a manual change of each and the expected report."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from kzero_sandbox.organisation import Organisation

from tests.engine.tenant_program import GROUP, TEST_USER, TenantStack

Document = dict[str, Any]
ANOTHER: Final = "00000000-0000-4000-8000-000000000000"
EMAIL: Final = "help@contoso.example"
CUSTOM: Final = "urn:ietf:params:scim:schemas:extension:CustomExtensionName:2.0:User:tag"
SETTINGS: Final[Document] = {
    "profile": "Generic",
    "notificationEmail": EMAIL,
    "deletionThreshold": 7,
    "mappersExclusive": True,
    "attributeMappingsExclusive": True,
    "assignmentsExclusive": True,
}
"""The stack's settings, which set every property that the stack can own."""
SETTINGS_OF_OUR_OWN: Final = frozenset(
    {
        # Identifies the object.
        "servicePrincipalId", "jobId", "realm", "clientId",
        # Controls how the product works. Neither side has it.
        "activation", "preset", "attributeHolder", "attributeNames", "activationTimeout", "triggers",
        "allowForeignTenantUrl", "unassignMaxUsers", "unassignMaxShare",
    }
)  # fmt: skip
"""Inputs that no person can change on either side."""


@dataclass(frozen=True)
class Case:
    """One manual change.

    Attributes:
        covers: The inputs whose drift it shows, for example ``MapperSet.mappers.claim``.
        change: Makes the change.
        expected: The expected report: resource, property, was, now.
        assume: Additional values in the stack's state, by resource kind.
    """

    covers: tuple[str, ...]
    change: Callable[[World], object]
    expected: tuple[tuple[str, str, Any, Any], ...]
    assume: dict[str, Document] = field(default_factory=dict)


class World:
    """Both sides of one tenant, which can be changed and restored."""

    def __init__(self, running: TenantStack) -> None:
        """Read the present state of both sides."""
        self.running = running
        self.tenant = running.tenant
        self._schema = running.graph("GET", f"{running.job_path}/schema").json()
        self._secrets = self.tenant.entra.get(f"/sandbox/secrets/{running.service_principal}").json()
        self._mappers = copy.deepcopy(running.mappers())
        self._attributes = self.tenant.keycloak_admin.get("").json()["attributes"]
        self._principal = running.graph("GET", "").json()
        self._assigned = running.graph("GET", "/appRoleAssignedTo").json()["value"]

    def restore(self) -> None:
        """Restore both sides."""
        running = self.running
        running.graph("PUT", f"{running.job_path}/schema", self._schema)
        for key, value in self._secrets.items():
            running.set_secret(key, value)
        now = running.mappers()
        for name in now.keys() - self._mappers.keys():
            running.delete_mapper(name)
        for name, mapper in self._mappers.items():
            if name not in now:
                self._add_mapper({key: value for key, value in mapper.items() if key != "id"})
            elif now[name]["config"] != mapper["config"]:
                self._write_mapper({**mapper, "id": now[name]["id"]})
        self._mappers = copy.deepcopy(running.mappers())
        realm = self.tenant.keycloak_admin.get("").json()
        self.tenant.keycloak_admin.put("", json={**realm, "attributes": self._attributes}).raise_for_status()
        self._restore_entra()

    def _restore_entra(self) -> None:
        running = self.running
        names = ("accountEnabled", "appRoleAssignmentRequired", "tags")
        running.graph("PATCH", "", {name: self._principal[name] for name in names})
        running.rename(self._principal["displayName"])
        wanted = {(item["principalId"], item["appRoleId"]) for item in self._assigned}
        for item in running.graph("GET", "/appRoleAssignedTo").json()["value"]:
            key = (item["principalId"], item["appRoleId"])
            if key in wanted:
                wanted.remove(key)
            else:
                running.graph("DELETE", f"/appRoleAssignedTo/{item['id']}")
        for principal, role in wanted:
            self.assign(principal, role)
        running.graph("POST", f"{running.job_path}/start")

    def config(self, name: str, key: str, value: str) -> None:
        """Change one setting of a mapper."""
        mapper = copy.deepcopy(self._mappers[name])
        mapper["config"][key] = value
        self._write_mapper(mapper)

    def add_mapper(self) -> None:
        """Add a mapper that the stack does not manage."""
        config = {"user.attribute": "city", "claim.name": "city", "jsonType.label": "String"}
        kind = "oidc-usermodel-attribute-mapper"
        self._add_mapper({"name": "city", "protocol": "openid-connect", "protocolMapper": kind, "config": config})

    def attribute(self, name: str, value: str) -> None:
        """Change one of the endpoint's settings."""
        self.tenant.set_realm_attributes(**{f"kzero__scim__{name}": value})

    def row(self, target: str, **changes: Any) -> None:  # noqa: ANN401 - JSON
        """Change properties of an attribute mapping."""

        def change(schema: Document) -> None:
            (row,) = [row for row in _users(schema)["attributeMappings"] if row["targetAttributeName"] == target]
            row.update(changes)

        self.schema(change)

    def parsed(self, expression: str) -> Document:
        """Return an expression that Entra has parsed, as the portal does."""
        path = f"{self.running.job_path}/schema/parseExpression"
        return dict(self.running.graph("POST", path, {"expression": expression}).json()["parsedExpression"])

    def schema(self, change: Callable[[Document], object]) -> None:
        """Change the synchronization schema."""
        document = copy.deepcopy(self._schema)
        change(document)
        self.running.graph("PUT", f"{self.running.job_path}/schema", document)

    def assign(self, principal: str, role: str | None = None) -> None:
        """Assign a principal, with the stack's app role or another one."""
        role = role or str(self.running.stack.state()["AppRoleAssignments"]["outputs"]["appRoleId"])
        body = {"principalId": principal, "resourceId": self.running.service_principal, "appRoleId": role}
        self.running.graph("POST", "/appRoleAssignedTo", body)

    def change_role(self) -> None:
        """Replace the test user's app role, which the stack assigned, by another one."""
        (mine,) = [item for item in self._assigned if item["principalDisplayName"] == "Alex Lindqvist"]
        (role, *_) = [role["id"] for role in self._principal["appRoles"] if role["id"] != mine["appRoleId"]]
        self.running.unassign("Alex Lindqvist")
        self.assign(mine["principalId"], role)

    def principal(self, **changes: object) -> None:
        """Change the service principal."""
        self.running.graph("PATCH", "", changes)

    def _write_mapper(self, mapper: Document) -> None:
        self.tenant.keycloak_admin.put(f"{self._models}/{mapper['id']}", json=mapper).raise_for_status()

    def _add_mapper(self, mapper: Document) -> None:
        self.tenant.keycloak_admin.post(self._models, json=mapper).raise_for_status()

    @property
    def _models(self) -> str:
        return f"/clients/{self.tenant.scim_client()['id']}/protocol-mappers/models"


def source(kind: str, expression: str, name: str | None) -> Document:
    """Return the source of an attribute mapping."""
    return {"expression": expression, "name": name, "parameters": [], "type": kind}


def _users(schema: Document) -> Document:
    mappings = schema["synchronizationRules"][0]["objectMappings"]
    (users,) = [mapping for mapping in mappings if mapping["sourceObjectName"] == "User"]
    return dict(users)


def _enable(schema: Document, kind: str, *, enabled: bool) -> None:
    for mapping in schema["synchronizationRules"][0]["objectMappings"]:
        if mapping["sourceObjectName"] == kind:
            mapping["enabled"] = enabled


def _custom(schema: Document) -> tuple[list[Document], Document]:
    for directory in schema["directories"]:
        for item in directory["objects"]:
            for attribute in item["attributes"]:
                if attribute["name"] == CUSTOM:
                    return item["attributes"], attribute
    raise LookupError(CUSTOM)


def _without_custom(schema: Document) -> None:
    attributes, attribute = _custom(schema)
    attributes.remove(attribute)
    rows = _users(schema)["attributeMappings"]
    rows[:] = [row for row in rows if row["targetAttributeName"] != CUSTOM]


def _one_more_row(schema: Document) -> None:
    rows = _users(schema)["attributeMappings"]
    (given,) = [row for row in rows if row["targetAttributeName"] == "name.givenName"]
    more = {**given, "targetAttributeName": "title", "source": source("Attribute", "[jobTitle]", "jobTitle")}
    rows.append({key: value for key, value in more.items() if key != "id"})


def _mapper(covers: str, key: str, value: str, shown: tuple[str, Any, Any]) -> Case:
    name, was, now = shown
    return Case(
        (f"MapperSet.mappers.{covers}",),
        lambda world: world.config("status", key, value),
        (("MapperSet", f"mappers.status.{name}", was, now),),
    )


def _row(covers: tuple[str, ...], change: Document, *shown: tuple[str, Any, Any]) -> Case:
    return Case(
        tuple(f"AttributeMappings.rows.{name}" for name in covers),
        lambda world: world.row("name.givenName", **change),
        tuple(("AttributeMappings", f'rows["name.givenName"].{name}', was, now) for name, was, now in shown),
    )


_KEY: Final = "SynchronizationCredentials"
_SAM: Final = Organisation().user("sam@contoso.example").id
CASES: Final[dict[str, Case]] = {
    # KZero: the endpoint's settings
    "profile": Case(
        ("ScimEndpoint.profile",),
        lambda world: world.attribute("profile", "Azure"),
        (("ScimEndpoint", "profile", "Generic", "Azure"),),
    ),
    "azure tenant id": Case(
        ("ScimEndpoint.azureTenantId",),
        lambda world: world.attribute("azureTenantId", ANOTHER),
        (("ScimEndpoint", "azureTenantId", None, ANOTHER),),
    ),
    "endpoint off": Case(
        ("ScimEndpoint.enabled",),
        lambda world: world.attribute("enabled", "false"),
        (("ScimEndpoint", "enabled", True, False),),
    ),
    # KZero: the mappers
    "mapper removed": Case(
        ("MapperSet.mappers",),
        lambda world: world.running.delete_mapper("tag"),
        (("MapperSet", "mappers.tag", ..., None),),
    ),
    "mapper added": Case(
        ("MapperSet.exclusive",),
        lambda world: world.add_mapper(),
        (("MapperSet", "unmanaged[0]", None, "city"),),
    ),
    "user attribute": _mapper("userAttribute", "user.attribute", "state", ("userAttribute", "isSoftDeleted", "state")),
    "claim": _mapper("claim", "claim.name", "enabled", ("claim", "active", "enabled")),
    "claim type": _mapper("claimJsonType", "jsonType.label", "String", ("claimJsonType", "boolean", "String")),
    "id token": _mapper("idToken", "id.token.claim", "false", ("idToken", True, False)),
    "access token": _mapper("accessToken", "access.token.claim", "false", ("accessToken", True, False)),
    "userinfo": _mapper("userinfo", "userinfo.token.claim", "false", ("userinfo", True, False)),
    "introspection": _mapper("introspection", "introspection.token.claim", "false", ("introspection", True, False)),
    "multivalued": _mapper("multivalued", "multivalued", "true", ("multivalued", False, True)),
    "aggregate": _mapper("aggregateValues", "aggregate.attrs", "true", ("aggregateValues", False, True)),
    "dots not escaped": Case(
        ("MapperSet.escapeDots",),
        lambda _: None,
        (("MapperSet", "escapeDots", True, False),),
        assume={"MapperSet": {"escapeDots": True}},
    ),
    # Entra: users and groups that are assigned
    "user unassigned": Case(
        ("AppRoleAssignments.users",),
        lambda world: world.running.unassign("Alex Lindqvist"),
        (("AppRoleAssignments", "users[0]", TEST_USER, None),),
    ),
    "group unassigned": Case(
        ("AppRoleAssignments.groups",),
        lambda world: world.running.unassign(GROUP),
        (("AppRoleAssignments", "groups[0]", GROUP, None),),
    ),
    "another role": Case(
        ("AppRoleAssignments.roleName",),
        lambda world: world.change_role(),
        (
            ("AppRoleAssignments", "users[0]", TEST_USER, None),
            ("AppRoleAssignments", "unmanaged[0]", None, "Alex Lindqvist"),
        ),
    ),
    "another user assigned": Case(
        ("AppRoleAssignments.exclusive",),
        lambda world: world.assign(_SAM),
        (("AppRoleAssignments", "unmanaged[0]", None, "Sam O'Hara"),),
    ),
    # Entra: credentials, of which Graph shows only whether they are set
    "Tenant URL removed": Case(
        (f"{_KEY}.tenantUrl",),
        lambda world: world.running.set_secret("BaseAddress", ""),
        ((_KEY, "tenantUrl", ..., ""),),
    ),
    "secret token removed": Case(
        (f"{_KEY}.secretToken",),
        lambda world: world.running.set_secret("SecretToken", ""),
        ((_KEY, "secretToken", "(secret)", None),),
    ),
    "client removed": Case(
        (f"{_KEY}.oauth2",),
        lambda _: None,
        ((_KEY, "oauth2", ..., None),),
        assume={
            _KEY: {"oauth2": {"clientId": "entra", "secretFingerprint": "1", "tokenEndpoint": "https://kzero.example"}}
        },
    ),
    "scope removed": Case(
        (f"{_KEY}.scope",),
        lambda world: world.running.set_secret("SyncAll", ""),
        ((_KEY, "scope", "assigned", None),),
    ),
    "notification removed": Case(
        (f"{_KEY}.notificationEmail", f"{_KEY}.deletionThreshold"),
        lambda world: world.running.set_secret("SyncNotificationSettings", ""),
        ((_KEY, "notificationEmail", EMAIL, None), (_KEY, "deletionThreshold", 7, None)),
    ),
    # Entra: attribute mappings
    "row removed": Case(
        ("AttributeMappings.rows",),
        lambda world: world.running.delete_row("name.familyName"),
        (("AttributeMappings", 'rows["name.familyName"]', ..., None),),
    ),
    "row added": Case(
        ("AttributeMappings.exclusive",),
        lambda world: world.schema(_one_more_row),
        (("AttributeMappings", "rows.title", None, ...),),
    ),
    "source": _row(("source",), {"source": source("Attribute", "[city]", "city")}, ("source", "givenName", "city")),
    "expression": Case(
        ("AttributeMappings.rows.expression",),
        lambda world: world.row("name.givenName", source=world.parsed("ToUpper([givenName])")),
        (
            ("AttributeMappings", 'rows["name.givenName"].source', "givenName", None),
            ("AttributeMappings", 'rows["name.givenName"].expression', None, "ToUpper([givenName])"),
        ),
    ),
    "constant": _row(
        ("constant",),
        {"source": source("Constant", "Anna", "Anna")},
        ("source", "givenName", None),
        ("constant", None, "Anna"),
    ),
    "default value": _row(("defaultValue",), {"defaultValue": "unknown"}, ("defaultValue", None, "unknown")),
    "matching priority": _row(("matchingPriority",), {"matchingPriority": 2}, ("matchingPriority", 0, 2)),
    "flow type": _row(("flowType",), {"flowType": "ObjectAddOnly"}, ("flowType", "Always", "ObjectAddOnly")),
    "flow behaviour": _row(
        ("flowBehavior",), {"flowBehavior": "FlowAlways"}, ("flowBehavior", "FlowWhenChanged", "FlowAlways")
    ),
    "custom attribute removed": Case(
        ("AttributeMappings.customAttributes", "AttributeMappings.customAttributes.name"),
        lambda world: world.schema(_without_custom),
        (
            ("AttributeMappings", f'rows["{CUSTOM}"]', ..., None),
            ("AttributeMappings", "customAttributes[0]", ..., None),
        ),
    ),
    "custom attribute's type": Case(
        ("AttributeMappings.customAttributes.type",),
        lambda world: world.schema(lambda schema: _custom(schema)[1].update(type="Integer")),
        (("AttributeMappings", "customAttributes[0].type", "String", "Integer"),),
    ),
    "custom attribute's case": Case(
        ("AttributeMappings.customAttributes.caseExact",),
        lambda world: world.schema(lambda schema: _custom(schema)[1].update(caseExact=True)),
        (("AttributeMappings", "customAttributes[0].caseExact", False, True),),
    ),
    "groups off": Case(
        ("AttributeMappings.provisionGroups",),
        lambda world: world.schema(lambda schema: _enable(schema, "Group", enabled=False)),
        (("AttributeMappings", "provisionGroups", True, False),),
    ),
    # Entra: provisioning status
    "paused": Case(
        ("ProvisioningStatus.enabled",),
        lambda world: world.running.graph("POST", f"{world.running.job_path}/pause"),
        (("ProvisioningStatus", "enabled", True, False),),
    ),
    # Entra: objects of azuread
    "renamed": Case(
        (),
        lambda world: world.running.rename("Renamed"),
        (("ApplicationFromTemplate", "displayName", "KZero Passwordless SCIM", "Renamed"),),
    ),
    "sign-in blocked": Case(
        (),
        lambda world: world.principal(accountEnabled=False),
        (("ServicePrincipal", "accountEnabled", True, False),),
    ),
    "assignment not required": Case(
        (),
        lambda world: world.principal(appRoleAssignmentRequired=False),
        (("ServicePrincipal", "appRoleAssignmentRequired", True, False),),
    ),
    "hidden in the portal": Case(
        (),
        lambda world: world.principal(tags=[]),
        (("ServicePrincipal", "tags", ..., []),),
    ),
    # Last, because a deleted job cannot be restored
    "job deleted": Case(
        ("SynchronizationJob.templateId",),
        lambda world: world.running.graph("DELETE", world.running.job_path),
        (
            ("SynchronizationJob", "", "exists", None),
            ("AttributeMappings", "", "exists", None),
            ("ProvisioningStatus", "", "exists", None),
        ),
    ),
}
"""Changes by description. ``...`` means that the value is not compared."""
