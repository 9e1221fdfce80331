"""The tree of this project's errors. A message is one line for the operator and never contains a secret."""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus
from typing import Final

NO_REALM: Final = "realm_not_found"
"""The :attr:`ServiceError.code` of a Keycloak error for a realm that does not exist."""


class KzeroScimError(Exception):
    """The root. A message names the action, its object, the cause and the remedy."""


class SettingsError(KzeroScimError):
    """A wrong setting of a tenant or the provider. The message names the key, the value and the remedy."""


class NothingAppliedError(KzeroScimError):
    """A stack was never applied, so there is no state to compare with the services."""


class AdoptionError(KzeroScimError):
    """A tenant that was set up by hand cannot be imported. Nothing was changed on either side."""


class ProviderError(KzeroScimError):
    """A resource's operation failed."""


class PartialFailureError(ProviderError):
    """A create or update failed after an object was created. The state keeps that object.

    Args:
        id: The object's ID.
        state: Its state (the resource's state dataclass).
        reason: The one-line error.
    """

    def __init__(self, id: str, state: object, reason: str) -> None:  # noqa: A002 - the engine's word
        """Store the object and the reason."""
        super().__init__(reason)
        self.id = id
        self.state = state


class MissingRightError(ProviderError):
    """The account that signs in lacks a right to write. Nothing was sent."""


class ServiceError(KzeroScimError):
    """A service could not be reached, or answered with an error.

    Args:
        message: The complete line for the operator.
        status: The HTTP status, or None without an answer.
        code: The service's own error code, or ``""``.
    """

    def __init__(self, message: str, *, status: int | None = None, code: str = "") -> None:
        """Store the message, and what callers branch on."""
        super().__init__(message)
        self.status = status
        self.code = code

    @property
    def is_missing(self) -> bool:
        """Whether the service itself says that the object does not exist: 404, with an error code of its own.

        A proxy, a load balancer or another server at the address also answers 404, without such a code.
        """
        return self.status == HTTPStatus.NOT_FOUND and bool(self.code)

    @property
    def is_forbidden(self) -> bool:
        """Whether the service says that the account lacks a permission (403)."""
        return self.status == HTTPStatus.FORBIDDEN


class GraphError(ServiceError):
    """Microsoft Graph or the Entra login refused or failed."""


class KeycloakError(ServiceError):
    """KZero's Keycloak refused or failed."""


class TokenError(ServiceError):
    """A token endpoint refused a client or failed."""


class ScimError(ServiceError):
    """The SCIM endpoint failed, or answered something that is not SCIM."""


def unwrapped(error: Exception) -> Exception:
    """Return the error inside exception groups that says most: the first of this project, or else the first of all.

    A task group reports even a single error as a group, whose own message names no cause.
    """
    if not isinstance(error, ExceptionGroup):
        return error
    inside = [unwrapped(item) for item in error.exceptions]
    return next((item for item in inside if isinstance(item, KzeroScimError)), inside[0])


def unforeseen(error: Exception, requests: Sequence[str]) -> str:
    """Return one line for an unexpected error, most likely caused by an answer of an undocumented shape.

    Args:
        error: The error. If it is a group with an error of this project, the line is that error's message.
        requests: The latest requests before it, newest last.

    Returns:
        The line. Of a group of errors, it is that of the first one that says what is wrong.
    """
    error = unwrapped(error)
    if isinstance(error, KzeroScimError):
        return str(error)
    if isinstance(error, OSError) and error.strerror and error.filename is not None:
        # The file system refused, which no service causes.
        return f"could not use {error.filename}: {error.strerror}; check its permissions and the free space"
    after = f" after {requests[-1]}" if requests else ""
    hint = "; the service may have answered in an undocumented form" if requests else ""
    return f"internal error{after}: {type(error).__name__}: {error}{hint}; set KZERO_DEBUG=1 for the traceback"
