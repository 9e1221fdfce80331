"""Converts plain dictionaries with camelCase keys to typed dataclasses. ``model.as_plain`` converts back.

:func:`decode` is strict, for inputs that a person wrote. It reports all errors at once, with their paths.
:func:`decode_lenient` is for state, which another version of this package may have written. Missing properties get
their default, or else an empty list, map or object, or None. Unknown properties are dropped.
"""

from __future__ import annotations

import dataclasses
import functools
import types
import typing
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Any, Final, Literal, TypeVar, Union

from kzero_scim.resource.model import PROPERTY, UNKNOWN, Failure, Packed, Property, camel, path_key

T = TypeVar("T")

_BAD: Final = object()
"""Marks a value that could not be decoded and whose failure is recorded."""

_NAMES: Final[dict[type, str]] = {str: "a string", bool: "a boolean", int: "an integer", float: "a number"}


@dataclasses.dataclass(frozen=True)
class FieldSpec:
    """One field of a dataclass, with its type resolved.

    Attributes:
        name: Name in Python, such as ``claim_json_type``.
        key: Name of the property, such as ``claimJsonType``.
        hint: The resolved type.
        about: Metadata from :func:`~kzero_scim.resource.model.prop`.
        required: True if the field has no default and must not be None.
        default: A function that returns the default, or None without one.
    """

    name: str
    key: str
    hint: Any
    about: Property
    required: bool
    default: typing.Callable[[], Any] | None


_FIELDS: Final[dict[type, dict[str, FieldSpec]]] = {}


def fields_of(kind: type) -> Mapping[str, FieldSpec]:
    """Return the fields of a dataclass by property name, in order of declaration."""
    if kind not in _FIELDS:
        _FIELDS[kind] = _resolve(kind)
    return _FIELDS[kind]


def _resolve(kind: type) -> dict[str, FieldSpec]:
    hints = typing.get_type_hints(kind)
    specs: dict[str, FieldSpec] = {}
    for field in dataclasses.fields(kind):
        specs[camel(field.name)] = FieldSpec(
            name=field.name,
            key=camel(field.name),
            hint=hints[field.name],
            about=field.metadata.get(PROPERTY, Property("")),
            required=_default(field) is None and not is_optional(hints[field.name]),
            default=_default(field),
        )
    return specs


def secret_keys(kind: type) -> frozenset[str]:
    """Return the names of the top-level properties that are secret or contain a secret."""
    return frozenset(key for key, spec in fields_of(kind).items() if spec.about.secret or _holds_secret(spec.hint))


def _holds_secret(hint: Any) -> bool:  # noqa: ANN401 - any type hint
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        return bool(secret_keys(hint))
    return any(_holds_secret(argument) for argument in typing.get_args(hint))


@functools.cache
def is_optional(hint: Any) -> bool:  # noqa: ANN401 - any type hint
    """Return whether a type includes None."""
    return hint is Any or (typing.get_origin(hint) in {Union, types.UnionType} and type(None) in typing.get_args(hint))


@functools.cache
def without_none(hint: Any) -> Any:  # noqa: ANN401 - any type hint
    """Return ``T`` for ``T | None``, and any other type unchanged."""
    if typing.get_origin(hint) not in {Union, types.UnionType}:
        return hint
    left = [argument for argument in typing.get_args(hint) if argument is not type(None)]
    return left[0] if len(left) == 1 else Union[tuple(left)]  # noqa: UP007 - made at run time


@functools.cache
def _parts(hint: Any) -> tuple[Any, Any, tuple[Any, ...]]:  # noqa: ANN401 - any type hint
    """Return a type without None, its origin and its arguments."""
    left = without_none(hint)
    return left, typing.get_origin(left), typing.get_args(left)


def decode(kind: type[T], values: Mapping[str, Any], path: str = "") -> tuple[T | None, list[Failure]]:
    """Decode inputs that a person wrote.

    Args:
        kind: A dataclass.
        values: Plain values by camelCase name. Any value may be UNKNOWN. Keys that start with ``__`` belong to the
            engine and are ignored.
        path: Path of the values, for the failures.

    Returns:
        The instance and no failures, or None and all failures.
    """
    failures: list[Failure] = []
    instance = _Strict(failures).record(kind, values, path)
    return (None, failures) if failures else (instance, [])


def decode_lenient(kind: type[T], values: Mapping[str, Any]) -> T:
    """Return the state that any version of this package wrote, decoded."""
    return typing.cast("T", _Lenient().record(kind, values, ""))


