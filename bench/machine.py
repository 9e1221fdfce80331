"""What the figures were measured on."""

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
    """The machine and the versions of what ran on it.

    Attributes:
        cores: How many the process may use.
        cpu: The processor's model.
        python: Python's version.
        pulumi: The Pulumi CLI's version.
        azuread: Which azuread plugin was used.
        load: How many processes wanted to run in the minute before the measures began.
    """

    cores: int
    cpu: str
    python: str
    pulumi: str
    azuread: str
    load: float

    @property
    def text(self) -> str:
        """All of it in one line."""
        cores = "1 core" if self.cores == 1 else f"{self.cores} cores"
        return f"{cores} ({self.cpu}), load {self.load:.1f}; Python {self.python}; Pulumi {self.pulumi}; {self.azuread}"


def read_machine(program: Path, azuread: str) -> Machine:
    """Return what this machine is."""
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
