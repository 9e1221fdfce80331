"""Which user attributes a realm keeps, by its user profile. Pure: sends no request.

Since version 24, Keycloak drops a user attribute that the profile does not declare, unless the realm's policy for
unmanaged attributes lets administrators write it: https://www.keycloak.org/docs/latest/server_admin/#user-profile
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from kzero_scim.display import listed
from kzero_scim.mapping.user_comparison import core_field

SINCE: Final = 24
"""The first major version that drops attributes."""
_WRITABLE: Final = frozenset({"ENABLED", "ADMIN_EDIT"})
_LONGEST_LIST: Final = 20


def dropped_attributes(profile: Mapping[str, Any], attributes: Iterable[str]) -> list[str]:
    """Return the attributes that a realm drops, without those that are fields of every user, such as the name.

    Args:
        profile: The user profile of Keycloak's admin API.
        attributes: The names of user attributes.
    """
    if profile.get("unmanagedAttributePolicy") in _WRITABLE:
        return []
    declared = [row.get("name") for row in profile.get("attributes") or [] if isinstance(row, dict)]
    return sorted({name for name in attributes if name not in declared and core_field(name) is None})


def explanation(realm: str, names: Sequence[str]) -> str:
    """Return what a realm does with attributes that it drops, and the remedy."""
    return (
        f'realm "{realm}" drops the user attributes {listed(names, _LONGEST_LIST)}, because its user profile does not '
        "declare them. Declare them under Realm settings > User profile, or set Realm settings > General > Unmanaged "
        "attributes to Only administrators can write"
    )