class _Decoder:
    """Walks through a value along its type. The two subclasses decide what happens to values that do not fit."""

    def bad(self, path: str, reason: str) -> Any:  # noqa: ANN401
        raise NotImplementedError

    def unknown_key(self, path: str, key: str, specs: Mapping[str, FieldSpec]) -> None:
        raise NotImplementedError

    def missing(self, path: str, spec: FieldSpec) -> Any:  # noqa: ANN401
        raise NotImplementedError

    def record(self, kind: type[Any], values: Mapping[str, Any], path: str) -> Any:  # noqa: ANN401
        specs = fields_of(kind)
        for key in values:
            if key not in specs and not key.startswith("__"):
                self.unknown_key(path, key, specs)
        given: dict[str, Any] = {}
        for key, spec in specs.items():
            inner = _join(path, key)
            value = values.get(key)
            decoded = _BAD if value is None else self.value(spec.hint, value, inner, secret=spec.about.secret)
            if value is None or (decoded is _BAD and isinstance(self, _Lenient)):
                decoded = spec.default() if spec.default is not None else self.missing(inner, spec)
            given[spec.name] = decoded
        return _BAD if any(item is _BAD for item in given.values()) else kind(**given)

    def value(self, hint: Any, value: Any, path: str, *, secret: bool = False) -> Any:  # noqa: ANN401
        if value is UNKNOWN or hint is Any:
            return value
        if value is None:
            return None if is_optional(hint) else self.bad(path, "must not be null")
        hint, origin, arguments = _parts(hint)
        if origin in {Union, types.UnionType}:
            return self.either(arguments, value, path, secret=secret)
        if origin is Literal:
            return self.literal(arguments, value, path, secret=secret)
        if origin in {list, Sequence}:
            return self.sequence(arguments[0], value, path, secret=secret)
        if origin in {dict, Mapping}:
            return self.mapping(arguments[1], value, path, secret=secret)
        if isinstance(value, str) and isinstance(hint, type) and issubclass(hint, Packed):
            unpacked = hint.unpacked(value)
            return self.bad(path, "has an unknown form") if unpacked is None else unpacked
        if dataclasses.is_dataclass(hint):
            if not isinstance(value, Mapping):
                return self.bad(path, f"must be an object, not {_shown(value, secret=secret)}")
            return self.record(typing.cast("type", hint), value, path)
        return self.scalar(hint, value, path, secret=secret)

    def sequence(self, hint: Any, value: Any, path: str, *, secret: bool) -> Any:  # noqa: ANN401
        if not isinstance(value, list | tuple):
            return self.bad(path, f"must be a list, not {_shown(value, secret=secret)}")
        items = [self.value(hint, item, f"{path}[{index}]", secret=secret) for index, item in enumerate(value)]
        return _BAD if any(item is _BAD for item in items) else items

    def mapping(self, hint: Any, value: Any, path: str, *, secret: bool) -> Any:  # noqa: ANN401
        if not isinstance(value, Mapping):
            return self.bad(path, f"must be a map, not {_shown(value, secret=secret)}")
        own = {key: item for key, item in value.items() if not key.startswith("__")}
        pairs = {key: self.value(hint, item, path + path_key(key), secret=secret) for key, item in own.items()}
        return _BAD if any(item is _BAD for item in pairs.values()) else pairs

    def either(self, hints: tuple[Any, ...], value: Any, path: str, *, secret: bool) -> Any:  # noqa: ANN401
        for hint in hints:
            failures: list[Failure] = []
            decoded = _Strict(failures).value(hint, value, path, secret=secret)
            if not failures:
                return decoded
        wanted = " or ".join(_NAMES.get(hint, "an object or list") for hint in hints)
        return self.bad(path, f"must be {wanted}, not {_shown(value, secret=secret)}")

    def literal(self, allowed: tuple[Any, ...], value: Any, path: str, *, secret: bool) -> Any:  # noqa: ANN401
        if value in allowed:
            return value
        reason = f"must be one of {', '.join(map(_quoted, allowed))}, not {_shown(value, secret=secret)}"
        near = get_close_matches(str(value).lower(), [str(item).lower() for item in allowed], n=1)
        suggestion = next((item for item in allowed if near and str(item).lower() == near[0]), None)
        return self.bad(path, reason if suggestion is None else f"{reason}; did you mean {_quoted(suggestion)}?")

    def scalar(self, hint: Any, value: Any, path: str, *, secret: bool) -> Any:  # noqa: ANN401
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if hint is int and number and float(value).is_integer():
            # The engine sends all numbers as floats.
            return int(value)
        if hint is float and number:
            return float(value)
        if hint in {str, bool} and isinstance(value, hint):
            return value
        return self.bad(path, f"must be {_NAMES.get(hint, hint)}, not {_shown(value, secret=secret)}")


class _Strict(_Decoder):
    def __init__(self, failures: list[Failure]) -> None:
        self.failures = failures

    def bad(self, path: str, reason: str) -> Any:  # noqa: ANN401
        self.failures.append(Failure(path, reason))
        return _BAD

    def unknown_key(self, path: str, key: str, specs: Mapping[str, FieldSpec]) -> None:
        near = camel(key) if camel(key) in specs else next(iter(get_close_matches(key, specs, n=1)), None)
        remedy = f"did you mean {near}?" if near else f"use one of {', '.join(specs)}"
        self.failures.append(Failure(_join(path, key), f"is not a property; {remedy}"))

    def missing(self, path: str, spec: FieldSpec) -> Any:  # noqa: ANN401
        if not spec.required:
            return None
        return self.bad(path, f"is required: {spec.about.description}" if spec.about.description else "is required")


class _Lenient(_Decoder):
    def bad(self, path: str, reason: str) -> Any:  # noqa: ANN401, ARG002
        return _BAD

    def unknown_key(self, path: str, key: str, specs: Mapping[str, FieldSpec]) -> None:
        pass

    def missing(self, path: str, spec: FieldSpec) -> Any:  # noqa: ANN401
        if not spec.required:
            return None
        hint, origin, _ = _parts(spec.hint)
        if origin in {list, Sequence}:
            return []
        if origin in {dict, Mapping}:
            return {}
        return self.record(typing.cast("type", hint), {}, path) if dataclasses.is_dataclass(hint) else None


def _default(field: dataclasses.Field[Any]) -> typing.Callable[[], Any] | None:
    if field.default_factory is not dataclasses.MISSING:
        return field.default_factory
    if field.default is not dataclasses.MISSING:
        return lambda: field.default
    return None


def _join(path: str, key: str) -> str:
    return path + path_key(key) if path else path_key(key).removeprefix(".")


def _quoted(value: object) -> str:
    return f'"{value}"' if isinstance(value, str) else str(value)


def _shown(value: object, *, secret: bool) -> str:
    if secret:
        return "this secret value"
    if isinstance(value, Mapping):
        return "a map"
    if isinstance(value, list | tuple):
        return "a list"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return _quoted(value)
