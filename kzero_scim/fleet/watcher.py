"""Who follows a run over many tenants while it lasts. Knows no output."""

from __future__ import annotations

from typing import Protocol

from kzero_scim.fleet.model import TenantResult


class Watcher(Protocol):
    """Follows a run; called from several threads."""

    def begins(self, tenant: str) -> None:
        """A tenant is begun."""

    def doing(self, tenant: str, what: str) -> None:
        """What a tenant's engine does now."""

    def ended(self, result: TenantResult) -> None:
        """A tenant has ended."""

    def note(self, text: str) -> None:
        """Something the operator should know."""
