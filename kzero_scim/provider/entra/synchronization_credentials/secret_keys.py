"""The keys of a service principal's synchronization secrets that make up its Admin Credentials, in both directions.

https://learn.microsoft.com/graph/api/synchronization-serviceprincipal-put-synchronization names the keys; the form of
``SyncNotificationSettings`` is that of
https://learn.microsoft.com/entra/identity/app-provisioning/accidental-deletions. Pure: sends nothing.
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
"""What Graph shows in place of a value."""

_DEFAULT_THRESHOLD: Final = 500
"""The portal's."""


@dataclass(frozen=True)
class Notification:
    """Who is told of failures, and from how many deletions in a cycle Entra stops."""

    email: str | None = None
    deletion_threshold: int | None = None

    def __bool__(self) -> bool:
        """False if there is nothing to set."""
        return self.email is not None or self.deletion_threshold is not None

    def encode(self) -> str:
        """Write the value of the key, JSON inside a string."""
        document = {
            "Enabled": self.email is not None,
            "Recipients": self.email or "",
            "DeleteThresholdEnabled": self.deletion_threshold is not None,
            "DeleteThresholdValue": self.deletion_threshold or _DEFAULT_THRESHOLD,
        }
        return json.dumps(document, separators=(",", ":"))


def decode_notification(text: str) -> Notification:
    """Read the value of the key; what makes no sense is left out."""
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
    """Read Graph's answer: key to value, which usually is :data:`MASK`."""
    values = document.get("value")
    pairs = [pair for pair in values if isinstance(pair, dict)] if isinstance(values, list) else []
    return {str(pair["key"]): str(pair.get("value") or "") for pair in pairs if pair.get("key")}


def body_of(values: Mapping[str, str]) -> dict[str, Any]:
    """Write Graph's request; an empty value removes its key."""
    return {"value": [{"key": key, "value": value} for key, value in values.items()]}


def settings_fingerprint(tenant_url: str, fingerprint: str | None, scope: str | None, oauth2: str | None = None) -> str:
    """Give something that changes with everything that a connection test depends on."""
    settled = json.dumps([tenant_url, fingerprint, scope, *([oauth2] if oauth2 else [])])
    return hashlib.sha256(settled.encode()).hexdigest()
