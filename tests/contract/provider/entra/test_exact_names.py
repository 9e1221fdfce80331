"""Tests that names of users and groups are kept exactly, in sets of assignments and in imports."""

from __future__ import annotations

import json
from typing import Any

import pytest
from kzero_sandbox.organisation import SeedUser

from kzero_scim.provider.entra.app_role_assignments.resource import AppRoleAssignments, AppRoleAssignmentsInputs
from kzero_scim.resource.model import Change, ChangeKind, Found
from kzero_scim.settings.tenant_settings import TenantSettings
from kzero_scim.settings.text_rules import is_kept, twin
from kzero_scim.stack import safe_yaml, stack_file
from tests.contract.local_entra import LocalEntra
from tests.contract.scripted_graph import call

NFC, NFD = "Caf\u00e9", "Cafe\u0301"
ODD = [" outer", "outer ", "line\nbreak", "#first", NFD, "tab\there", "\u202ereversed", "nb\u00a0space ", "\u2028"]


def _group(entra: LocalEntra, name: str) -> str:
    directory = entra.emulator.directory
    model: dict[str, Any] = dict(next(iter(directory.groups.values())))
    key = f"5a4d0b0c-0000-4000-9000-{len(directory.groups):012}"
    directory.groups[key] = model | {"id": key, "displayName": name}
    directory.members[key] = []
    directory.changed()
    return key


def _assign(entra: LocalEntra, sp: str, *principals: str) -> None:
    for principal in principals:
        entra.emulator.directory.assign(sp, principal, "18d14569-c3bd-439b-9a66-3a2aee01d14f")


async def test_groups_that_differ_in_case_are_different(entra: LocalEntra) -> None:
    """Both are assigned, and each is added and removed by itself."""
    sp = entra.application()
    upper, lower = _group(entra, "SALES"), _group(entra, "sales")
    kind = AppRoleAssignments(entra.services())
    one = AppRoleAssignmentsInputs(service_principal_id=sp, groups=["SALES"])
    both = AppRoleAssignmentsInputs(service_principal_id=sp, groups=["SALES", "sales"])

    checked, failures = await kind.check(call(), both, None)
    made = await kind.create(call(), one)
    changes = await kind.diff(call(), sp, made.state, both)
    state = await kind.update(call(), sp, made.state, both)

    assert (checked.groups, failures) == (["SALES", "sales"], [])
    assert changes == [Change("groups[1]", ChangeKind.ADD)]
    assert {name: item.principal_id for name, item in state.assignments.items()} == {"SALES": upper, "sales": lower}
    found = await kind.read(call(), sp, state)
    assert isinstance(found, Found)
    assert await kind.diff(call(), sp, found.state, both) == []
    state = await kind.update(call(), sp, state, AppRoleAssignmentsInputs(service_principal_id=sp, groups=["sales"]))
    assert [item["principalId"] for item in entra.emulator.directory.assigned_to(sp)] == [lower]
    assert list(state.assignments) == ["sales"]


@pytest.mark.parametrize("name", ODD)
async def test_an_import_writes_the_id_for_a_name_that_may_change(entra: LocalEntra, name: str) -> None:
    """A name that may not survive a file becomes the object ID."""
    sp = entra.application()
    key = _group(entra, name)
    _assign(entra, sp, key)

    found = await AppRoleAssignments(entra.services()).read(call(), sp, None)

    assert isinstance(found, Found)
    assert found.inputs.groups == [key]
    assert (await AppRoleAssignments(entra.services()).check(call(), found.inputs, None))[1] == []


@pytest.mark.parametrize(("one", "other"), [("Sales", "SALES"), (NFC, NFD), ("Twins", "Twins")])
@pytest.mark.parametrize("are_both", [True, False])
async def test_an_import_writes_the_id_for_a_name_with_a_twin(
    entra: LocalEntra, one: str, other: str, *, are_both: bool
) -> None:
    """Names that people take for one become object IDs, also if only one of the groups is assigned."""
    sp = entra.application()
    first, second = _group(entra, one), _group(entra, other)
    _assign(entra, sp, first, *([second] if are_both else []))

    found = await AppRoleAssignments(entra.services()).read(call(), sp, None)

    assert isinstance(found, Found)
    is_shown = not are_both and (one, other) == (NFC, NFD)
    assert sorted(found.inputs.groups) == ([one] if is_shown else sorted([first, *([second] if are_both else [])]))


async def test_an_import_does_not_name_a_renamed_group_by_its_old_name(entra: LocalEntra) -> None:
    """An assignment keeps the name that a group had. If another group has that name now, the object ID is written."""
    sp = entra.application()
    renamed = _group(entra, "Before")
    _assign(entra, sp, renamed)
    entra.emulator.directory.groups[renamed]["displayName"] = "After"
    _group(entra, "Before")

    found = await AppRoleAssignments(entra.services()).read(call(), sp, None)

    assert isinstance(found, Found)
    assert found.inputs.groups == [renamed]


async def test_an_import_writes_the_id_of_a_user_that_a_file_would_not_list(entra: LocalEntra) -> None:
    """A user file reads a line that begins with # as a comment."""
    sp = entra.application()
    name = "#first@contoso.example"
    user = entra.emulator.directory.add_user(SeedUser(user_principal_name=name, display_name="First", mail=name))
    _assign(entra, sp, user["id"])

    found = await AppRoleAssignments(entra.services()).read(call(), sp, None)

    assert isinstance(found, Found)
    assert found.inputs.users == [user["id"]]


@pytest.mark.parametrize("name", ["KZero users", NFC, "O'Hara & Söhne (R&D) #1", "Виртуальные", "営業", '50% = "half"'])
def test_usual_names_stay_names(name: str) -> None:
    """Letters of every script, quotes and signs survive being written and read back."""
    settings = TenantSettings.model_validate(
        {"entra_tenant_id": "5a4d0b0c-0000-4000-8000-00000000e401", "kzero_tenant": "Contoso", "groups": [name]},
        by_name=True,
    )
    text = stack_file.render(stack_file.entries(settings))

    assert is_kept(name)
    assert TenantSettings.parse(stack_file.configuration_of(safe_yaml.load(text, "x"))).groups == [name]
    assert twin(name.upper()) == twin(name)


@pytest.mark.parametrize(
    ("groups", "problem"),
    [
        (["Sales", "SALES", NFC, NFD], ""),
        ([" outer"], "groups: ' outer' has spaces around it; remove them, or give the group's object ID"),
        (["Sales", "Sales"], "groups: 'Sales' is listed twice"),
        (["line\nbreak"], "a line break"),
    ],
)
def test_settings_change_no_name(groups: list[str], problem: str) -> None:
    """Settings keep each name exactly, or refuse it with a remedy."""
    given = {
        "azuread:tenantId": "5a4d0b0c-0000-4000-8000-00000000e401",
        "kzero-scim:kzeroTenant": "Contoso",
        "kzero-scim:groups": json.dumps(groups),
    }

    settings, problems = TenantSettings.examine(given)

    if problem:
        assert problem in "; ".join(problems)
    else:
        assert settings is not None
        assert settings.groups == groups
