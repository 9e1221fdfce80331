"""Builds the arguments of a tenant's explicit provider from the tenant's settings only."""

from __future__ import annotations

from typing import Any

import pulumi

from kzero_scim.resource.codec import fields_of
from kzero_scim.settings.connection import connection
from kzero_scim.settings.provider_config import Config
from kzero_scim.settings.tenant_settings import TenantSettings, configuration


def provider_arguments(settings: TenantSettings) -> dict[str, Any]:
    """Return the arguments of :class:`kzero_scim.sdk.Provider` for this tenant, with secrets marked."""
    config = connection(settings, configuration())
    arguments: dict[str, Any] = {}
    for key, spec in fields_of(Config).items():
        value = getattr(config, spec.name)
        if value is not None:
            secret = spec.about.secret or pulumi.runtime.is_config_secret(f"azuread:{key}")
            arguments[spec.name] = pulumi.Output.secret(value) if secret else value
    return arguments
