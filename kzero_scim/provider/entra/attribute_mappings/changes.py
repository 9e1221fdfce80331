"""Logs in a preview what changed attribute mappings mean for users and groups. Asks no service."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from kzero_scim.provider.entra.attribute_mappings.prior import as_original, release
from kzero_scim.resource.model import is_known

if TYPE_CHECKING:
    from kzero_scim.entra.schema.merge import Wanted
    from kzero_scim.provider.entra.attribute_mappings.model import AttributeMappingsState
    from kzero_scim.resource.model import Call


async def announce(call: Call, wanted: Wanted, old: AttributeMappingsState) -> None:
    """Log what happens to rows and custom attributes that are no longer listed, and to groups."""
    if not is_known(old.prior):
        return
    _, released = release(as_original(old.prior), wanted)
    back = sorted(target for target, row in released.rows.items() if row is not None)
    gone = sorted(target for target, row in released.rows.items() if row is None)
    if back:
        note = f"no longer listed: {', '.join(back)}; Entra's mapping would be as it was before this stack"
        await call.log.info(note)
    if gone:
        note = f"no longer listed: {', '.join(gone)}; Entra would stop sending it, and KZero would keep existing values"
        await call.log.warning(note)
    if attributes := sorted(name for name, attribute in released.attributes.items() if attribute is None):
        note = f"custom attribute {', '.join(attributes)} would be removed from Entra's target schema"
        await call.log.info(note)
    if wanted.provision_groups is False and old.provision_groups is not False:
        await call.log.warning(
            "group provisioning would be turned off: KZero would keep existing groups but no longer synchronize them; "
            "Entra still provisions members of assigned groups"
        )


async def announce_moves(call: Call, moves: Mapping[str, tuple[int, int]]) -> None:
    """Log which rows that the stack does not own get another matching priority, to make room for its rows."""
    if not moves:
        return
    listed = ", ".join(f"{target} from {before} to {after}" for target, (before, after) in moves.items())
    note = (
        f"changes the matching priority of rows that the stack does not own: {listed}. They make room for the stack's "
        "rows, by which Entra then looks for existing users first"
    )
    await call.log.info(note)
