"""Builds the configuration of the provider kzero from the tenant's settings and from azuread's configuration."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from kzero_scim.settings.azuread_settings import READ, from_azuread
from kzero_scim.settings.moves import next_entra_tenant
from kzero_scim.settings.provider_config import Config
from kzero_scim.settings.tenant_settings import TenantSettings

_KZERO: Final = {
    "server_url": "kzeroServerUrl",
    "kzero_client_secret": "kzeroClientSecret",
    "kzero_password": "kzeroPassword",
    "remote_token_client_secret": "remoteTokenClientSecret",
}
"""The provider's arguments that decide where KZero's secrets go, and the settings that they come from."""


def connection(settings: TenantSettings, configuration: Mapping[str, str]) -> Config:
    """Return the provider's configuration. What is None comes from the environment.

    Args:
        settings: The tenant's settings.
        configuration: The stack's whole configuration, full key to text; only ``azuread:`` keys are read.

    Raises:
        SettingsError: The stack configures a sign-in that only azuread knows.
    """
    return Config(
        **from_azuread(configuration),
        tenant_id=settings.entra_tenant_id,
        moving_to=next_entra_tenant(settings.entra_tenant_id),
        server_url=settings.kzero_server_url,
        realm=settings.kzero_tenant,
        kzero_client_id=settings.kzero_client_id,
        kzero_client_secret=settings.kzero_client_secret.get_secret_value() if settings.kzero_client_secret else None,
        kzero_username=settings.kzero_username,
        kzero_password=settings.kzero_password.get_secret_value() if settings.kzero_password else None,
        remote_token_client_id=settings.remote_token_client_id,
        remote_token_client_secret=settings.remote_token_client_secret.get_secret_value()
        if settings.remote_token_client_secret
        else None,
    )


def as_configuration(config: Config) -> dict[str, str]:
    """Return the settings from which :func:`connection` makes this configuration, full key to text.

    Args:
        config: What the program gave, without anything of the environment.
    """
    arguments = {name: f"azuread:{key}" for key, name in READ.items()}
    arguments |= {name: f"kzero-scim:{key}" for name, key in _KZERO.items()}
    given = {key: getattr(config, name) for name, key in arguments.items()}
    return {key: str(value) for key, value in given.items() if value is not None}


def remote_token_client(settings: TenantSettings, environment: Mapping[str, str]) -> str | None:
    """Return the client whose tokens Entra sends, or None if Entra sends another token.

    Only with the profile Generic, and only if the settings give no token.

    Args:
        settings: The tenant's settings.
        environment: The variables of the process.
    """
    if settings.profile != "Generic" or settings.secret_token:
        return None
    return settings.remote_token_client_id or environment.get("KZERO_REMOTE_TOKEN_CLIENT_ID") or None
