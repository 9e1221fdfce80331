"""Limits the answers of Entra's login and records their statuses, for both transports of azure-identity.

Imports nothing slow.
"""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass
from typing import Final

from kzero_scim.clients.answers import read_object

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
