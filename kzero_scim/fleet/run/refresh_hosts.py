"""Checks where a tenant's secrets may go before a refresh, which configures azuread before the program can check it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from kzero_scim.sdk.provider_arguments import require_cloud
from kzero_scim.stack import safe_yaml, stack_file
from kzero_scim.stack.host_rule import required_hosts

_SECRETS: Final = ("secret", "token", "password", "certificate")


def require_hosts(tenant: str, folder: Path, environment: Mapping[str, str]) -> None:
    """Refuse a stack file's hosts, and those that its metadata host names, before the engine starts.

    Args:
        tenant: The stack's name.
        folder: The project's folder.
        environment: The tenant's environment.

    Raises:
        SettingsError: A secret that the stack file does not hold would go to a host that is not allowed.
    """
    document = safe_yaml.read(stack_file.path_of(folder, tenant)) or {}
    encrypted = [key for key, value in (document.get("config") or {}).items() if stack_file.holds_secret(value)]
    # The values are not needed: it is enough that the stack file holds them.
    held = {key: "(secret)" for key in encrypted if key.casefold().endswith(_SECRETS)}
    hosts = required_hosts({**held, **stack_file.configuration_of(document)}, environment, folder)
    if host := hosts.asked_metadata_host:
        require_cloud(hosts, host)
