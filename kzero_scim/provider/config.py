"""The configuration of the provider ``kzero``: one dataclass, filled from the engine and then from the environment."""

from __future__ import annotations

from dataclasses import dataclass

from kzero_scim.provider.model import prop


@dataclass(frozen=True)
class Config:
    """How to reach one tenant's two sides.

    The Entra half has the names and meanings of the azuread provider's configuration; what is not given there is read
    from the same ``ARM_*`` variables. The KZero half falls back to ``KZERO_*`` variables.
    """

    tenant_id: str | None = prop("Entra tenant id, a GUID (ARM_TENANT_ID).", default=None)
    client_id: str | None = prop("Application (client) id that signs in to Entra (ARM_CLIENT_ID).", default=None)
    client_secret: str | None = prop("Its client secret (ARM_CLIENT_SECRET).", default=None, secret=True)
    client_certificate_path: str | None = prop(
        "Path of a PFX or PEM certificate to sign in with instead (ARM_CLIENT_CERTIFICATE_PATH).", default=None
    )
    client_certificate_password: str | None = prop(
        "The certificate's password (ARM_CLIENT_CERTIFICATE_PASSWORD).", default=None, secret=True
    )
    use_oidc: bool | None = prop("Sign in by OIDC federation, as in a pipeline (ARM_USE_OIDC).", default=None)
    oidc_token: str | None = prop("The id token to exchange (ARM_OIDC_TOKEN).", default=None, secret=True)
    oidc_token_file_path: str | None = prop("A file that holds the id token (ARM_OIDC_TOKEN_FILE_PATH).", default=None)
    oidc_request_url: str | None = prop(
        "Where a pipeline hands out id tokens (ARM_OIDC_REQUEST_URL, ACTIONS_ID_TOKEN_REQUEST_URL).", default=None
    )
    oidc_request_token: str | None = prop(
        "The bearer token for that address (ARM_OIDC_REQUEST_TOKEN, ACTIONS_ID_TOKEN_REQUEST_TOKEN).",
        default=None,
        secret=True,
    )
    use_msi: bool | None = prop("Sign in by managed identity (ARM_USE_MSI).", default=None)
    use_cli: bool | None = prop("Sign in as the Azure CLI is signed in; default true (ARM_USE_CLI).", default=None)
    environment: str | None = prop(
        "Azure cloud: public, usgovernment or china; default public (ARM_ENVIRONMENT).", default=None
    )
    metadata_host: str | None = prop(
        "host[:port] whose /metadata/endpoints describes a custom cloud (ARM_METADATA_HOSTNAME).", default=None
    )
    server_url: str | None = prop(
        "Origin of the KZero server, https://ca.auth.kzero.com without a path (KZERO_SERVER_URL).", default=None
    )
    realm: str | None = prop("KZero tenant (realm) name, case sensitive (KZERO_REALM).", default=None)
    kzero_client_id: str | None = prop(
        "Service-account client in the tenant's realm for Keycloak's admin API (KZERO_CLIENT_ID).", default=None
    )
    kzero_client_secret: str | None = prop("Its secret (KZERO_CLIENT_SECRET).", default=None, secret=True)
    kzero_username: str | None = prop(
        "An administrator in the tenant's realm, instead of a client secret (KZERO_USERNAME).", default=None
    )
    kzero_password: str | None = prop("That administrator's password (KZERO_PASSWORD).", default=None, secret=True)
