"""What Keycloak's own SCIM API (26.7, feature ``scim-api``) keeps of a user, and what it does not. Pure.

As tried with Keycloak 26.7.3; its documentation: https://www.keycloak.org/docs/latest/server_admin/ (SCIM API).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

from kzero_scim.mapping.attribute_mapping import ENTERPRISE_USER, WORK_EMAIL

ANNOTATION: Final = "kc.scim.schema.attribute"
"""Annotation of a user-profile attribute that names the SCIM attribute kept in it."""
AUTHORISING_ROLES: Final = frozenset({"manage-users", "realm-admin"})
"""Roles of client realm-management, either of which lets an account provision."""
ROLE: Final = "manage-users"
"""The lesser of them."""

_CUSTOM: Final = "urn:ietf:params:scim:schemas:extension:"


@dataclass(frozen=True, kw_only=True)
class Kept:
    """A SCIM attribute and the user attribute that Keycloak keeps it in, in the words of a protocol mapper.

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
"""What is kept without any annotation."""


def kept_attributes(annotated: Mapping[str, str]) -> dict[str, Kept]:
    """Give everything that is kept for good.

    Args:
        annotated: User attribute to SCIM attribute, by annotation.

    Returns:
        Name to attribute. One of a custom extension is left out: see :func:`is_lost_at_first`.
    """
    own = {
        name: Kept(user_attribute=name, claim=target)
        for name, target in annotated.items()
        if not is_lost_at_first(target)
    }
    return {**ALWAYS, **own}


def is_lost_at_first(target: str) -> bool:
    """Tell whether Keycloak drops an attribute when Entra creates a user, and keeps it at the next change.

    Entra does not list a custom extension in ``schemas`` of the request, without which Keycloak ignores its data.
    """
    folded = target.casefold()
    return folded.startswith(_CUSTOM) and not folded.startswith(f"{ENTERPRISE_USER.casefold()}:")


def limits(targets: Collection[str], annotated: Mapping[str, str]) -> list[str]:
    """Say what an operator has to know, one line each.

    Args:
        targets: The SCIM attributes of the stack's attribute mappings.
        annotated: User attribute to SCIM attribute, by annotation.
    """
    held = {kept.claim.casefold() for kept in ALWAYS.values()} | {target.casefold() for target in annotated.values()}
    dropped = [target for target in targets if target.casefold() not in held]
    late = [target for target in annotated.values() if is_lost_at_first(target)]
    nature = (
        "Keycloak's own SCIM API is a preview feature (26.7; --features=scim-api): it keeps user name, e-mail address, "
        "givenName, familyName and active, and what scimAttributes maps, and drops the rest without a word; protocol "
        "mappers do not matter to it, so none are written"
    )
    lines = [nature]
    if dropped:
        lines.append(
            f"of this stack's attribute mappings it drops {', '.join(dropped)}, and the test user is compared without; "
            "scimAttributes maps them (user attribute to SCIM attribute, needs manage-realm)"
        )
    if late:
        lines.append(
            f"it loses {', '.join(late)} when Entra creates a user (Entra does not name a custom extension in schemas) "
            "and keeps it at the next change; the test user is compared without"
        )
    lines.append(
        "a user without surname or mail is refused where the realm's user profile requires lastName or email, as it "
        "does by default; one e-mail address is kept, as the primary one"
    )
    return lines
