"""Users arrive in KZero as the stack's settings say: real Keycloak, local Entra."""

from kzero_scim.guide import values
from tests.engine.tenant_program import TEST_USER, TenantStack, guide_mappers

ROBIN = "robin@contoso.example"
MORGAN = "morgan@contoso.example"


def test_a_user_follows_its_assignment(tenant_stack: TenantStack) -> None:
    """An assigned user arrives with its attributes, is disabled if unassigned, and enabled if assigned again."""
    tenant_stack.up(users=[TEST_USER, ROBIN, MORGAN], groups=[])
    assert tenant_stack.tenant.user(ROBIN) is None
    tenant_stack.cycle()

    found, manager = tenant_stack.user(ROBIN), tenant_stack.user(MORGAN)
    assert found["enabled"]
    assert (found["firstName"], found["lastName"], found["email"]) == ("Robin", "Falk", ROBIN)
    attributes = {mapper.user_attribute for mapper in values.MAPPERS} & found["attributes"].keys()
    assert {name: found["attributes"][name] for name in attributes} == {
        "isSoftDeleted": ["true"],
        "userPrincipalName": [ROBIN],
        "givenName": ["Robin"],
        "surName": ["Falk"],
        "manager": [manager["id"]],
        "extensionAttribute1": ["operations"],
    }

    changed = tenant_stack.up(users=[TEST_USER, MORGAN])
    assert changed.changes["AppRoleAssignments"].op == "update"
    tenant_stack.cycle()
    assert not tenant_stack.user(ROBIN)["enabled"]
    assert tenant_stack.user(MORGAN)["enabled"]

    tenant_stack.up(users=[TEST_USER, ROBIN, MORGAN])
    tenant_stack.cycle()
    again = tenant_stack.user(ROBIN)
    assert (again["id"], again["enabled"]) == (found["id"], True)


def test_without_its_mapper_the_tag_does_not_arrive(tenant_stack: TenantStack) -> None:
    """A user who is provisioned after ``tag`` was removed from the mapper set has all other attributes."""
    tenant_stack.up(users=[TEST_USER], groups=[])
    assert tenant_stack.user(TEST_USER)["attributes"]["extensionAttribute1"] == ["field"]
    mappers = {name: mapper for name, mapper in guide_mappers().items() if name != "tag"}

    changed = tenant_stack.up(mappers=mappers, users=[TEST_USER, ROBIN])
    tenant_stack.cycle()

    assert set(changed.changes["MapperSet"].diff) == {"mappers.tag"}
    assert "tag" not in tenant_stack.mappers()
    robin = tenant_stack.user(ROBIN)["attributes"]
    assert robin["givenName"] == ["Robin"]
    assert "extensionAttribute1" not in robin
