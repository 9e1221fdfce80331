"""The engine's names of resources."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Subject:
    """The resource that a request is about, out of its URN ``urn:pulumi:stack::project::parent$type::name``."""

    urn: str
    token: str
    name: str

    @classmethod
    def of(cls, urn: str) -> Subject:
        """Take a URN apart; its type names the parents' types too, before the last ``$``."""
        parts = urn.split("::", 3)
        return cls(urn, parts[2].rsplit("$", 1)[-1], parts[3])

    def __str__(self) -> str:
        """Name it for an error."""
        return f'{self.token} "{self.name}"'
