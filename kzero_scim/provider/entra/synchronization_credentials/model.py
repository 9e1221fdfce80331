"""Inputs and state of the provisioning credentials. Knows no service."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from kzero_scim.provider.entra.synchronization_credentials.oauth2 import OAuth2Client
from kzero_scim.resource.model import prop


@dataclass(frozen=True, kw_only=True)
class SynchronizationCredentialsInputs:
    """What Entra is told."""

    service_principal_id: str = prop("Object id of the enterprise application's service principal.", replace=True)
    job_id: str | None = prop("The job they are for; only sets the order.", default=None)
    tenant_url: str = prop("The SCIM endpoint's Tenant URL, https://host/realms/name/scim/v2.")
    allow_foreign_tenant_url: bool = prop(
        "Let the Tenant URL be at another server than the provider's serverUrl.", default=False
    )
    secret_token: str | None = prop(
        "The bearer token that Entra sends; none for a token that Entra issues itself.", default=None, secret=True
    )
    oauth2: OAuth2Client | None = prop(
        "Experimental, instead of secretToken: the client as which Entra itself fetches tokens.", default=None
    )
    scope: Literal["assigned", "all"] = prop(
        "Whether only assigned users and groups are provisioned, or all.", default="assigned"
    )
    notification_email: str | None = prop("Who is told when provisioning fails.", default=None)
    deletion_threshold: int | None = prop(
        "More deletions (a count) in one cycle make Entra stop and ask; none leaves Entra's own setting.", default=None
    )


@dataclass(frozen=True, kw_only=True)
class SynchronizationCredentialsState(SynchronizationCredentialsInputs):
    """What Entra holds."""

    secret_token_fingerprint: str | None = prop("Changes with the token; a salted hash (scrypt) of it.", default=None)
    settings_fingerprint: str = prop(
        "Changes with Tenant URL, token and scope: whenever the connection is to be tested."
    )
    missing_keys: list[str] = prop("Names of our keys that Entra lost; they are set again.", default_factory=list)
    unmanaged_keys: list[str] = prop(
        "Names of further secrets that others have set; they are left alone.", default_factory=list
    )
