"""Tests AppRoleAssignments against the sandbox's Entra."""

from __future__ import annotations

from dataclasses import replace

import pytest
from kzero_sandbox.organisation import SeedUser

from kzero_scim.errors import GraphError, PartialFailureError, ProviderError
from kzero_scim.provider.entra.app_role_assignments.resource import (
    AppRoleAssignments,
    AppRoleAssignmentsInputs,
    AppRoleAssignmentsState,
)
from kzero_scim.resource.model import UNKNOWN, Change, ChangeKind, Found
from kzero_scim.resource.reading import Absent
from tests.contract.local_entra import LocalEntra
from tests.contract.scripted_graph import Lines, call

ROBIN, ALEX, SAM, KIM = (f"{name}@contoso.example" for name in ("robin", "alex", "sam", "kim"))
GUEST = "pat_partner.example#EXT#@contoso-sandbox.onmicrosoft.com"


def _inputs(sp: str, *users: str, groups: tuple[str, ...] = (), exclusive: bool = False) -> AppRoleAssignmentsInputs:
    return AppRoleAssignmentsInputs(
        service_principal_id=sp, users=list(users), groups=list(groups), exclusive=exclusive
    )


def _assigned(entra: LocalEntra, sp: str) -> set[str]:
    return {item["principalDisplayName"] for item in entra.emulator.directory.assigned_to(sp)}


def _assign(entra: LocalEntra, sp: str, user: str) -> None:
    role = "18d14569-c3bd-439b-9a66-3a2aee01d14f"
    entra.emulator.directory.assign(sp, entra.organisation.user(user).id, role)


def _unassign(entra: LocalEntra, sp: str, name: str) -> None:
    for item in list(entra.emulator.directory.assigned_to(sp)):
        if item["principalDisplayName"] == name:
            entra.emulator.directory.unassign(sp, item["id"])


async def test_a_set_is_assigned_and_stays_as_it_is(entra: LocalEntra) -> None:
    """Users in any case, a guest, an object ID and a group are assigned, and no order makes a difference."""
    sp = entra.application()
    kind = AppRoleAssignments(entra.services())
    wanted = _inputs(sp, "Robin@Contoso.example", GUEST, entra.organisation.user(SAM).id, groups=("KZero users",))

    made = await kind.create(call(), wanted)

    assert made.id == sp
    assert _assigned(entra, sp) == {"Robin Falk", "Pat Visitor", "Sam O'Hara", "KZero users"}
    shuffled = replace(wanted, users=[SAM, GUEST, ROBIN])
    assert await kind.diff(call(), sp, made.state, replace(shuffled, users=[wanted.users[2], GUEST, ROBIN])) == []
    found = await kind.read(call(), sp, made.state)
    assert isinstance(found, Found)
    assert found.state == made.state
    assert found.inputs == wanted


async def test_a_difference_names_who_comes_and_who_goes(entra: LocalEntra) -> None:
    """A diff has list positions without asking Graph, and a preview logs the names."""
    sp = entra.application()
    kind = AppRoleAssignments(entra.services())
    made = await kind.create(call(), _inputs(sp, ROBIN, ALEX))
    entra.emulator.traffic.log.clear()
    wanted, lines = _inputs(sp, SAM, ROBIN, KIM), Lines()

    changes = await kind.diff(call(), sp, made.state, wanted)

    assert entra.requests() == []
    assert changes == [
        Change("users[0]", ChangeKind.ADD),
        Change("users[1]", ChangeKind.DELETE),
        Change("users[2]", ChangeKind.ADD),
    ]
    await kind.plan(call(lines, preview=True), wanted, made.state)
    assert f"would add: {SAM}, {KIM}; would remove: {ALEX}" in lines.notes
    assert f"1 user would lose access: {ALEX}" in lines.warnings
    state = await kind.update(call(), sp, made.state, wanted)
    assert _assigned(entra, sp) == {"Robin Falk", "Sam O'Hara", "Kim Mailless"}
    assert await kind.diff(call(), sp, state, wanted) == []


async def test_every_unknown_or_ambiguous_name_is_told_at_once(entra: LocalEntra) -> None:
    """A preview reports all unknown and ambiguous names with remedies, and assigns nothing."""
    sp = entra.application()
    kind = AppRoleAssignments(entra.services())
    wanted = _inputs(sp, "nobody@contoso.example", "pat@partner.example", ROBIN, groups=("Duplicates", "Nope"))

    with pytest.raises(ProviderError) as caught:
        await kind.plan(call(preview=True), wanted, None)
    with pytest.raises(ProviderError):
        await kind.create(call(), wanted)

    text = str(caught.value)
    assert 'user "nobody@contoso.example" does not exist' in text
    assert f'"pat@partner.example" does not exist in Entra; this is the email address of user "{GUEST}"' in text
    assert 'group "Duplicates" is ambiguous: 2 groups' in text
    assert 'group "Nope" does not exist' in text
    assert ROBIN not in text
    assert _assigned(entra, sp) == set()


