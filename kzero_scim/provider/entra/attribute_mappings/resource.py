"""``kzero:entra:AttributeMappings``: the rows of a job's synchronization schema that a stack owns.

Graph accepts only the whole schema (PUT; a PATCH of its metadata returns 404). So the resource reads, changes, writes
and rereads it. See https://learn.microsoft.com/graph/api/synchronization-synchronizationschema-update.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import ClassVar

from kzero_scim.clients.graph.look_up import look_up_part, require_gone
from kzero_scim.entra.schema.document import (
    Document,
    custom_attributes,
    extract,
    is_enabled,
    missing_expressions,
    removable_targets,
    rule_id,
    unowned_targets,
)
from kzero_scim.entra.schema.merge import (
    Original,
    Wanted,
    differences,
    fingerprint,
    merge,
    moved,
    record,
    require_attributes,
    require_offered_attributes,
    restore,
)
from kzero_scim.entra.synchronization_job import job_changes, job_path, job_resource_id, split_job_resource_id
from kzero_scim.errors import GraphError, MissingRightError, PartialFailureError, ProviderError
from kzero_scim.mapping.attribute_mapping import (
    canonical,
    guide_custom_attributes,
    guide_rows,
    lookup,
    row_failures,
    same,
)
from kzero_scim.provider.entra.attribute_mappings.changes import announce, announce_moves
from kzero_scim.provider.entra.attribute_mappings.facts import FACTS
from kzero_scim.provider.entra.attribute_mappings.model import AttributeMappingsInputs, AttributeMappingsState
from kzero_scim.provider.entra.attribute_mappings.prior import as_original, as_prior, combined, release
from kzero_scim.provider.entra.attribute_mappings.row_diff import attribute_changes, row_changes
from kzero_scim.provider.entra.permission_check import (
    CHANGE_MAPPINGS,
    PARSE_EXPRESSIONS,
    require_permissions,
    warn_of_permissions,
)
from kzero_scim.provider.services import Services
from kzero_scim.resource.facts import Facts
from kzero_scim.resource.model import (
    UNKNOWN,
    Call,
    Change,
    Created,
    Failure,
    Found,
    Resource,
    compare,
    compare_ids,
    inputs_of,
    is_known,
    replacing,
)
from kzero_scim.resource.reading import Absent, Present, Unknown, observed

_READ_BACK_DELAYS = (1.0, 2.0)
"""Seconds before each further read, while Graph still returns the schema from before the write."""


class AttributeMappings(Resource[AttributeMappingsInputs, AttributeMappingsState]):
    """The attribute mappings and custom attributes of one synchronization job that a stack owns."""

    token: ClassVar[str] = "kzero:entra:AttributeMappings"  # noqa: S105 - a type token
    facts: ClassVar[Facts] = FACTS
    inputs = AttributeMappingsInputs
    state = AttributeMappingsState

    def __init__(self, services: Services, *, sleep: Callable[[float], Awaitable[object]] = asyncio.sleep) -> None:
        """Store the clients. ``sleep`` waits between reads after a write."""
        self._services = services
        self._sleep = sleep

    async def check(
        self,
        call: Call,  # noqa: ARG002
        new: AttributeMappingsInputs,
        old: AttributeMappingsInputs | None,  # noqa: ARG002
    ) -> tuple[AttributeMappingsInputs, list[Failure]]:
        """Return the rows in their simplest form, and a failure for each value that Entra would refuse."""
        if new.rows is UNKNOWN:
            return new, []
        failures = row_failures(new.rows, new.custom_attributes)
        return replace(new, rows={target: canonical(row) for target, row in new.rows.items()}), failures

    async def diff(
        self,
        call: Call,  # noqa: ARG002
        id: str,  # noqa: A002, ARG002
        old: AttributeMappingsState,
        new: AttributeMappingsInputs,
    ) -> list[Change]:
        """Compare row by row and field by field. The order of rows and attributes does not matter."""
        changes = [
            *map(replacing, compare_ids(old.service_principal_id, new.service_principal_id, "servicePrincipalId")),
            *job_changes(old.job_id, new.job_id),
        ]
        changes += row_changes(old.rows, new.rows)
        changes += attribute_changes(old.custom_attributes, new.custom_attributes)
        for path, before, after in (
            ("provisionGroups", old.provision_groups, new.provision_groups),
            ("exclusive", old.exclusive, new.exclusive),
        ):
            changes += compare(before, after, path)
        return changes

    async def plan(
        self,
        call: Call,
        new: AttributeMappingsInputs,
        old: AttributeMappingsState | None,
    ) -> AttributeMappingsState:
        """Return the state after the update, log what it would remove, and warn of a missing permission.

        Raises:
            ProviderError: A row reads an attribute that Entra does not have, as far as the preview can check that.
        """
        await warn_of_permissions(call, self._services.graph, CHANGE_MAPPINGS)
        if is_known([new.rows, new.custom_attributes, new.provision_groups, new.exclusive]):
            changed = old is None or any(
                (known := lookup(old.rows, target)) is None or not same(known[1], row)
                for target, row in new.rows.items()
            )
            if changed:
                await self._refuse_early(call, new)
            if old is not None:
                await announce(call, _wanted(new), old)
        given = inputs_of(AttributeMappingsInputs, new)
        print_ = fingerprint(_wanted(new)) if is_known(replace(new, service_principal_id="", job_id="")) else UNKNOWN
        if old is None:
            return AttributeMappingsState(
                **given, rule_id=UNKNOWN, fingerprint=print_, unmanaged_rows=UNKNOWN, prior=UNKNOWN
            )
        owns_the_same = (
            is_known(new.rows)
            and is_known(new.custom_attributes)
            and set(new.rows) == set(old.prior.rows)
            and {item.name for item in new.custom_attributes} == set(old.prior.custom_attributes)
            and (old.provision_groups, old.exclusive) == (new.provision_groups, new.exclusive)
        )
        return AttributeMappingsState(
            **given,
            rule_id=old.rule_id,
            fingerprint=print_,
            unmanaged_rows=old.unmanaged_rows if owns_the_same else UNKNOWN,
            prior=old.prior if owns_the_same else UNKNOWN,
        )

    async def create(self, call: Call, new: AttributeMappingsInputs) -> Created[AttributeMappingsState]:
        """Write the rows into the schema. Nothing is written if Entra would refuse one of them.

        Raises:
            PartialFailureError: Entra accepted the schema but does not show all of it.
            ProviderError: Entra would refuse a row. Nothing was changed.
        """
        await call.log.status("reading the synchronization schema")
        document = await self._services.graph.consistent(lambda: self._read(new))
        state = await self._write(call, new, document, document, Original())
        return Created(job_resource_id(new.service_principal_id, new.job_id), state)

    @observed
    async def read(
        self,
        call: Call,  # noqa: ARG002
        id: str,  # noqa: A002
        old: AttributeMappingsState | None,
    ) -> Found[AttributeMappingsInputs, AttributeMappingsState] | Absent | Unknown:
        """Read the owned rows. An import owns the existing rows among the guide's seven targets."""
        service_principal_id, job_id = split_job_resource_id(id)
        graph, job = self._services.graph, job_path(service_principal_id, job_id)
        answer = await look_up_part(graph, job, lambda: graph.get(f"{job}/schema"))
        if not isinstance(answer, Present):
            return answer
        document = answer.value
        if old is None:
            rows = extract(document, list(guide_rows()), guide_rows())
            attributes = [item.name for item in guide_custom_attributes() if item.name in rows]
            new = AttributeMappingsInputs(
                service_principal_id=service_principal_id,
                job_id=job_id,
                rows=rows,
                custom_attributes=custom_attributes(document, attributes),
            )
            original = record(document, _wanted(new))
        else:
            new, original = old, as_original(old.prior)
        state = _state(new, document, original)
        return Found(id, AttributeMappingsInputs(**inputs_of(AttributeMappingsInputs, state)), state)

    async def update(
        self,
        call: Call,
        id: str,  # noqa: A002, ARG002
        old: AttributeMappingsState,
        new: AttributeMappingsInputs,
    ) -> AttributeMappingsState:
        """Write the rows into the schema, and restore the original of rows that are no longer listed.

        Raises:
            PartialFailureError: Entra accepted the schema but does not show all of it.
        """
        document = await self._read(new)
        kept, released = release(as_original(old.prior), _wanted(new))
        return await self._write(call, new, document, restore(document, released), kept)

    async def delete(self, call: Call, id: str, old: AttributeMappingsState) -> None:  # noqa: A002, ARG002
        """Restore the original rows. A deleted job has no schema any more."""
        await self._restore(old, as_original(old.prior))

    def inherit(self, old: AttributeMappingsState, new: AttributeMappingsState) -> AttributeMappingsState:
        """Keep the originals that the old state recorded, in place of the rows that the stack had written."""
        kept, _ = release(as_original(old.prior), _wanted(new))
        return replace(new, prior=as_prior(combined(kept, as_original(new.prior))))

    async def give_up(
        self,
        call: Call,  # noqa: ARG002
        id: str,  # noqa: A002, ARG002
        old: AttributeMappingsState,
        new: AttributeMappingsState,
    ) -> None:
        """Restore the original of the rows that only the old mappings own."""
        _, released = release(as_original(old.prior), _wanted(new))
        await self._restore(old, released)

    async def _restore(self, old: AttributeMappingsState, original: Original) -> None:
        job = job_path(old.service_principal_id, old.job_id)
        path = f"{job}/schema"
        try:
            document = await self._services.graph.get(path)
            restored = restore(document, original)
            if restored != document:
                await self._services.graph.put(path, _body(restored))
        except GraphError as error:
            await require_gone(self._services.graph, job, error)

    async def _write(
        self,
        call: Call,
        new: AttributeMappingsInputs,
        actual: Document,
        base: Document,
        known: Original,
    ) -> AttributeMappingsState:
        wanted = _wanted(new)
        require_attributes(base, wanted)
        parsed = await self._parse(new, base)
        original = record(base, wanted, known)
        merged = merge(base, wanted, parsed)
        if merged == actual:
            return _state(new, actual, original)
        await require_permissions(self._services.graph, CHANGE_MAPPINGS)
        await announce_moves(call, moved(base, wanted))
        await call.log.status("writing the synchronization schema")
        path = f"{job_path(new.service_principal_id, new.job_id)}/schema"
        await self._services.graph.put(path, _body(merged))
        resource_id = job_resource_id(new.service_principal_id, new.job_id)
        try:
            document = await self._read_back(new, wanted)
        except GraphError as error:
            reason = f"Entra accepted the attribute mappings, but reading them back failed: {error}"
            raise PartialFailureError(resource_id, _state(new, merged, original), reason) from error
        state = _state(new, document, original)
        if refused := differences(document, wanted):
            reason = (
                f"Entra accepted the synchronization schema of job {new.job_id} but did not keep all of it: "
                f"{'; '.join(refused)}. Compare it with Provisioning > Attribute mapping in the portal, then run "
                "`pulumi up` again"
            )
            raise PartialFailureError(resource_id, state, reason)
        return state

    async def _read(self, new: AttributeMappingsInputs, *, fresh: bool = False) -> Document:
        path = f"{job_path(new.service_principal_id, new.job_id)}/schema"
        return await self._services.graph.get(path, fresh=fresh)

    async def _read_back(self, new: AttributeMappingsInputs, wanted: Wanted) -> Document:
        """Read the schema after a write. Repeats the read for a moment while Graph returns an older copy."""
        document = await self._read(new, fresh=True)
        for delay in _READ_BACK_DELAYS:
            if not differences(document, wanted):
                break
            await self._sleep(delay)
            document = await self._read(new, fresh=True)
        return document

    async def _parse(self, new: AttributeMappingsInputs, document: Document) -> dict[str, Document]:
        """Return Entra's parsed form of the expressions that the schema does not contain yet. Changes nothing."""
        path = f"{job_path(new.service_principal_id, new.job_id)}/schema/parseExpression"
        parsed: dict[str, Document] = {}
        expressions = missing_expressions(document, new.rows)
        if expressions:
            await require_permissions(self._services.graph, PARSE_EXPRESSIONS)
        for expression in expressions:
            answer = await self._services.graph.post(path, {"expression": expression}) or {}
            source = answer.get("parsedExpression")
            if not answer.get("parsingSucceeded") or not isinstance(source, dict):
                error = answer.get("error") or {}
                detail = error.get("message") or error.get("code") or "Entra gives no reason"
                targets = ", ".join(repr(target) for target, row in new.rows.items() if row.expression == expression)
                message = (
                    f"Entra cannot parse the expression {expression!r} of {targets}. Nothing was changed; correct the "
                    f"expression: {detail}"
                )
                raise ProviderError(message)
            parsed[expression] = source
        return parsed

    async def _refuse_early(self, call: Call, new: AttributeMappingsInputs) -> None:
        """Refuse in the preview what ``create`` would refuse: by the schema of the job or template, or Entra's list.

        Entra parses expressions only for an application that may change mappings.
        """
        document = await self._expected_schema(new)
        if document is None:
            require_offered_attributes(new.rows)
            return
        require_attributes(document, _wanted(new))
        await announce_moves(call, moved(document, _wanted(new)))
        if not is_known(new.job_id):
            return
        try:
            await self._parse(new, document)
        except (GraphError, MissingRightError) as error:
            if isinstance(error, GraphError) and not error.is_forbidden:
                raise
            message = (
                "it is unknown whether Entra can parse the new expressions, because the application that signs in "
                "lacks the permission for this check; `pulumi up` checks them before it changes a mapping"
            )
            await call.log.warning(message)

    async def _expected_schema(self, new: AttributeMappingsInputs) -> Document | None:
        if not is_known(new.service_principal_id):
            return None
        if is_known(new.job_id):
            path = f"{job_path(new.service_principal_id, new.job_id)}/schema"
        else:
            path = f"/servicePrincipals/{new.service_principal_id}/synchronization/templates/scim/schema"
        try:
            return await self._services.graph.get(path)
        except GraphError as error:
            if error.status in {400, 404}:
                return None
            raise


