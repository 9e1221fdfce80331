"""The rule of where a tenant's secrets may go, from its configuration, its environment and the project's fleet.yaml."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from kzero_scim.errors import SettingsError
from kzero_scim.settings.allowed_hosts import HostRule, in_environment, read_allowed
from kzero_scim.stack import safe_yaml

FLEET_FILE: Final = "fleet.yaml"
ALLOWED_HOSTS: Final = "allowedHosts"


def host_rule(configuration: Mapping[str, str], environment: Mapping[str, str], project: Path) -> HostRule:
    """Return the rule for one tenant.

    Args:
        configuration: The stack's whole configuration, full key to text.
        environment: The variables of the run.
        project: The folder of Pulumi.yaml.

    Raises:
        SettingsError: The variable or fleet.yaml lists something that is not an origin.
    """
    allowed = in_environment(environment) | _in_fleet_file(project / FLEET_FILE)
    return HostRule(stack=configuration, environment=environment, allowed=allowed)


def _in_fleet_file(file: Path) -> frozenset[str]:
    try:
        document = safe_yaml.read(file)
    except FileNotFoundError:
        return frozenset()
    listed = document.get(ALLOWED_HOSTS) if isinstance(document, dict) else None
    if listed is None:
        return frozenset()
    if not isinstance(listed, list) or not all(isinstance(entry, str) for entry in listed):
        message = f"{file}: {ALLOWED_HOSTS} must be a list of origins; write - https://host below it"
        raise SettingsError(message)
    return read_allowed(listed, f"{file}: {ALLOWED_HOSTS}")
