"""A tenant's stack file, ``stacks/Pulumi.<tenant>.yaml``: settings to YAML and back. Runs no command."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from kzero_scim.display import plain
from kzero_scim.errors import SettingsError
from kzero_scim.settings.tenant_settings import NAMESPACE, SECRET_KEYS, TenantSettings, full_key
from kzero_scim.stack import safe_yaml
from kzero_scim.stack.stack import short_name

_NAME: Final = re.compile(r"[A-Za-z0-9_.-]{1,100}")
MOST_USERS: Final = 500
"""Users that a stack file lists by itself."""
_ALWAYS: Final = ("azuread:tenantId", f"{NAMESPACE}:kzeroTenant", f"{NAMESPACE}:kzeroServerUrl")


def path_of(project: Path, stack: str) -> Path:
    """Give the file of a stack.

    Args:
        project: The folder of Pulumi.yaml.
        stack: The stack's name; of a qualified one (``organisation/project/stack``) the last part counts.

    Raises:
        SettingsError: The name cannot be a stack's.
    """
    name = short_name(stack)
    if not _NAME.fullmatch(name):
        message = f'"{plain(stack)}" is no name for a stack; use letters, digits, hyphens, underscores and full stops'
        raise SettingsError(message)
    return project / "stacks" / f"Pulumi.{name}.yaml"


def entries(settings: TenantSettings) -> dict[str, Any]:
    """Spell settings as a stack file's ``config`` does: full key to value, what is as by default left out.

    Secrets are left out too; they enter a file by ``pulumi config set --secret`` alone.
    """
    given = settings.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    given.setdefault("kzeroServerUrl", settings.kzero_server_url)
    if rows := given.get("attributeMappings"):
        # The target first, as people write a row.
        given["attributeMappings"] = [{"target": row["target"], **row} for row in rows]
    # A number that is not set although there is one by default: 0 says so.
    written = {key: 0 if value is None else value for key, value in given.items() if key not in SECRET_KEYS}
    found = {full_key(key): value for key, value in written.items()}
    return {key: found[key] for key in (*_ALWAYS, *(key for key in found if key not in _ALWAYS))}


def users_apart(config: Mapping[str, Any], project: Path, stack: str) -> tuple[dict[str, Any], dict[Path, str]]:
    """Move very many users into a file of their own: Pulumi cannot hand so many over, and nobody reads them.

    Args:
        config: What :func:`entries` gives.
        project: The folder of Pulumi.yaml.
        stack: The stack's name.

    Returns:
        The configuration, and the file with its text; no file for up to :data:`MOST_USERS`.
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
    """Return the first lines of a new stack file: where an editor finds the schema, if it is there, and a comment."""
    schema = "docs/stack-settings.schema.json"
    return f"yaml-language-server: $schema=../{schema}\n{comment}" if (project / schema).exists() else comment


def render(config: Mapping[str, Any], *, comment: str = "", present: str = "") -> str:
    """Return the text of a stack file.

    Args:
        config: What :func:`entries` gives.
        comment: First lines of a new file, without ``#``.
        present: The file's text so far. Its other keys (secrets, their salt, settings not in ``config``), comments,
            order and quotes stay.

    Raises:
        SettingsError: The present text is no YAML, or holds what is not allowed.
    """
    from kzero_scim.stack import yaml_writer  # noqa: PLC0415 - what only reads starts without ruamel.yaml

    if present.strip():
        return yaml_writer.update(present, "the stack file", {"config": config})
    above = "".join(f"# {line}\n" if line else "#\n" for line in comment.splitlines())
    return above + yaml_writer.dump({"config": config})


def load(file: Path) -> dict[str, Any]:
    """Read a stack file; ``{}`` if there is none.

    Raises:
        SettingsError: It is no YAML, or no mapping.
    """
    try:
        document = safe_yaml.read(file)
    except FileNotFoundError:
        return {}
    if document is None:
        return {}
    if not isinstance(document, dict) or not isinstance(document.get("config") or {}, dict):
        message = f"{plain(str(file))} is no stack file; it must hold a mapping with the key config"
        raise SettingsError(message)
    return document


def configuration_of(document: Mapping[str, Any]) -> dict[str, str]:
    """Give the clear-text configuration of a stack file as the engine hands it over: full key to text."""
    config = document.get("config") or {}
    return {key: _as_text(value) for key, value in config.items() if not _is_secret(value)}


def holds_secret(value: Any) -> bool:  # noqa: ANN401 - any value of a YAML file
    """Tell whether a setting is encrypted, or a part of it is."""
    if isinstance(value, dict):
        return _is_secret(value) or any(map(holds_secret, value.values()))
    return isinstance(value, list) and any(map(holds_secret, value))


def _as_text(value: Any) -> str:  # noqa: ANN401 - any value of a YAML file
    return value if isinstance(value, str) else json.dumps(value)


def _is_secret(value: Any) -> bool:  # noqa: ANN401 - likewise
    return isinstance(value, dict) and set(value) == {"secure"}
