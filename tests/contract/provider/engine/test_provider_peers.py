"""A provider answers its own engine and no other user on the machine."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import grpc
import grpc.aio
import pytest
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc

from kzero_scim.provider.engine.adapter import Adapter
from tests.contract.provider.engine.conftest import Serve

pytestmark = pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="only Linux shows whose a connection is")

_CONFIGURE = """
import sys, os
sys.path[:] = {path!r}
import grpc
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc
if {user}:
    os.setuid({user})
with grpc.insecure_channel("127.0.0.1:{port}") as channel:
    stub = provider_pb2_grpc.ResourceProviderStub(channel)
    calls = ((stub.Configure, provider_pb2.ConfigureRequest()), (stub.GetSchema, provider_pb2.GetSchemaRequest()))
    for call, request in calls:
        try:
            call(request)
            print("answered")
        except grpc.RpcError as error:
            print(error.code().name, error.details())
"""


async def _started_process(port: int, user: int = 0) -> asyncio.subprocess.Process:
    code = _CONFIGURE.format(path=sys.path, port=port, user=user)
    return await asyncio.create_subprocess_exec(
        sys.executable, "-c", code, stdout=asyncio.subprocess.PIPE, start_new_session=True
    )


async def _lines(process: asyncio.subprocess.Process) -> list[str]:
    output, _ = await process.communicate()
    return output.decode().splitlines()


async def _other_process(port: int, user: int = 0) -> list[str]:
    return await _lines(await _started_process(port, user))


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become another user")
async def test_another_user_gets_nothing(adapter: Adapter, serve: Serve) -> None:
    """Neither a Configure, which would use this environment's secrets, nor anything else."""
    port = await serve(adapter)

    assert await _other_process(port, user=65534) == ["PERMISSION_DENIED this provider serves its own engine only"] * 2
    assert await _other_process(port) == ["answered"] * 2


async def test_a_process_that_is_not_the_engine_gets_nothing(adapter: Adapter, serve: Serve) -> None:
    """The fleet knows its engine's session."""
    session = 0
    port = await serve(adapter, engine=lambda: session)

    assert await _other_process(port) == ["PERMISSION_DENIED this provider serves its own engine only"] * 2
    engine = await _started_process(port)
    session = engine.pid
    assert await _lines(engine) == ["answered"] * 2
    assert await _other_process(port) == ["PERMISSION_DENIED this provider serves its own engine only"] * 2


async def test_no_process_is_answered_while_no_engine_runs(
    adapter: Adapter, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before it starts and after it ended, also in a container, where the system may give a process the session 0."""
    monkeypatch.setattr(os, "getsid", lambda _: 0)
    port = await serve(adapter, engine=lambda: 0)

    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await provider_pb2_grpc.ResourceProviderStub(channel).Configure(provider_pb2.ConfigureRequest())
    assert refused.value.code() is grpc.StatusCode.PERMISSION_DENIED
