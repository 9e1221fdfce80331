"""Reads and writes a tenant's stack file, ``stacks/Pulumi.<tenant>.yaml``. Runs no command."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from kzero_scim.display import plain
from kzero_scim.errors import SettingsError
from kzero_scim.settings.tenant_settings import NAMESPACE, SECRET_KEYS, TenantSettings, full_key
from kzero_scim.stack import safe_yaml
from kzero_scim.stack.stack import is_name, short_name

MOST_USERS: Final = 500
"""Largest number of users that a stack file lists itself."""
_ALWAYS: Final = ("azuread:tenantId", f"{NAMESPACE}:kzeroTenant", f"{NAMESPACE}:kzeroServerUrl")


def path_of(project: Path, stack: str) -> Path:
    """Return the path of a stack's file.

    Args:
        project: The folder of Pulumi.yaml.
        stack: The stack's name. Only the last part of a full name (``organisation/project/stack``) counts.

    Raises:
        SettingsError: The name is not a valid stack name.
    """
    if not is_name(stack):
        message = (
            f'"{plain(stack)}" is not a stack name; use letters, digits, hyphens, underscores and full stops, and '
            "no hyphen at the start"
        )
        raise SettingsError(message)
    return project / "stacks" / f"Pulumi.{short_name(stack)}.yaml"


def entries(settings: TenantSettings) -> dict[str, Any]:
    """Return settings as the ``config`` of a stack file: full key to value, without defaults.

    Leaves out secrets too, because only ``pulumi config set --secret`` adds them to a file.
    """
    given = settings.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    given.setdefault("kzeroServerUrl", settings.kzero_server_url)
    if rows := given.get("attributeMappings"):
        # The target comes first, as people write a row.
        given["attributeMappings"] = [{"target": row["target"], **row} for row in rows]
    # A number that is not set although it has a default: 0 means not set.
    written = {key: 0 if value is None else value for key, value in given.items() if key not in SECRET_KEYS}
    found = {full_key(key): value for key, value in written.items()}
    return {key: found[key] for key in (*_ALWAYS, *(key for key in found if key not in _ALWAYS))}


def users_apart(config: Mapping[str, Any], project: Path, stack: str) -> tuple[dict[str, Any], dict[Path, str]]:
    """Return the configuration with a long list of users moved to a separate file, because Pulumi cannot pass so many.

    Args:
        config: The result of :func:`entries`.
        project: The folder of Pulumi.yaml.
        stack: The stack's name.

    Returns:
        The configuration, and the file with its text. Up to :data:`MOST_USERS` users need no file.
    """
    users = config.get(f"{NAMESPACE}:users") or []
    if len(users) <= MOST_USERS:
        return dict(config), {}
    name = short_name(stack)
    file = path_of(project, name).with_name(f"{name}-users.txt")
    rest = {key: value for key, value in config.items() if key != f"{NAMESPACE}:users"}
    rest[f"{NAMESPACE}:usersFile"] = file.relative_to(project).as_posix()
    return rest, {file: "".join(f"{user}\n" for user in users)}


def heading(project: Path, comment: str) -> str:
    """Return the first lines of a new stack file: the schema for editors, if the project has it, and a comment."""
    schema = "docs/stack-settings.schema.json"
    return f"yaml-language-server: $schema=../{schema}\n{comment}" if (project / schema).exists() else comment


def render(config: Mapping[str, Any], *, comment: str = "", present: str = "") -> str:
    """Return the text of a stack file.

    Args:
        config: The result of :func:`entries`.
        comment: First lines of a new file, without ``#``.
        present: The present text of the file. Its other keys (secrets, their salt, settings not in ``config``),
            comments, order and quotes stay.

    Raises:
        SettingsError: The present text is not YAML, or contains something that is not allowed.
    """
    from kzero_scim.stack import yaml_writer  # noqa: PLC0415 - commands that only read start faster

    if present.strip():
        return yaml_writer.update(present, "the stack file", {"config": config})
    above = "".join(f"# {line}\n" if line else "#\n" for line in comment.splitlines())
    return above + yaml_writer.dump({"config": config})


def load(file: Path) -> dict[str, Any]:
    """Return the content of a stack file, or ``{}`` if the file does not exist.

    Raises:
        SettingsError: The file is not YAML, or not a mapping.
    """
    try:
        document = safe_yaml.read(file)
    except FileNotFoundError:
        return {}
    if document is None:
        return {}
    if not isinstance(document, dict) or not isinstance(document.get("config") or {}, dict):
        message = f"{plain(str(file))} is not a stack file: its settings are not a mapping; write them below config:"
        raise SettingsError(message)
    return document


def configuration_of(document: Mapping[str, Any]) -> dict[str, str]:
    """Return the clear-text configuration of a stack file as the engine passes it: full key to text."""
    config = document.get("config") or {}
    return {key: _as_text(value) for key, value in config.items() if not _is_secret(value)}


def holds_secret(value: Any) -> bool:  # noqa: ANN401 - any value of a YAML file
    """Return whether a setting, or a part of it, is encrypted."""
    if isinstance(value, dict):
        return _is_secret(value) or any(map(holds_secret, value.values()))
    return isinstance(value, list) and any(map(holds_secret, value))


def _as_text(value: Any) -> str:  # noqa: ANN401 - any value of a YAML file
    return value if isinstance(value, str) else json.dumps(value)


def _is_secret(value: Any) -> bool:  # noqa: ANN401 - any value of a YAML file
    return isinstance(value, dict) and set(value) == {"secure"}
