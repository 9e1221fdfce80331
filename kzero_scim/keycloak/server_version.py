"""Which Keycloak versions kzero-scim supports. Pure: sends no request."""

from __future__ import annotations

import re
from typing import Final

from kzero_scim.settings.confirmations import how_to_confirm, is_confirmed

OLDEST: Final = (22, 0, 5)
"""The oldest supported version. It is the first release line that needs Java 17."""
NEWEST_MAJOR: Final = 26
"""The newest supported major version."""
TESTED: Final = ("22.0.5", "26.7.3")
"""The versions that the tests run against."""

_ACTION: Final = "keycloak"
_VERSION: Final = re.compile(r"(\d+)\.(\d+)\.(\d+)(?!\d)")


def major(version: str | None) -> int | None:
    """Return the major version, or None if it is unknown."""
    found = _VERSION.match(version or "")
    return int(found.group(1)) if found else None


def refusal(server_url: str, version: str) -> str | None:
    """Return why a server's version is refused, or None if it is supported or cannot be understood.

    Args:
        server_url: The server.
        version: Its version as it reports it, as in ``26.7.3``.
    """
    found = _VERSION.match(version)
    if found is None:
        return None
    parts = tuple(int(part) for part in found.groups())
    text = ".".join(str(part) for part in OLDEST)
    supported = f"kzero-scim supports {text} to {NEWEST_MAJOR}.x (tested: {' and '.join(TESTED)})"
    if parts < OLDEST:
        return f"{server_url} runs Keycloak {version}, which is too old: {supported}; update the server"
    if parts[0] > NEWEST_MAJOR and not is_confirmed(_ACTION, version):
        return (
            f"{server_url} runs Keycloak {version}, which was not tested: {supported}; update kzero-scim, or "
            f"{how_to_confirm(_ACTION, version)}"
        )
    return None
