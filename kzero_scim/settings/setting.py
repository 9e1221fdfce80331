"""Declares a setting: the field's annotation is its type, and setting() adds the rest. Knows no particular setting."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any, Final, TypeVar

from pydantic import BeforeValidator, Field
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

T = TypeVar("T")


class Group(StrEnum):
    """The topic of a setting, in the order of KZero's guide. The value is a heading in the reference."""

    CONNECTION = "Connection"
    ENDPOINT = "KZero SCIM endpoint (step 1)"
    MAPPERS = "Protocol mappers (step 2)"
    APPLICATION = "Enterprise application and assignments (step 3)"
    JOB = "Provisioning job (steps 4 and 5)"
    MAPPINGS = "Attribute mappings (step 4)"
    GUARDS = "Guards"
    LIFE_CYCLE = "Life cycle"


@dataclass(frozen=True, kw_only=True)
class About:
    """The facts about a setting besides its type, default and description.

    Attributes:
        group: Its topic.
        remedy: How to correct a bad value, for its error; "" if the type says enough.
        example: A value for the reference and the editor; None for no example.
        observed: ``kzero-scim adopt`` always takes it from both services, not from a stack file.
    """

    group: Group
    remedy: str = ""
    example: Any = None
    observed: bool = False


_ABOUT: Final = "kzero-setting"


def setting(  # noqa: PLR0913 - one keyword a fact
    group: Group,
    description: str,
    *,
    default: Any = PydanticUndefined,  # noqa: ANN401 - a setting's default is of any type
    remedy: str = "",
    example: Any = None,  # noqa: ANN401 - an example is of the setting's type
    observed: bool = False,
    **limits: Any,  # noqa: ANN401 - whatever pydantic's Field takes
) -> Any:  # noqa: ANN401 - like pydantic.Field
    """Declare a setting.

    Args:
        group: Its topic.
        description: Sentences for Pulumi.yaml, the reference, the editor and ``kzero-scim tenant add``.
        default: The value if a stack file leaves it out. Without a default the setting is required.
        remedy: How to correct a bad value, in the imperative.
        example: A value that a tenant could have.
        observed: ``kzero-scim adopt`` takes it from both services.
        limits: Further keywords of :func:`pydantic.Field`, such as ``pattern`` and ``alias``.
    """
    about = About(group=group, remedy=remedy, example=example, observed=observed)
    return Field(default=default, description=description, json_schema_extra={_ABOUT: about}, **limits)  # type: ignore[dict-item] # not JSON: removed before a schema is written


def about(field: FieldInfo) -> About:
    """Return the facts that :func:`setting` stored in a field."""
    extra = field.json_schema_extra
    found = extra.get(_ABOUT) if isinstance(extra, dict) else None
    if not isinstance(found, About):
        message = "the field is not declared with setting(); declare it with setting()"
        raise TypeError(message)
    return found


def _none_if_empty(value: object) -> object:
    return None if value == "" else value


def _none_if_zero(value: object) -> object:
    return value or None


OrEmpty = Annotated[T | None, BeforeValidator(_none_if_empty)]
"""A text that is not set if it is empty, because Pulumi.yaml cannot declare a default of null."""
OrZero = Annotated[T | None, BeforeValidator(_none_if_zero)]
"""A number that is not set if it is 0."""
