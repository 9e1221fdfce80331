"""Limits the answers of Entra's login and records their statuses, for both transports of azure-identity.

Imports nothing slow.
"""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass
from typing import Final

from kzero_scim.clients.answers import read_object
from kzero_scim.display import plain
from kzero_scim.errors import GraphError
from kzero_scim.settings.allowed_hosts import server_of

LARGEST: Final = 1024 * 1024
"""Bytes. A token has a few thousand, the login's own description about 2,000."""
WITHIN: Final = 60.0
"""Seconds from sending a request to the last byte of its answer."""
MOST_VALUES: Final = 50_000
"""Values in one JSON document of the login."""


@dataclass(frozen=True)
class LoginAnswer:
    """One answer of the login. azure-identity's errors do not name its status.

    Attributes:
        status: The HTTP status.
        is_object: Whether the body is a JSON object with content, as all of Entra's are.
    """

    status: int
    is_object: bool


_SEEN: ContextVar[list[LoginAnswer] | None] = ContextVar("seen", default=None)


def observe_answers() -> list[LoginAnswer]:
    """Return a list that gets the answers of a sign-in which starts now, newest last."""
    seen: list[LoginAnswer] = []
    _SEEN.set(seen)
    return seen


def note_answer(status: int, body: bytes) -> None:
    """Add an answer to the list of the sign-in that runs."""
    seen = _SEEN.get()
    if seen is not None:
        seen.append(LoginAnswer(status, bool(read_object(body))))


def require_login(url: str, login: str) -> None:
    """Refuse to ask another server than a login, which the login's own OpenID configuration may name.

    Args:
        url: The address of a request that may hold the secret.
        login: The origin of the login; empty allows any.

    Raises:
        GraphError: The address is of another server. Nothing was sent.
    """
    if login and server_of(url) != server_of(login):
        message = (
            f"{login} names another server, {plain(server_of(url) or url)[:200]}, as its token endpoint; nothing was "
            "sent there; check ARM_METADATA_HOSTNAME"
        )
        raise GraphError(message)
