"""Builds the package's Pulumi schema from the dataclasses. Knows neither gRPC nor a service.

The format is the package metaschema (https://www.pulumi.com/docs/iac/guides/building-extending/packages/schema/).
Field types and ``prop`` contain everything that the schema needs.
"""

from __future__ import annotations

import dataclasses
import inspect
import types
import typing
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, Literal

from kzero_scim.resource.codec import FieldSpec, fields_of, is_optional, without_none
from kzero_scim.resource.model import Packed

if TYPE_CHECKING:
    from kzero_scim.provider.package import Package

_SCALARS: Final[dict[Any, str]] = {str: "string", bool: "boolean", int: "integer", float: "number"}


class SchemaError(TypeError):
    """A dataclass cannot be expressed in a Pulumi schema, or two dataclasses claim the same type token."""


def package_schema(package: Package) -> dict[str, Any]:
    """Return the complete schema of a package.

    Raises:
        SchemaError: A field's type has no counterpart in Pulumi's type system.
    """
    builder = _Builder(package.name, {token.split(":")[1] for token in package.resources})
    resources = {token: builder.resource(kind) for token, kind in package.resources.items()}
    functions = {token: builder.function(kind) for token, kind in package.functions.items()}
    config = builder.properties(package.config)
    return {
        "name": package.name,
        "version": package.version,
        "description": package.description,
        **package.metadata,
        "meta": {"moduleFormat": "(.*)"},
        "language": {},
        "config": {"variables": config},
        "provider": {
            "description": description_of(package.config),
            "inputProperties": config,
            "properties": {key: about for key, about in config.items() if about.get("type") == "string"},
        },
        "types": builder.types,
        "resources": resources,
        "functions": functions,
    }


class _Builder:
    """Collects object types while it goes through resources and functions."""

    def __init__(self, package: str, modules: Collection[str]) -> None:
        self.package = package
        self.modules = modules
        self.types: dict[str, Any] = {}
        self._tokens: dict[type, str] = {}

    def resource(self, kind: type[Any]) -> dict[str, Any]:
        return {
            "description": description_of(kind),
            "properties": self.properties(kind.state, outputs=True),
            "required": _always_there(kind.state),
            "inputProperties": self.properties(kind.inputs),
            "requiredInputs": [key for key, spec in fields_of(kind.inputs).items() if spec.required],
        }

    def function(self, kind: type[Any]) -> dict[str, Any]:
        required = [key for key, spec in fields_of(kind.inputs).items() if spec.required]
        inputs = {"type": "object", "properties": self.properties(kind.inputs), "required": required}
        outputs = {
            "properties": self.properties(kind.state, outputs=True),
            "required": _always_there(kind.state),
        }
        return {"description": description_of(kind), "inputs": inputs, "outputs": {"type": "object", **outputs}}

    def properties(self, kind: type[Any], *, outputs: bool = False) -> dict[str, Any]:
        return {key: self.property(spec, outputs=outputs) for key, spec in fields_of(kind).items()}

    def property(self, spec: FieldSpec, *, outputs: bool) -> dict[str, Any]:
        about: dict[str, Any] = {**self.type_of(spec.hint, spec.key), "description": described_property(spec)}
        default = None if spec.default is None else spec.default()
        if not outputs and isinstance(default, str | bool | int | float):
            about["default"] = default
        if spec.about.secret:
            about["secret"] = True
        if spec.about.replace:
            about["replaceOnChanges"] = True
        if spec.about.environment and not outputs:
            about["defaultInfo"] = {"environment": list(spec.about.environment)}
        return about

    def type_of(self, hint: Any, where: str) -> dict[str, Any]:  # noqa: ANN401 - any type hint
        hint = without_none(hint)
        origin, arguments = typing.get_origin(hint), typing.get_args(hint)
        if hint is Any:
            return {"$ref": "pulumi.json#/Any"}
        if hint in _SCALARS:
            return {"type": _SCALARS[hint]}
        if origin is Literal and len({type(item) for item in arguments}) == 1:
            return {"type": _SCALARS[type(arguments[0])]}
        if origin in {list, Sequence}:
            return {"type": "array", "items": self.type_of(arguments[0], where)}
        if origin in {dict, Mapping} and arguments[0] is str:
            return {"type": "object", "additionalProperties": self.type_of(arguments[1], where)}
        if origin in {typing.Union, types.UnionType}:
            return {"oneOf": [self.type_of(argument, where) for argument in arguments]}
        if isinstance(hint, type) and issubclass(hint, Packed):
            return {"type": "string"}
        if dataclasses.is_dataclass(hint) and isinstance(hint, type):
            return {"$ref": f"#/types/{self.object(hint)}"}
        message = f"{where}: a Pulumi schema cannot express {hint}"
        raise SchemaError(message)

    def object(self, kind: type[Any]) -> str:
        """Return the type token of a nested dataclass, and describe the type when it first appears."""
        if kind in self._tokens:
            return self._tokens[kind]
        home = getattr(kind, "schema_module", None)
        if home not in self.modules:
            known = ", ".join(sorted(self.modules))
            message = f"{kind.__name__} declares schema_module {home!r}; declare one of {known}"
            raise SchemaError(message)
        token = f"{self.package}:{home}:{kind.__name__}"
        if token in self.types:
            message = f"two dataclasses have the type token {token}; rename one"
            raise SchemaError(message)
        self._tokens[kind] = token
        self.types[token] = {"type": "object", "description": description_of(kind)}
        self.types[token]["properties"] = self.properties(kind)
        self.types[token]["required"] = [key for key, spec in fields_of(kind).items() if spec.required]
        return token


def _always_there(kind: type[Any]) -> list[str]:
    """Return the outputs that every instance has: those whose type excludes None."""
    return [key for key, spec in fields_of(kind).items() if not is_optional(spec.hint)]


def described_property(spec: FieldSpec) -> str:
    """Return a property's description with the values that it may have."""
    hint = without_none(spec.hint)
    if typing.get_origin(hint) is not Literal:
        return spec.about.description
    choices = ", ".join(f"`{choice}`" for choice in typing.get_args(hint))
    return f"{spec.about.description} One of {choices}."


def description_of(kind: type[Any]) -> str:
    """Return a class's description: its docstring up to the arguments of its constructor."""
    return inspect.cleandoc(kind.__doc__ or "").partition("\n\nArgs:\n")[0]
