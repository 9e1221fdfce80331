"""Tests the guard of assignments against the sandbox's Entra: who loses access, and what is refused."""

from __future__ import annotations

from dataclasses import replace

import pytest
from kzero_sandbox.organisation import SeedUser, fixed_id

from kzero_scim.errors import GraphError, ProviderError
from kzero_scim.provider.entra.app_role_assignments.resource import AppRoleAssignments, AppRoleAssignmentsInputs
from kzero_scim.resource.model import UNKNOWN, Change, ChangeKind, Found
from kzero_scim.settings.confirmations import VARIABLE
from tests.contract.local_entra import LocalEntra
from tests.contract.scripted_graph import Lines, call

ROBIN, ALEX, MORGAN = (f"{name}@contoso.example" for name in ("robin", "alex", "morgan"))
GROUP, NESTED = "KZero users", "KZero nested"


def _inputs(sp: str, *users: str, groups: tuple[str, ...] = (), exclusive: bool = False) -> AppRoleAssignmentsInputs:
    return AppRoleAssignmentsInputs(
        service_principal_id=sp, users=list(users), groups=list(groups), exclusive=exclusive
    )


def _many(entra: LocalEntra, count: int) -> list[str]:
    users = [f"user{number:04}@contoso.example" for number in range(count)]
    for user in users:
        entra.emulator.directory.add_user(SeedUser(user_principal_name=user, display_name=user, mail=user))
    return users


def _assigned(entra: LocalEntra, sp: str) -> int:
    return len(entra.emulator.directory.assigned_to(sp))


def _empty(entra: LocalEntra, key: str) -> None:
    entra.emulator.directory.members[fixed_id(f"group:{key}")].clear()


