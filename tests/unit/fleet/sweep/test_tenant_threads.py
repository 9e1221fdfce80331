"""The threads of a sweep: each tenant's own, and none that the process waits for."""

from __future__ import annotations

import asyncio
import threading

import pytest

from kzero_scim.fleet.sweep.tenant_threads import PER_TENANT, TenantThreads


async def test_a_tenant_has_its_own_few_threads() -> None:
    """Calls beyond them wait for their turn. Another tenant's calls do not."""
    threads, release = TenantThreads(), threading.Event()
    asyncio.get_running_loop().set_default_executor(threads)
    now, most, lock = 0, 0, threading.Lock()

    def hold() -> None:
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
        release.wait()
        with lock:
            now -= 1

    with threads.of_tenant():
        held = [asyncio.create_task(asyncio.to_thread(hold)) for _ in range(PER_TENANT * 3)]
        await asyncio.sleep(0)
    with threads.of_tenant():
        assert await asyncio.to_thread(lambda: 7) == 7
    assert await asyncio.to_thread(lambda: 8) == 8
    release.set()
    await asyncio.gather(*held)

    assert most == PER_TENANT


async def test_an_error_and_a_cancellation_reach_the_caller() -> None:
    """A call that waits for its turn can be cancelled and is then never made."""
    threads, release = TenantThreads(), threading.Event()
    called: list[int] = []
    asyncio.get_running_loop().set_default_executor(threads)

    with pytest.raises(ZeroDivisionError):
        await asyncio.to_thread(lambda: 1 // 0)
    held = [asyncio.create_task(asyncio.to_thread(release.wait)) for _ in range(PER_TENANT)]
    late = asyncio.create_task(asyncio.to_thread(called.append, 1))
    await asyncio.sleep(0)
    late.cancel()
    with pytest.raises(asyncio.CancelledError):
        await late
    release.set()
    await asyncio.gather(*held)
    await asyncio.to_thread(int)

    assert called == []
