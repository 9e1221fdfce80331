"""Tenants set up by hand in both consoles, completely or in part, for tests of taking such a tenant over.

Creates what the Entra admin center and KZero's consoles create, with the same calls: Graph with a user's token, and
Keycloak's admin API as the realm's administrator. No automation owns these objects. Must not import the product.
"""

import json
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Final

import httpx

from kzero_sandbox.entra.application_template import NON_GALLERY_TEMPLATE, USER_ROLE
from kzero_sandbox.entra.default_schema import definition
from kzero_sandbox.organisation import Organisation
from kzero_sandbox.running import Tenant

Json = dict[str, Any]

APPLICATION_NAME: Final = "KZero Passwordless SCIM"
OTHER_NAME: Final = "KZero provisioning (pilot)"
TAG: Final = "urn:ietf:params:scim:schemas:extension:CustomExtensionName:2.0:User:tag"

MAPPERS: Final = {
    "status": ("isSoftDeleted", "active", "boolean"),
    "loginName": ("userPrincipalName", "userName", "String"),
    "firstName": ("givenName", "name.givenName", "String"),
    "manager": ("manager", "manager", "String"),
    "lastName": ("surName", "name.familyName", "String"),
    "tag": ("extensionAttribute1", TAG, "String"),
    "email": ("email", "email", "String"),
}
"""User attribute, claim and JSON type by mapper name: the table in step 2 of KZero's guide."""


class Variant(StrEnum):
    """How much of the guide was done, or what was done beyond it."""

    COMPLETE = "complete"
    """All of the guide; provisioning is on."""
    HALF = "half"
    """Stopped halfway: three of seven mappers, and a job without credentials and mappings that was never started."""
    EXTRA = "extra"
    """All of the guide and more: another name; additional mappers, rows and assignments; a changed row and mapper."""
    TWINS = "twins"
    """All of the guide, twice: two applications that could be the right one."""


@dataclass(frozen=True, kw_only=True)
class HandMade:
    """An enterprise application created by hand.

    Attributes:
        application_id: The application (client) id.
        application_object_id: The application's object id.
        service_principal_id: The service principal's object id.
        name: Its display name.
        job_id: Its provisioning job, if it has one.
    """

    application_id: str
    application_object_id: str
    service_principal_id: str
    name: str
    job_id: str | None = None


def make_by_hand(tenant: Tenant, variant: Variant, *, users: int = 0) -> list[HandMade]:
    """Set up a tenant as a person would.

    Args:
        tenant: The tenant's two sides; its KZero side must be in its initial state.
        variant: How much of the guide to do.
        users: How many additional users to create and assign, for measurements.

    Returns:
        The created applications.

    Raises:
        httpx.HTTPStatusError: A service refused a request, most likely because the tenant was set up before.
    """
    organisation = Organisation()
    dashboard, portal = _Dashboard(tenant), _Portal(tenant)
    mappers = dict(MAPPERS)
    if variant is Variant.HALF:
        mappers = {name: MAPPERS[name] for name in ("status", "loginName", "email")}
    if variant is Variant.EXTRA:
        mappers |= {
            "firstName": ("firstName", "name.givenName", "String"),
            "department": ("department", "department", "String"),
        }
    dashboard.enable_endpoint(organisation.tenant_id)
    for name, mapper in mappers.items():
        dashboard.add_mapper(name, *mapper)
    if variant is Variant.EXTRA:
        dashboard.add_hardcoded_mapper("source", "entra")

    made = portal.create_application(OTHER_NAME if variant is Variant.EXTRA else APPLICATION_NAME)
    domain = organisation.domain
    portal.assign(made, organisation.user(f"alex@{domain}").id, organisation.user(f"morgan@{domain}").id)
    portal.assign(made, organisation.group("kzero-users").id)
    if users:
        body = {"count": users, "prefix": "hand", "assignTo": made.service_principal_id}
        tenant.entra.post("/sandbox/users", json=body).raise_for_status()
    made = portal.create_job(made)
    applications = [made]
    if variant is Variant.HALF:
        return applications
    portal.set_up(made, tenant.scim_url)
    if variant is Variant.EXTRA:
        portal.assign(made, organisation.group("duplicates-1").id, organisation.user(f"robin@{domain}").id)
        portal.map(made, TAG, "extensionAttribute2")
        portal.map(made, "externalId", "employeeId")
        portal.map(made, 'phoneNumbers[type eq "work"].value', "mobile")
    if variant is Variant.TWINS:
        second = portal.create_job(portal.create_application(f"{APPLICATION_NAME} 2"))
        portal.assign(second, organisation.user(f"morgan@{domain}").id)
        portal.set_up(second, tenant.scim_url)
        applications.append(second)
    return applications


