"""Module ``kzero:entra``: the Entra side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import pulumi

from kzero_scim.sdk.base import KzeroResource, OutputProperty, record, records, secret

if TYPE_CHECKING:
    from kzero_scim.mapping.attribute_mapping import CustomAttribute, MappedClaim, Row
    from kzero_scim.provider.entra.synchronization_credentials.oauth2 import OAuth2Client

Strings = pulumi.Input[Sequence[pulumi.Input[str]]]
StringMap = pulumi.Input[Mapping[str, pulumi.Input[str]]]


class AppRoleAssignments(KzeroResource):
    """Who is assigned to the enterprise application: all its users and groups, as one resource."""

    resource_type: ClassVar[str] = "kzero:entra:AppRoleAssignments"

    service_principal_id = OutputProperty[str]()
    users = OutputProperty[list[str]]()
    groups = OutputProperty[list[str]]()
    role_name = OutputProperty[str]()
    exclusive = OutputProperty[bool]()
    unassign_max_users = OutputProperty[int]()
    unassign_max_share = OutputProperty[int]()
    app_role_id = OutputProperty[str]()
    assignments = OutputProperty[dict[str, Any]]()
    unmanaged = OutputProperty[list[str]]()
    warnings = OutputProperty[list[str]]()
    group_sizes = OutputProperty[dict[str, int]]()
    emptied_groups = OutputProperty[list[str]]()

    def __init__(  # noqa: PLR0913 - one keyword an input
        self,
        name: str,
        *,
        service_principal_id: pulumi.Input[str],
        users: Strings | None = None,
        groups: Strings | None = None,
        role_name: pulumi.Input[str] | None = None,
        exclusive: pulumi.Input[bool] | None = None,
        unassign_max_users: pulumi.Input[int] | None = None,
        unassign_max_share: pulumi.Input[int] | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Declare the assignments, in any order."""
        inputs = {
            "service_principal_id": service_principal_id,
            "users": users,
            "groups": groups,
            "role_name": role_name,
            "exclusive": exclusive,
            "unassign_max_users": unassign_max_users,
            "unassign_max_share": unassign_max_share,
        }
        super().__init__(name, inputs, opts)


