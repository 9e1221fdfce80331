"""The provisioning job in Entra (the guide's step 4), from credentials to Provisioning Status ON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi

from kzero_scim import sdk as kzero


@dataclass(frozen=True, kw_only=True)
class Credentials:
    """Entra's credentials for the endpoint, and the settings of provisioning.

    Attributes:
        tenant_url: The Tenant URL.
        allow_foreign_tenant_url: Whether the Tenant URL may be at another server than KZero's.
        secret_token: The bearer token; None for a token that Entra issues itself.
        oauth2: Instead of the token, the client with which Entra fetches tokens: ``client_id``, ``token_endpoint`` and
            ``secret_fingerprint``.
        scope: Whether Entra provisions ``assigned`` or ``all`` users.
        notification_email: Email address that Entra notifies of failures.
        deletion_threshold: Number of deletions in one cycle above which Entra stops.
    """

    tenant_url: pulumi.Input[str]
    allow_foreign_tenant_url: bool = False
    secret_token: pulumi.Input[str] | None = None
    oauth2: Mapping[str, pulumi.Input[str | None]] | None = None
    scope: str = "assigned"
    notification_email: str | None = None
    deletion_threshold: int | None = None


@dataclass(frozen=True, kw_only=True)
class Mappings:
    """The attributes that Entra sends.

    Attributes:
        rows: Attribute mappings by SCIM target; None for the guide's seven.
        custom_attributes: Attributes to add to Entra's target schema; None for the guide's tag.
        provision_groups: Whether Entra provisions groups too.
        exclusive: Whether to remove rows that are not listed.
    """

    rows: Mapping[str, Mapping[str, Any]] | None = None
    custom_attributes: Sequence[Mapping[str, Any]] | None = None
    provision_groups: bool = True
    exclusive: bool = False


class ProvisioningJob(pulumi.ComponentResource):
    """Job, credentials, attribute mappings, connection test and status, in that order.

    Args:
        name: Name of the component.
        service_principal_id: Object ID of the application's service principal.
        credentials: Entra's credentials for the endpoint.
        mappings: The attributes that Entra sends.
        template: Template of the job.
        enabled: Whether Provisioning Status is ON.
        endpoint_fingerprint: Hash of the endpoint's settings. A changed hash repeats the connection test.

    Attributes:
        job: The job.
        attribute_mappings: The attribute mappings.
        connection_test: The last connection test.
        status: Provisioning Status.
    """

    def __init__(  # noqa: PLR0913 - one keyword a setting
        self,
        name: str,
        *,
        service_principal_id: pulumi.Input[str],
        credentials: Credentials,
        mappings: Mappings,
        template: str = "scim",
        enabled: bool = True,
        endpoint_fingerprint: pulumi.Input[str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Declare the job and its settings."""
        super().__init__("kzero-scim:components:ProvisioningJob", name, None, opts)
        parent = pulumi.ResourceOptions(parent=self)
        self.job = kzero.SynchronizationJob(
            name, service_principal_id=service_principal_id, template_id=template, opts=parent
        )
        job_id = self.job.job_id
        self.credentials = kzero.SynchronizationCredentials(
            name,
            service_principal_id=service_principal_id,
            job_id=job_id,
            tenant_url=credentials.tenant_url,
            allow_foreign_tenant_url=credentials.allow_foreign_tenant_url,
            secret_token=credentials.secret_token,
            oauth2=credentials.oauth2,
            scope=credentials.scope,
            notification_email=credentials.notification_email,
            deletion_threshold=credentials.deletion_threshold,
            opts=parent,
        )
        self.attribute_mappings = kzero.AttributeMappings(
            name,
            service_principal_id=service_principal_id,
            job_id=job_id,
            rows={key: dict(row) for key, row in mappings.rows.items()} if mappings.rows else None,
            custom_attributes=[dict(item) for item in mappings.custom_attributes]
            if mappings.custom_attributes
            else None,
            provision_groups=mappings.provision_groups,
            exclusive=mappings.exclusive,
            opts=parent,
        )
        self.connection_test = kzero.ConnectionTest(
            name,
            service_principal_id=service_principal_id,
            job_id=job_id,
            triggers={"credentials": self.credentials.settings_fingerprint, "endpoint": endpoint_fingerprint},
            opts=pulumi.ResourceOptions.merge(parent, pulumi.ResourceOptions(depends_on=[self.attribute_mappings])),
        )
        self.status = kzero.ProvisioningStatus(
            name,
            service_principal_id=service_principal_id,
            job_id=job_id,
            enabled=enabled,
            triggers={
                "credentials": self.credentials.settings_fingerprint,
                "tenantUrl": self.credentials.tenant_url,
                "scope": self.credentials.scope,
                "mappings": self.attribute_mappings.fingerprint,
            },
            opts=pulumi.ResourceOptions.merge(parent, pulumi.ResourceOptions(depends_on=[self.connection_test])),
        )
        self.register_outputs({"jobId": job_id, "scheduleState": self.status.schedule_state})
