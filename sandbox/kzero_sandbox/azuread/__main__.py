"""Starts the plugin: `python -m kzero_sandbox.azuread [engine address]` prints its port and serves until it is stopped.

Must not know what the plugin does. It only makes the start fast, because the engine starts the plugin for every
preview and every update.
"""

import asyncio
import importlib.util
import sys
import threading
from pathlib import Path
from types import ModuleType


def shorten_imports() -> None:
    """Let Python import the protocol's modules without the Pulumi SDK, and httpx without its command line.

    `pulumi/__init__.py` imports the whole SDK, which takes 0.4 s and which a provider never needs. Empty packages that
    only know their folder replace the three packages above the protocol's modules. Use this only in a separate process.
    """
    found = importlib.util.find_spec("pulumi")
    if found is None or found.origin is None or "pulumi" in sys.modules:
        return
    folder = Path(found.origin).parent
    for name in ("pulumi", "pulumi.runtime", "pulumi.runtime.proto"):
        package = ModuleType(name)
        package.__path__ = [str(folder.joinpath(*name.split(".")[1:]))]
        sys.modules[name] = package
    # httpx imports its command line with click, rich and pygments where they are installed, but works without them.
    sys.modules["httpx._main"] = None  # type: ignore[assignment]


def main() -> None:
    """Serve until a signal arrives or the engine that started this process ends."""
    shorten_imports()
    from kzero_sandbox.azuread.server import serve  # noqa: PLC0415 - must come after shorten_imports, or it imports the SDK

    # Only the engine's Configure call needs the HTTP client: load it while the engine sends its first requests.
    threading.Thread(target=importlib.import_module, args=("httpx",), daemon=True).start()
    asyncio.run(serve(engine_address=sys.argv[1] if len(sys.argv) > 1 else None))


if __name__ == "__main__":
    main()
