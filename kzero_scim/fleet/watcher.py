"""The interface that shows a run's progress. Must not know how it is shown."""

from __future__ import annotations

from typing import Protocol

from kzero_scim.fleet.model import TenantResult


class Watcher(Protocol):
    """Receives the events of a run, from several threads."""

    def begins(self, tenant: str) -> None:
        """A tenant starts."""

    def doing(self, tenant: str, what: str) -> None:
        """A tenant's engine does this now."""

    def ended(self, result: TenantResult) -> None:
        """A tenant has finished."""

    def note(self, text: str) -> None:
        """The operator should know this."""
