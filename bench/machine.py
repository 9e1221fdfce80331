"""Describes the machine and the versions that the figures were measured with."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from pathlib import Path

from kzero_scim.fleet.run import plan
from tools import progress

_CPU_INFO = Path("/proc/cpuinfo")


@dataclass(frozen=True, kw_only=True)
class Machine:
    """The machine and the versions of the programs on it.

    Attributes:
        cores: Number of cores that the process may use.
        cpu: Model of the processor.
        python: Version of Python.
        pulumi: Version of the Pulumi CLI.
        azuread: The azuread plugin.
        load: Load average of the minute before the measurement.
    """

    cores: int
    cpu: str
    python: str
    pulumi: str
    azuread: str
    load: float

    @property
    def text(self) -> str:
        """The description in one line."""
        cores = "1 core" if self.cores == 1 else f"{self.cores} cores"
        return f"{cores} ({self.cpu}), load {self.load:.1f}; Python {self.python}; Pulumi {self.pulumi}; {self.azuread}"


def read_machine(program: Path, azuread: str) -> Machine:
    """Return the description of this machine.

    Args:
        program: The Pulumi CLI.
        azuread: The azuread plugin, as text.
    """
    return Machine(
        cores=plan.cores(),
        cpu=_cpu(),
        python=platform.python_version(),
        pulumi=progress.ask([program, "version"]) or "of unknown version",
        azuread=azuread,
        load=os.getloadavg()[0],
    )


def _cpu() -> str:
    if _CPU_INFO.is_file():
        for line in _CPU_INFO.read_text(encoding="utf-8").splitlines():
            name, _, value = line.partition(":")
            if name.strip() == "model name":
                return value.strip()
    return platform.processor() or platform.machine()
