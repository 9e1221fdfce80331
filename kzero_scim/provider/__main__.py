"""``python -m kzero_scim.provider [ENGINE_ADDRESS]``: serve package kzero to the engine that started this process."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import signal
import stat
import sys
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kzero_scim.provider.package import Package


async def serve(package: Package, engine_address: str = "") -> None:
    """Serve until the engine stops the provider, by a signal or by closing standard input.

    Prints the port first, on a separate line, from which the engine learns it.
    """
    from kzero_scim.provider.engine.adapter import Adapter, start  # noqa: PLC0415 - after narrow_pulumi()

    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    # Only the engine provides a pipe. A language host that starts the provider closes standard input immediately.
    if stat.S_ISFIFO(os.fstat(sys.stdin.fileno()).st_mode):
        loop.add_reader(sys.stdin.fileno(), _at_end_of_input, stopped)

    adapter = Adapter(package, engine_address)
    server, port = await start(adapter)
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    await stopped.wait()
    await adapter.aclose()
    await server.stop(grace=None)


def _at_end_of_input(stopped: asyncio.Event) -> None:
    if not os.read(sys.stdin.fileno(), 1024):
        stopped.set()


def narrow_pulumi() -> None:
    """Make this process import only the generated protocol modules of the ``pulumi`` package.

    ``import pulumi`` loads the complete SDK with tracing and the Automation API. That takes as long as the provider
    itself, at every preview of every tenant.
    """
    found = importlib.util.find_spec("pulumi")
    if found is None or found.origin is None:
        return
    root = Path(found.origin).parent
    for name, directory in (("pulumi", root), ("pulumi.runtime", root / "runtime")):
        module = ModuleType(name)
        module.__path__ = [str(directory)]
        sys.modules[name] = module


def narrow_httpx() -> None:
    """Make this process import ``httpx`` without its command line, which takes longer than the library itself.

    httpx imports its command line if click, rich and pygments are installed, and works without it if that import
    fails. None in ``sys.modules`` makes it fail.
    """
    sys.modules["httpx._main"] = None  # type: ignore[assignment]


def main() -> None:
    """Serve package kzero."""
    narrow_pulumi()
    narrow_httpx()
    from kzero_scim.provider.package import KZERO  # noqa: PLC0415

    addresses = [argument for argument in sys.argv[1:] if not argument.startswith("-")]
    asyncio.run(serve(KZERO, addresses[0] if addresses else ""))


if __name__ == "__main__":
    main()
