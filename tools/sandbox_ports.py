"""Chooses the ports of a demo's sandbox: the usual ones, or free ones if another program uses them."""

from __future__ import annotations

import errno
import re
import socket
from dataclasses import asdict
from typing import TYPE_CHECKING

from kzero_sandbox.addresses import Ports
from kzero_sandbox.processes import SandboxError, SandboxProcess

from tools.problem import Problem

if TYPE_CHECKING:
    from pathlib import Path

_PORT = re.compile(r":(\d+)\Z")


def options(directory: Path) -> list[str]:
    """Return the options of `kzero-scim sandbox up` for the ports, and print them if they are not the usual ones.

    A sandbox that runs keeps its ports. One that ran before gets the same ports, because its stacks name them.

    Args:
        directory: The sandbox's directory.

    Raises:
        Problem: Another program uses a port that the sandbox's data name.
    """
    process = SandboxProcess(directory)
    if process.is_running():
        return []
    earlier = _earlier(process)
    wanted = Ports(**{**asdict(Ports()), **earlier})
    taken = [name for name, port in asdict(wanted).items() if not _is_free(port)]
    if fixed := [str(earlier[name]) for name in taken if name in earlier]:
        msg = (
            f"another program uses port {' and '.join(fixed)}, which the data in {directory} name; end that "
            "program, or delete the data with make clean"
        )
        raise Problem(msg)
    chosen = asdict(wanted) | {name: _free_port() for name in taken}
    if taken:
        busy = ", ".join(str(asdict(wanted)[name]) for name in taken)
        shown = ", ".join(f"{name} {chosen[name]}" for name in taken)
        print(f"Port {busy} is in use by another program. The sandbox takes free ports: {shown}", flush=True)
    return [f"--{name}-port={port}" for name, port in chosen.items() if port != asdict(Ports())[name]]


def _earlier(process: SandboxProcess) -> dict[str, int]:
    """Return the ports that the last start used for the addresses in stack files; none before the first start."""
    try:
        variables = process.environment()
    except SandboxError:
        return {}
    addresses = {"kzero": variables.get("KZERO_SERVER_URL", ""), "entra": variables.get("ARM_METADATA_HOSTNAME", "")}
    found = {name: _PORT.search(address) for name, address in addresses.items()}
    return {name: int(match.group(1)) for name, match in found.items() if match}


def _is_free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            if error.errno not in {errno.EADDRINUSE, errno.EACCES}:
                raise
            return False
    return True


def _free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
