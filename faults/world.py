"""The surroundings of a fault: one tenant, its project, and the fault switches of both services."""

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
    """The run or the time ended before the request that a fault waits for."""


@dataclass(frozen=True, kw_only=True)
class World:
    """One tenant and its project.

    Attributes:
        tenant: Both sides of the tenant.
        project: Its stack.
    """

    tenant: Tenant
    project: Project

    def switch_endpoint_off(self) -> None:
        """Clear Enable in the tenant's endpoint settings as a person would, without any other change."""
        admin = self.tenant.keycloak_admin
        attributes = admin.get("").raise_for_status().json()["attributes"] | {"kzero.scim.enabled": "false"}
        admin.put("", json={"realm": self.tenant.realm, "attributes": attributes}).raise_for_status()

    def client(self, side: Side) -> httpx.Client:
        """Return a client of one side's control API."""
        return self.tenant.entra if side == "entra" else self.tenant.kzero

    def switch_on(self, side: Side, *rules: dict[str, Any]) -> list[str]:
        """Add faults and return the address of each."""
        added = self.client(side).post("/sandbox/faults", json=list(rules)).raise_for_status().json()
        return [f"/sandbox/faults/{rule['id']}" for rule in added]

    def clear(self) -> None:
        """Remove all faults and release held requests."""
        for side in ("entra", "kzero"):
            self.client(side).delete("/sandbox/faults").raise_for_status()
        self.tenant.entra.patch("/sandbox/settings", json={"consistencyReads": 0}).raise_for_status()

    def until_held(self, side: Side, fault: str, running: Running) -> None:
        """Wait until a fault holds a request of this run.

        Raises:
            MissedError: The run ended first, or two minutes passed.
        """
        deadline = time.monotonic() + _LONGEST
        while not self.client(side).get(fault).raise_for_status().json()["held"]:
            if running.is_over or time.monotonic() > deadline:
                ended = running.end() if running.is_over else None
                message = (
                    f"the request that the fault waits for did not come; {ended.text if ended else 'the run continues'}"
                )
                raise MissedError(message)
            time.sleep(_POLL_SECONDS)

    def seen(self, side: Side, fault: str) -> int:
        """Return how many requests a fault has matched."""
        count: int = self.client(side).get(fault).raise_for_status().json()["seen"]
        return count
