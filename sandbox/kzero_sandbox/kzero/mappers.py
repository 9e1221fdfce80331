"""Interpret the `scim-endpoint` client's mappers as KZero's guide suggests: which attribute is stored where.

A mapper's Token Claim is a SCIM path, and its User Attribute is the Keycloak user attribute that stores the value. This
is the sandbox's interpretation of the guide; KZero publishes no other description. Attributes without a mapper are
ignored. Pure; must not know HTTP.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from scim2_models.exceptions import InvalidValueException

from kzero_sandbox.kzero.paths import ENTERPRISE_USER, covers, flatten, key, place

USER_ATTRIBUTE_MAPPER = "oidc-usermodel-attribute-mapper"
EXTERNAL_ID = "scim.externalId"
"""The user attribute that stores `externalId`, with or without a mapper, because Entra searches for it."""

_TOKEN_OPTIONS = ("id.token.claim", "access.token.claim", "userinfo.token.claim", "introspection.token.claim")
_WORK_EMAIL = 'emails[type eq "work"].value'
_MANAGER = f"{ENTERPRISE_USER}:manager"

ALIASES: dict[str, tuple[str, ...]] = {
    "email": (key(_WORK_EMAIL), "emails.value"),
    "manager": (key(_MANAGER), f"{key(_MANAGER)}.value", "manager.value"),
}
"""Standard paths that a claim of the guide accepts in addition to its own."""

_SHOWN_AS = {"email": _WORK_EMAIL, "manager": f"{_MANAGER}.value"}

_CORE_FIELDS = {
    "userPrincipalName": "username",
    "username": "username",
    "givenName": "firstName",
    "firstName": "firstName",
    "surName": "lastName",
    "lastName": "lastName",
    "email": "email",
}
# Keycloak stores these as fields of a user; an attribute with the same name would be a second, conflicting value.
_FIELDS_ONLY = frozenset({"username", "firstName", "lastName", "email"})
_ACTIVE = "active"


@dataclass(frozen=True, kw_only=True)
class AttributeMapping:
    """One usable mapper: a SCIM attribute and where it is stored."""

    name: str
    user_attribute: str
    claim: str
    json_type: str
    multivalued: bool

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys of flattened SCIM attributes that the mapper accepts, its own first."""
        own = key(self.claim)
        return (own, *ALIASES.get(own, ()))

    @property
    def core_field(self) -> str | None:
        """The field of a Keycloak user that the mapper sets in addition to the attribute, if any."""
        if key(self.claim) == _ACTIVE:
            return "enabled" if self.user_attribute == "isSoftDeleted" else None
        return _CORE_FIELDS.get(self.user_attribute)


@dataclass(kw_only=True)
class UserChange:
    """The changes to write to a Keycloak user; None removes a value."""

    fields: dict[str, Any] = field(default_factory=dict)
    attributes: dict[str, list[str] | None] = field(default_factory=dict)

    def apply(self, user: dict[str, Any]) -> dict[str, Any]:
        """Return a user's representation with the changes applied."""
        attributes = dict(user.get("attributes") or {})
        for name, values in self.attributes.items():
            if values is None:
                attributes.pop(name, None)
            else:
                attributes[name] = values
        # Keycloak ignores a field that is missing or null; an empty string clears the field.
        fields = {name: "" if value is None else value for name, value in self.fields.items()}
        return {**user, **fields, "attributes": attributes}


def usable(protocol_mappers: Iterable[Mapping[str, Any]]) -> list[AttributeMapping]:
    """Return the user attribute mappers with at least one enabled token option, by name."""
    found = []
    for mapper in protocol_mappers:
        config = mapper.get("config") or {}
        if mapper.get("protocolMapper") != USER_ATTRIBUTE_MAPPER or not config.get("user.attribute"):
            continue
        if not config.get("claim.name") or not any(config.get(option) == "true" for option in _TOKEN_OPTIONS):
            continue
        found.append(
            AttributeMapping(
                name=mapper["name"],
                user_attribute=config["user.attribute"],
                claim=config["claim.name"],
                json_type=config.get("jsonType.label") or "String",
                multivalued=config.get("multivalued") == "true",
            )
        )
    return sorted(found, key=lambda mapping: mapping.name)