class _Dashboard:
    """KZero's dashboard and Advanced Console: the guide's steps 1 and 2."""

    def __init__(self, tenant: Tenant) -> None:
        self._tenant = tenant

    def enable_endpoint(self, entra_tenant_id: str) -> None:
        """Integrations > SCIM > SCIM Endpoint: Profile, Azure Tenant ID, Enable, Update."""
        self._tenant.set_realm_attributes(
            kzero__scim__enabled="true", kzero__scim__profile="Azure", kzero__scim__azureTenantId=entra_tenant_id
        )

    def add_mapper(self, name: str, user_attribute: str, claim: str, json_type: str) -> None:
        """Add Mapper by Configuration > User Attribute."""
        tokens = ("id.token.claim", "access.token.claim", "userinfo.token.claim", "introspection.token.claim")
        config = {"user.attribute": user_attribute, "claim.name": claim, "jsonType.label": json_type}
        self._add(name, "oidc-usermodel-attribute-mapper", config | dict.fromkeys(tokens, "true"))

    def add_hardcoded_mapper(self, name: str, value: str) -> None:
        """Add Mapper by Configuration > Hardcoded claim."""
        config = {"claim.name": name, "claim.value": value, "jsonType.label": "String", "access.token.claim": "true"}
        self._add(name, "oidc-hardcoded-claim-mapper", config)

    def _add(self, name: str, kind: str, config: dict[str, str]) -> None:
        path = f"/clients/{self._tenant.scim_client()['id']}/protocol-mappers/models"
        body = {"name": name, "protocol": "openid-connect", "protocolMapper": kind, "config": config}
        self._tenant.keycloak_admin.post(path, json=body).raise_for_status()


class _Portal:
    """The Entra admin center: the guide's steps 3 and 4. The administrator who signs in does not become an owner."""

    def __init__(self, tenant: Tenant) -> None:
        self._entra = tenant.entra
        token = self._entra.post("/sandbox/token").raise_for_status().json()["access_token"]
        self._headers = {"Authorization": f"Bearer {token}"}

    def create_application(self, name: str) -> HandMade:
        """New application > Create your own application > Integrate any other application."""
        made = self._ask("POST", f"/applicationTemplates/{NON_GALLERY_TEMPLATE}/instantiate", {"displayName": name})
        return HandMade(
            application_id=made["application"]["appId"],
            application_object_id=made["application"]["id"],
            service_principal_id=made["servicePrincipal"]["id"],
            name=name,
        )

    def assign(self, made: HandMade, *principals: str) -> None:
        """Users and groups > Add user/group."""
        for principal in principals:
            body = {"principalId": principal, "resourceId": made.service_principal_id, "appRoleId": USER_ROLE}
            self._ask("POST", f"/servicePrincipals/{made.service_principal_id}/appRoleAssignedTo", body)

    def create_job(self, made: HandMade) -> HandMade:
        """Provisioning > Get started > Automatic."""
        job = self._ask("POST", f"{self._synchronization(made)}/jobs", {"templateId": "scim"})
        return replace(made, job_id=job["id"])

    def set_up(self, made: HandMade, tenant_url: str) -> None:
        """Admin Credentials, Mappings, Settings, and Provisioning Status ON."""
        notification = {
            "Enabled": True,
            "Recipients": "it@contoso.example",
            "DeleteThresholdEnabled": True,
            "DeleteThresholdValue": 100,
        }
        secrets = {
            "BaseAddress": tenant_url,
            "SyncAll": "false",
            "SyncNotificationSettings": json.dumps(notification),
        }
        pairs = [{"key": key, "value": value} for key, value in secrets.items()]
        self._ask("PUT", f"{self._synchronization(made)}/secrets", {"value": pairs})
        self.map(made, TAG, "extensionAttribute1")
        self._ask("POST", f"{self._job(made)}/start")

    def map(self, made: HandMade, target: str, source: str) -> None:
        """Attribute mapping > Edit or Add New Mapping; adds the attribute to the target list if it is missing."""
        path = f"{self._job(made)}/schema"
        schema = self._ask("GET", path)
        rule = schema["synchronizationRules"][0]
        users = next(mapping for mapping in rule["objectMappings"] if mapping["sourceObjectName"] == "User")
        target_user = next(
            definition
            for directory in schema["directories"]
            for definition in directory["objects"]
            if directory["name"] == rule["targetDirectoryName"] and definition["name"] == users["targetObjectName"]
        )
        if target not in {attribute["name"] for attribute in target_user["attributes"]}:
            target_user["attributes"].append(definition(target))
        rows = users["attributeMappings"]
        row = next((row for row in rows if row["targetAttributeName"] == target), None)
        if row is None:
            row = {"targetAttributeName": target, "flowBehavior": "FlowWhenChanged", "flowType": "Always"}
            rows.append(row | {"defaultValue": None, "exportMissingReferences": False, "matchingPriority": 0})
            row = rows[-1]
        row["source"] = {"expression": f"[{source}]", "name": source, "parameters": [], "type": "Attribute"}
        self._ask("PUT", path, {key: value for key, value in schema.items() if not key.startswith("@")})

    def _synchronization(self, made: HandMade) -> str:
        return f"/servicePrincipals/{made.service_principal_id}/synchronization"

    def _job(self, made: HandMade) -> str:
        return f"{self._synchronization(made)}/jobs/{made.job_id}"

    def _ask(self, method: str, path: str, body: Json | None = None) -> Json:
        answer: httpx.Response = self._entra.request(method, f"/v1.0{path}", json=body, headers=self._headers)
        answer.raise_for_status()
        document: Json = answer.json() if answer.content else {}
        return document
