"""Runs operations: cancels them, limits their time, and reports each failure in one line without secrets."""

from __future__ import annotations

import asyncio
import os
import sys
import traceback
from typing import TYPE_CHECKING, Any, Final, NoReturn, TypeVar

import grpc
import grpc.aio
from google.protobuf import any_pb2
from pulumi.runtime.proto import status_pb2

from kzero_scim import display
from kzero_scim.clients.trail import recorded
from kzero_scim.errors import KzeroScimError, unforeseen
from kzero_scim.redaction import using

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from pulumi.runtime.proto import provider_pb2

    from kzero_scim.redaction import Redactor

ResultT = TypeVar("ResultT")

FAILED: Final = grpc.StatusCode.FAILED_PRECONDITION
"""The status of every failed operation. With ``INTERNAL`` and ``UNKNOWN`` the engine would keep a pending operation
that the operator must clear by hand. That is unnecessary, because every create adopts what an interrupted one left."""


class InitFailedError(KzeroScimError):
    """A partial failure in the engine's form. The detail contains the object that exists."""

    def __init__(self, detail: provider_pb2.ErrorResourceInitFailed, reason: str) -> None:
        """Store the detail and the reason."""
        super().__init__(reason)
        self.detail = detail


class Guard:
    """Runs the operations of one provider process.

    Args:
        redactor: Removes secrets from errors.
    """

    def __init__(self, redactor: Redactor) -> None:
        """Start without operations."""
        self._redactor = redactor
        self._running: set[asyncio.Task[Any]] = set()
        self._cancelled = False

    def cancel(self) -> None:
        """Cancel all operations and refuse new ones."""
        self._cancelled = True
        for task in self._running:
            task.cancel()

    def renew(self) -> None:
        """Accept operations again, for another run of the engine with the same process."""
        self._cancelled = False

    async def run(
        self,
        context: grpc.aio.ServicerContext[Any, Any],
        what: object,
        work: Coroutine[Any, Any, ResultT],
        seconds: float = 0,
    ) -> ResultT:
        """Run one operation and return its result.

        Args:
            context: The engine's call. It ends with an error status if the operation fails.
            what: The operation's object, for the error.
            work: The operation.
            seconds: The time limit from ``customTimeouts``; 0 for none.
        """
        with recorded() as requests, using(self._redactor):
            task = asyncio.create_task(work)
        if self._cancelled:
            task.cancel()
        self._running.add(task)
        limit = asyncio.timeout(seconds or None)
        try:
            async with limit:
                return await task
        except asyncio.CancelledError:
            if not self._cancelled:
                raise
            await _abort(context, f"{what}: cancelled", grpc.StatusCode.CANCELLED)
        except InitFailedError as error:
            await _abort(context, self.one_line(error), detail=error.detail)
        except KzeroScimError as error:
            self._trace(error)
            await _abort(context, self.one_line(error))
        except Exception as error:  # noqa: BLE001 - the operator gets one line for any error
            if isinstance(error, TimeoutError) and limit.expired():
                await _abort(context, f"{what}: not finished within {seconds:g} s; raise the limit in customTimeouts")
            self._trace(error)
            reason = f"{what}: {unforeseen(error, requests)}"
            await _abort(context, self.one_line(reason))
        finally:
            self._running.discard(task)

    def one_line(self, error: object) -> str:
        """Return an error's message as one line, without secrets and without characters that could forge a line."""
        # Redact twice: first secrets of several lines, then secrets in the escaped text.
        return self._redactor.redact(display.one_line(self._redactor.line(str(error))))

    def _trace(self, error: BaseException) -> None:
        if os.environ.get("KZERO_DEBUG") == "1":
            sys.stderr.write(self._redactor.line("".join(traceback.format_exception(error))))


async def _abort(
    context: grpc.aio.ServicerContext[Any, Any],
    reason: str,
    code: grpc.StatusCode = FAILED,
    *,
    detail: provider_pb2.ErrorResourceInitFailed | None = None,
) -> NoReturn:
    metadata: tuple[tuple[str, bytes], ...] = ()
    if detail is not None:
        packed = any_pb2.Any()
        packed.Pack(detail)
        status = status_pb2.Status(code=code.value[0], message=reason, details=[packed])
        metadata = (("grpc-status-details-bin", status.SerializeToString()),)
    await context.abort(code, reason, metadata)
