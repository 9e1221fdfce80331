"""What mappers, attribute mappings and custom attributes consist of, for settings and resources alike.

Knows no other setting and no service: what Keycloak and Entra make of them is said in ``keycloak`` and ``mapping``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from kzero_scim.resource.formats import CUSTOM_ATTRIBUTE_FORM, is_custom_attribute
from kzero_scim.resource.model import UNKNOWN, prop

JsonType = Literal["String", "boolean", "long", "int", "JSON"]
FlowType = Literal["Always", "ObjectAddOnly", "MultiValueAddOnly", "ValueAddOnly", "AttributeAddOnly"]
FlowBehavior = Literal["FlowWhenChanged", "FlowAlways"]
AttributeType = Literal["String", "Integer", "Boolean", "DateTime", "Binary"]


class SettingModel(BaseModel):
    """Settings as a stack file spells them: keys in camelCase, unknown keys refused."""

    model_config = ConfigDict(
        alias_generator=to_camel, extra="forbid", frozen=True, populate_by_name=True, str_strip_whitespace=True
    )


@dataclass(frozen=True, kw_only=True)
class Mapper:
    """One protocol mapper of type User Attribute; the token options are on unless switched off."""

    schema_module: ClassVar[str] = "keycloak"

    user_attribute: Annotated[str, Field(min_length=1, max_length=255)] = prop(
        "Name of the user attribute (the console's field User Attribute)."
    )
    claim: Annotated[str, Field(min_length=1, max_length=1024)] = prop(
        "Name of the claim (Token Claim Name); for KZero a SCIM attribute such as name.givenName."
    )
    claim_json_type: JsonType = prop("Claim JSON Type; the console shows boolean as Boolean.", default="String")
    id_token: bool = prop("Add to ID token.", default=True)
    access_token: bool = prop("Add to access token.", default=True)
    userinfo: bool = prop("Add to userinfo.", default=True)
    introspection: bool = prop("Add to token introspection.", default=True)
    multivalued: bool = prop("The attribute has several values and the claim is an array.", default=False)
    aggregate_values: bool = prop("Add the values that the user's groups have for the attribute.", default=False)


@dataclass(frozen=True, kw_only=True)
class Row:
    """One attribute mapping: where the value of a target attribute comes from. Exactly one of the first three."""

    schema_module: ClassVar[str] = "entra"

    source: str | None = prop(
        "Attribute of the Entra user, by the provisioning service's name (surname, mail, extensionAttribute1).",
        default=None,
    )
    expression: str | None = prop("Expression in Entra's mapping language.", default=None)
    constant: str | None = prop("A fixed text.", default=None)
    default_value: str | None = prop("What is sent if the source is empty.", default=None)
    matching_priority: Annotated[int, Field(ge=0, le=1000)] = prop(
        "1, 2, ...: Entra finds existing users by this attribute, in this order. 0: not used for that.", default=0
    )
    flow_type: FlowType = prop("When the value is sent; Always, or only when something is created.", default="Always")
    flow_behavior: FlowBehavior = prop("Send it when it has changed, or each time.", default="FlowWhenChanged")

    @property
    def origins(self) -> list[str]:
        """Which of source, expression and constant are given; a row needs exactly one."""
        return [name for name in ("source", "expression", "constant") if getattr(self, name) is not None]


@dataclass(frozen=True, kw_only=True)
class TargetedRow(Row):
    """One attribute mapping with the target that it fills, as a stack file lists it."""

    target: Annotated[str, Field(min_length=1)] = prop("SCIM attribute that the row fills.")


@dataclass(frozen=True, kw_only=True)
class CustomAttribute:
    """A target attribute that Entra's default schema does not have."""

    schema_module: ClassVar[str] = "entra"

    name: str = prop(f"Its full name, {CUSTOM_ATTRIBUTE_FORM}.")
    type: AttributeType = prop("Type of its value; Entra allows no references here.", default="String")
    case_exact: bool = prop("Whether values that differ in case only are different.", default=False)


def _one_origin(row: TargetedRow) -> TargetedRow:
    given = row.origins
    if len(given) != 1:
        what = " and ".join(given) if given else "none of them"
        message = f"target {row.target!r} has {what}; give exactly one of source, expression and constant"
        raise ValueError(message)
    return row


def _named_as_entra_requires(attribute: CustomAttribute) -> CustomAttribute:
    if not is_custom_attribute(attribute.name):
        message = f"{attribute.name!r} is not a custom attribute name; write {CUSTOM_ATTRIBUTE_FORM}"
        raise ValueError(message)
    return attribute


RowSetting = Annotated[TargetedRow, AfterValidator(_one_origin)]
CustomAttributeSetting = Annotated[CustomAttribute, AfterValidator(_named_as_entra_requires)]


def unescaped(claim: str) -> str:
    """Return a URN claim without the escapes that keep Keycloak from nesting it at its dots."""
    if not claim.startswith("urn:"):
        return claim
    urn, colon, attribute = claim.rpartition(":")
    return urn.replace("\\.", ".") + colon + attribute


def repeated_claims(mappers: Mapping[str, Mapper]) -> Iterator[tuple[str, str]]:
    """Yield each mapper that writes the claim of an earlier one, with the earlier one's name. Unknown claims pass."""
    first: dict[str, str] = {}
    for name, mapper in mappers.items():
        if mapper is UNKNOWN or mapper.claim is UNKNOWN or not mapper.claim.strip():
            continue
        other = first.setdefault(unescaped(mapper.claim), name)
        if other != name:
            yield name, other
