"""The status that a sandbox's supervisor reports to the process that started it. Must not know processes or files."""

import json
from dataclasses import asdict, dataclass
from enum import StrEnum

from kzero_sandbox.addresses import Urls


class Phase(StrEnum):
    """The phases of a sandbox's life."""

    STARTING = "starting"
    READY = "ready"
    FAILED = "failed"
    STOPPED = "stopped"


@dataclass(frozen=True, kw_only=True)
class Status:
    """One report: the phase, a message, the supervisor's process id, and the addresses once known."""

    phase: Phase
    message: str
    pid: int
    urls: Urls | None = None

    def to_json(self) -> str:
        """Return the status as text for the status file."""
        return json.dumps(asdict(self), indent=2)

    @classmethod
    def from_json(cls, text: str) -> "Status":
        """Return the status from the text of the status file."""
        content = json.loads(text)
        urls = content.pop("urls")
        phase = Phase(content.pop("phase"))
        return cls(phase=phase, urls=Urls(**urls) if urls else None, **content)
