"""The configuration of the provider ``kzero``: one dataclass, filled from the engine and then from the environment."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from kzero_scim.errors import SettingsError
from kzero_scim.guide import values
from kzero_scim.resource.codec import fields_of, without_none
from kzero_scim.resource.model import camel, prop

if TYPE_CHECKING:
    from collections.abc import Mapping


LINE_BREAK: Final = (
    "ends in a line break, which is not a part of the secret; remove it, for example by writing the secret with "
    "`printf %s` instead of `echo`"
)


@dataclass(frozen=True)
class Config:
    """How to reach one tenant's two sides.

    The Entra half has the names and meanings of the azuread provider's configuration; what is not given there is read
    from the same ``ARM_*`` variables. The KZero half falls back to ``KZERO_*`` variables.
    """

    tenant_id: str | None = prop("Entra tenant id, a GUID.", default=None, environment=("ARM_TENANT_ID",))
    client_id: str | None = prop(
        "Application (client) ID that signs in to Entra.", default=None, environment=("ARM_CLIENT_ID",)
    )
    client_id_file_path: str | None = prop(
        "A file that contains the client ID.", default=None, environment=("ARM_CLIENT_ID_FILE_PATH",)
    )
    client_secret: str | None = prop(
        "Its client secret.", default=None, secret=True, environment=("ARM_CLIENT_SECRET",)
    )
    client_secret_file_path: str | None = prop(
        "A file that contains the client secret.", default=None, environment=("ARM_CLIENT_SECRET_FILE_PATH",)
    )
    client_certificate: str | None = prop(
        "A PFX certificate in Base64 to sign in with instead.",
        default=None,
        secret=True,
        environment=("ARM_CLIENT_CERTIFICATE",),
    )
    client_certificate_path: str | None = prop(
        "Path of a PFX or PEM certificate to sign in with instead.",
        default=None,
        environment=("ARM_CLIENT_CERTIFICATE_PATH",),
    )
    client_certificate_password: str | None = prop(
        "The certificate's password.", default=None, secret=True, environment=("ARM_CLIENT_CERTIFICATE_PASSWORD",)
    )
    use_oidc: bool | None = prop(
        "Sign in by OIDC federation, as in a pipeline.", default=None, environment=("ARM_USE_OIDC",)
    )
    oidc_token: str | None = prop(
        "The ID token to exchange.", default=None, secret=True, environment=("ARM_OIDC_TOKEN",)
    )
    oidc_token_file_path: str | None = prop(
        "A file that contains the ID token.", default=None, environment=("ARM_OIDC_TOKEN_FILE_PATH",)
    )
    oidc_request_url: str | None = prop(
        "Address at which a pipeline issues ID tokens.",
        default=None,
        environment=("ARM_OIDC_REQUEST_URL", "ACTIONS_ID_TOKEN_REQUEST_URL", "SYSTEM_OIDCREQUESTURI"),
    )
    oidc_request_token: str | None = prop(
        "The bearer token for that address.",
        default=None,
        secret=True,
        environment=("ARM_OIDC_REQUEST_TOKEN", "ACTIONS_ID_TOKEN_REQUEST_TOKEN", "SYSTEM_ACCESSTOKEN"),
    )
    ado_pipeline_service_connection_id: str | None = prop(
        "Azure DevOps service connection for which a pipeline requests ID tokens.",
        default=None,
        environment=(
            "ARM_ADO_PIPELINE_SERVICE_CONNECTION_ID",
            "ARM_OIDC_AZURE_SERVICE_CONNECTION_ID",
            "AZURESUBSCRIPTION_SERVICE_CONNECTION_ID",
        ),
    )
    use_aks_workload_identity: bool | None = prop(
        "Sign in by the workload identity of a Kubernetes pod (AZURE_CLIENT_ID, AZURE_FEDERATED_TOKEN_FILE).",
        default=None,
        environment=("ARM_USE_AKS_WORKLOAD_IDENTITY",),
    )
    use_msi: bool | None = prop("Sign in by managed identity.", default=None, environment=("ARM_USE_MSI",))
    use_cli: bool | None = prop(
        "Sign in with the Azure CLI's login; default true.", default=None, environment=("ARM_USE_CLI",)
    )
    environment: str | None = prop(
        "Azure cloud: public, usgovernment, dod or china; default public.",
        default=None,
        environment=("ARM_ENVIRONMENT",),
    )
    metadata_host: str | None = prop(
        "host[:port] whose /metadata/endpoints describes a custom cloud.",
        default=None,
        environment=("ARM_METADATA_HOSTNAME",),
    )
    moving_to: str | None = prop(
        "Entra tenant ID that the next run may move the stack to; the application in the present tenant is kept.",
        default=None,
    )
    server_url: str | None = prop(
        f"Origin of the KZero server, {values.CLOUD} without a path.",
        default=None,
        environment=("KZERO_SERVER_URL",),
    )
    realm: str | None = prop("KZero tenant (realm) name, case sensitive.", default=None, environment=("KZERO_REALM",))
    kzero_client_id: str | None = prop(
        "Service-account client in the tenant's realm for Keycloak's admin API.",
        default=None,
        environment=("KZERO_CLIENT_ID",),
    )
    kzero_client_secret: str | None = prop(
        "Its secret.", default=None, secret=True, environment=("KZERO_CLIENT_SECRET",)
    )
    kzero_username: str | None = prop(
        "An administrator in the tenant's realm, instead of a client secret.",
        default=None,
        environment=("KZERO_USERNAME",),
    )
    kzero_password: str | None = prop(
        "That administrator's password.", default=None, secret=True, environment=("KZERO_PASSWORD",)
    )
    remote_token_client_id: str | None = prop(
        "Client of the tenant's realm that Entra provisions as, with the profile Generic.",
        default=None,
        environment=("KZERO_REMOTE_TOKEN_CLIENT_ID",),
    )
    remote_token_client_secret: str | None = prop(
        "Its secret.", default=None, secret=True, environment=("KZERO_REMOTE_TOKEN_CLIENT_SECRET",)
    )


def complete(config: Config, environment: Mapping[str, str]) -> Config:
    """Return the configuration with missing values from the environment. An empty variable counts as not set.

    Raises:
        SettingsError: A variable for a boolean is neither true nor false, or a secret ends in a line break.
    """
    found: dict[str, Any] = {}
    for spec in fields_of(Config).values():
        name = next((name for name in spec.about.environment if environment.get(name)), None)
        if name is not None and getattr(config, spec.name) is None:
            text = environment[name]
            found[spec.name] = _truth(name, text) if without_none(spec.hint) is bool else text
        value = found.get(spec.name, getattr(config, spec.name))
        if spec.about.secret and isinstance(value, str) and ends_in_line_break(value):
            where = f"environment variable {name}" if spec.name in found else camel(spec.name)
            message = f"{where} {LINE_BREAK}"
            raise SettingsError(message)
    return dataclasses.replace(config, **found)


def ends_in_line_break(secret: str) -> bool:
    """Return whether a secret ends in a line break, which a file or `echo` adds, and which no service expects."""
    return secret.endswith(("\n", "\r"))


def _truth(name: str, text: str) -> bool:
    if text.lower() in {"true", "1", "t"}:
        return True
    if text.lower() in {"false", "0", "f"}:
        return False
    message = f'environment variable {name} is "{text}"; set it to true or false'
    raise SettingsError(message)
