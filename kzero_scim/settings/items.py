"""What a tenant's settings list as objects: mappers, attribute mappings, custom attributes. Each is checked by itself.

Knows nothing of the other settings.
"""

from __future__ import annotations

import re
from typing import Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel

CUSTOM_ATTRIBUTE: Final = re.compile(r"urn:ietf:params:scim:schemas:extension:[A-Za-z0-9]+:2\.0:User:[A-Za-z0-9_]+")


class SettingModel(BaseModel):
    """Settings as a stack's file spells them: keys in camelCase, and none that is not known."""

    model_config = ConfigDict(
        alias_generator=to_camel, extra="forbid", frozen=True, populate_by_name=True, str_strip_whitespace=True
    )


class MapperSetting(SettingModel):
    """One protocol mapper of KZero's client ``scim-endpoint``, in the words of the guide's step 2."""

    user_attribute: str = Field(min_length=1, max_length=255, description="User Attribute")
    claim: str = Field(min_length=1, max_length=1024, description="Token Claim")
    claim_json_type: Literal["String", "boolean", "long", "int", "JSON"] = "String"
    id_token: bool = True
    access_token: bool = True
    userinfo: bool = True
    introspection: bool = True
    multivalued: bool = False
    aggregate_values: bool = False


class RowSetting(SettingModel):
    """One attribute mapping of the Entra job: a SCIM target and where its value comes from."""

    target: str = Field(min_length=1)
    source: str | None = None
    expression: str | None = None
    constant: str | None = None
    default_value: str | None = None
    matching_priority: int = Field(default=0, ge=0, le=1000)
    flow_type: Literal["Always", "ObjectAddOnly", "MultiValueAddOnly", "ValueAddOnly", "AttributeAddOnly"] = "Always"
    flow_behavior: Literal["FlowWhenChanged", "FlowAlways"] = "FlowWhenChanged"

    @model_validator(mode="after")
    def _one_origin(self) -> Self:
        given = [name for name in ("source", "expression", "constant") if getattr(self, name) is not None]
        if len(given) != 1:
            what = " and ".join(given) if given else "none of them"
            message = f"target {self.target!r} has {what}; give exactly one of source, expression and constant"
            raise ValueError(message)
        return self


class CustomAttributeSetting(SettingModel):
    """One attribute that Entra's target schema does not know of itself."""

    name: str
    type: Literal["String", "Integer", "Boolean", "DateTime"] = "String"

    @model_validator(mode="after")
    def _urn(self) -> Self:
        if not CUSTOM_ATTRIBUTE.fullmatch(self.name):
            message = (
                f"{self.name!r} is no custom attribute name; "
                "write urn:ietf:params:scim:schemas:extension:<Name>:2.0:User:<attribute>"
            )
            raise ValueError(message)
        return self
