"""Provision one user or group of one job: match, create, update, disable, delete. Used by cycles and on demand.

Follows learn.microsoft.com/entra/identity/app-provisioning/how-provisioning-works.
Must not know scope, schedule or Graph.
"""

from typing import Any

from .attribute_flow import Entry, Flow, group_entry, user_entry
from .directory import Directory, Json
from .jobs import Job, Link
from .outcomes import Outcome
from .scim_client import ScimClient, ScimError
from .scim_requests import Change, build_group, build_user, member_changes, patch_body, read_value


class Provisioner:
    """Provisions objects of one job to its target."""

    def __init__(self, directory: Directory, job: Job, client: ScimClient, *, compliant: bool) -> None:
        """Prepare the provisioner.

        Args:
            directory: The source directory.
            job: The job; its schema defines the mappings, its links the matched objects.
            client: The client of the target.
            compliant: Whether to send changes in the format of aadOptscim062020.
        """
        self._directory = directory
        self._job = job
        self._client = client
        self._compliant = compliant
        self.users = Flow.of(job.schema, "User")
        self.groups = Flow.of(job.schema, "Group")

    # --- users -------------------------------------------------------------------------------------------------------

    async def user(self, user_id: str, *, entitled: bool, references: bool = True) -> Outcome:
        """Provision one user of the directory to the target.

        Args:
            user_id: The user's object id.
            entitled: Whether the user is in scope.
            references: Whether to also set references to other users.
        """
        entry = user_entry(self._directory, user_id, entitled=entitled)
        outcome = Outcome("User", user_id, str(entry["userPrincipalName"]))
        active = entry["IsSoftDeleted"] == "False"
        outcome.imported({**_shown(entry, self.users), "objectId": user_id, "IsSoftDeleted": entry["IsSoftDeleted"]})
        try:
            resource = await self._match_user(user_id, entry, outcome, search=active)
            outcome.scoped(active=active or not entitled, assigned=entitled)
            await self._settle_user(user_id, entry, resource, outcome, entitled=entitled)
            if references and active:
                await self.user_references(user_id, outcome)
        except ScimError as error:
            _fail(outcome, error)
        return outcome

    async def _match_user(self, user_id: str, entry: Entry, outcome: Outcome, *, search: bool) -> Json | None:
        link = self._job.links.get(user_id)
        resource = await self._client.get("Users", link.target_id) if link else None
        if link and resource is None:
            del self._job.links[user_id]
        if resource is None and search:
            resource = await self._search("Users", self.users, entry)
        if resource is not None:
            self._join("User", user_id, resource)
            seen = {row.target: read_value(resource, row.target) for row in self.users.rows}
            outcome.matched(str(resource["id"]), seen)
        elif search:
            outcome.unmatched()
        return resource

    async def _search(self, resource: str, flow: Flow, entry: Entry, **parameters: str) -> Json | None:
        for row in flow.matching:
            value = row.value(entry)
            if value is None:
                continue
            found = await self._client.find(resource, row.target, str(value), **parameters)
            if len(found) > 1:
                message = f"{len(found)} objects at the target have {row.target} '{value}'."
                code = "DuplicateTargetEntries"
                raise ScimError(code, message, 200)
            if found:
                return found[0]
        return None

    def _join(self, kind: str, source_id: str, resource: Json) -> Link:
        link = self._job.links.get(source_id)
        if link is None or link.target_id != resource["id"]:
            link = self._job.links[source_id] = Link(kind, str(resource["id"]))
        return link

    async def _settle_user(
        self, user_id: str, entry: Entry, resource: Json | None, outcome: Outcome, *, entitled: bool
    ) -> None:
        active = entry["IsSoftDeleted"] == "False"
        needed = "Add" if resource is None else "Update"
        if needed not in self.users.flow_types and (resource is not None or active):
            outcome.skipped("FlowTypes", f"The mapping of users does not {needed.lower()} them at the target.")
            return
        if resource is None and not active:
            outcome.skipped("NotEffectivelyEntitled", f"User '{outcome.name}' is not effectively entitled.")
            return
        if resource is None:
            values = self.users.values(entry, creating=True)
            outcome.action = "Create"
            created = await self._client.create("Users", build_user(values))
            link = self._join("User", user_id, created)
            for name, value in values.items():
                outcome.modify(name, None, value)
            outcome.exported("Create", link.target_id)
        else:
            values = self.users.values(entry, creating=False) if active else self.users.deactivation(entry)
            link = self._job.links[user_id]
            await self._change_user(link, values, resource, outcome, "Update" if active else "Disable")
        link.active, link.entitled = active, entitled
        link.exported.update(values)

    async def _change_user(self, link: Link, values: Json, resource: Json, outcome: Outcome, action: str) -> None:
        changes = []
        for name, value in values.items():
            held = read_value(resource, name)
            if self.users.same(name, held, value) or (held is not None and self.users.add_only(name)):
                continue
            changes.append(Change(name, value, present=held is not None))
            outcome.modify(name, held, value)
        if not changes:
            outcome.skipped(
                "RedundantExport",
                "The state of the user in both the source and target systems already match."
                f" No change to the User '{outcome.name}' currently needs to be made.",
            )
            return
        outcome.action = action
        body = patch_body(changes, self._client.url.address, compliant=self._compliant)
        await self._client.patch("Users", link.target_id, body)
        outcome.exported(action, link.target_id)

    async def user_references(self, user_id: str, outcome: Outcome) -> None:
        """Set references to other users, such as the manager, where both users exist at the target.

        Raises:
            ScimError: The target refuses the change.
        """
        link = self._job.links.get(user_id)
        entry = user_entry(self._directory, user_id, entitled=True)
        for row in self.users.references():
            source = row.value(entry)
            other = self._job.links.get(source) if isinstance(source, str) else None
            if link is None or other is None or link.exported.get(row.target) == other.target_id:
                continue
            resource = await self._client.get("Users", link.target_id)
            held = read_value(resource or {}, row.target)
            if resource is not None and held != other.target_id:
                change = Change(row.target, other.target_id, present=held is not None, reference=True)
                body = patch_body([change], self._client.url.address, compliant=self._compliant)
                outcome.action = "Update" if outcome.action == "Other" else outcome.action
                await self._client.patch("Users", link.target_id, body)
                outcome.modify(row.target, held, other.target_id)
                outcome.error_code = outcome.error_message = None
                outcome.exported(outcome.action, link.target_id)
            link.exported[row.target] = other.target_id

    async def removed(self, source_id: str) -> Outcome:
        """Delete from the target an object that the directory no longer has, or a group that left the scope."""
        link = self._job.links[source_id]
        outcome = Outcome(link.kind, source_id, str(link.exported.get("userName") or link.exported.get("displayName")))
        flow = self.users if link.kind == "User" else self.groups
        if "Delete" not in flow.flow_types:
            outcome.skipped("FlowTypes", "The mapping does not delete objects at the target.")
            del self._job.links[source_id]
            return outcome
        try:
            outcome.action = "Delete"
            await self._client.delete(f"{link.kind}s", link.target_id)
            outcome.exported("Delete", link.target_id)
            del self._job.links[source_id]
        except ScimError as error:
            _fail(outcome, error)
        return outcome

    # --- groups ------------------------------------------------------------------------------------------------------

    async def group(self, group_id: str) -> Outcome:
        """Provision one assigned group and those of its members that exist at the target."""
        entry = group_entry(self._directory, group_id)
        outcome = Outcome("Group", group_id, str(entry["displayName"]))
        outcome.imported(_shown(entry, self.groups))
        try:
            resource = await self._match_group(group_id, entry, outcome)
            outcome.scoped(active=True, assigned=True)
            link = await self._settle_group(group_id, entry, resource, outcome)
            await self._settle_members(link, entry, outcome)
        except ScimError as error:
            _fail(outcome, error)
        if outcome.status == "Skipped":
            outcome.skipped(
                "RedundantExport", "The state of the group in both the source and target systems already match."
            )
        return outcome

    async def _match_group(self, group_id: str, entry: Entry, outcome: Outcome) -> Json | None:
        link = self._job.links.get(group_id)
        without_members = {"excludedAttributes": "members"}
        resource = await self._client.get("Groups", link.target_id, **without_members) if link else None
        if link and resource is None:
            del self._job.links[group_id]
        if resource is None:
            resource = await self._search("Groups", self.groups, entry, **without_members)
        if resource is None:
            outcome.unmatched()
        else:
            self._join("Group", group_id, resource)
            outcome.matched(str(resource["id"]), {"displayName": resource.get("displayName")})
        return resource

    async def _settle_group(self, group_id: str, entry: Entry, resource: Json | None, outcome: Outcome) -> Link:
        values = self.groups.values(entry, creating=resource is None)
        if resource is None:
            outcome.action = "Create"
            created = await self._client.create("Groups", build_group(values))
            link = self._join("Group", group_id, created)
            outcome.exported("Create", link.target_id)
        else:
            link = self._job.links[group_id]
            changes = [
                Change(name, value, present=read_value(resource, name) is not None)
                for name, value in values.items()
                if not self.groups.same(name, read_value(resource, name), value)
            ]
            if changes:
                outcome.action = "Update"
                body = patch_body(changes, self._client.url.address, compliant=self._compliant)
                await self._client.patch("Groups", link.target_id, body)
                outcome.exported("Update", link.target_id)
        link.exported.update(values)
        return link

    async def _settle_members(self, link: Link, entry: Entry, outcome: Outcome) -> None:
        row = next((row for row in self.groups.references() if row.target == "members"), None)
        if row is None:
            return
        held = set(link.exported.get("members", []))
        wanted = self._member_links(row.value(entry), held)
        bodies = member_changes(sorted(wanted - held), sorted(held - wanted), compliant=self._compliant)
        for body in bodies:
            await self._client.patch("Groups", link.target_id, body)
        if bodies:
            outcome.modify("members", len(held), len(wanted))
            outcome.exported(outcome.action if outcome.action == "Create" else "Update", link.target_id)
        link.exported["members"] = sorted(wanted)

    def _member_links(self, members: Any, held: set[str]) -> set[str]:  # noqa: ANN401 - a list or nothing
        """Return the members at the target. Disabling a user does not change a group that has the user already."""
        links = [self._job.links[member] for member in members or [] if member in self._job.links]
        return {link.target_id for link in links if link.active or link.target_id in held}


def _shown(entry: Entry, flow: Flow) -> dict[str, Any]:
    mapped = {name for row in flow.rows if row.source.get("type") == "Attribute" for name in (row.source["name"],)}
    return {name: value for name, value in entry.items() if name in mapped}


def _fail(outcome: Outcome, error: ScimError) -> None:
    outcome.failed(outcome.action, error.code, error.message)
    outcome.complete_failure = error.complete
