"""Tests that the reads that wait for one batch are resolved whatever happens to it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import httpx
import pytest

from kzero_scim.clients.graph.batch import BatchAnswer, BatchRequest
from kzero_scim.clients.graph.read_batching import ReadBatcher
from kzero_scim.errors import SettingsError

MOST = 3


async def _read(batcher: ReadBatcher, count: int = 2 * MOST + 1) -> list[dict[str, object] | BaseException | None]:
    """Return the results of simultaneous reads. Fails if one of them hangs."""
    async with asyncio.timeout(2):
        return await asyncio.gather(
            *(batcher.get(f"/users/{number}", None) for number in range(count)), return_exceptions=True
        )


async def _ready() -> None:
    await asyncio.sleep(0)


async def _answered(requests: Sequence[BatchRequest]) -> list[BatchAnswer]:
    return [BatchAnswer(200, {"id": request.path}) for request in requests]


async def test_simultaneous_reads_get_their_own_answers() -> None:
    """Each read gets its own answer, and the last single one is left to its caller."""
    found = await _read(ReadBatcher(_ready, _answered, MOST))

    assert found == [*({"id": f"/users/{number}"} for number in range(2 * MOST)), None]


@pytest.mark.parametrize(
    "error",
    [
        httpx.DecodingError("not gzip"),
        UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte"),
        RecursionError(),
        SettingsError("a wrong setting"),
    ],
)
async def test_a_batch_that_fails_leaves_its_reads_to_their_callers(error: Exception) -> None:
    """An error of any kind leaves all reads of the batch, and of later batches, to their callers."""
    failing = [True]

    async def send(requests: Sequence[BatchRequest]) -> list[BatchAnswer]:
        if failing:
            failing.pop()
            raise error
        return await _answered(requests)

    found = await _read(ReadBatcher(_ready, send, MOST))

    assert found == [*[None] * MOST, *({"id": f"/users/{number}"} for number in range(MOST, 2 * MOST)), None]


async def test_too_few_answers_leave_the_reads_to_their_callers() -> None:
    """A batch with fewer answers than requests resolves all its reads."""

    async def send(requests: Sequence[BatchRequest]) -> list[BatchAnswer]:
        return (await _answered(requests))[:-1]

    assert await _read(ReadBatcher(_ready, send, MOST)) == [None] * (2 * MOST + 1)


@pytest.mark.parametrize("error", [SettingsError("no secret"), ValueError("not JSON"), asyncio.CancelledError()])
async def test_a_failed_sign_in_reaches_every_read(error: BaseException) -> None:
    """All reads end with the error of the sign-in, and the next reads try again."""
    problems: list[BaseException] = [error]

    async def ready() -> None:
        await asyncio.sleep(0)
        if problems:
            raise problems.pop()

    batcher = ReadBatcher(ready, _answered, MOST)

    assert all(isinstance(item, type(error)) for item in await _read(batcher))
    assert await _read(batcher, MOST) == [{"id": f"/users/{number}"} for number in range(MOST)]


@pytest.mark.parametrize("stage", ["ready", "send"])
async def test_a_cancelled_batch_cancels_its_reads(stage: str) -> None:
    """Closing while the sign-in or the batch runs ends every waiting read."""
    reached = asyncio.Event()

    async def hang(*_: object) -> list[BatchAnswer]:
        reached.set()
        await asyncio.Event().wait()
        return []

    pairs: dict[str, tuple[Callable[..., object], Callable[..., object]]] = {
        "ready": (hang, _answered),
        "send": (_ready, hang),
    }
    batcher = ReadBatcher(*pairs[stage], MOST)  # type: ignore[arg-type] # either may hang
    reading = asyncio.create_task(_read(batcher))
    await reached.wait()

    batcher.close()

    assert all(isinstance(item, asyncio.CancelledError) for item in await reading)
