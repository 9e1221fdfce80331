"""azuread's settings: those that kzero also reads, those that it refuses, and those without effect on it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from kzero_scim.errors import SettingsError

READ: Final[Mapping[str, str]] = {
    "clientId": "client_id",
    "clientIdFilePath": "client_id_file_path",
    "clientSecret": "client_secret",  # pragma: allowlist secret
    "clientSecretFilePath": "client_secret_file_path",  # pragma: allowlist secret
    "clientCertificate": "client_certificate",
    "clientCertificatePath": "client_certificate_path",
    "clientCertificatePassword": "client_certificate_password",  # pragma: allowlist secret
    "useOidc": "use_oidc",
    "oidcToken": "oidc_token",
    "oidcTokenFilePath": "oidc_token_file_path",
    "oidcRequestUrl": "oidc_request_url",
    "oidcRequestToken": "oidc_request_token",
    "adoPipelineServiceConnectionId": "ado_pipeline_service_connection_id",
    "useAksWorkloadIdentity": "use_aks_workload_identity",
    "useMsi": "use_msi",
    "useCli": "use_cli",
    "environment": "environment",
    "metadataHost": "metadata_host",
}
"""azuread's settings that kzero also reads, and the names of kzero's arguments."""
REFUSED: Final[Mapping[str, str]] = {
    "msiEndpoint": "ARM_MSI_ENDPOINT",
}
"""azuread's settings that change the sign-in and that kzero does not read, and their variables."""
WITHOUT_EFFECT: Final = frozenset({"disableTerraformPartnerId", "partnerId"})
"""azuread's settings that only mark its own requests."""
TENANT: Final = "tenantId"
"""azuread's setting that the tenant's settings read."""
KNOWN: Final = frozenset({*READ, *REFUSED, *WITHOUT_EFFECT, TENANT})
"""All of azuread's settings. Another one could name an address, such as that of the plugin itself."""

_TRUE: Final = frozenset({"true", "1", "t"})
_BOOLEANS: Final = frozenset({"useOidc", "useMsi", "useCli", "useAksWorkloadIdentity"})


def from_azuread(configuration: Mapping[str, str]) -> dict[str, Any]:
    """Return the provider's arguments that the stack configures for azuread.

    Args:
        configuration: The stack's configuration, full key to text.

    Raises:
        SettingsError: The stack configures a sign-in that only azuread knows.
    """
    given: dict[str, Any] = {}
    for key in REFUSED:
        if configuration.get(f"azuread:{key}"):
            raise SettingsError(refusal(f"azuread:{key}"))
    for key, argument in READ.items():
        text = configuration.get(f"azuread:{key}")
        if text is not None:
            given[argument] = text.casefold() in _TRUE if key in _BOOLEANS else text
    return given


def refusal(name: str) -> str:
    """Return why a setting or variable of :data:`REFUSED` cannot be used.

    Args:
        name: The setting or the variable.
    """
    return (
        f"{name} is set, but kzero-scim uses a managed identity only at the machine's own address; remove {name}, or "
        "sign in with a client secret, a certificate or OIDC"
    )
