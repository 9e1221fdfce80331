"""Tests that drift covers every property that kzero-scim owns."""

from __future__ import annotations

from kzero_scim.provider.package import KZERO
from kzero_scim.resource.codec import fields_of
from kzero_scim.settings.items import CustomAttribute, Mapper, Row
from tests.engine.drift_table import CASES, SETTINGS_OF_OUR_OWN

_NOT_COMPARED = {
    "kzero:entra:ConnectionTest",
    "kzero:entra:OnDemandProvisioning",
    "kzero:keycloak:RemoteToken",
    "kzero:keycloak:ProvisionedUsers",
}
_COMPARED = {token for token, facts in KZERO.facts.items() if facts.drifts}
_OF_KEYCLOAKS_OWN_API = {"kzero:keycloak:ScimApiClient", "kzero:keycloak:ScimAttributes"}
"""Of another preset than the table's tenant; compared too, and what they own is changed in tests of their own."""
_INSIDE = {
    "MapperSet.mappers": Mapper,
    "AttributeMappings.rows": Row,
    "AttributeMappings.customAttributes": CustomAttribute,
}


def test_every_resource_is_compared_unless_it_leaves_nothing_on_either_side() -> None:
    """Each resource is compared, or declared to leave nothing on either side."""
    assert set(KZERO.resources) - _NOT_COMPARED == _COMPARED


def test_every_owned_property_is_in_the_table() -> None:
    """Each input is in the table, or declared as nothing that a person could change."""
    owned = {
        f"{token.rsplit(':', 1)[-1]}.{name}"
        for token in _COMPARED - _OF_KEYCLOAKS_OWN_API
        for name in fields_of(KZERO.resources[token].inputs)
        if name not in SETTINGS_OF_OUR_OWN
    }
    owned |= {f"{outer}.{name}" for outer, kind in _INSIDE.items() for name in fields_of(kind)}

    assert owned == {name for case in CASES.values() for name in case.covers}
