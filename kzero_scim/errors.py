"""Every error of this project, one tree. A message is one line for the operator and never holds a secret."""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus
from typing import Final

NO_REALM: Final = "realm_not_found"
"""The :attr:`ServiceError.code` of an error of Keycloak's that means: there is no realm of that name."""


class KzeroScimError(Exception):
    """The root: what was being done, to which object, what the service said, what to do next."""


class SettingsError(KzeroScimError):
    """A tenant's settings or the provider's configuration are wrong; names the key, the value and the remedy."""


class NothingAppliedError(KzeroScimError):
    """Nothing of a stack was applied yet, so that there is nothing to compare with what there is."""


class AdoptionError(KzeroScimError):
    """A tenant that was set up by hand cannot be taken over; nothing was changed on either side."""


class ProviderError(KzeroScimError):
    """A resource's operation failed."""


class PartialFailureError(ProviderError):
    """A create or update failed after something had been made; what exists is kept in the state.

    Args:
        id: The id of what exists.
        state: Its state (the resource's state dataclass).
        reason: The one-line error.
    """

    def __init__(self, id: str, state: object, reason: str) -> None:  # noqa: A002 - the engine's word
        """Keep what exists beside the reason."""
        super().__init__(reason)
        self.id = id
        self.state = state


class ServiceError(KzeroScimError):
    """A service could not be reached, or answered with an error.

    Args:
        message: The whole line for the operator.
        status: The HTTP status, or None if there was no answer.
        code: The service's own error code, ``""`` if it gave none.
    """

    def __init__(self, message: str, *, status: int | None = None, code: str = "") -> None:
        """Keep what callers branch on beside the message."""
        super().__init__(message)
        self.status = status
        self.code = code

    @property
    def is_missing(self) -> bool:
        """Whether the service says that there is no such thing (404)."""
        return self.status == HTTPStatus.NOT_FOUND

    @property
    def is_forbidden(self) -> bool:
        """Whether the service says that this account may not do it (403)."""
        return self.status == HTTPStatus.FORBIDDEN


class GraphError(ServiceError):
    """Microsoft Graph or the Entra login refused or failed."""


class KeycloakError(ServiceError):
    """KZero's Keycloak refused or failed."""


class TokenError(ServiceError):
    """A token endpoint refused a client or failed."""


class ScimError(ServiceError):
    """The SCIM endpoint answered something that a SCIM endpoint should not."""


def unforeseen(error: Exception, requests: Sequence[str]) -> str:
    """Say in one line what nobody has foreseen: most likely an answer of another shape than its service documents.

    Args:
        error: What was raised.
        requests: The latest requests before it, the newest last.
    """
    after = f" after {requests[-1]}" if requests else ""
    hint = "; the service's answer may not be what it documents" if requests else ""
    return f"internal error{after}: {type(error).__name__}: {error}{hint}; set KZERO_DEBUG=1 for the traceback"
