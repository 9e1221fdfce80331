"""Compares a user in Entra and in KZero, attribute by attribute. Pure: sends no request.

Where KZero stores a value is our reading of its guide: in the mapper's user attribute, or in Keycloak's own field if
the user attribute has the usual name of one of the five core fields.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from kzero_scim.mapping.attribute_mapping import ACTIVE_EXPRESSION, Expectation, canonical, lookup, normalise_expression
from kzero_scim.mapping.source_attributes import graph_property, read_attribute
from kzero_scim.resource.model import prop
from kzero_scim.settings.items import Row

_CORE_FIELDS = {
    "userprincipalname": "username",
    "username": "username",
    "givenname": "firstName",
    "firstname": "firstName",
    "surname": "lastName",
    "lastname": "lastName",
    "email": "email",
    "mail": "email",
    "issoftdeleted": "enabled",
    "enabled": "enabled",
    "active": "enabled",
}
"""Keycloak's field by the mapper's user attribute, in lower case."""

_CASELESS = frozenset({"username", "email", "enabled"})
"""Fields that Keycloak stores in lower case, or that are Booleans."""

_ACTIVE_EXPRESSIONS = frozenset({normalise_expression(ACTIVE_EXPRESSION), "Not([IsSoftDeleted])"})


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """One attribute on both sides."""

    schema_module: ClassVar[str] = "entra"

    attribute: str = prop("Name of the KZero mapper.")
    entra: str | None = prop("The value that Entra sends; absent if it is empty and not sent.", default=None)
    kzero: str | None = prop("The KZero user's value; absent if empty.", default=None)
    equal: bool = prop("Whether the values match.")


@dataclass(frozen=True, kw_only=True)
class Arrival:
    """The comparison of one user.

    Attributes:
        comparisons: The compared attributes.
        notes: Why others were not compared, one line each.
        dropped: User attributes that the realm drops, by mapper.
    """

    comparisons: list[Comparison]
    notes: list[str]
    dropped: Mapping[str, str] = field(default_factory=dict)

    @property
    def mismatches(self) -> list[str]:
        """The differences in words: ``tag: Entra "x", KZero nothing``."""
        return [
            f"{item.attribute}: Entra {_shown(item.entra)}, KZero {_shown(item.kzero)}{self._hint(item)}"
            for item in self.comparisons
            if not item.equal
        ]

    def _hint(self, item: Comparison) -> str:
        if item.attribute in self.dropped:
            return f" (the realm drops the user attribute {self.dropped[item.attribute]!r})"
        return f" (check that KZero has the mapper {item.attribute!r})" if item.kzero is None else ""


def graph_selection(expected: Sequence[Expectation]) -> list[str]:
    """Return the properties of Graph's ``user`` that the comparison needs, sorted."""
    sources = (canonical(item.row).source for item in expected)
    shown = (graph_property(source) for source in sources if source is not None)
    return sorted({"id", "userPrincipalName", "accountEnabled", *(name for name in shown if name is not None)})


def reads_manager(expected: Sequence[Expectation]) -> bool:
    """Return whether a row sends the manager, which Graph shows only on request."""
    return any(canonical(item.row).source == "manager" for item in expected)


def user_name(rows: Mapping[str, Row], user: Mapping[str, Any]) -> str | None:
    """Return the user name that Entra sends, to find the KZero user; None if it is empty or unknown here."""
    return _sent(_user_name_row(rows), user)


def is_user_name_known(rows: Mapping[str, Row]) -> bool:
    """Return whether the user name is known here. Only Entra can compute a custom expression."""
    return _incomparable(canonical(_user_name_row(rows))) is None


def _user_name_row(rows: Mapping[str, Row]) -> Row:
    found = lookup(rows, "userName")
    return Row(source="userPrincipalName") if found is None else found[1]


def compare_user(
    expected: Sequence[Expectation],
    user: Mapping[str, Any],
    kzero: Mapping[str, Any],
    manager_names: Collection[str] = (),
) -> Arrival:
    """Return the comparison of the values that Entra sends with those that KZero has.

    Args:
        expected: The attributes that both sides map.
        user: Graph's ``user`` with the properties of :func:`graph_selection`.
        kzero: Keycloak's user representation.
        manager_names: The manager's IDs and user name, any of which KZero may store; empty without a manager.
    """
    comparisons: list[Comparison] = []
    notes: list[str] = []
    for item in expected:
        row = canonical(item.row)
        if row.source == "manager":
            _compare_manager(item, kzero, manager_names, comparisons, notes)
            continue
        if (reason := _incomparable(row)) is not None:
            notes.append(f"{item.mapper} was not compared: {reason}")
            continue
        sent = _sent(row, user)
        field, found = _kept(kzero, item.user_attribute, sent)
        is_equal = sent is None or found == sent or (field in _CASELESS and _folded(found) == _folded(sent))
        comparisons.append(Comparison(attribute=item.mapper, entra=sent, kzero=found, equal=is_equal))
    return Arrival(comparisons=comparisons, notes=notes)


def _compare_manager(
    item: Expectation,
    kzero: Mapping[str, Any],
    names: Collection[str],
    comparisons: list[Comparison],
    notes: list[str],
) -> None:
    """Add the comparison of the manager. Entra sends this reference only while the manager is provisioned too."""
    _, found = _kept(kzero, item.user_attribute, None)
    if not names:
        notes.append(f"{item.mapper} was not compared: the user has no manager in Entra")
        return
    if found is None:
        notes.append(
            f"{item.mapper} was not compared: it is empty in KZero, and Entra sends a manager only while it provisions "
            "the manager too"
        )
        return
    is_known = _folded(found) in {_folded(name) for name in names}
    entra = found if is_known else min(names)
    comparisons.append(Comparison(attribute=item.mapper, entra=entra, kzero=found, equal=is_known))


def _incomparable(row: Row) -> str | None:
    if row.expression is not None and normalise_expression(row.expression) not in _ACTIVE_EXPRESSIONS:
        return f"Entra computes its value ({row.expression})"
    if row.source is not None and graph_property(row.source) is None and row.source != "IsSoftDeleted":
        return f"Graph does not show {row.source}"
    return None


def _sent(row: Row, user: Mapping[str, Any]) -> str | None:
    row = canonical(row)
    enabled = user.get("accountEnabled") is not False
    if row.constant is not None:
        return row.constant or row.default_value
    if row.expression is not None:
        return ("true" if enabled else "false") if _incomparable(row) is None else None
    if row.source == "IsSoftDeleted":
        return "false" if enabled else "true"
    return read_attribute(user, row.source or "") or row.default_value


def core_field(user_attribute: str) -> str | None:
    """Return the field of Keycloak's users that a mapper's user attribute means, None for an attribute of its own."""
    return _CORE_FIELDS.get(user_attribute.casefold())


def _kept(kzero: Mapping[str, Any], user_attribute: str, sent: str | None) -> tuple[str, str | None]:
    """Return KZero's value of a user attribute: the core field of that meaning, or the attribute of that name."""
    values = (kzero.get("attributes") or {}).get(user_attribute)
    attribute = ", ".join(filter(None, map(_as_text, values if isinstance(values, list) else [values]))) or None
    field = core_field(user_attribute) or ""
    core = _as_text(kzero.get(field)) if field else None
    if core is None or (attribute is not None and attribute == sent and field != "enabled"):
        return field, attribute
    return field, core


def _as_text(value: object) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    return None if value in (None, "", []) else str(value)


def _folded(text: str | None) -> str:
    return (text or "").casefold()


def _shown(text: str | None) -> str:
    return "nothing" if text is None else f'"{text}"'
