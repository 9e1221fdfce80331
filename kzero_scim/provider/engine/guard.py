"""How an operation runs, ends and fails: cancellable, in time, and with one line that holds no secret."""

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

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from pulumi.runtime.proto import provider_pb2

    from kzero_scim.redaction import Redactor

ResultT = TypeVar("ResultT")

FAILED: Final = grpc.StatusCode.FAILED_PRECONDITION
"""For every failed operation. ``INTERNAL`` and ``UNKNOWN`` would make the engine keep a pending operation that the
operator has to clear by hand; there is no need, since every create takes over what an interrupted one left."""


class InitFailedError(KzeroScimError):
    """A partial failure in the engine's terms: what exists is in the detail."""

    def __init__(self, detail: provider_pb2.ErrorResourceInitFailed, reason: str) -> None:
        """Keep the detail beside the reason."""
        super().__init__(reason)
        self.detail = detail


class Guard:
    """Runs the operations of one provider process.

    Args:
        redactor: Keeps secrets out of everything that an operation fails with.
    """

    def __init__(self, redactor: Redactor) -> None:
        """Have nothing running yet."""
        self._redactor = redactor
        self._running: set[asyncio.Task[Any]] = set()
        self._cancelled = False

    def cancel(self) -> None:
        """Stop everything that runs; nothing more starts."""
        self._cancelled = True
        for task in self._running:
            task.cancel()

    def renew(self) -> None:
        """Let operations start again: another run of the engine begins with the same process."""
        self._cancelled = False

    async def run(
        self,
        context: grpc.aio.ServicerContext[Any, Any],
        what: object,
        work: Coroutine[Any, Any, ResultT],
        seconds: float = 0,
    ) -> ResultT:
        """Run one operation.

        Args:
            context: The engine's call, ended with an error status if the operation fails.
            what: What it is about, for the error.
            work: The operation.
            seconds: When to give up, as ``customTimeouts`` says; 0 for never.
        """
        with recorded() as requests:
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
        except Exception as error:  # noqa: BLE001 - whatever it is, the operator gets one line
            if isinstance(error, TimeoutError) and limit.expired():
                await _abort(context, f"{what}: not done within the {seconds:g} s that customTimeouts allows")
            self._trace(error)
            reason = f"{what}: {unforeseen(error, requests)}"
            await _abort(context, self.one_line(reason))
        finally:
            self._running.discard(task)

    def one_line(self, error: object) -> str:
        """Give an error's message, on one line, without secrets and without characters that could forge another."""
        # Twice: a secret of several lines is found in the first text, one that is quoted there in the second.
        return self._redactor.redact(display.one_line(self._redactor.redact(str(error))))

    def _trace(self, error: BaseException) -> None:
        if os.environ.get("KZERO_DEBUG") == "1":
            sys.stderr.write(self._redactor.redact("".join(traceback.format_exception(error))))


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
