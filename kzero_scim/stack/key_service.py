"""Which key services and Pulumi ESC environments a stack file may name. The Pulumi CLI opens both before the program.

Knows the stack file's top-level keys, not its settings. Asks no service.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

from kzero_scim.display import plain
from kzero_scim.errors import SettingsError
from kzero_scim.settings.allowed_hosts import in_environment, server_of

ENVIRONMENTS: Final = "KZERO_SCIM_ALLOWED_ENVIRONMENTS"
"""Environment variable with the Pulumi ESC environments that stack files may import."""
_LONGEST: Final = 200
_OWN: Final = frozenset({"", "default", "passphrase", "service"})
_VAULTS: Final = re.compile(r"[a-z0-9-]+\.(vault|managedhsm)\.(azure\.net|azure\.cn|usgovcloudapi\.net)", re.IGNORECASE)
_PARAMETERS: Final = {
    "awskms": frozenset({"region", "awssdk", "profile"}),
    "azurekeyvault": frozenset({"algorithm"}),
    "gcpkms": frozenset[str](),
    "hashivault": frozenset({"engine"}),
}
"""Parameters of each key service's address that name no host."""


def require_own_services(document: Mapping[str, Any], environment: Mapping[str, str]) -> None:
    """Refuse a stack file that sends the run's credentials elsewhere before the program starts.

    Args:
        document: The stack file's content.
        environment: The variables of the run.

    Raises:
        SettingsError: It names a key service at a host of its own, or an ESC environment that is not allowed.
    """
    provider = document.get("secretsprovider") or ""
    if reason := _wrong_service(provider, environment):
        message = f"secretsprovider: {plain(str(provider))[:_LONGEST]} {reason}"
        raise SettingsError(message)
    imported = document.get("environment")
    allowed = set(re.findall(r"[^\s,]+", environment.get(ENVIRONMENTS, "")))
    named = imported if isinstance(imported, list) else imported and [imported]
    if refused := [one for one in named or [] if not isinstance(one, str) or one not in allowed]:
        shown = plain(str(refused[0]))[:_LONGEST]
        message = (
            f"environment: {shown} would be imported from Pulumi ESC with the run's own token, and only the stack file "
            f"names it; remove it, or list it in the variable {ENVIRONMENTS}"
        )
        raise SettingsError(message)


def _wrong_service(provider: object, environment: Mapping[str, str]) -> str:
    """Return why a key service is refused, or ``""``."""
    if not isinstance(provider, str):
        return "is not a text; write passphrase, or the address of a key service"
    if provider in _OWN:
        return ""
    try:
        parts = urlsplit(provider)
        host, parameters = parts.hostname or "", dict(parse_qsl(parts.query, keep_blank_values=True))
    except ValueError:
        return "is not an address of a key service; correct it"
    known = _PARAMETERS.get(parts.scheme)
    if known is None:
        return f"is not a key service that kzero-scim knows; use passphrase or one of {', '.join(sorted(_PARAMETERS))}"
    unknown = sorted(name for name in parameters if name not in known and not name.startswith("context_"))
    if unknown:
        return f"has the parameter {plain(unknown[0])[:_LONGEST]}, which can name another host; remove it"
    is_foreign = parts.scheme == "azurekeyvault" and not _VAULTS.fullmatch(parts.netloc)
    if is_foreign and server_of(f"https://{parts.netloc}") not in in_environment(environment):
        return (
            f"would send the run's Azure token to {plain(host)[:_LONGEST]}, which is not one of Microsoft's vaults; "
            "correct it, or list the host in KZERO_SCIM_ALLOWED_HOSTS"
        )
    return ""
