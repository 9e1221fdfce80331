"""What a sandbox's supervisor reports to those who started it. Knows no process and no file."""

import json
from dataclasses import asdict, dataclass
from enum import StrEnum

from kzero_sandbox.addresses import Urls


class Phase(StrEnum):
    """How far a sandbox is."""

    STARTING = "starting"
    READY = "ready"
    FAILED = "failed"
    STOPPED = "stopped"


@dataclass(frozen=True, kw_only=True)
class Status:
    """One report: how far, in words, by which process, and where things are."""

    phase: Phase
    message: str
    pid: int
    urls: Urls | None = None

    def to_json(self) -> str:
        """Return it as text for the status file."""
        return json.dumps(asdict(self), indent=2)

    @classmethod
    def from_json(cls, text: str) -> "Status":
        """Read it back."""
        content = json.loads(text)
        urls = content.pop("urls")
        phase = Phase(content.pop("phase"))
        return cls(phase=phase, urls=Urls(**urls) if urls else None, **content)
