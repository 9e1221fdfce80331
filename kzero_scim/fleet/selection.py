"""Selects tenants of the fleet: by name, tag, change, last failure, and shard."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Final

from kzero_scim.display import one_line, plain
from kzero_scim.errors import SettingsError
from kzero_scim.fleet import journal
from kzero_scim.fleet.changes import changed, why
from kzero_scim.fleet.model import Command, Outcome
from kzero_scim.fleet.project import FleetProject, FleetTenant
from kzero_scim.nearest import did_you_mean
from kzero_scim.stack.host_rule import FLEET_FILE
from kzero_scim.stack.stack import SHOWS_ALL

_FAILED: Final = frozenset({Outcome.FAILED, Outcome.TIMED_OUT, Outcome.NOT_RUN})
_SHARD: Final = re.compile(r"([1-9][0-9]{0,5})/([1-9][0-9]{0,5})")


@dataclass(frozen=True, kw_only=True)
class Shard:
    """One of several parts of a fleet.

    Attributes:
        number: Number of this part, from 1.
        of: Number of parts.
    """

    number: int
    of: int

    @classmethod
    def parse(cls, text: str) -> Shard:
        """Return the shard that a text like ``2/5`` describes.

        Raises:
            SettingsError: The text is malformed, or the number exceeds the count.
        """
        found = _SHARD.fullmatch(text)
        if found is None or int(found[1]) > int(found[2]):
            message = f"--shard {plain(text)}: give the shard's number and the number of shards, for example 2/5"
            raise SettingsError(message)
        return cls(number=int(found[1]), of=int(found[2]))

    def has(self, tenant: str) -> bool:
        """Return whether a tenant is in this shard. That depends only on its name, not on other tenants."""
        digest = hashlib.sha256(tenant.encode()).digest()
        return int.from_bytes(digest[:8]) % self.of == self.number - 1


@dataclass(frozen=True, kw_only=True)
class Selection:
    """Filters that combine with AND. Without a filter, the selection is the whole fleet.

    Attributes:
        names: Names and globs of stacks; one must match.
        tags: Tags; one must match. ``a+b`` requires both.
        changed_since: A git revision; selects tenants that changes since it affect.
        failed: Selects tenants that failed, timed out or were skipped in the last run of any command.
        failed_in: The same, for the last run of this command.
        shard: Selects one part of the remaining tenants.
    """

    names: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    changed_since: str = ""
    failed: bool = False
    failed_in: Command | None = None
    shard: Shard | None = None


@dataclass(frozen=True)
class Selected:
    """The result of a selection.

    Attributes:
        tenants: The tenants, sorted by name.
        notes: Facts that the operator should know, one line each.
    """

    tenants: list[FleetTenant]
    notes: list[str]


def select(project: FleetProject, selection: Selection, failed: Iterable[str] | None = None) -> Selected:
    """Select tenants.

    Args:
        project: The fleet.
        selection: What was asked for.
        failed: Tenants that failed last, for ``selection.failed``; by default from the runs' documents.

    Raises:
        SettingsError: A name or tag matches no tenant, git failed, or no run's document says who failed.
    """
    notes: list[str] = []
    found = _tagged(project, _named(project, selection.names), selection, notes)
    left = len(found)
    if selection.changed_since:
        change = changed(project, selection.changed_since)
        notes += [*change.notes, *filter(None, [why(change, selection.changed_since)])]
        found = [tenant for tenant in found if change.touches(tenant.name)]
        if left and not found:
            notes.append(f"no tenant selected: changes since {plain(selection.changed_since)} affect none")
    if (selection.failed or selection.failed_in) and found:
        last = failed_last(project, selection.failed_in) if failed is None else set(failed)
        found = [tenant for tenant in found if tenant.name in last]
        if not found:
            notes.append("no tenant selected: none failed or was skipped in the last run")
    if selection.shard is not None and found:
        found = [tenant for tenant in found if selection.shard.has(tenant.name)]
        if not found:
            notes.append(f"no tenant selected: shard {selection.shard.number}/{selection.shard.of} is empty")
    if not project.tenants:
        notes.append(f"{project.folder}/stacks contains no stack file; write one with `kzero-scim tenant add`")
    return Selected(sorted(found, key=lambda tenant: tenant.name), notes)


def _named(project: FleetProject, names: Sequence[str]) -> list[FleetTenant]:
    if not names:
        return list(project.tenants.values())
    found: dict[str, FleetTenant] = {}
    for name in names:
        if not name.strip():
            message = f"a tenant's name is blank; {SHOWS_ALL}"
            raise SettingsError(message)
        matching = {key: tenant for key, tenant in project.tenants.items() if fnmatchcase(key, name)}
        if not matching:
            raise SettingsError(_no_tenant(project, name))
        found |= matching
    return list(found.values())


def _no_tenant(project: FleetProject, name: str) -> str:
    if any(fnmatchcase(name, pattern) for pattern in project.settings.exclude):
        return f'"{plain(name)}" is not a tenant of the fleet: {FLEET_FILE} excludes it'
    return f'no tenant is named "{plain(name)}"{did_you_mean(name, project.tenants, SHOWS_ALL)}'


def _tagged(
    project: FleetProject, among: list[FleetTenant], selection: Selection, notes: list[str]
) -> list[FleetTenant]:
    if not selection.tags:
        return among
    known = {tag for tenant in project.tenants.values() for tag in tenant.tags}
    for tag in (part for asked in selection.tags for part in asked.split("+")):
        if tag not in known:
            message = f'--tag: no tenant has the tag "{plain(tag)}"{did_you_mean(tag, known, SHOWS_ALL)}'
            raise SettingsError(message)
    found = [tenant for tenant in among if any(_is_tagged(tenant, asked) for asked in selection.tags)]
    if not found:
        asked = " or ".join(map(plain, selection.tags))
        names = " ".join(map(plain, selection.names))
        message = f"--tag: no tenant{' of ' + names if names else ''} has {asked}; `kzero-scim fleet list` shows tags"
        raise SettingsError(message)
    notes += [
        f"could not read the tags of {one_line(tenant.name)}: {one_line(tenant.problem)}"
        for tenant in among
        if tenant.problem
    ]
    return found


def _is_tagged(tenant: FleetTenant, asked: str) -> bool:
    return set(asked.split("+")) <= set(tenant.tags)


def failed_last(project: FleetProject, command: Command | None = None) -> set[str]:
    """Return the tenants that failed, timed out or were skipped in the last run, or in the last run of a command.

    Raises:
        SettingsError: There is no such run, or its document cannot be read.
    """
    last = [journal.last(project, name) for name in ([command] if command else Command)]
    runs = [run for run in last if run is not None]
    if not runs:
        what = f"fleet {command}" if command else "the fleet"
        message = f"--failed: no document of a run of {what} in {project.runs}; run it without --failed"
        raise SettingsError(message)
    newest = max(runs, key=lambda run: run.ended)
    return {result.tenant for result in newest.results if result.outcome in _FAILED}
