"""The base of the SDK's classes: passes arguments to the engine and outputs back to the program.

The Pulumi SDK would also translate names inside values, even map keys such as the mapper name ``name.givenName``.
Therefore all values use the schema's own names, and each class declares which arguments contain objects.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar, cast, overload

import pulumi

from kzero_scim.resource.model import as_plain, camel

if TYPE_CHECKING:
    from typing import Self

T = TypeVar("T")


class OutputProperty(Generic[T]):
    """An output: ``job_id = OutputProperty[str]()`` is the schema's ``jobId``, a ``pulumi.Output[str]``."""

    key: str

    def __set_name__(self, owner: type, name: str) -> None:
        """Derive the schema's key from the attribute's name."""
        self.key = camel(name)

    @overload
    def __get__(self, instance: None, owner: type) -> Self: ...

    @overload
    def __get__(self, instance: pulumi.Resource, owner: type) -> pulumi.Output[T]: ...

    def __get__(self, instance: pulumi.Resource | None, owner: type) -> pulumi.Output[T] | Self:
        """Return the resource's output."""
        if instance is None:
            return self
        return cast("pulumi.Output[T]", pulumi.get(instance, self.key))


class KzeroResource(pulumi.CustomResource):
    """A resource of package ``kzero``.

    Args:
        name: The resource's name in the program.
        inputs: The arguments by their names in Python; None for an argument that is not given.
        opts: The resource's options.
    """

    resource_type: ClassVar[str]
    secrets: ClassVar[Sequence[str]] = ()
    """Names in Python of the outputs that are always secret."""

    def __init__(self, name: str, inputs: Mapping[str, Any], opts: pulumi.ResourceOptions | None) -> None:
        """Register the resource."""
        properties = {output.key: None for output in outputs_of(type(self)).values()}
        properties |= {camel(argument): value for argument, value in inputs.items()}
        always = pulumi.ResourceOptions(additional_secret_outputs=[camel(secret) for secret in self.secrets])
        super().__init__(self.resource_type, name, properties, pulumi.ResourceOptions.merge(opts, always))


def outputs_of(kind: type[KzeroResource]) -> dict[str, OutputProperty[Any]]:
    """Return the outputs of a class by their names in Python."""
    return {name: value for name, value in vars(kind).items() if isinstance(value, OutputProperty)}


def record(value: Any) -> Any:  # noqa: ANN401 - a dataclass, a dictionary, an output of one, or None
    """Return one object with the schema's names: ``user_attribute`` becomes ``userAttribute``."""
    if isinstance(value, pulumi.Output):
        return value.apply(record)
    if isinstance(value, Mapping):
        return {camel(key): item for key, item in value.items()}
    return as_plain(value)


def records(value: Any) -> Any:  # noqa: ANN401 - a list or a map of such objects, an output of one, or None
    """Return a list or a map with the schema's names in each object. The map's own keys stay unchanged."""
    if isinstance(value, pulumi.Output):
        return value.apply(records)
    if isinstance(value, Mapping):
        return {key: record(item) for key, item in value.items()}
    return None if value is None else [record(item) for item in value]


def secret(value: Any) -> Any:  # noqa: ANN401 - any input
    """Return an argument as a secret, so that the state encrypts it even if the program does not mark it."""
    return None if value is None else pulumi.Output.secret(value)


def as_json(value: pulumi.Input[bool] | None) -> pulumi.Output[str] | None:
    """Return a setting that is not a string as JSON in a string, as every Pulumi SDK does."""
    return None if value is None else pulumi.Output.from_input(value).apply(json.dumps)
