"""Which attributes of a user Keycloak's own SCIM API (26.7, feature ``scim-api``) stores. Pure: sends no request.

Tested with Keycloak 26.7.3. Documentation: https://www.keycloak.org/docs/latest/server_admin/ (SCIM API).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

from kzero_scim.mapping.attribute_mapping import ENTERPRISE_USER, WORK_EMAIL

ANNOTATION: Final = "kc.scim.schema.attribute"
"""Annotation of a user profile attribute. Its value is the SCIM attribute that Keycloak stores there."""
AUTHORISING_ROLES: Final = frozenset({"manage-users", "realm-admin"})
"""Roles of client realm-management. Each of them lets an account provision."""
ROLE: Final = "manage-users"
"""The lesser of them."""

_CUSTOM: Final = "urn:ietf:params:scim:schemas:extension:"


@dataclass(frozen=True, kw_only=True)
class Kept:
    """A SCIM attribute and the user attribute that Keycloak stores it in, named as in a protocol mapper.

    Attributes:
        user_attribute: Keycloak's field or user attribute.
        claim: The SCIM attribute.
    """

    user_attribute: str
    claim: str


ALWAYS: Final[Mapping[str, Kept]] = {
    "userName": Kept(user_attribute="username", claim="userName"),
    "active": Kept(user_attribute="enabled", claim="active"),
    "email": Kept(user_attribute="email", claim=WORK_EMAIL),
    "firstName": Kept(user_attribute="firstName", claim="name.givenName"),
    "lastName": Kept(user_attribute="lastName", claim="name.familyName"),
}
"""Attributes that Keycloak stores without an annotation."""


def kept_attributes(annotated: Mapping[str, str]) -> dict[str, Kept]:
    """Return all attributes that Keycloak stores reliably, by name.

    Omits attributes of custom extensions; see :func:`is_lost_at_first`.

    Args:
        annotated: SCIM attribute by user attribute, from the annotations.
    """
    own = {
        name: Kept(user_attribute=name, claim=target)
        for name, target in annotated.items()
        if not is_lost_at_first(target)
    }
    return {**ALWAYS, **own}


def is_lost_at_first(target: str) -> bool:
    """Return whether Keycloak drops an attribute when Entra creates a user, and stores it at the next change.

    Entra omits custom extensions from ``schemas`` in the request. Keycloak ignores data of extensions not listed there.
    """
    folded = target.casefold()
    return folded.startswith(_CUSTOM) and not folded.startswith(f"{ENTERPRISE_USER.casefold()}:")


def limits(targets: Collection[str], annotated: Mapping[str, str]) -> list[str]:
    """Return the limits of this API that an operator must know, one per line.

    Args:
        targets: The SCIM attributes of the stack's attribute mappings.
        annotated: SCIM attribute by user attribute, from the annotations.
    """
    held = {kept.claim.casefold() for kept in ALWAYS.values()} | {target.casefold() for target in annotated.values()}
    dropped = [target for target in targets if target.casefold() not in held]
    late = [target for target in annotated.values() if is_lost_at_first(target)]
    nature = (
        "Keycloak's own SCIM API is a preview feature (26.7; --features=scim-api). It stores the user name, e-mail "
        "address, givenName, familyName, active and the attributes in scimAttributes, and drops all others silently. "
        "It ignores protocol mappers, so kzero-scim writes none"
    )
    lines = [nature]
    if dropped:
        lines.append(
            f"Keycloak drops {', '.join(dropped)} of this stack's attribute mappings, so the test user is compared "
            "without them; to store them, add them to scimAttributes (needs the role manage-realm)"
        )
    if late:
        lines.append(
            f"Keycloak loses {', '.join(late)} when Entra creates a user, because Entra's request does not list custom "
            "extensions in schemas, and stores it at the next change; the test user is compared without it"
        )
    lines.append(
        "Keycloak refuses a user without surname or mail if the realm's user profile requires lastName or email, which "
        "is the default. It stores one e-mail address, as the primary one"
    )
    return lines
