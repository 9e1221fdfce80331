"""An explicit provider of package ``kzero``, for one tenant."""

from __future__ import annotations

import json

import pulumi

from kzero_scim.sdk.base import secret


class Provider(pulumi.ProviderResource):
    """Reaches one tenant's two sides, Entra ID and KZero; without one, the stack's ``kzero:`` configuration does.

    What is not given is read by the provider itself from its environment, ``ARM_*`` and ``KZERO_*`` variables
    (:class:`kzero_scim.settings.provider_config.Config` names them).
    """

    def __init__(  # noqa: PLR0913 - one keyword a setting
        self,
        name: str,
        *,
        tenant_id: pulumi.Input[str] | None = None,
        client_id: pulumi.Input[str] | None = None,
        client_secret: pulumi.Input[str] | None = None,
        client_certificate_path: pulumi.Input[str] | None = None,
        client_certificate_password: pulumi.Input[str] | None = None,
        use_oidc: pulumi.Input[bool] | None = None,
        oidc_token: pulumi.Input[str] | None = None,
        oidc_token_file_path: pulumi.Input[str] | None = None,
        oidc_request_url: pulumi.Input[str] | None = None,
        oidc_request_token: pulumi.Input[str] | None = None,
        use_msi: pulumi.Input[bool] | None = None,
        use_cli: pulumi.Input[bool] | None = None,
        environment: pulumi.Input[str] | None = None,
        metadata_host: pulumi.Input[str] | None = None,
        moving_to: pulumi.Input[str] | None = None,
        server_url: pulumi.Input[str] | None = None,
        realm: pulumi.Input[str] | None = None,
        kzero_client_id: pulumi.Input[str] | None = None,
        kzero_client_secret: pulumi.Input[str] | None = None,
        kzero_username: pulumi.Input[str] | None = None,
        kzero_password: pulumi.Input[str] | None = None,
        remote_token_client_id: pulumi.Input[str] | None = None,
        remote_token_client_secret: pulumi.Input[str] | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Declare the provider; every argument is optional."""
        properties = {
            "tenantId": tenant_id,
            "clientId": client_id,
            "clientSecret": secret(client_secret),
            "clientCertificatePath": client_certificate_path,
            "clientCertificatePassword": secret(client_certificate_password),
            "useOidc": _json(use_oidc),
            "oidcToken": secret(oidc_token),
            "oidcTokenFilePath": oidc_token_file_path,
            "oidcRequestUrl": oidc_request_url,
            "oidcRequestToken": secret(oidc_request_token),
            "useMsi": _json(use_msi),
            "useCli": _json(use_cli),
            "environment": environment,
            "metadataHost": metadata_host,
            "movingTo": moving_to,
            "serverUrl": server_url,
            "realm": realm,
            "kzeroClientId": kzero_client_id,
            "kzeroClientSecret": secret(kzero_client_secret),
            "kzeroUsername": kzero_username,
            "kzeroPassword": secret(kzero_password),
            "remoteTokenClientId": remote_token_client_id,
            "remoteTokenClientSecret": secret(remote_token_client_secret),
        }
        super().__init__("kzero", name, properties, opts)


def _json(value: pulumi.Input[bool] | None) -> pulumi.Output[str] | None:
    """Spell a setting that is no string as every SDK does: as JSON in a string."""
    return None if value is None else pulumi.Output.from_input(value).apply(json.dumps)
