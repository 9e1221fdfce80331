"""Formats that settings and resources share: GUIDs, email addresses, Tenant URLs, custom attributes. Pure.

Knows no setting and no resource, so that both sides refuse the same texts.
"""

from __future__ import annotations

import re
from typing import Any, Final
from urllib.parse import quote, unquote, urlsplit

from kzero_scim.origin import origin

GUID: Final = r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
"""Pattern of an object ID or tenant ID of Entra."""
EMAIL: Final = r"[^@\s,;]+@[^@\s,;]+\.[^@\s,;]+"
"""Pattern of one email address."""
TENANT_PATH: Final = r"/realms/[^/?#\s\\]+/scim/v2"
"""Pattern of a Tenant URL's path. It has no trailing slash: Entra appends ``/Users`` to it."""
COMPLIANCE_FLAG: Final = "aadOptscim062020"
"""Query of a Tenant URL that makes Entra send PATCH requests as RFC 7644 has them."""
CUSTOM_ATTRIBUTE_FORM: Final = "urn:ietf:params:scim:schemas:extension:<Name>:2.0:User:<attribute>"
"""The form that Entra requires of a custom attribute's name, for messages."""

_CUSTOM_ATTRIBUTE: Final = re.compile(
    r"urn:ietf:params:scim:schemas:extension:[A-Za-z0-9_-]+:2\.0:User:[A-Za-z][A-Za-z0-9_-]*"
)


def is_guid(text: str) -> bool:
    """Return whether a text has the form of an object ID or tenant ID."""
    return re.fullmatch(GUID, text) is not None


def same_id(one: object, other: object) -> bool:
    """Return whether two values are the same ID; Entra ignores the case of IDs."""
    return isinstance(one, str) and isinstance(other, str) and one.casefold() == other.casefold()


def fold_id(value: Any) -> Any:  # noqa: ANN401 - a text, UNKNOWN or None
    """Return a GUID in lower case, as Entra writes it, and any other value unchanged."""
    return value.lower() if isinstance(value, str) and is_guid(value) else value


def fold_ids(instance: object, *names: str) -> None:
    """Write the GUIDs in some fields of a new dataclass instance in lower case, so that equal IDs are equal texts."""
    for name in names:
        object.__setattr__(instance, name, fold_id(getattr(instance, name)))


def same_object(one: str, other: str) -> bool:
    """Return whether two resource IDs, such as ``<servicePrincipalId>/<jobId>``, name the same object.

    The case matters unless the ID begins with a GUID: names of KZero's tenants and clients differ by case.
    """
    return one == other or (is_guid(one.partition("/")[0]) and same_id(one, other))


def is_email(text: str) -> bool:
    """Return whether a text is one email address."""
    return re.fullmatch(EMAIL, text) is not None


def is_https(text: str) -> bool:
    """Return whether a text is an https URL with a host."""
    try:
        parts = urlsplit(text)
        return parts.scheme == "https" and bool(parts.hostname)
    except ValueError:
        return False


def is_tenant_path(path: str) -> bool:
    """Return whether a path is that of a Tenant URL."""
    return re.fullmatch(TENANT_PATH, path) is not None


def realm_address(server_url: str, realm: str) -> str:
    """Return the address of a realm, percent-encoded.

    Args:
        server_url: The server's origin, with a path (``/auth``) only if Keycloak is served under one.
        realm: The realm's name as the server spells it.
    """
    parts = urlsplit(server_url.strip())
    path = quote(parts.path.rstrip("/"), safe="/%")
    return f"{parts.scheme}://{parts.netloc}{path}/realms/{quote(realm, safe='')}"


def tenant_url(server_url: str, realm: str) -> str:
    """Return the SCIM base URL of a KZero tenant, which Entra calls Tenant URL. Arguments as for `realm_address`."""
    return f"{realm_address(server_url, realm)}/scim/v2"


def same_tenant_url(one: str, other: str) -> bool:
    """Return whether two Tenant URLs are the same endpoint, however they are spelled. Their queries do not count."""
    return _endpoint(one) == _endpoint(other)


def _endpoint(url: str) -> tuple[str | None, str]:
    return origin(url), unquote(urlsplit(url.strip()).path).rstrip("/")


def is_custom_attribute(name: str) -> bool:
    """Return whether Entra takes a name for a custom attribute of its target schema.

    Entra prescribes the URN around the attribute's own name, which RFC 7643 restricts to a letter followed by letters,
    digits, hyphens and underscores.
    """
    return _CUSTOM_ATTRIBUTE.fullmatch(name) is not None
