"""The objects in settings and resources: mappers, attribute mappings and custom attributes.

Knows no other setting and no service. The packages ``keycloak`` and ``mapping`` translate the objects.
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
    """Settings as a stack file spells them. Keys are in camelCase, and unknown keys are errors."""

    model_config = ConfigDict(
        alias_generator=to_camel, extra="forbid", frozen=True, populate_by_name=True, str_strip_whitespace=True
    )


@dataclass(frozen=True, kw_only=True)
class Mapper:
    """One protocol mapper of type User Attribute. The token options are on by default."""

    schema_module: ClassVar[str] = "keycloak"

    user_attribute: Annotated[str, Field(min_length=1, max_length=255)] = prop(
        "Name of the user attribute (the console's field User Attribute)."
    )
    claim: Annotated[str, Field(min_length=1, max_length=1024)] = prop(
        "Name of the claim (Token Claim Name). For KZero, a SCIM attribute such as name.givenName."
    )
    claim_json_type: JsonType = prop("Claim JSON Type. The console shows boolean as Boolean.", default="String")
    id_token: bool = prop("Adds the claim to the ID token.", default=True)
    access_token: bool = prop("Adds the claim to the access token.", default=True)
    userinfo: bool = prop("Adds the claim to the userinfo response.", default=True)
    introspection: bool = prop("Adds the claim to token introspection.", default=True)
    multivalued: bool = prop("The attribute has several values, and the claim is an array.", default=False)
    aggregate_values: bool = prop("Adds the values of the attribute from the user's groups.", default=False)


@dataclass(frozen=True, kw_only=True)
class Row:
    """One attribute mapping without its target. Requires exactly one of source, expression and constant."""

    schema_module: ClassVar[str] = "entra"

    source: str | None = prop(
        "Attribute of the Entra user, by its name in provisioning (surname, mail, extensionAttribute1).",
        default=None,
    )
    expression: str | None = prop("Expression in Entra's mapping language.", default=None)
    constant: str | None = prop("Fixed text.", default=None)
    default_value: str | None = prop("Value that Entra sends if the source is empty.", default=None)
    matching_priority: Annotated[int, Field(ge=0, le=1000)] = prop(
        "Position of the attribute when Entra looks for existing users: 1, 2, ... 0: not used for matching.", default=0
    )
    flow_type: FlowType = prop(
        "When Entra sends the value: always, or only when it adds an object or a value.", default="Always"
    )
    flow_behavior: FlowBehavior = prop(
        "Whether Entra sends the value only when it changed, or every time.", default="FlowWhenChanged"
    )

    @property
    def origins(self) -> list[str]:
        """The given ones of source, expression and constant. A row needs exactly one."""
        return [name for name in ("source", "expression", "constant") if getattr(self, name) is not None]


@dataclass(frozen=True, kw_only=True)
class TargetedRow(Row):
    """One attribute mapping with its target, as a stack file lists it."""

    target: Annotated[str, Field(min_length=1)] = prop("SCIM attribute that receives the value.")


@dataclass(frozen=True, kw_only=True)
class CustomAttribute:
    """A target attribute that Entra's default schema lacks."""

    schema_module: ClassVar[str] = "entra"

    name: str = prop(f"Full name, {CUSTOM_ATTRIBUTE_FORM}.")
    type: AttributeType = prop("Type of the value. Entra does not allow references here.", default="String")
    case_exact: bool = prop("Whether values that differ only in case are different.", default=False)


def _one_origin(row: TargetedRow) -> TargetedRow:
    given = row.origins
    if len(given) != 1:
        what = " and ".join(given) if given else "no source, expression or constant"
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
    """Yield each mapper that writes the claim of an earlier one, with the earlier one's name. Skip unknown claims."""
    first: dict[str, str] = {}
    for name, mapper in mappers.items():
        if mapper is UNKNOWN or mapper.claim is UNKNOWN or not mapper.claim.strip():
            continue
        other = first.setdefault(unescaped(mapper.claim), name)
        if other != name:
            yield name, other