def _wanted(new: AttributeMappingsInputs) -> Wanted:
    return Wanted(
        rows=new.rows,
        custom_attributes=new.custom_attributes,
        provision_groups=new.provision_groups,
        exclusive=new.exclusive,
    )


def _state(new: AttributeMappingsInputs, document: Document, original: Original) -> AttributeMappingsState:
    """Return the state for the owned part of a schema. With ``exclusive``, all removable rows are owned."""
    targets = {target.casefold(): target for target in (*original.rows, *new.rows)}
    if new.exclusive:
        targets |= {
            target.casefold(): target
            for target in removable_targets(document, new.rows)
            if target.casefold() not in targets
        }
    names = {name.casefold(): name for name in (*original.attributes, *(item.name for item in new.custom_attributes))}
    shown = replace(
        new,
        rows=extract(document, list(targets.values()), new.rows),
        custom_attributes=custom_attributes(document, list(names.values())),
        provision_groups=None if new.provision_groups is None else is_enabled(document, "Group"),
    )
    return AttributeMappingsState(
        **inputs_of(AttributeMappingsInputs, shown),
        rule_id=rule_id(document),
        fingerprint=fingerprint(_wanted(shown)),
        unmanaged_rows=unowned_targets(document, list(targets.values())),
        prior=as_prior(original),
    )


def _body(document: Document) -> Document:
    """Return a schema without the annotation that Graph adds to its answers."""
    return {key: value for key, value in document.items() if key != "@odata.context"}
