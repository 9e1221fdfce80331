"""The request in which the command line runs a resource's own reads: nothing is changed, and nothing is told."""

from __future__ import annotations

from kzero_scim.provider.model import Call


class _Silent:
    """Takes what resources tell the operator; the command line has its own words."""

    async def debug(self, message: str) -> None: ...

    async def info(self, message: str) -> None: ...

    async def status(self, message: str) -> None: ...

    async def warning(self, message: str) -> None: ...


def silent_call(name: str) -> Call:
    """Make the request for one resource of a stack."""
    return Call(urn="", name=name, log=_Silent(), preview=True)
