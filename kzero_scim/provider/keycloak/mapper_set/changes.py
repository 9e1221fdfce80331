"""Logs in a preview what a change of a mapper set means for KZero. Asks no service."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kzero_scim.keycloak.protocol_mapper import MapperPlan, Representation, row_of

if TYPE_CHECKING:
    from kzero_scim.provider.keycloak.mapper_set.model import MapperSetInputs
    from kzero_scim.resource.model import Call


async def announce_first(call: Call, actual: list[Representation], new: MapperSetInputs, plan: MapperPlan) -> None:
    """Log in the first preview what happens to existing mappers."""
    taken = sorted({mapper["name"] for mapper in actual} & set(new.mappers))
    if taken:
        changed = sorted(mapper["name"] for mapper in plan.update)
        changes = f", {', '.join(changed)} with changes" if changed else ""
        note = (
            f'client "{new.client_id}" already has the mappers {", ".join(taken)}: would adopt them{changes}; `pulumi '
            "destroy` would remove them"
        )
        await call.log.info(note)
    if plan.delete:
        names = ", ".join(sorted(mapper["name"] for mapper in plan.delete))
        note = f'exclusive: would remove the mappers {names} of client "{new.client_id}"'
        await call.log.warning(note)


async def announce_update(call: Call, plan: MapperPlan) -> None:
    """Log in a later preview which mappers would be removed, and which other mapper replaces each."""
    does = {_meaning(mapper): mapper["name"] for mapper in (*plan.add, *plan.update)}
    for mapper in sorted(plan.delete, key=lambda mapper: str(mapper["name"])):
        name, successor = mapper["name"], does.get(_meaning(mapper))
        if successor is not None:
            note = f"would rename mapper {name} to {successor}: KZero reads the same claim as before"
            await call.log.info(note)
            continue
        claim = (mapper.get("config") or {}).get("claim.name")
        attribute = (mapper.get("config") or {}).get("user.attribute")
        effect = f'KZero would no longer store "{claim}" of provisioning requests in "{attribute}"; ' if claim else ""
        note = f"would remove mapper {name}: {effect}existing values of users stay unchanged"
        await call.log.warning(note)


def _meaning(mapper: Representation) -> tuple[str, str] | str:
    """Return a value that is equal for two mappers that do the same."""
    row = row_of(mapper)
    return (row.claim, row.user_attribute) if row is not None else str(mapper["name"])
