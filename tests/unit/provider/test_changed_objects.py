from __future__ import annotations

from types import SimpleNamespace
from typing import Any, Literal

import pytest

from kzero_scim.provider.entra.app_role_assignments.resource import AppRoleAssignments
from kzero_scim.provider.entra.attribute_mappings.resource import AttributeMappings
from kzero_scim.provider.keycloak.mapper_set.resource import MapperSet
from kzero_scim.provider.keycloak.scim_endpoint.model import EndpointAnswer, ScimEndpointState
from kzero_scim.provider.keycloak.scim_endpoint.resource import ScimEndpoint
from kzero_scim.resource.model import AdminEvents, Change, ChangeKind, Resource, Sides

ASSIGNED = Sides(
    state=SimpleNamespace(assignments={"ann": SimpleNamespace(principal_id="id-of-ann")}),
    found=SimpleNamespace(users=["bob"], unmanaged=["eve"]),
    wanted=SimpleNamespace(users=["ann"]),
)
MAPPED = Sides(
    state=SimpleNamespace(mapper_ids={"tag": "id-1"}),
    found=SimpleNamespace(mapper_ids={"tag": "id-2"}),
    wanted=None,
)


@pytest.mark.parametrize(
    ("kind", "sides", "change", "expected"),
    [
        (AppRoleAssignments, ASSIGNED, Change("users[0]", ChangeKind.ADD), ["id-of-ann", "ann"]),
        (AppRoleAssignments, ASSIGNED, Change("users[0]", ChangeKind.DELETE), ["bob"]),
        (AppRoleAssignments, ASSIGNED, Change("unmanaged[0]", ChangeKind.DELETE), ["eve"]),
        (AppRoleAssignments, ASSIGNED, Change("unmanaged[7]", ChangeKind.DELETE), None),
        (AppRoleAssignments, ASSIGNED, Change("users"), []),
        (AppRoleAssignments, ASSIGNED, Change("roleName"), []),
        (MapperSet, MAPPED, Change("mappers.tag.claim"), ["id-1", "id-2"]),
        (MapperSet, MAPPED, Change("mappers.other"), None),
        (MapperSet, MAPPED, Change("unmanaged[0]", ChangeKind.DELETE), None),
        (MapperSet, MAPPED, Change("escapeDots"), []),
        (AttributeMappings, MAPPED, Change("rows.userName.source"), []),
    ],
)
def test_a_change_is_about_these_objects(
    kind: type[Resource[Any, Any]], sides: Sides, change: Change, expected: list[str] | None
) -> None:
    """The audit is searched for the object that a change is about; an object that is not known has no author."""
    assert kind.changed_objects(sides, change) == expected


@pytest.mark.parametrize(
    ("activation", "holder", "expected"),
    [
        ("console", None, None),
        ("attributes", None, AdminEvents(("REALM",))),
        ("attributes", "realm", AdminEvents(("REALM",))),
        ("attributes", "client", AdminEvents(("CLIENT",), client_id="scim-endpoint")),
    ],
)
def test_the_endpoint_is_searched_for_in_the_events_on_its_holder(
    activation: Literal["console", "attributes"],
    holder: Literal["realm", "client"] | None,
    expected: AdminEvents | None,
) -> None:
    """No event is known to tell what a person enters in the dashboard."""
    state = ScimEndpointState(
        realm="Contoso",
        activation=activation,
        attribute_holder=holder,
        tenant_url="https://kzero.example/realms/Contoso/scim/v2",
        answer=EndpointAnswer(status=401, meaning="alive"),
        alive=True,
        settings_fingerprint="",
    )

    assert ScimEndpoint.admin_events(state) == expected
