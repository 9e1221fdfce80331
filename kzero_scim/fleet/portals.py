"""Returns a tenant's pages in both consoles, from its stack's outputs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

_LABELS: Final = {
    "provisioning": "Provisioning in Entra",
    "usersAndGroups": "Users and groups in Entra",
    "application": "Application in Entra",
    "kzeroDashboard": "KZero dashboard",
    "kzeroAdvancedConsole": "KZero Advanced Console",
}
"""Labels by key of the stack's output ``portalUrls``."""


def portals_of(outputs: Mapping[str, Any]) -> dict[str, str]:
    """Return label to address; empty if the stack has not been applied."""
    found = outputs.get("portalUrls")
    if not isinstance(found, Mapping):
        return {}
    known = [key for key in _LABELS if key in found] + [key for key in found if key not in _LABELS]
    return {_LABELS.get(key, str(key)): str(found[key]) for key in known}
