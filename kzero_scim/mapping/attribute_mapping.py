"""The attribute mapping between both sides: the guide's rows, checks of rows, and expectations. Pure: sends no request.

Must not know Graph's schema document (``entra/schema``).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from kzero_scim.guide import values
from kzero_scim.resource.formats import CUSTOM_ATTRIBUTE_FORM, is_custom_attribute
from kzero_scim.resource.model import Failure, is_known, path_key
from kzero_scim.settings.items import CustomAttribute, Row

ENTERPRISE_USER = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
CORE_USER = "urn:ietf:params:scim:schemas:core:2.0:User"
MANAGER = f"{ENTERPRISE_USER}:manager"
TAG = values.TAG_CLAIM
WORK_EMAIL = 'emails[type eq "work"].value'
ACTIVE_EXPRESSION = 'Switch([IsSoftDeleted], , "False", "True", "True", "False")'
"""Entra's default for ``active``: true unless the user is deleted, disabled or out of scope."""

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|\[[^\]"]*\]|\s+|.', re.DOTALL)
_SINGLE_ATTRIBUTE = re.compile(r"\[([^\[\]\"]+)\]")
_SINGLE_LITERAL = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)


class MappedClaim(Protocol):
    """A protocol mapper of KZero's client: the SCIM attribute, and the user attribute that stores it."""

    @property
    def user_attribute(self) -> str:
        """Attribute of the KZero user."""

    @property
    def claim(self) -> str:
        """SCIM attribute (the mapper's Token Claim Name)."""


@dataclass(frozen=True, kw_only=True)
class Expectation:
    """One value that Entra sends and KZero stores.

    Attributes:
        mapper: Name of the KZero mapper for it.
        target: The SCIM attribute, as the row spells it.
        row: Where Entra takes the value from.
        user_attribute: The attribute of the KZero user.
    """

    mapper: str
    target: str
    row: Row
    user_attribute: str


def guide_rows() -> dict[str, Row]:
    """Return the guide's seven rows in Entra's terms.

    Entra's default schema of template ``scim`` contains six of them. The guide's ``surName`` is Entra's ``surname``,
    its ``manager`` is the enterprise extension's reference, and ``active`` is the inverse of ``IsSoftDeleted``.
    """
    return {
        "active": Row(expression=ACTIVE_EXPRESSION),
        "userName": Row(source="userPrincipalName", matching_priority=1),
        "name.givenName": Row(source="givenName"),
        "name.familyName": Row(source="surname"),
        MANAGER: Row(source="manager"),
        TAG: Row(source="extensionAttribute1"),
        WORK_EMAIL: Row(source="mail"),
    }


def guide_custom_attributes() -> list[CustomAttribute]:
    """Return the one target attribute of the guide that Entra does not know: the tag."""
    return [CustomAttribute(name=TAG)]


def expectations(rows: Mapping[str, Row], mappers: Mapping[str, MappedClaim]) -> list[Expectation]:
    """Return Entra's rows for which KZero has a mapper.

    Args:
        rows: Entra's rows by target attribute.
        mappers: KZero's mappers by name.

    Returns:
        One entry for each row with a mapper: first the guide's rows in its order, then the others by name. The order
        of the arguments does not matter, because the engine does not keep it.
    """
    takers = {name: mapper for mapper, claim in sorted(mappers.items()) for name in claim_targets(claim.claim)}
    return [
        Expectation(mapper=taker, target=target, row=row, user_attribute=mappers[taker].user_attribute)
        for target, row in sorted(rows.items(), key=_guide_order)
        if (taker := takers.get(target.casefold())) is not None
    ]


def unmatched(rows: Mapping[str, Row], mappers: Mapping[str, MappedClaim]) -> list[str]:
    """Return one line for each row and each mapper that has no counterpart, so that nothing can be compared.

    Args:
        rows: Entra's rows by target attribute.
        mappers: KZero's mappers by name.
    """
    matched = expectations(rows, mappers)
    taken, sent = {item.mapper for item in matched}, {item.target for item in matched}
    return [
        *(f"{name} was not compared: no attribute mapping sends its claim" for name in sorted({*mappers} - taken)),
        *(f"{target} was not compared: KZero does not store it" for target in sorted({*rows} - sent)),
    ]


def _guide_order(row: tuple[str, object]) -> tuple[int, str]:
    places = {target.casefold(): place for place, target in enumerate(guide_rows())}
    return places.get(row[0].casefold(), len(places)), row[0]


def claim_targets(claim: str) -> list[str]:
    """Return the SCIM attributes, case-folded, that a mapper's claim stands for.

    The guide writes ``email`` and ``manager`` for SCIM's ``emails[type eq "work"].value`` and the enterprise
    extension's ``manager``. Escaped dots in a claim have no meaning here.
    """
    name = claim.replace("\\.", ".").casefold()
    aliases = {"email": [WORK_EMAIL.casefold()], "manager": [MANAGER.casefold()]}
    return [name, *aliases.get(name, [])]


def normalise_expression(expression: str) -> str:
    """Return an expression without whitespace outside string literals, because Entra reformats expressions."""
    return "".join(token for token in _TOKEN.findall(expression) if not token.isspace())


def canonical(row: Row) -> Row:
    """Return the simplest row of the same meaning: the expression ``[mail]`` is the source attribute ``mail``."""
    if not is_known(row):
        return row
    row = replace(row, default_value=row.default_value or None)
    if row.expression is None:
        return row
    expression = row.expression.strip()
    if attribute := _SINGLE_ATTRIBUTE.fullmatch(expression):
        return replace(row, source=attribute[1], expression=None)
    if literal := _SINGLE_LITERAL.fullmatch(expression):
        return replace(row, constant=re.sub(r"\\(.)", r"\1", literal[1], flags=re.DOTALL), expression=None)
    return replace(row, expression=expression)


