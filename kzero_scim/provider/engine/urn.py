"""The engine's names of resources. Knows no resource."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Subject:
    """The resource of a request, from its URN ``urn:pulumi:stack::project::parent$type::name``."""

    urn: str
    token: str
    name: str

    @classmethod
    def of(cls, urn: str) -> Subject:
        """Return the subject of a URN. The resource's own type follows the last ``$``, after its parents' types."""
        parts = urn.split("::", 3)
        return cls(urn, parts[2].rsplit("$", 1)[-1], parts[3])

    def __str__(self) -> str:
        """Return its name for an error."""
        return f'{self.token} "{self.name}"'
