"""What a read of a service answers: present, absent or unknown. Knows no service.

A caller handles all three with ``match`` and ``assert_never``, so mypy reports an answer that the caller forgot.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, Generic, ParamSpec, TypeAlias, TypeVar

from kzero_scim.errors import ServiceError

T = TypeVar("T")
AnswerT = TypeVar("AnswerT")
P = ParamSpec("P")


@dataclass(frozen=True)
class Present(Generic[T]):
    """The service showed the object."""

    value: T


@dataclass(frozen=True)
class Absent:
    """The service itself answered that the object does not exist."""


@dataclass(frozen=True)
class Unknown:
    """The question was not answered. The object may or may not exist.

    Attributes:
        reason: Why, and what to do, in one line.
        error: The failed request, if that is the reason.
    """

    reason: str
    error: ServiceError | None = field(default=None, compare=False)

    def failure(self) -> ServiceError:
        """Return the error to raise where the answer is required."""
        return self.error or ServiceError(self.reason)


Reading: TypeAlias = Present[T] | Absent | Unknown


def observed(
    read: Callable[P, Coroutine[Any, Any, AnswerT]],
) -> Callable[P, Coroutine[Any, Any, AnswerT | Unknown]]:
    """Decorate a read, so that a failed request gives :class:`Unknown`. Only the read itself may return Absent."""

    @functools.wraps(read)
    async def answer(*args: P.args, **kwargs: P.kwargs) -> AnswerT | Unknown:
        try:
            return await read(*args, **kwargs)
        except ServiceError as error:
            return Unknown(str(error), error)

    return answer