def to_keycloak(mappings: Sequence[AttributeMapping], changes: Mapping[str, Any]) -> UserChange:
    """Return the changes to a user for changed SCIM attributes by key; attributes without a mapper are ignored.

    Raises:
        InvalidValueException: A value does not match the mapper's Claim JSON Type.
    """
    change = UserChange()
    if "externalid" in changes:
        value = changes["externalid"]
        change.attributes[EXTERNAL_ID] = None if value in (None, "") else [str(value)]
    for mapping in mappings:
        for name, value in changes.items():
            if name in mapping.keys:
                _keep(change, mapping, None if value in (None, "", []) else value)
            elif value is None and any(covers(name, own) for own in mapping.keys):
                _keep(change, mapping, None)
    return change


def to_scim(mappings: Sequence[AttributeMapping], user: Mapping[str, Any]) -> dict[str, Any]:
    """Return the SCIM resource of a Keycloak user, without `id`, `schemas` and `meta`."""
    attributes: dict[str, list[str]] = user.get("attributes") or {}
    resource: dict[str, Any] = {}
    if attributes.get(EXTERNAL_ID):
        resource["externalId"] = attributes[EXTERNAL_ID][0]
    for mapping in mappings:
        value = _stored(mapping, user, attributes)
        if value is not None:
            place(resource, _SHOWN_AS.get(key(mapping.claim), mapping.claim), value)
    return resource


def extension_urns(resource: Mapping[str, Any]) -> list[str]:
    """Return the extension schemas whose attributes a resource has."""
    return sorted(name for name in resource if name.lower().startswith("urn:"))


def attribute_of(mappings: Sequence[AttributeMapping], name: str) -> AttributeMapping | None:
    """Return the mapper that accepts a SCIM attribute, by key."""
    return next((mapping for mapping in mappings if name in mapping.keys), None)


def flat(resource: Mapping[str, Any]) -> dict[str, Any]:
    """Return a resource from `to_scim` by key, including `id`, for filters."""
    return flatten(resource) | {"id": resource["id"]}


def _keep(change: UserChange, mapping: AttributeMapping, value: object) -> None:
    texts = None if value is None else _texts(mapping, value)
    core = mapping.core_field
    if core == "enabled":
        # Keycloak cannot remove `enabled`: a user is always enabled or disabled.
        change.fields[core] = texts != ["false"]
    elif core is not None:
        change.fields[core] = texts[0] if texts else None
    if mapping.user_attribute not in _FIELDS_ONLY:
        change.attributes[mapping.user_attribute] = texts


def _texts(mapping: AttributeMapping, value: object) -> list[str]:
    if mapping.multivalued and isinstance(value, list):
        return [_text(mapping, entry) for entry in value]
    return [_text(mapping, value[0] if isinstance(value, list) and value else value)]


def _text(mapping: AttributeMapping, value: object) -> str:
    kind = mapping.json_type.lower()
    if key(mapping.claim) == _ACTIVE and kind != "boolean":
        detail = f"active: mapper {mapping.name!r} has Claim JSON Type {mapping.json_type}, not boolean"
        raise InvalidValueException(detail=detail)
    if kind == "json":
        return json.dumps(value)
    if isinstance(value, bool):
        text = str(value).lower()
    elif isinstance(value, (str, int, float)):
        text = str(value)
    else:
        detail = f"{mapping.claim}: a {type(value).__name__} cannot be stored as {mapping.json_type}"
        raise InvalidValueException(detail=detail)
    if kind == "boolean":
        text = text.lower()
        if text not in {"true", "false"}:
            raise InvalidValueException(detail=f"{mapping.claim}: {value!r} is not a boolean")
    elif kind in {"int", "long"}:
        try:
            int(text)
        except ValueError:
            raise InvalidValueException(detail=f"{mapping.claim}: {value!r} is not a number") from None
    return text


def _stored(mapping: AttributeMapping, user: Mapping[str, Any], attributes: Mapping[str, list[str]]) -> object:
    core = mapping.core_field
    kept = attributes.get(mapping.user_attribute) or []
    if core == "enabled":
        return bool(user.get("enabled"))
    if core is not None:
        value = user.get(core) or None
        # Keycloak converts user names to lower case; return the spelling that was sent if it is the same name.
        return kept[0] if value and kept and kept[0].lower() == value.lower() else value
    if not kept:
        return None
    if mapping.multivalued:
        return [_typed(mapping.json_type, text) for text in kept]
    return _typed(mapping.json_type, kept[0])


def _typed(json_type: str, text: str) -> object:
    kind = json_type.lower()
    try:
        if kind == "boolean":
            return {"true": True, "false": False}.get(text.lower(), text)
        if kind in {"int", "long"}:
            return int(text)
        if kind == "json":
            return json.loads(text)
    except ValueError:
        return text  # another program wrote it; return it unchanged
    return text
