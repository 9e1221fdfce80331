"""Limits on the answers of Entra's login, for both transports of azure-identity. Imports nothing slow."""

from __future__ import annotations

from typing import Final

LARGEST: Final = 1024 * 1024
"""Bytes. A token has a few thousand, the login's own description about 2,000."""
WITHIN: Final = 60.0
"""Seconds from sending a request to the last byte of its answer."""
MOST_VALUES: Final = 50_000
"""Values in one JSON document of the login."""
