"""What changed attribute mappings mean for users, in the words of a preview. Asks no service."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kzero_scim.provider.entra.attribute_mappings.prior import as_original, release
from kzero_scim.resource.model import is_known

if TYPE_CHECKING:
    from kzero_scim.entra.schema.merge import Wanted
    from kzero_scim.provider.entra.attribute_mappings.model import AttributeMappingsState
    from kzero_scim.resource.model import Call


async def announce(call: Call, wanted: Wanted, old: AttributeMappingsState) -> None:
    """Say what becomes of rows and custom attributes that are listed no longer, and of groups."""
    if not is_known(old.prior):
        return
    _, released = release(as_original(old.prior), wanted)
    back = sorted(target for target, row in released.rows.items() if row is not None)
    gone = sorted(target for target, row in released.rows.items() if row is None)
    if back:
        note = f"no longer listed: {', '.join(back)}; Entra's mapping goes back to what it was before this stack"
        await call.log.info(note)
    if gone:
        note = f"no longer listed: {', '.join(gone)}; Entra sends it no more, and what users have in KZero stays"
        await call.log.warning(note)
    if attributes := sorted(name for name, attribute in released.attributes.items() if attribute is None):
        note = f"custom attribute {', '.join(attributes)} is removed from Entra's target schema"
        await call.log.info(note)
    if wanted.provision_groups is False and old.provision_groups is not False:
        await call.log.warning(
            "groups are provisioned no more: those in KZero stay as they are and are kept in step no longer; their "
            "members are provisioned as before"
        )
