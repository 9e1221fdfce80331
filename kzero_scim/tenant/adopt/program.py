"""Declares the existing objects of a tenant that was set up by hand, so that the engine imports them.

Uses the names, types and parents of ``TenantProvisioning``. Declares only existing objects; changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import pulumi
import pulumi_azuread as azuread

from kzero_scim import sdk as kzero
from kzero_scim.entra.enterprise_application import LEFT_ALONE, NON_GALLERY_TEMPLATE
from kzero_scim.sdk.base import KzeroResource
from kzero_scim.sdk.provider_arguments import provider_arguments
from kzero_scim.settings.tenant_settings import TenantSettings

_NAME: Final = "tenant"
_IN_ORDER: Final[tuple[tuple[str, tuple[type[KzeroResource], ...]], ...]] = (
    ("ScimEndpoint", (kzero.ScimEndpoint, kzero.MapperSet)),
    ("EnterpriseApp", ()),
    ("UserAssignments", (kzero.AppRoleAssignments,)),
    (
        "ProvisioningJob",
        (
            kzero.SynchronizationJob,
            kzero.SynchronizationCredentials,
            kzero.AttributeMappings,
            kzero.ProvisioningStatus,
        ),
    ),
)
"""Each component and its resources, in the order of their dependencies."""


@dataclass(frozen=True, kw_only=True)
class Existing:
    """One resource of package kzero: its ID and its present inputs, with the schema's names."""

    id: str
    inputs: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class ExistingApplication:
    """The enterprise application: its name and its IDs."""

    name: str
    application_id: str
    application_object_id: str
    service_principal_id: str


def declare_existing(
    settings: TenantSettings, application: ExistingApplication, existing: Mapping[str, Existing]
) -> None:
    """Declare the existing objects, each with the ID to import.

    Args:
        settings: The tenant's settings.
        application: The enterprise application.
        existing: The resources of package kzero, by type token.
    """
    tenant = _component("TenantProvisioning", None)
    provider = kzero.Provider("kzero", opts=pulumi.ResourceOptions(parent=tenant), **provider_arguments(settings))
    before: list[pulumi.Resource] = []
    for name, kinds in _IN_ORDER:
        component = _component(name, tenant)
        if name == "EnterpriseApp":
            before = _application(application, component, before, settings.entra_tenant_id)
        for kind in kinds:
            token = kind.resource_type
            if token in existing:
                found = existing[token]
                options = pulumi.ResourceOptions(
                    parent=component,
                    provider=provider,
                    import_=found.id,
                    depends_on=before,
                    retain_on_delete=True,
                )
                before = [*before, pulumi.CustomResource(token, _NAME, dict(found.inputs), options)]


def _component(name: str, parent: pulumi.Resource | None) -> pulumi.ComponentResource:
    options = pulumi.ResourceOptions(parent=parent, retain_on_delete=True)
    component = pulumi.ComponentResource(f"kzero-scim:components:{name}", _NAME, None, options)
    component.register_outputs({})
    return component


def _application(
    found: ExistingApplication, parent: pulumi.Resource, before: list[pulumi.Resource], tenant_id: str
) -> list[pulumi.Resource]:
    def options(id_: str, *left_alone: str) -> pulumi.ResourceOptions:
        return pulumi.ResourceOptions(
            parent=parent,
            import_=id_,
            depends_on=before,
            retain_on_delete=True,
            ignore_changes=list(left_alone),
            # The same value as in the tenant's program; another one would replace the application.
            replacement_trigger=tenant_id.casefold(),
        )

    ids = f"{found.application_object_id}/{found.service_principal_id}"
    application = azuread.ApplicationFromTemplate(
        _NAME,
        display_name=found.name,
        template_id=NON_GALLERY_TEMPLATE,
        opts=options(f"/applicationTemplates/{NON_GALLERY_TEMPLATE}/instantiate/{ids}"),
    )
    principal = azuread.ServicePrincipal(
        _NAME,
        client_id=found.application_id,
        opts=options(f"/servicePrincipals/{found.service_principal_id}", *LEFT_ALONE),
    )
    return [*before, application, principal]
