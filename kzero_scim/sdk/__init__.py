"""The program-side classes of package ``kzero``: ``from kzero_scim import sdk as kzero``.

Arguments are the inputs of the provider's schema in snake_case; what is not given takes the provider's default. Objects
inside arguments are given as dictionaries (``{"user_attribute": "email"}``) or as the provider's dataclasses
(:class:`kzero_scim.mapping.attribute_mapping.Row`). Outputs are attributes in snake_case; objects inside them are
dictionaries with the schema's own camelCase keys. `make generate` writes the resource classes, the provider and the
results of functions from the provider's dataclasses.
"""

from __future__ import annotations

from kzero_scim.sdk.entra import (
    AppRoleAssignments,
    AttributeMappings,
    ConnectionTest,
    OnDemandProvisioning,
    ProvisioningStatus,
    SynchronizationCredentials,
    SynchronizationJob,
)
from kzero_scim.sdk.functions import (
    ask_global_administrators,
    find_orphaned_application,
    get_global_administrators,
    is_run_over,
)
from kzero_scim.sdk.keycloak import (
    MapperSet,
    ProvisionedUsers,
    RemoteToken,
    ScimApiClient,
    ScimAttributes,
    ScimEndpoint,
)
from kzero_scim.sdk.provider import Provider
from kzero_scim.sdk.results import Administrator, GlobalAdministrators, OrphanedApplication

__all__ = [
    "Administrator",
    "AppRoleAssignments",
    "AttributeMappings",
    "ConnectionTest",
    "GlobalAdministrators",
    "MapperSet",
    "OnDemandProvisioning",
    "OrphanedApplication",
    "Provider",
    "ProvisionedUsers",
    "ProvisioningStatus",
    "RemoteToken",
    "ScimApiClient",
    "ScimAttributes",
    "ScimEndpoint",
    "SynchronizationCredentials",
    "SynchronizationJob",
    "ask_global_administrators",
    "find_orphaned_application",
    "get_global_administrators",
    "is_run_over",
]
