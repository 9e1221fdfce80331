"""What the classes of package ``kzero`` share: arguments on their way to the engine, outputs on their way back.

The Pulumi SDK would translate names inside values too, map keys such as the mapper name ``name.givenName`` included.
Therefore everything passes it under the schema's own names, and each class says which arguments hold objects.
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
        """Learn the attribute's name."""
        self.key = camel(name)

    @overload
    def __get__(self, instance: None, owner: type) -> Self: ...

    @overload
    def __get__(self, instance: pulumi.Resource, owner: type) -> pulumi.Output[T]: ...

    def __get__(self, instance: pulumi.Resource | None, owner: type) -> pulumi.Output[T] | Self:
        """Give the resource's output."""
        if instance is None:
            return self
        return cast("pulumi.Output[T]", pulumi.get(instance, self.key))


class KzeroResource(pulumi.CustomResource):
    """A resource of package ``kzero``.

    Args:
        name: Its name in the program.
        inputs: Its arguments by their names in Python; None for what is not given.
        opts: Its options.
    """

    resource_type: ClassVar[str]
    secrets: ClassVar[Sequence[str]] = ()
    """The outputs that are always secret, by their names in Python."""

    def __init__(self, name: str, inputs: Mapping[str, Any], opts: pulumi.ResourceOptions | None) -> None:
        """Register the resource."""
        properties = {output.key: None for output in outputs_of(type(self)).values()}
        properties |= {camel(argument): value for argument, value in inputs.items()}
        always = pulumi.ResourceOptions(additional_secret_outputs=[camel(secret) for secret in self.secrets])
        super().__init__(self.resource_type, name, properties, pulumi.ResourceOptions.merge(opts, always))


def outputs_of(kind: type[KzeroResource]) -> dict[str, OutputProperty[Any]]:
    """Give the outputs of a class by their names in Python."""
    return {name: value for name, value in vars(kind).items() if isinstance(value, OutputProperty)}


def record(value: Any) -> Any:  # noqa: ANN401 - a dataclass, a dictionary, an output of one, or None
    """Spell the names inside one object as the schema does: ``user_attribute`` as ``userAttribute``."""
    if isinstance(value, pulumi.Output):
        return value.apply(record)
    if isinstance(value, Mapping):
        return {camel(key): item for key, item in value.items()}
    return as_plain(value)


def records(value: Any) -> Any:  # noqa: ANN401 - a list or a map of such objects, an output of one, or None
    """Spell the names inside each object of a list or of a map; the map's own keys stay as they are."""
    if isinstance(value, pulumi.Output):
        return value.apply(records)
    if isinstance(value, Mapping):
        return {key: record(item) for key, item in value.items()}
    return None if value is None else [record(item) for item in value]


def secret(value: Any) -> Any:  # noqa: ANN401 - any input
    """Mark an argument secret, so that it is encrypted in the state also where the program forgot to say so."""
    return None if value is None else pulumi.Output.secret(value)


def as_json(value: pulumi.Input[bool] | None) -> pulumi.Output[str] | None:
    """Spell a setting that is no string as every SDK does: as JSON in a string."""
    return None if value is None else pulumi.Output.from_input(value).apply(json.dumps)