async def test_names_are_looked_up_before_the_application_exists(entra: LocalEntra) -> None:
    """The first preview looks up names although no service principal exists."""
    kind = AppRoleAssignments(entra.services())

    with pytest.raises(ProviderError, match=r"nobody@contoso\.example"):
        await kind.plan(call(preview=True), _inputs(UNKNOWN, "nobody@contoso.example"), None)
    state = await kind.plan(call(preview=True), _inputs(UNKNOWN, ROBIN), None)

    assert state.app_role_id is UNKNOWN
    assert state.assignments[ROBIN].assignment_id is UNKNOWN


async def test_what_is_odd_is_warned_of_and_kept(entra: LocalEntra) -> None:
    """The state keeps warnings about nested groups, disabled users, users without mail, and guests."""
    sp = entra.application()
    kind, lines = AppRoleAssignments(entra.services()), Lines()
    wanted = _inputs(sp, KIM, "jo@contoso.example", GUEST, ROBIN, groups=("KZero nested",))

    await kind.plan(call(lines, preview=True), wanted, None)
    made = await kind.create(call(), wanted)

    assert made.state.warnings == lines.warnings
    text = " | ".join(lines.warnings)
    assert f"user {KIM} has no mail" in text
    assert "user jo@contoso.example is disabled" in text
    assert f"user {GUEST} is a guest" in text
    assert 'group "KZero nested" contains groups ("KZero users")' in text
    assert len(lines.warnings) == 4


async def test_assignments_of_others_are_reported_or_removed(entra: LocalEntra) -> None:
    """Other assignments stay, unless the set is exclusive."""
    sp = entra.application()
    _assign(entra, sp, ALEX)
    kind = AppRoleAssignments(entra.services())
    made = await kind.create(call(), _inputs(sp, ROBIN))
    assert made.state.unmanaged == ["Alex Lindqvist"]
    exclusive = _inputs(sp, ROBIN, exclusive=True)

    assert Change("unmanaged[0]", ChangeKind.DELETE) in await kind.diff(call(), sp, made.state, exclusive)
    state = await kind.update(call(), sp, made.state, exclusive)

    assert state.unmanaged == []
    assert _assigned(entra, sp) == {"Robin Falk"}
    assert await kind.diff(call(), sp, state, exclusive) == []


async def test_drift_is_seen_and_repaired(entra: LocalEntra) -> None:
    """A refresh detects a removed and an added assignment, and an update repairs them."""
    sp = entra.application()
    kind = AppRoleAssignments(entra.services())
    wanted = _inputs(sp, ROBIN, ALEX)
    made = await kind.create(call(), wanted)
    _unassign(entra, sp, "Alex Lindqvist")
    _assign(entra, sp, KIM)

    found = await kind.read(call(), sp, made.state)

    assert isinstance(found, Found)
    assert found.inputs.users == [ROBIN]
    assert found.state.unmanaged == ["Kim Mailless"]
    assert await kind.diff(call(), sp, found.state, wanted) == [Change("users[1]", ChangeKind.ADD)]
    await kind.update(call(), sp, found.state, wanted)
    assert _assigned(entra, sp) == {"Robin Falk", "Alex Lindqvist", "Kim Mailless"}


async def test_a_set_is_imported_by_the_names_that_people_use(entra: LocalEntra) -> None:
    """An import uses user principal names, and the object ID of a group whose name is not unique."""
    sp = entra.application()
    kind = AppRoleAssignments(entra.services())
    duplicate = entra.organisation.group("duplicates-1").id
    await kind.create(call(), _inputs(sp, ROBIN, GUEST, groups=("KZero users", duplicate)))

    found = await kind.read(call(), sp, None)

    assert isinstance(found, Found)
    assert set(found.inputs.users) == {ROBIN, GUEST}
    assert set(found.inputs.groups) == {"KZero users", duplicate}
    assert await kind.diff(call(), sp, found.state, found.inputs) == []


async def test_a_vanished_service_principal_is_gone(entra: LocalEntra) -> None:
    """A deleted service principal is absent, not an empty set."""
    gone = "00000000-0000-4000-8000-000000000001"
    assert await AppRoleAssignments(entra.services()).read(call(), gone, None) == Absent()


async def test_only_ours_are_removed_with_the_resource(entra: LocalEntra) -> None:
    """A deletion removes only owned assignments, even if one of them is already gone."""
    sp = entra.application()
    kind = AppRoleAssignments(entra.services())
    made = await kind.create(call(), _inputs(sp, ROBIN, ALEX))
    _assign(entra, sp, KIM)
    _unassign(entra, sp, "Alex Lindqvist")

    await kind.delete(call(), sp, made.state)

    assert _assigned(entra, sp) == {"Kim Mailless"}