async def test_too_many_users_are_not_unassigned_without_a_confirmation(
    entra: LocalEntra, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Preview and update refuse a large loss with a list of users, and one confirmation allows both."""
    sp = entra.application()
    kind, users = AppRoleAssignments(entra.services()), _many(entra, 40)
    made = await kind.create(call(), _inputs(sp, ROBIN, *users))
    few = _inputs(sp, ROBIN, *users[30:])

    for attempt in (kind.plan(call(preview=True), few, made.state), kind.update(call(), sp, made.state, few)):
        with pytest.raises(ProviderError) as caught:
            await attempt
        assert "30 users would lose access: user0000@contoso.example, " in str(caught.value)
        assert "user0029@contoso.example. Without a confirmation, at most 25 of 41 users may" in str(caught.value)
        assert str(caught.value).endswith("KZERO_SCIM_CONFIRM=unassign=30 in the environment")
    assert _assigned(entra, sp) == 41

    monkeypatch.setenv(VARIABLE, "unassign=30")
    lines = Lines()
    await kind.plan(call(lines, preview=True), few, made.state)
    state = await kind.update(call(), sp, made.state, few)

    assert lines.warnings[0].startswith("30 users would lose access: user0000@contoso.example, ")
    assert lines.warnings[0].endswith(" and 10 more")
    assert _assigned(entra, sp) == len(state.assignments) == 11


async def test_a_removed_group_counts_with_those_whom_nothing_else_assigns(entra: LocalEntra) -> None:
    """Removing a group counts only members who lose access, not those who keep it through another assignment."""
    sp = entra.application()
    kind = AppRoleAssignments(entra.services())
    made = await kind.create(call(), _inputs(sp, ROBIN, MORGAN, groups=(GROUP, NESTED)))
    assert sorted(made.state.group_sizes.values()) == [1, 4]

    async def loss(wanted: AppRoleAssignmentsInputs) -> list[str]:
        lines = Lines()
        await kind.plan(call(lines, preview=True), wanted, made.state)
        return lines.warnings

    assert await loss(_inputs(sp, ROBIN, groups=(GROUP, NESTED))) == [
        f"1 user would lose access: {MORGAN} (members of an assigned group keep access)"
    ]
    assert await loss(_inputs(sp, ROBIN, groups=(GROUP,))) == [f"1 user would lose access: {MORGAN}"]
    assert await loss(_inputs(sp, ROBIN, MORGAN, groups=(NESTED,))) == [
        "3 users would lose access: alex@contoso.example, kim@contoso.example, sam@contoso.example"
    ]
    assert await loss(_inputs(sp, groups=(GROUP,))) == [f"1 user would lose access: {MORGAN}"]
    entra.emulator.traffic.log.clear()
    assert await loss(_inputs(sp, ROBIN, MORGAN, ALEX, groups=(GROUP, NESTED))) == []
    assert [path for _, path in entra.requests(batched=True) if path.endswith("/members")] == []


async def test_members_of_a_removed_group_are_paged_and_guarded(entra: LocalEntra) -> None:
    """The members of a large removed group are read in pages, and the removal is refused."""
    sp = entra.application()
    users = _many(entra, 1200)
    directory = entra.emulator.directory
    directory.members[fixed_id("group:kzero-nested")] += [
        user["id"] for user in directory.users.values() if user["userPrincipalName"] in set(users)
    ]
    kind = AppRoleAssignments(entra.services())
    made = await kind.create(call(), _inputs(sp, ROBIN, groups=(NESTED,)))

    with pytest.raises(
        ProviderError, match=r"1201 users would lose access: .* and 1101 more\. .* 240 of 1202 users may"
    ):
        await kind.update(call(), sp, made.state, _inputs(sp, ROBIN))

    assert _assigned(entra, sp) == 2


async def test_others_assignments_are_guarded_too(entra: LocalEntra) -> None:
    """The guard counts assignments made outside the stack if the set is exclusive."""
    sp = entra.application()
    directory, role = entra.emulator.directory, "18d14569-c3bd-439b-9a66-3a2aee01d14f"
    for user in _many(entra, 26):
        directory.assign(sp, entra.emulator.directory.user(user)["id"], role)
    kind = AppRoleAssignments(entra.services())
    exclusive = _inputs(sp, ROBIN, exclusive=True)

    for first in (kind.plan(call(preview=True), exclusive, None), kind.create(call(), exclusive)):
        with pytest.raises(ProviderError, match=r"26 users would lose access: user0000@contoso\.example, "):
            await first
    made = await kind.create(call(), _inputs(sp, ROBIN))
    for later in (
        kind.plan(call(preview=True), exclusive, made.state),
        kind.update(call(), sp, made.state, exclusive),
    ):
        with pytest.raises(ProviderError, match=r"26 users would lose access: .* 25 of 27 users may"):
            await later

    assert _assigned(entra, sp) == 27


async def test_another_role_takes_nothing_away(entra: LocalEntra) -> None:
    """A changed role takes access from no user, so any number of users may change it."""
    sp = entra.application()
    kind, users, lines = AppRoleAssignments(entra.services()), _many(entra, 30), Lines()
    made = await kind.create(call(), _inputs(sp, *users))
    moved = replace(_inputs(sp, *users), role_name="msiam_access")

    await kind.plan(call(lines, preview=True), moved, made.state)
    state = await kind.update(call(), sp, made.state, moved)

    assert (lines.warnings, len(state.assignments)) == ([], 30)


async def test_a_group_that_was_emptied_stops_the_change(entra: LocalEntra, monkeypatch: pytest.MonkeyPatch) -> None:
    """An emptied group is found by a refresh and any change of the set, and refused until it is confirmed."""
    sp = entra.application()
    kind = AppRoleAssignments(entra.services())
    wanted = _inputs(sp, MORGAN, groups=(GROUP,))
    made = await kind.create(call(), wanted)
    _empty(entra, "kzero-users")
    entra.emulator.traffic.log.clear()

    found = await kind.read(call(), sp, made.state)

    assert len(entra.requests()) == 2
    assert isinstance(found, Found)
    assert found.state == replace(made.state, emptied_groups=[GROUP])
    assert await kind.diff(call(), sp, found.state, wanted) == [Change("emptiedGroups[0]", ChangeKind.DELETE)]
    more = replace(wanted, users=[MORGAN, ROBIN])
    for attempt in (kind.plan(call(preview=True), wanted, found.state), kind.update(call(), sp, made.state, more)):
        with pytest.raises(ProviderError, match='4 members of group "KZero users", which is empty now'):
            await attempt
    assert _assigned(entra, sp) == 2
    monkeypatch.setenv(VARIABLE, "unassign=4")
    state = await kind.update(call(), sp, found.state, wanted)
    monkeypatch.delenv(VARIABLE)
    assert (state.emptied_groups, list(state.group_sizes.values())) == ([], [0])
    again = await kind.read(call(), sp, state)
    assert isinstance(again, Found)
    assert await kind.diff(call(), sp, again.state, wanted) == []


async def test_a_group_that_grows_is_no_drift(entra: LocalEntra) -> None:
    """A growing group is not drift, and an older state learns its size from the first refresh."""
    sp = entra.application()
    kind = AppRoleAssignments(entra.services())
    made = await kind.create(call(), _inputs(sp, groups=(NESTED,)))
    entra.emulator.directory.members[fixed_id("group:kzero-nested")].append(entra.organisation.user(ROBIN).id)

    found = await kind.read(call(), sp, made.state)
    upgraded = await kind.read(call(), sp, replace(made.state, group_sizes={}))

    assert isinstance(found, Found)
    assert found.state == made.state
    assert isinstance(upgraded, Found)
    assert list(upgraded.state.group_sizes.values()) == [2]


@pytest.mark.parametrize("other", [UNKNOWN, "00000000-0000-4000-8000-000000000002"], ids=["preview", "update"])
async def test_a_replaced_application_is_guarded_before_anything_is_asked(entra: LocalEntra, other: str) -> None:
    """Replacing the application is refused from the state alone, because a preview plans only the new set."""
    sp = entra.application()
    kind, users = AppRoleAssignments(entra.services()), _many(entra, 22)
    made = await kind.create(call(), _inputs(sp, *users, groups=(GROUP,)))
    entra.emulator.traffic.log.clear()

    with pytest.raises(
        ProviderError, match=r"replacing the enterprise application.* 26 users would lose access: .*unassign=26"
    ):
        await kind.diff(call(), sp, made.state, _inputs(other, *users, groups=(GROUP,)))

    assert entra.requests() == []


async def test_a_set_that_left_the_program_is_guarded_while_its_job_runs(entra: LocalEntra) -> None:
    """A deletion is refused while the job runs, and a destroy, which deletes the job first, is not."""
    sp = entra.application()
    services = entra.services()
    kind, users, graph = AppRoleAssignments(services), _many(entra, 30), services.graph
    made = await kind.create(call(), _inputs(sp, *users))
    path = f"/servicePrincipals/{sp}/synchronization/jobs"
    job = await graph.post(path, {"templateId": "scim"})
    assert job is not None
    await graph.put(
        f"/servicePrincipals/{sp}/synchronization/secrets",
        {"value": [{"key": "BaseAddress", "value": "https://kzero.example/realms/x/scim/v2"}]},
    )
    await graph.post(f"{path}/{job['id']}/start")

    with pytest.raises(ProviderError, match=r"while its provisioning job scim\..* runs: 30 users would lose access"):
        await kind.delete(call(), sp, made.state)

    assert _assigned(entra, sp) == 30
    await graph.post(f"{path}/{job['id']}/pause")
    await kind.delete(call(), sp, made.state)
    assert _assigned(entra, sp) == 0


UNCOUNTED = r"/groups/.*/members.*"


@pytest.mark.parametrize("status", [403, 404, 429, 503])
async def test_a_group_that_cannot_be_counted_is_not_one_user(
    entra: LocalEntra, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    """A large group of unknown size is removed only with a confirmation, whatever the reason is."""
    sp = entra.application()
    kind = AppRoleAssignments(entra.services())
    entra.fail(UNCOUNTED, status, times=9999)
    made = await kind.create(call(), _inputs(sp, groups=(GROUP,)))
    assert made.state.group_sizes == {}
    other = replace(made.state, service_principal_id="00000000-0000-4000-8000-000000000002")
    with pytest.raises(ProviderError, match=r"unknown number of users.*unassign=0\+unknown"):
        await kind.diff(call(), sp, made.state, _inputs(other.service_principal_id, groups=(GROUP,)))
    monkeypatch.setenv(VARIABLE, "unassign=0+unknown")
    changes = await kind.diff(call(), sp, made.state, _inputs(other.service_principal_id, groups=(GROUP,)))
    assert changes[0] == Change("servicePrincipalId", replace=True)


async def test_a_group_that_can_no_longer_be_counted_may_have_been_emptied(entra: LocalEntra) -> None:
    """The guard against emptied groups needs the size now. The state keeps the last size."""
    sp = entra.application()
    kind = AppRoleAssignments(entra.services())
    wanted = _inputs(sp, groups=(GROUP,))
    made = await kind.create(call(), wanted)
    assert list(made.state.group_sizes.values()) == [4]
    entra.fail(UNCOUNTED, 403, times=9999)

    more = _inputs(sp, ROBIN, groups=(GROUP,))
    for attempt in (kind.plan(call(preview=True), more, made.state), kind.update(call(), sp, made.state, more)):
        with pytest.raises(ProviderError, match=r"could not be counted\. Nothing was changed; .*unassign=0\+unknown"):
            await attempt
    found = await kind.read(call(), sp, made.state)
    assert isinstance(found, Found)
    assert found.state.group_sizes == made.state.group_sizes
    assert await kind.diff(call(), sp, found.state, wanted) == []


async def test_an_uncounted_group_is_not_removed_from_the_program_while_its_job_runs(entra: LocalEntra) -> None:
    """A deletion counts the group again. It is refused while its size, or whether a job runs, is unknown."""
    sp = entra.application()
    services = entra.services()
    kind, graph = AppRoleAssignments(services), services.graph
    made = await kind.create(call(), _inputs(sp, groups=(GROUP,)))
    path = f"/servicePrincipals/{sp}/synchronization/jobs"
    job = await graph.post(path, {"templateId": "scim"})
    assert job is not None
    secrets = {"value": [{"key": "BaseAddress", "value": "https://kzero.example/realms/x/scim/v2"}]}
    await graph.put(f"/servicePrincipals/{sp}/synchronization/secrets", secrets)
    await graph.post(f"{path}/{job['id']}/start")
    older = replace(made.state, group_sizes={})
    entra.fail(UNCOUNTED, 403, times=9999)

    with pytest.raises(ProviderError, match=r"runs: an unknown number of users .*unassign=0\+unknown"):
        await kind.delete(call(), sp, older)

    entra.fail(f"{path}$", 404, times=9999)
    with pytest.raises(GraphError, match="answered 404"):
        await kind.delete(call(), sp, older)
    assert _assigned(entra, sp) == 1
    entra.emulator.traffic.faults.clear()
    await kind.delete(call(), sp, older)
    assert _assigned(entra, sp) == 0


async def test_a_group_with_hidden_members_is_not_empty(entra: LocalEntra) -> None:
    """Graph shows no members of a group with hidden membership, so their number is unknown, not zero."""
    sp = entra.application()
    kind = AppRoleAssignments(entra.services())
    wanted = _inputs(sp, groups=(NESTED,))
    made = await kind.create(call(), wanted)
    assert len(made.state.group_sizes) == 1
    entra.emulator.directory.groups[fixed_id("group:kzero-nested")]["visibility"] = "HiddenMembership"
    _empty(entra, "kzero-nested")

    found = await kind.read(call(), sp, made.state)
    assert isinstance(found, Found)
    assert found.state.emptied_groups == []
    with pytest.raises(ProviderError, match=r"could not be counted.*unassign=0\+unknown"):
        await kind.update(call(), sp, made.state, _inputs(sp, ROBIN, groups=(NESTED,)))
    with pytest.raises(GraphError, match=r"membership is hidden; .*Member\.Read\.Hidden"):
        await kind.update(call(), sp, made.state, _inputs(sp))
    assert _assigned(entra, sp) == 1
