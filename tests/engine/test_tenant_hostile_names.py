"""Names with special characters work everywhere: real engine, real Keycloak, local Entra."""

from __future__ import annotations

from typing import Any, Final

import pytest

from tests.engine.attach import RunFailedError
from tests.engine.tenant_program import TEST_USER, TenantStack, guide_mappers

BRIEN: Final = "O'Brien & Söhne (50%) 🎉"
MARKED: Final = "') or (displayName ne '\u200fشركة #1+2/?=$()"
FORGED: Final = "x\nerror: forged\x1b[31m\u202e"
"""A name that a directory may contain but a settings file may not; it is given by its object id."""
GUEST: Final = "o'brien_fabrikam.example#EXT#@contoso.example"
MAPPER: Final = 'a "quoted"/slashed\\ [b].c\\" 50%41 🎉'
TEXT: Final = 'it\'s "5" \\ 50% {0} ${x} [mail] 🎉'


def test_names_with_special_characters_work_from_create_to_delete(tenant_stack: TenantStack) -> None:
    """The objects are created, found unchanged, show exact drift and are deleted, and no name forges a line."""
    entra = tenant_stack.tenant.entra
    groups = {
        name: entra.post(
            "/v1.0/groups",
            json={"displayName": name, "mailEnabled": False, "mailNickname": "x", "securityEnabled": True},
        )
        .raise_for_status()
        .json()["id"]
        for name in (BRIEN, MARKED, FORGED)
    }
    entra.post(
        "/v1.0/users",
        json={
            "accountEnabled": True,
            "displayName": FORGED,
            "mailNickname": "x",
            "userPrincipalName": GUEST,
            "passwordProfile": {"password": "made-up"},
        },
    ).raise_for_status()
    mappers = guide_mappers() | {MAPPER: {"userAttribute": 'dëpt\'/"x"%41 🎉', "claim": 'a\'/"b"%41#?&=.🎉'}}
    tenant_stack.set(
        applicationName=TEXT,
        users=[TEST_USER, GUEST],
        groups=[BRIEN, MARKED, groups[FORGED]],
        mappers=mappers,
        mappersExclusive=True,
        notificationEmail="o'brien+50%@contoso.example",
        attributeMappings=[
            {"target": "userName", "source": "userPrincipalName", "matchingPriority": 1},
            {"target": "title", "constant": TEXT},
            {"target": "nickName", "expression": 'Join("\\"",\n  [givenName], "é\\\\🎉")'},
        ],
    )

    made = tenant_stack.up()

    assert set(tenant_stack.assignments()) == {"Alex Lindqvist", *groups}
    assert set(tenant_stack.mappers()) == set(mappers)
    config = tenant_stack.mappers()[MAPPER]["config"]
    assert (config["user.attribute"], config["claim.name"]) == ('dëpt\'/"x"%41 🎉', 'a\'/"b"%41#?&=.🎉')
    assert tenant_stack.graph("GET", "").json()["displayName"] == TEXT
    assert tenant_stack.user(TEST_USER)["enabled"]
    assert tenant_stack.stack.preview().changes == {}
    assert tenant_stack.drift() == {}

    tenant_stack.change_mapper(MAPPER, claim__name='somebody\'s "own"')
    tenant_stack.unassign(BRIEN)
    drift = tenant_stack.drift()

    (mapper,) = drift["MapperSet"].items()
    assert mapper[1] == ('somebody\'s "own"', 'a\'/"b"%41#?&=.🎉')
    assert "AppRoleAssignments" in drift
    healed = tenant_stack.stack.up(refresh=True)
    assert tenant_stack.drift() == {}

    removed = tenant_stack.up(mappers={name: row for name, row in mappers.items() if name != MAPPER})
    assert MAPPER not in tenant_stack.mappers()
    gone = tenant_stack.stack.destroy()
    assert entra.get("/sandbox/state").json()["applications"] == 0
    for run in (made, healed, removed, gone):
        assert "\x1b[31m" not in run.output
        assert "\u202e" not in run.output
        assert not [line for line in run.output.splitlines() if line.strip().startswith("error: forged")]


@pytest.mark.parametrize("name", ["O'Nobody & Söhne (50%) 🎉"])
def test_an_unknown_name_with_special_characters_is_quoted_unchanged(name: str, tenant_stack: TenantStack) -> None:
    """The name does not break the filter that searches for it."""
    tenant_stack.set(groups=[name], users=[TEST_USER])

    with pytest.raises(RunFailedError) as failed:
        tenant_stack.stack.preview()

    output: Any = failed.value.run.output
    assert f'group "{name}" does not exist in Entra; use a display name or an object ID' in output
