"""What a change of a mapper set means for KZero, in the words of a preview. Asks no service."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kzero_scim.keycloak.protocol_mapper import MapperPlan, Representation, row_of

if TYPE_CHECKING:
    from kzero_scim.provider.keycloak.mapper_set.model import MapperSetInputs
    from kzero_scim.resource.model import Call


async def announce_first(call: Call, actual: list[Representation], new: MapperSetInputs, plan: MapperPlan) -> None:
    """Tell at the first preview what happens to mappers that are there already."""
    taken = sorted({mapper["name"] for mapper in actual} & set(new.mappers))
    if taken:
        changed = sorted(mapper["name"] for mapper in plan.update)
        changes = f", {', '.join(changed)} with changes" if changed else ""
        note = f'client "{new.client_id}" has the mappers {", ".join(taken)} already: they are taken over{changes}'
        await call.log.info(note)
    if plan.delete:
        names = ", ".join(sorted(mapper["name"] for mapper in plan.delete))
        note = f'exclusive: the mappers {names} of client "{new.client_id}" will be removed'
        await call.log.warning(note)


async def announce_update(call: Call, plan: MapperPlan) -> None:
    """Tell at a later preview which mappers go, and whether another one does the same from then on."""
    does = {_meaning(mapper): mapper["name"] for mapper in (*plan.add, *plan.update)}
    for mapper in sorted(plan.delete, key=lambda mapper: str(mapper["name"])):
        name, successor = mapper["name"], does.get(_meaning(mapper))
        if successor is not None:
            note = f"mapper {name} is renamed to {successor}: KZero reads the same claim as before"
            await call.log.info(note)
            continue
        claim = (mapper.get("config") or {}).get("claim.name")
        attribute = (mapper.get("config") or {}).get("user.attribute")
        what = f'"{claim}" of a provisioning request is then no longer kept in "{attribute}"' if claim else "it goes"
        note = f"mapper {name} is removed: {what}; what users have stays as it is"
        await call.log.warning(note)


def _meaning(mapper: Representation) -> tuple[str, str] | str:
    """Give what tells whether two mappers do the same."""
    row = row_of(mapper)
    return (row.claim, row.user_attribute) if row is not None else str(mapper["name"])
