"""Builds the arguments of a tenant's explicit provider from its settings, if these may name the hosts."""

from __future__ import annotations

import asyncio
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pulumi

from kzero_scim.errors import GraphError, SettingsError
from kzero_scim.resource.codec import fields_of
from kzero_scim.settings.allowed_hosts import HostRule
from kzero_scim.settings.connection import connection
from kzero_scim.settings.provider_config import Config
from kzero_scim.settings.tenant_settings import TenantSettings, configuration
from kzero_scim.stack.host_rule import required_hosts


def provider_arguments(settings: TenantSettings) -> dict[str, Any]:
    """Return the arguments of :class:`kzero_scim.sdk.Provider` for this tenant, with secrets marked.

    Raises:
        SettingsError: A secret that the stack file does not hold would go to a host that only the stack file names.
            The program ends, before azuread is configured, which would send it.
    """
    hosts = required_hosts(configuration(), os.environ, Path.cwd())
    if host := hosts.asked_metadata_host:
        require_cloud(hosts, host)
    config = connection(settings, configuration())
    arguments: dict[str, Any] = {}
    for key, spec in fields_of(Config).items():
        value = getattr(config, spec.name)
        if value is not None:
            secret = spec.about.secret or pulumi.runtime.is_config_secret(f"azuread:{key}")
            arguments[spec.name] = pulumi.Output.secret(value) if secret else value
    return arguments


def require_cloud(hosts: HostRule, host: str) -> None:
    """Refuse a metadata document's login and Graph, which azuread would follow.

    Raises:
        SettingsError: The document names a server that is not allowed, or cannot be read.
    """
    # Only custom clouds have a metadata host, and the HTTP client takes a while to import.
    from kzero_scim.clients.graph.cloud import described_cloud  # noqa: PLC0415

    # A program runs inside the SDK's event loop.
    with ThreadPoolExecutor(1) as thread:
        try:
            cloud = thread.submit(asyncio.run, described_cloud(host)).result()
        except GraphError as error:
            raise SettingsError(str(error)) from error
    hosts.require_cloud(host, (cloud.login, cloud.graph))