class SynchronizationJob(KzeroResource):
    """The provisioning job of the enterprise application; an existing one of the same template is taken over."""

    resource_type: ClassVar[str] = "kzero:entra:SynchronizationJob"

    service_principal_id = OutputProperty[str]()
    template_id = OutputProperty[str]()
    job_id = OutputProperty[str]()
    adopted = OutputProperty[bool]()
    target = OutputProperty[str | None]()

    def __init__(
        self,
        name: str,
        *,
        service_principal_id: pulumi.Input[str],
        template_id: pulumi.Input[str] | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Declare the job."""
        inputs = {"service_principal_id": service_principal_id, "template_id": template_id}
        super().__init__(name, inputs, opts)


class SynchronizationCredentials(KzeroResource):
    """What the job signs in to the SCIM endpoint with, and its settings: scope, notification, deletion threshold."""

    resource_type: ClassVar[str] = "kzero:entra:SynchronizationCredentials"
    secrets = ("secret_token",)

    service_principal_id = OutputProperty[str]()
    job_id = OutputProperty[str | None]()
    tenant_url = OutputProperty[str]()
    allow_foreign_tenant_url = OutputProperty[bool]()
    secret_token = OutputProperty[str | None]()
    oauth2 = OutputProperty[dict[str, str] | None]()
    scope = OutputProperty[str]()
    notification_email = OutputProperty[str | None]()
    deletion_threshold = OutputProperty[int | None]()
    secret_token_fingerprint = OutputProperty[str | None]()
    settings_fingerprint = OutputProperty[str]()
    missing_keys = OutputProperty[list[str]]()
    unmanaged_keys = OutputProperty[list[str]]()

    def __init__(  # noqa: PLR0913 - one keyword an input
        self,
        name: str,
        *,
        service_principal_id: pulumi.Input[str],
        job_id: pulumi.Input[str] | None = None,
        tenant_url: pulumi.Input[str],
        allow_foreign_tenant_url: pulumi.Input[bool] | None = None,
        secret_token: pulumi.Input[str] | None = None,
        oauth2: pulumi.Input[Mapping[str, pulumi.Input[str]] | OAuth2Client] | None = None,
        scope: pulumi.Input[str] | None = None,
        notification_email: pulumi.Input[str] | None = None,
        deletion_threshold: pulumi.Input[int] | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Declare the credentials; without a secret token Entra issues its own token."""
        inputs = {
            "service_principal_id": service_principal_id,
            "job_id": job_id,
            "tenant_url": tenant_url,
            "allow_foreign_tenant_url": allow_foreign_tenant_url,
            "secret_token": secret(secret_token),
            "oauth2": record(oauth2),
            "scope": scope,
            "notification_email": notification_email,
            "deletion_threshold": deletion_threshold,
        }
        super().__init__(name, inputs, opts)


class AttributeMappings(KzeroResource):
    """The rows of the job's attribute mappings that this tenant owns, and its custom target attributes."""

    resource_type: ClassVar[str] = "kzero:entra:AttributeMappings"

    service_principal_id = OutputProperty[str]()
    job_id = OutputProperty[str]()
    rows = OutputProperty[dict[str, Any]]()
    custom_attributes = OutputProperty[list[dict[str, Any]]]()
    provision_groups = OutputProperty[bool | None]()
    exclusive = OutputProperty[bool]()
    rule_id = OutputProperty[str]()
    fingerprint = OutputProperty[str]()
    unmanaged_rows = OutputProperty[list[str]]()
    prior = OutputProperty[dict[str, Any]]()

    def __init__(  # noqa: PLR0913 - one keyword an input
        self,
        name: str,
        *,
        service_principal_id: pulumi.Input[str],
        job_id: pulumi.Input[str],
        rows: pulumi.Input[Mapping[str, pulumi.Input[Mapping[str, Any] | Row]]] | None = None,
        custom_attributes: pulumi.Input[Sequence[pulumi.Input[Mapping[str, Any] | CustomAttribute]]] | None = None,
        provision_groups: pulumi.Input[bool] | None = None,
        exclusive: pulumi.Input[bool] | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Declare the rows, by target attribute; without them the seven of KZero's guide."""
        inputs = {
            "service_principal_id": service_principal_id,
            "job_id": job_id,
            "rows": records(rows),
            "custom_attributes": records(custom_attributes),
            "provision_groups": provision_groups,
            "exclusive": exclusive,
        }
        super().__init__(name, inputs, opts)


class ConnectionTest(KzeroResource):
    """The guide's Test Connection; runs at create and whenever a trigger changes, and fails the ``up`` if it fails."""

    resource_type: ClassVar[str] = "kzero:entra:ConnectionTest"

    service_principal_id = OutputProperty[str]()
    job_id = OutputProperty[str]()
    triggers = OutputProperty[dict[str, str]]()
    tested_at = OutputProperty[str]()
    result = OutputProperty[str]()

    def __init__(
        self,
        name: str,
        *,
        service_principal_id: pulumi.Input[str],
        job_id: pulumi.Input[str],
        triggers: StringMap | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Declare the test."""
        inputs = {"service_principal_id": service_principal_id, "job_id": job_id, "triggers": triggers}
        super().__init__(name, inputs, opts)


class ProvisioningStatus(KzeroResource):
    """Provisioning Status on or off: starts, restarts and pauses the job, and tells how it does."""

    resource_type: ClassVar[str] = "kzero:entra:ProvisioningStatus"

    service_principal_id = OutputProperty[str]()
    job_id = OutputProperty[str]()
    enabled = OutputProperty[bool]()
    triggers = OutputProperty[dict[str, str]]()
    schedule_state = OutputProperty[str]()
    status_code = OutputProperty[str]()
    last_cycle = OutputProperty[dict[str, Any] | None]()
    last_successful_cycle = OutputProperty[dict[str, Any] | None]()
    last_successful_cycle_with_exports = OutputProperty[dict[str, Any] | None]()
    successive_failures = OutputProperty[int | None]()
    synchronized_entries = OutputProperty[dict[str, int]]()
    quarantine = OutputProperty[dict[str, Any] | None]()

    def __init__(  # noqa: PLR0913 - one keyword an input
        self,
        name: str,
        *,
        service_principal_id: pulumi.Input[str],
        job_id: pulumi.Input[str],
        enabled: pulumi.Input[bool] | None = None,
        triggers: StringMap | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Declare the status; a changed trigger restarts the job."""
        inputs = {
            "service_principal_id": service_principal_id,
            "job_id": job_id,
            "enabled": enabled,
            "triggers": triggers,
        }
        super().__init__(name, inputs, opts)


class OnDemandProvisioning(KzeroResource):
    """The guide's step 5: provisions one test user on demand, then compares what arrived in KZero."""

    resource_type: ClassVar[str] = "kzero:entra:OnDemandProvisioning"

    service_principal_id = OutputProperty[str]()
    job_id = OutputProperty[str]()
    user = OutputProperty[str]()
    verify = OutputProperty[str]()
    rows = OutputProperty[dict[str, Any]]()
    mappers = OutputProperty[dict[str, Any]]()
    assigned_users = OutputProperty[list[str] | None]()
    assigned_groups = OutputProperty[list[str] | None]()
    triggers = OutputProperty[dict[str, str]]()
    result = OutputProperty[str]()
    steps = OutputProperty[list[dict[str, Any]]]()
    kzero_user_id = OutputProperty[str | None]()
    comparisons = OutputProperty[list[dict[str, Any]]]()
    provisioned_at = OutputProperty[str]()

    def __init__(  # noqa: PLR0913 - one keyword an input
        self,
        name: str,
        *,
        service_principal_id: pulumi.Input[str],
        job_id: pulumi.Input[str],
        user: pulumi.Input[str],
        verify: pulumi.Input[str] | None = None,
        rows: pulumi.Input[Mapping[str, pulumi.Input[Mapping[str, Any] | Row]]] | None = None,
        mappers: pulumi.Input[Mapping[str, pulumi.Input[Mapping[str, Any] | MappedClaim]]] | None = None,
        assigned_users: Strings | None = None,
        assigned_groups: Strings | None = None,
        triggers: StringMap | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Declare the provisioning of ``user``; a changed trigger repeats it."""
        inputs = {
            "service_principal_id": service_principal_id,
            "job_id": job_id,
            "user": user,
            "verify": verify,
            "rows": records(rows),
            "mappers": records(mappers),
            "assigned_users": assigned_users,
            "assigned_groups": assigned_groups,
            "triggers": triggers,
        }
        super().__init__(name, inputs, opts)
