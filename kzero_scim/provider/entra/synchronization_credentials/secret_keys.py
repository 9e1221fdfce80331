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

ADDRESS: Final = "BaseAddress"
TOKEN: Final = "SecretToken"  # noqa: S105 - a key's name
SCOPE: Final = "SyncAll"
NOTIFICATION: Final = "SyncNotificationSettings"

MASK: Final = "*"
"""Graph shows this instead of a value."""

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
    try:
        document = json.loads(text)
    except ValueError:
        return Notification()
    if not isinstance(document, dict):
        return Notification()
    email = document.get("Recipients") if document.get("Enabled") else None
    threshold = document.get("DeleteThresholdValue") if document.get("DeleteThresholdEnabled") else None
    return Notification(
        email if isinstance(email, str) and email else None,
        threshold if isinstance(threshold, int) and not isinstance(threshold, bool) else None,
    )


def keys_of(document: Mapping[str, Any]) -> dict[str, str]:
    """Return Graph's keys with their values, which usually are :data:`MASK`."""
    values = document.get("value")
    pairs = [pair for pair in values if isinstance(pair, dict)] if isinstance(values, list) else []
    return {str(pair["key"]): str(pair.get("value") or "") for pair in pairs if pair.get("key")}


def body_of(values: Mapping[str, str]) -> dict[str, Any]:
    """Return the body of Graph's request. An empty value removes its key."""
    return {"value": [{"key": key, "value": value} for key, value in values.items()]}


def settings_fingerprint(tenant_url: str, fingerprint: str | None, scope: str | None, oauth2: str | None = None) -> str:
    """Return a hash of all values that a connection test depends on."""
    settled = json.dumps([tenant_url, fingerprint, scope, *([oauth2] if oauth2 else [])])
    return hashlib.sha256(settled.encode()).hexdigest()
