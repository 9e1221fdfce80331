"""A table of changes to a running tenant that covers every setting, with what the preview must show and say.

Each stage costs three runs of the engine, so it changes several unrelated settings.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from tests.engine.tenant_program import guide_mappers

TAG = "urn:ietf:params:scim:schemas:extension:CustomExtensionName:2.0:User:tag"
LEVEL = "urn:ietf:params:scim:schemas:extension:CustomExtensionName:2.0:User:level"

ROWS = [
    {"target": "userName", "source": "userPrincipalName", "matchingPriority": 1},
    {"target": "active", "expression": 'Switch([IsSoftDeleted], , "False", "True", "True", "False")'},
    {"target": "name.givenName", "source": "givenName"},
    {"target": "name.familyName", "source": "surname"},
    {"target": 'emails[type eq "work"].value', "source": "mail"},
    {"target": LEVEL, "source": "extensionAttribute2"},
    {"target": "title", "source": "department"},
]
MAPPERS = {
    name if name != "email" else "mail": mapper
    for name, mapper in guide_mappers().items()
    if name not in {"manager", "tag"}
}


@dataclass(frozen=True, kw_only=True)
class Stage:
    """Settings that are changed together.

    Attributes:
        name: What the stage is about.
        settings: Settings by key.
        secrets: Secret settings by key.
        updates: Resource kinds that are updated in place.
        replaces: Resource kinds that are replaced.
        removes: Resource kinds that are deleted.
        said: Parts of the preview's messages.
        confirm: The confirmation that the change needs.
    """

    name: str
    settings: Mapping[str, object] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict)
    updates: frozenset[str] = frozenset()
    replaces: frozenset[str] = frozenset()
    removes: frozenset[str] = frozenset()
    said: tuple[str, ...] = ()
    confirm: str = ""


STAGES = (
    Stage(
        name="mappings on both sides, and the application's name",
        settings={
            "applicationName": "KZero SCIM, renamed",
            "notificationEmail": "it@contoso.example",
            "deletionThreshold": 40,
            "attributeMappings": ROWS,
            "customAttributes": [{"name": LEVEL, "type": "String"}],
            "provisionGroups": False,
            "mappers": MAPPERS,
            "mappersEscapeDots": True,
            "verifyTestUser": "user",
        },
        updates=frozenset(
            {
                "ApplicationFromTemplate",
                "SynchronizationCredentials",
                "AttributeMappings",
                "MapperSet",
                "ProvisioningStatus",
                "OnDemandProvisioning",
            }
        ),
        said=(
            "provisioning restarts with an initial cycle: the attribute mappings changed",
            "would rename mapper email to mail",
            "would remove mapper tag",
            "group provisioning would be turned off",
            f"no longer listed: {TAG}; Entra would stop sending it",
        ),
    ),
    Stage(
        name="who is provisioned",
        settings={
            "users": ["alex@contoso.example", "sam@contoso.example"],
            "groups": [],
            "appRole": "msiam_access",
            "assignmentsExclusive": True,
            "unassignMaxUsers": 50,
            "unassignMaxShare": 100,
            "scope": "all",
            "mappersExclusive": True,
            "attributeMappingsExclusive": True,
            "lockoutGuard": "off",
        },
        updates=frozenset(
            {
                "AppRoleAssignments",
                "SynchronizationCredentials",
                "MapperSet",
                "AttributeMappings",
                "ConnectionTest",
                "ProvisioningStatus",
                "OnDemandProvisioning",
            }
        ),
        said=("the scope changed",),
        confirm="scope=all",
    ),
    Stage(
        name="how the endpoint is reached and guarded",
        settings={
            "profile": "Generic",
            "activationAttributes": {"profile": "kzero.scim.profile"},
            "activationTimeout": 5,
            "scimCompliantPatch": True,
            "scope": "assigned",
            "testUser": "",
        },
        secrets={"secretToken": "fixed-token"},
        updates=frozenset({"ScimEndpoint", "SynchronizationCredentials", "ConnectionTest", "ProvisioningStatus"}),
        removes=frozenset({"OnDemandProvisioning"}),
        said=(
            "profile Azure => Generic",
            "would disable them in KZero in the next cycle",
            "new Tenant URL: Entra would test it",
            "new secretToken: Entra would test it",
        ),
    ),
    Stage(
        name="a person enters the endpoint's settings, and provisioning is OFF",
        settings={
            "activation": "console",
            "activationPreset": "",
            "activationAttributes": {},
            "provisioning": False,
            "protect": True,
            "adopted": True,
        },
        updates=frozenset({"ScimEndpoint", "ProvisioningStatus"}),
        said=("provisioning would be turned OFF",),
    ),
    Stage(
        name="another template takes another job",
        settings={"jobTemplate": "customappsso", "provisioning": True},
        replaces=frozenset({"SynchronizationJob", "AttributeMappings", "ConnectionTest", "ProvisioningStatus"}),
        said=("the provisioning job would be replaced",),
    ),
)

ELSEWHERE: Mapping[str, str] = {
    "tags": "read only by the fleet's selection: tests/unit/fleet/test_model.py",
    "onDestroy": "tests/engine/test_tenant_destroy.py, because it needs a role that the automation does not have",
    "azuread:tenantId": "a move: test_tenant_moves.py",
    "kzeroTenant": "a move: test_tenant_moves.py",
    "kzeroServerUrl": "a move: tests/unit/settings/test_moves.py; the sandbox has one server",
    "kzeroClientId": "a rotation: test_tenant_rotation.py",
    "kzeroClientSecret": "a rotation: test_tenant_rotation.py",
    "kzeroUsername": "a rotation: test_tenant_rotation.py",
    "kzeroPassword": "a rotation: test_tenant_rotation.py",
    "activationHolder": "the sandbox reads only realm attributes: unit/provider/keycloak/test_scim_endpoint.py",
    "tenantUrl": "the sandbox has one address for an endpoint: tests/unit/settings/test_tenant_settings.py",
    "allowForeignTenantUrl": "belongs to tenantUrl",
    "usersFile": "is read into users first: tests/unit/settings/test_tenant_settings.py",
    "scimAttributes": "needs Keycloak's own SCIM API: test_native_scim.py",
    "remoteTokenClientId": "a remote token: test_remote_token.py",
    "remoteTokenClientSecret": "a remote token: test_remote_token.py",
    "remoteTokenEndpoint": "a remote token: test_remote_token.py",
    "remoteTokenMethod": "a remote token: test_remote_token.py",
    "remoteTokenRenewBefore": "a remote token: test_remote_token.py",
    "remoteTokenLifespan": "a remote token: test_remote_token.py",
}
"""Settings that no stage changes, with the reason or the test that does."""
