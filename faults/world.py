"""Where a fault happens: one tenant, its project, and the switches of both services."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any, Final

import httpx
from kzero_sandbox.running import Tenant

from faults.project import Project, Running
from faults.steps import Side

_POLL_SECONDS: Final = 0.01
_LONGEST: Final = 120.0


class MissedError(RuntimeError):
    """The run ended, or time did, before the request came at which something was to break."""


@dataclass(frozen=True, kw_only=True)
class World:
    """One tenant and its project.

    Attributes:
        tenant: Both sides of it.
        project: Its stack.
    """

    tenant: Tenant
    project: Project

    def switch_endpoint_off(self) -> None:
        """Do as somebody who unticks Enable in the dashboard; sends nothing else, so that nothing else is written."""
        admin = self.tenant.keycloak_admin
        attributes = admin.get("").raise_for_status().json()["attributes"] | {"kzero.scim.enabled": "false"}
        admin.put("", json={"realm": self.tenant.realm, "attributes": attributes}).raise_for_status()

    def client(self, side: Side) -> httpx.Client:
        """Give a client of one side's control API."""
        return self.tenant.entra if side == "entra" else self.tenant.kzero

    def switch_on(self, side: Side, *rules: dict[str, Any]) -> list[str]:
        """Switch faults on; gives the address of each."""
        added = self.client(side).post("/sandbox/faults", json=list(rules)).raise_for_status().json()
        return [f"/sandbox/faults/{rule['id']}" for rule in added]

    def clear(self) -> None:
        """Switch all faults off and let go of what is held."""
        for side in ("entra", "kzero"):
            self.client(side).delete("/sandbox/faults").raise_for_status()
        self.tenant.entra.patch("/sandbox/settings", json={"consistencyReads": 0}).raise_for_status()

    def until_held(self, side: Side, fault: str, running: Running) -> None:
        """Wait until a fault holds a request of this run.

        Raises:
            MissedError: The run ended before, or two minutes went by.
        """
        deadline = time.monotonic() + _LONGEST
        while not self.client(side).get(fault).raise_for_status().json()["held"]:
            if running.is_over or time.monotonic() > deadline:
                ended = running.end() if running.is_over else None
                message = f"no request came that the fault waits for; {ended.text if ended else 'the run goes on'}"
                raise MissedError(message)
            time.sleep(_POLL_SECONDS)

    def seen(self, side: Side, fault: str) -> int:
        """Tell how many requests a fault has met."""
        count: int = self.client(side).get(fault).raise_for_status().json()["seen"]
        return count
