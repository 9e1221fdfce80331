"""A tenant's stack file, ``stacks/Pulumi.<tenant>.yaml``: settings to YAML and back. Runs no command."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import yaml

from components.settings import NAMESPACE, TenantSettings
from kzero_scim.errors import SettingsError

_PLAIN: Final = re.compile(
    r"[A-Za-z][A-Za-z0-9_.@/-]*( [A-Za-z][A-Za-z0-9_.@/-]*)*|https://[A-Za-z0-9_.:/-]*[A-Za-z0-9/]"
)
"""Texts that every YAML reader takes for texts, but for the words below."""
_WORDS: Final = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null", "nan", "inf"})
_KEY: Final = re.compile(r"[a-z-]+:[A-Za-z]+|[A-Za-z]+")
_NAME: Final = re.compile(r"[A-Za-z0-9_.-]{1,100}")
_ALWAYS: Final = ("azuread:tenantId", f"{NAMESPACE}:kzeroTenant", f"{NAMESPACE}:kzeroServerUrl")


class _Text(str):
    """A text that is written in double quotes."""

    __slots__ = ()


class _Dumper(yaml.SafeDumper):
    """Indents lists below their key, as the examples do."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002, FBT001, FBT002
        """Never leave the indentation out."""
        super().increase_indent(flow, indentless=False)


_Dumper.add_representer(
    _Text, lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", str(text), style='"')
)


def path_of(project: Path, stack: str) -> Path:
    """Give the file of a stack.

    Args:
        project: The folder of Pulumi.yaml.
        stack: The stack's name; of a qualified one (``organisation/project/stack``) the last part counts.

    Raises:
        SettingsError: The name cannot be a stack's.
    """
    name = stack.rsplit("/", 1)[-1]
    if not _NAME.fullmatch(name):
        message = f'"{stack}" is no name for a stack; use letters, digits, hyphens, underscores and full stops'
        raise SettingsError(message)
    return project / "stacks" / f"Pulumi.{name}.yaml"


def entries(settings: TenantSettings) -> dict[str, Any]:
    """Spell settings as a stack file's ``config`` does: full key to value, what is as by default left out.

    Secrets are left out too; they enter a file by ``pulumi config set --secret`` alone.
    """
    given = settings.model_dump(mode="json", by_alias=True, exclude_defaults=True, exclude=_secret_fields(settings))
    given.setdefault("kzeroServerUrl", settings.kzero_server_url)
    found = {key if ":" in key else f"{NAMESPACE}:{key}": value for key, value in given.items()}
    return {key: found[key] for key in (*_ALWAYS, *(key for key in found if key not in _ALWAYS))}


def render(config: Mapping[str, Any], *, comment: str = "", kept: Mapping[str, Any] | None = None) -> str:
    """Write a stack file.

    Args:
        config: What :func:`entries` gives.
        comment: Its first lines, without ``#``.
        kept: The document of an older file, whose other keys stay: secrets, their salt, settings not in ``config``.
    """
    kept = dict(kept or {})
    document = {**kept, "config": {**(kept.get("config") or {}), **config}}
    # The salt first, as Pulumi writes it.
    order = sorted(document, key=lambda key: key == "config")
    text = yaml.dump(
        {key: _quoted(document[key]) for key in order},
        Dumper=_Dumper,
        sort_keys=False,
        allow_unicode=True,
        width=1_000_000,
    )
    return "".join(f"# {line}\n" if line else "#\n" for line in comment.splitlines()) + text


def load(file: Path) -> dict[str, Any]:
    """Read a stack file; ``{}`` if there is none.

    Raises:
        SettingsError: It is no YAML, or no mapping.
    """
    try:
        document = yaml.safe_load(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        message = f"{file} cannot be read as YAML: {' '.join(str(error).split())}"
        raise SettingsError(message) from error
    if document is None:
        return {}
    if not isinstance(document, dict) or not isinstance(document.get("config") or {}, dict):
        message = f"{file} is no stack file; it must hold a mapping with the key config"
        raise SettingsError(message)
    return document


def configuration_of(document: Mapping[str, Any]) -> dict[str, str]:
    """Give the clear-text configuration of a stack file as the engine hands it over: full key to text."""
    config = document.get("config") or {}
    return {key: _as_text(value) for key, value in config.items() if not _is_secret(value)}


def _as_text(value: Any) -> str:  # noqa: ANN401 - any value of a YAML file
    return value if isinstance(value, str) else json.dumps(value)


def _is_secret(value: Any) -> bool:  # noqa: ANN401
    return isinstance(value, dict) and set(value) == {"secure"}


def _secret_fields(settings: TenantSettings) -> set[str]:
    fields = type(settings).model_fields
    return {name for name, field in fields.items() if "SecretStr" in str(field.annotation)}


def _quoted(value: Any) -> Any:  # noqa: ANN401 - any value of a YAML file
    """Have every text quoted that another YAML reader than ours could take for something else."""
    if isinstance(value, Mapping):
        return {key if _KEY.fullmatch(key) else _quoted(key): _quoted(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_quoted(item) for item in value]
    if isinstance(value, str) and (not _PLAIN.fullmatch(value) or value.casefold() in _WORDS):
        return _Text(value)
    return value