async def test_an_unknown_role_lists_those_there_are(entra: LocalEntra) -> None:
    """A preview with an unknown role lists the existing roles."""
    wanted = replace(_inputs(entra.application(), ROBIN), role_name="Admin")

    with pytest.raises(
        ProviderError, match=r'no app role "Admin"; set roleName to a role that it has: "User", "msiam_access"'
    ):
        await AppRoleAssignments(entra.services()).plan(call(preview=True), wanted, None)


async def test_another_role_moves_the_assignments(entra: LocalEntra) -> None:
    """A changed role replaces the old assignments."""
    sp = entra.application()
    kind = AppRoleAssignments(entra.services())
    made = await kind.create(call(), _inputs(sp, ROBIN))
    moved = replace(_inputs(sp, ROBIN), role_name="msiam_access")

    assert await kind.diff(call(), sp, made.state, moved) == [Change("roleName")]
    state = await kind.update(call(), sp, made.state, moved)

    (only,) = entra.emulator.directory.assigned_to(sp)
    assert only["appRoleId"] == state.app_role_id != made.state.app_role_id


async def test_graph_that_is_not_consistent_yet_is_waited_for(entra: LocalEntra) -> None:
    """Graph's "Not a valid reference update" for a new service principal is retried."""
    sp = entra.application()
    body = {"error": {"code": "Request_BadRequest", "message": "Not a valid reference update."}}
    entra.fail("appRoleAssignedTo$", 400, "POST", body=body)
    entra.fail("appRoleAssignedTo$", 404, "POST")

    made = await AppRoleAssignments(entra.services()).create(call(), _inputs(sp, ROBIN, ALEX))

    assert len(made.state.assignments) == 2
    assert entra.waits == [0.5]


async def test_throttled_items_are_repeated(entra: LocalEntra) -> None:
    """Throttled requests of a batch are repeated after the time that Graph asks for."""
    sp = entra.application()
    entra.fail("appRoleAssignedTo$", 429, "POST", headers={"Retry-After": "3"})

    made = await AppRoleAssignments(entra.services()).create(call(), _inputs(sp, ROBIN, ALEX))

    assert len(made.state.assignments) == 2
    assert 3.0 <= entra.waits[0] <= 4.0


async def test_a_partial_failure_keeps_what_exists(entra: LocalEntra) -> None:
    """The state keeps the created assignments, and the next update creates the rest."""
    sp = entra.application()
    kind = AppRoleAssignments(entra.services())
    wanted = _inputs(sp, ROBIN, ALEX, SAM)
    entra.fail("appRoleAssignedTo$", 403, "POST")

    with pytest.raises(PartialFailureError, match="1 failed") as caught:
        await kind.create(call(), wanted)

    state = caught.value.state
    assert caught.value.id == sp
    assert isinstance(state, AppRoleAssignmentsState)
    assert len(state.users) == 2
    await kind.update(call(), sp, state, wanted)
    assert _assigned(entra, sp) == {"Robin Falk", "Alex Lindqvist", "Sam O'Hara"}


async def test_a_missing_permission_leaves_nothing_behind(entra: LocalEntra) -> None:
    """A missing permission is named, and nothing is assigned."""
    sp = entra.application()
    kind = AppRoleAssignments(entra.services("without-AppRoleAssignment.ReadWrite.All"))

    with pytest.raises(ProviderError, match=r"AppRoleAssignment\.ReadWrite\.All") as caught:
        await kind.create(call(), _inputs(sp, ROBIN))

    assert not isinstance(caught.value, PartialFailureError)
    with pytest.raises(GraphError, match=r"User\.Read\.All"):
        await AppRoleAssignments(entra.services("without-User.Read.All")).plan(call(), _inputs(sp, ROBIN), None)


async def test_a_thousand_users_take_few_requests(entra: LocalEntra) -> None:
    """A filter has 15 names, a request has 20 filters or 20 assignments, and a refresh reads pages of 999."""
    sp = entra.application()
    users = [f"user{number:04}@contoso.example" for number in range(1000)]
    for user in users:
        entra.emulator.directory.add_user(SeedUser(user_principal_name=user, display_name=user, mail=user))
    kind = AppRoleAssignments(entra.services())

    made = await kind.create(call(), _inputs(sp, *users))

    assert len(made.state.assignments) == 1000
    assert len(entra.requests()) <= 3 + 4 + 1 + 1 + 50
    entra.emulator.traffic.log.clear()
    found = await kind.read(call(), sp, made.state)
    assert isinstance(found, Found)
    assert found.state == made.state
    assert len(entra.requests()) == 2


async def test_bad_names_are_refused_without_a_request(entra: LocalEntra) -> None:
    """All bad names are reported by list position without a request, and repeated names are dropped."""
    kind = AppRoleAssignments(entra.services())
    bad = _inputs("sp", "Robin Falk", ROBIN, ROBIN.upper(), groups=(" x", ROBIN))

    kept, failures = await kind.check(call(), bad, None)

    assert [failure.path for failure in failures] == ["servicePrincipalId", "users[0]", "groups[0]", "groups[1]"]
    assert kept.users == ["Robin Falk", ROBIN]
    assert entra.requests() == []
