"""Starts the plugin: `python -m kzero_sandbox.azuread [engine address]` prints its port and serves until it is stopped.

It must not know what the plugin does; it is only concerned with starting fast, since the engine starts a plugin for
every preview and every update.
"""

import asyncio
import importlib.util
import sys
import threading
from pathlib import Path
from types import ModuleType


def shorten_imports() -> None:
    """Let the protocol's modules be imported without the Pulumi SDK around them, and httpx without its command line.

    `pulumi/__init__.py` imports the whole SDK, 0.4 s of work that a provider never needs. Packages that only know
    their folder stand in for the three above the protocol's modules. Only for a process of its own.
    """
    found = importlib.util.find_spec("pulumi")
    if found is None or found.origin is None or "pulumi" in sys.modules:
        return
    folder = Path(found.origin).parent
    for name in ("pulumi", "pulumi.runtime", "pulumi.runtime.proto"):
        package = ModuleType(name)
        package.__path__ = [str(folder.joinpath(*name.split(".")[1:]))]
        sys.modules[name] = package
    # httpx imports its command line, with click, rich and pygments, wherever those are installed; it goes on without.
    sys.modules["httpx._main"] = None  # type: ignore[assignment]


def main() -> None:
    """Serve until a signal or until the engine that started this process is gone."""
    shorten_imports()
    from kzero_sandbox.azuread.server import serve  # noqa: PLC0415 - after the shortening, or it would import the SDK

    # The HTTP client is only needed once the engine configures the plugin: load it while the engine still talks.
    threading.Thread(target=importlib.import_module, args=("httpx",), daemon=True).start()
    asyncio.run(serve(engine_address=sys.argv[1] if len(sys.argv) > 1 else None))


if __name__ == "__main__":
    main()
