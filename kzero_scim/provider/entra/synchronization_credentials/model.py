"""Inputs and state of the provisioning credentials. Knows no service."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from kzero_scim.provider.entra.synchronization_credentials.oauth2 import OAuth2Client
from kzero_scim.resource.model import prop


@dataclass(frozen=True, kw_only=True)
class SynchronizationCredentialsInputs:
    """The wanted credentials and settings of provisioning."""

    service_principal_id: str = prop("Object ID of the enterprise application's service principal.", replace=True)
    job_id: str | None = prop("ID of the synchronization job. It only makes the job a dependency.", default=None)
    tenant_url: str = prop("Tenant URL of the SCIM endpoint, https://host/realms/name/scim/v2.")
    allow_foreign_tenant_url: bool = prop(
        "Whether the Tenant URL may be at another server than the provider's serverUrl.", default=False
    )
    secret_token: str | None = prop(
        "Bearer token that Entra sends. Without it, Entra sends a token that it issues itself.",
        default=None,
        secret=True,
    )
    oauth2: OAuth2Client | None = prop(
        "Client with which Entra fetches tokens itself, instead of secretToken. Experimental.", default=None
    )
    scope: Literal["assigned", "all"] = prop(
        "Whether Entra provisions only assigned users and groups, or the whole directory.", default="assigned"
    )
    notification_email: str | None = prop("Email address that Entra notifies of failures.", default=None)
    deletion_threshold: int | None = prop(
        "Number of deletions in one cycle above which Entra stops and asks. Without it, Entra keeps its own setting.",
        default=None,
    )


@dataclass(frozen=True, kw_only=True)
class SynchronizationCredentialsState(SynchronizationCredentialsInputs):
    """The credentials and settings that Entra has."""

    secret_token_fingerprint: str | None = prop("Salted hash (scrypt) of the secret token.", default=None)
    settings_fingerprint: str = prop(
        "Hash of Tenant URL, token and scope. Use it as a trigger for a new connection test."
    )
    missing_keys: list[str] = prop(
        "Names of this resource's keys that Entra has lost. An update sets them again.", default_factory=list
    )
    unmanaged_keys: list[str] = prop(
        "Names of other secrets of the service principal, which this resource does not change.", default_factory=list
    )
