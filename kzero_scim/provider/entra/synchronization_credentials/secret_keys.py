"""Reads and writes the keys of a service principal's synchronization secrets (the portal's Admin Credentials). Pure.

The names of the keys: https://learn.microsoft.com/graph/api/synchronization-serviceprincipal-put-synchronization. The
form of ``SyncNotificationSettings``:
https://learn.microsoft.com/entra/identity/app-provisioning/accidental-deletions.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from kzero_scim.clients.answers import read_object
from kzero_scim.resource.formats import is_https

ADDRESS: Final = "BaseAddress"
TOKEN: Final = "SecretToken"  # noqa: S105 - a key's name
SCOPE: Final = "SyncAll"
NOTIFICATION: Final = "SyncNotificationSettings"

_DEFAULT_THRESHOLD: Final = 500
"""The portal's default."""


@dataclass(frozen=True)
class Notification:
    """The address that Entra notifies of failures, and the number of deletions above which it stops a cycle."""

    email: str | None = None
    deletion_threshold: int | None = None

    def __bool__(self) -> bool:
        """Return False if neither is set."""
        return self.email is not None or self.deletion_threshold is not None

    def encode(self) -> str:
        """Return the value of the key, which is JSON inside a string."""
        document = {
            "Enabled": self.email is not None,
            "Recipients": self.email or "",
            "DeleteThresholdEnabled": self.deletion_threshold is not None,
            "DeleteThresholdValue": self.deletion_threshold or _DEFAULT_THRESHOLD,
        }
        return json.dumps(document, separators=(",", ":"))


def decode_notification(text: str) -> Notification:
    """Return the notification that the key's value describes. Ignores unreadable parts."""
    document = _object(text)
    if document is None:
        return Notification()
    email = document.get("Recipients") if document.get("Enabled") else None
    threshold = document.get("DeleteThresholdValue") if document.get("DeleteThresholdEnabled") else None
    return Notification(
        email if isinstance(email, str) and email else None,
        threshold if isinstance(threshold, int) and not isinstance(threshold, bool) else None,
    )


def keys_of(document: Mapping[str, Any]) -> dict[str, str]:
    """Return Graph's keys with their values, which Graph usually hides; see :func:`visible`."""
    values = document.get("value")
    pairs = [pair for pair in values if isinstance(pair, dict)] if isinstance(values, list) else []
    return {str(pair["key"]): str(pair.get("value") or "") for pair in pairs if pair.get("key")}


def visible(key: str, value: str | None) -> str | None:
    """Return a value that Graph shows, or None if it hides the value or has none.

    It is documented nowhere what Graph shows for a hidden value. So only what a key can contain counts as its value: an
    https URL for the address, true or false for the scope, a JSON object for the notification.
    """
    text = (value or "").strip()
    match key:
        case "BaseAddress":
            is_value = is_https(text)
        case "SyncAll":
            is_value = text.casefold() in {"true", "false"}
        case "SyncNotificationSettings":
            is_value = _object(text) is not None
        case _:
            is_value = False
    return text if is_value else None


def _object(text: str) -> dict[str, Any] | None:
    return read_object(text.encode(errors="replace"))


def body_of(values: Mapping[str, str]) -> dict[str, Any]:
    """Return the body of Graph's request. An empty value removes its key."""
    return {"value": [{"key": key, "value": value} for key, value in values.items()]}


def settings_fingerprint(tenant_url: str, fingerprint: str | None, scope: str | None, oauth2: str | None = None) -> str:
    """Return a hash of all values that a connection test depends on."""
    settled = json.dumps([tenant_url, fingerprint, scope, *([oauth2] if oauth2 else [])])
    return hashlib.sha256(settled.encode()).hexdigest()