def same(one: Row, other: Row) -> bool:
    """Return whether two rows mean the same to Entra."""
    return comparable(one) == comparable(other)


def comparable(row: Row) -> Row:
    """Return the canonical row, without whitespace in its expression."""
    row = canonical(row)
    if row.expression is None or not is_known(row.expression):
        return row
    return replace(row, expression=normalise_expression(row.expression))


def referenced_attributes(row: Row) -> list[str]:
    """Return the source attributes that a row reads, in order, each once."""
    if row.source is not None:
        return [row.source]
    tokens = _TOKEN.findall(row.expression or "")
    return list(dict.fromkeys(token[1:-1] for token in tokens if token.startswith("[") and token.endswith("]")))


def lookup(rows: Mapping[str, Row], target: str) -> tuple[str, Row] | None:
    """Return the row of a target and the target's spelling, or None. SCIM ignores case."""
    folded = target.casefold()
    return next(((name, row) for name, row in rows.items() if name.casefold() == folded), None)


def row_failures(rows: Mapping[str, Row], custom_attributes: Sequence[CustomAttribute]) -> list[Failure]:
    """Return everything in rows and custom attributes that Entra would refuse or misread. Unknown values pass."""
    failures = _attribute_failures(custom_attributes) if is_known(custom_attributes) else []
    if not is_known(list(rows)):
        return failures
    defined = {attribute.name.casefold() for attribute in custom_attributes} if is_known(custom_attributes) else None
    seen: dict[str, str] = {}
    for target, row in rows.items():
        path = f"rows{path_key(target)}"
        folded = target.casefold()
        if folded in seen:
            failures.append(
                Failure(
                    path,
                    f"two rows fill the same target: {seen[folded]!r} and {target!r} differ only in case; remove one",
                )
            )
        seen[folded] = target
        failures += _target_failures(path, target, defined)
        if is_known(row):
            failures += _row_failures(path, row)
    if is_known(dict(rows)):
        failures += _matching_failures(rows)
    return failures


def _attribute_failures(attributes: Sequence[CustomAttribute]) -> list[Failure]:
    failures: list[Failure] = []
    seen: set[str] = set()
    for index, attribute in enumerate(attributes):
        path = f"customAttributes[{index}].name"
        if not is_custom_attribute(attribute.name):
            failures.append(
                Failure(
                    path,
                    f"{attribute.name!r} is not a custom attribute name; write {CUSTOM_ATTRIBUTE_FORM}",
                )
            )
        elif attribute.name.casefold().startswith(f"{ENTERPRISE_USER}:".casefold()):
            failures.append(
                Failure(
                    path,
                    f"{attribute.name!r} belongs to SCIM's enterprise extension; use it in rows without defining it",
                )
            )
        if attribute.name.casefold() in seen:
            failures.append(Failure(path, f"{attribute.name!r} is defined twice; remove one"))
        seen.add(attribute.name.casefold())
    return failures


def _target_failures(path: str, target: str, defined: set[str] | None) -> list[Failure]:
    if not target.strip():
        return [Failure(path, "the target attribute's name is empty; enter a SCIM attribute, such as userName")]
    folded = target.casefold()
    standard = (f"{ENTERPRISE_USER}:".casefold(), f"{CORE_USER}:".casefold())
    if not folded.startswith("urn:") or folded.startswith(standard):
        return []
    if not is_custom_attribute(target):
        return [Failure(path, f"{target!r} is not a custom attribute name; write {CUSTOM_ATTRIBUTE_FORM}")]
    if defined is not None and folded not in defined:
        return [
            Failure(path, f"{target!r} is not defined; add {{name: {target}}} to customAttributes, or correct the name")
        ]
    return []


def _row_failures(path: str, row: Row) -> list[Failure]:
    given = row.origins
    if len(given) != 1:
        found = " and ".join(given) or "none"
        return [Failure(path, f"set exactly one of source, expression and constant; found {found}")]
    failures = []
    if given != ["constant"] and not (row.source or row.expression or "").strip():
        failures.append(Failure(f"{path}.{given[0]}", "it is empty; enter an attribute of the Entra user"))
    if row.source is not None and re.search(r"[\s\[\]\"(),]", row.source.strip()):
        failures.append(
            Failure(f"{path}.source", f"{row.source!r} is not an attribute name; use `expression` for expressions")
        )
    if row.matching_priority < 0:
        failures.append(
            Failure(
                f"{path}.matchingPriority",
                f"{row.matching_priority} is negative; use 0 for no matching, or a positive number",
            )
        )
    if row.matching_priority > 0 and row.constant is not None:
        failures.append(
            Failure(
                f"{path}.matchingPriority", "a constant is the same for all users and cannot match them; set it to 0"
            )
        )
    return failures


def _matching_failures(rows: Mapping[str, Row]) -> list[Failure]:
    by_priority: dict[int, list[str]] = {}
    for target, row in rows.items():
        if row.matching_priority > 0:
            by_priority.setdefault(row.matching_priority, []).append(target)
    if not by_priority:
        reason = (
            "no row is used for matching, so Entra cannot find existing users; set userName's matchingPriority to 1"
        )
        return [Failure("rows", reason)]
    return [
        Failure(
            f"rows{path_key(target)}.matchingPriority",
            f"{priority} is also the matching priority of {targets[0]!r}; give each row a different one",
        )
        for priority, targets in by_priority.items()
        for target in targets[1:]
    ]
