"""Sets up, verifies and keeps in step SCIM provisioning from Microsoft Entra ID to KZero Passwordless."""

from typing import Final

__version__: Final = "0.1.0"
"""As in pyproject.toml; written down here too because looking it up in the installed metadata costs start-up time."""
