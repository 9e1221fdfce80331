"""Where a tenant's secrets may go and which files it may name, from its configuration, environment and fleet.yaml."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from kzero_scim.errors import SettingsError
from kzero_scim.settings.allowed_hosts import FILE_SETTINGS, HostRule, in_environment, read_allowed
from kzero_scim.stack import safe_yaml

FLEET_FILE: Final = "fleet.yaml"
ALLOWED_HOSTS: Final = "allowedHosts"


def required_hosts(configuration: Mapping[str, str], environment: Mapping[str, str], project: Path) -> HostRule:
    """Return the rule for one tenant, which its own settings keep.

    Args:
        configuration: The stack's whole configuration, full key to text.
        environment: The variables of the run.
        project: The folder of Pulumi.yaml.

    Raises:
        SettingsError: A secret that the stack file does not hold would go to a host that only the stack file names; a
            file that it names is not a regular one below ``stacks/``; the variable or fleet.yaml lists something that
            is not an origin.
    """
    allowed = in_environment(environment) | _in_fleet_file(project / FLEET_FILE)
    rule = HostRule(stack=configuration, environment=environment, allowed=allowed, project=project)
    rule.require()
    for key in FILE_SETTINGS:
        if configuration.get(key):
            rule.read_file(key)
    return rule


def unallowed_hosts(configuration: Mapping[str, str], environment: Mapping[str, str], project: Path) -> list[str]:
    """Return the servers that a configuration names and nothing outside it allows, whatever secrets there are.

    Raises:
        SettingsError: The variable or fleet.yaml lists something that is not an origin.
    """
    allowed = in_environment(environment) | _in_fleet_file(project / FLEET_FILE)
    return HostRule(stack=configuration, environment=environment, allowed=allowed).unallowed()


def allow(project: Path, servers: Sequence[str]) -> bool:
    """Add servers to the project's fleet.yaml.

    Returns:
        Whether they are there now; no if there is no such file, or its text has no place for them.

    Raises:
        SettingsError: The file cannot be read.
    """
    file = project / FLEET_FILE
    try:
        before = safe_yaml.read(file) or {}
    except FileNotFoundError:
        return False
    lines = "".join(f"  - {server}\n" for server in servers)
    text = file.read_text(encoding="utf-8").rstrip("\n") + "\n"
    if ALLOWED_HOSTS in before:
        text = text.replace(f"\n{ALLOWED_HOSTS}:\n", f"\n{ALLOWED_HOSTS}:\n{lines}", 1)
    else:
        text += f"{ALLOWED_HOSTS}:\n{lines}"
    try:
        after = safe_yaml.load(text, str(file))
    except SettingsError:
        return False
    if after != {**before, ALLOWED_HOSTS: [*servers, *(before.get(ALLOWED_HOSTS) or [])]}:
        return False
    file.write_text(text, encoding="utf-8")
    return True


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
