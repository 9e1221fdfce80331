"""Converts Pulumi's encoding of property values in protobuf structs to plain Python values and back. Knows no resource.

Besides JSON's values the engine sends secrets, unknown values, outputs, assets and references to resources, marked by a
signature (`sdk/go/common/resource/sig.go`). Only this module knows that encoding.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from google.protobuf import struct_pb2

from kzero_scim.errors import KzeroScimError
from kzero_scim.resource.codec import fields_of, without_none
from kzero_scim.resource.model import UNKNOWN, path_key

SIGNATURE: Final = "4dabf18193072939515e22adb298388d"
SECRET: Final = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105 - marks a secret, is not one
OUTPUT: Final = "d0e6a833031e9bbcd3f4e8bde6ca49a4"
UNSUPPORTED: Final = {
    "c44067f5952c0a294b673a41bacd8c17": "an asset",
    "0def7320c3a5731c473e5ecbe6d01bc7": "an archive",
    "5cf8f73096256a8f31e491e813e4eb8e": "a reference to a resource",
    "803fd3297a5875dc03ca845dda5d2a98": "a byte string",
}
UNKNOWN_MARK: Final = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
UNKNOWN_MARKS: Final = frozenset(
    {
        UNKNOWN_MARK,  # a string, or a value of unknown type
        "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",  # a boolean
        "3eeb2bf0-c639-47a8-9e75-3b44932eb421",  # a number
        "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",  # an array
        "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",  # an object
        "030794c1-ac77-496b-92df-f27374a8bd58",  # an asset
        "e48ece36-62e2-4504-bad9-02848725956a",  # an archive
    }
)


ENGINE_SETTINGS: Final = frozenset({"version", "pluginDownloadURL", "pluginChecksums", "parameterization"})
"""Provider inputs that are meant for the engine."""


class MarshalError(KzeroScimError):
    """The engine sent a kind of value that this provider does not support."""


@dataclass(frozen=True)
class Properties:
    """Unmarshalled properties.

    Attributes:
        values: Plain values by property name; unknown ones are :data:`~kzero_scim.resource.model.UNKNOWN`.
        secrets: Names of the properties that are or contain a secret.
        secret_values: The secrets themselves, for redaction.
    """

    values: dict[str, Any] = field(repr=False)
    secrets: frozenset[str] = frozenset()
    secret_values: list[Any] = field(default_factory=list, repr=False)


def unmarshal(struct: struct_pb2.Struct) -> Properties:
    """Return the properties of a struct.

    Raises:
        MarshalError: A property is an asset, an archive or a reference to a resource.
    """
    values: dict[str, Any] = {}
    secrets: set[str] = set()
    secret_values: list[Any] = []
    for name, value in struct.fields.items():
        found: list[Any] = []
        values[name] = _plain(value, name, found)
        if found:
            secrets.add(name)
            secret_values += found
    return Properties(values, frozenset(secrets), secret_values)


def marshal(values: Mapping[str, Any], secrets: Collection[str] = ()) -> struct_pb2.Struct:
    """Return properties as a struct. Marks those in ``secrets`` as secret and omits None."""
    struct = struct_pb2.Struct()
    for name, value in values.items():
        if value is None:
            continue
        target = struct.fields[name]
        if name in secrets:
            target.struct_value.fields[SIGNATURE].string_value = SECRET
            target = target.struct_value.fields["value"]
        _fill(target, value)
    return struct


def plain_settings(kind: type[Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """Return provider settings decoded. The engine sends values other than strings as JSON in a string."""
    specs = fields_of(kind)
    settings: dict[str, Any] = {}
    for key, value in values.items():
        if key in ENGINE_SETTINGS or value == "":
            continue
        settings[key] = value
        if isinstance(value, str) and key in specs and without_none(specs[key].hint) is not str:
            with contextlib.suppress(ValueError):
                settings[key] = json.loads(value)
    return settings


def _plain(value: struct_pb2.Value, path: str, secrets: list[Any]) -> Any:  # noqa: ANN401 - any property value
    kind = value.WhichOneof("kind")
    if kind == "string_value":
        return UNKNOWN if value.string_value in UNKNOWN_MARKS else value.string_value
    if kind == "number_value":
        return value.number_value
    if kind == "bool_value":
        return value.bool_value
    if kind == "list_value":
        return [_plain(item, f"{path}[{index}]", secrets) for index, item in enumerate(value.list_value.values)]
    if kind == "struct_value":
        fields = value.struct_value.fields
        if SIGNATURE in fields:
            return _special(fields, path, secrets)
        return {key: _plain(item, path + path_key(key), secrets) for key, item in fields.items()}
    return None


def _special(fields: Mapping[str, struct_pb2.Value], path: str, secrets: list[Any]) -> Any:  # noqa: ANN401
    signature = fields[SIGNATURE].string_value
    if signature not in {SECRET, OUTPUT}:
        what = UNSUPPORTED.get(signature, "a special value")
        message = f"property {path} is {what}, which this package does not support; use a plain value"
        raise MarshalError(message)
    plain = _plain(fields["value"], path, secrets) if "value" in fields else UNKNOWN
    if signature == SECRET or ("secret" in fields and fields["secret"].bool_value):
        secrets.append(plain)
    return plain


def _fill(target: struct_pb2.Value, value: Any) -> None:  # noqa: ANN401 - any property value
    """Encode a value in place. Separate values that are copied in would each take a kilobyte."""
    if value is UNKNOWN:
        target.string_value = UNKNOWN_MARK
    elif value is None:
        target.null_value = struct_pb2.NULL_VALUE
    elif isinstance(value, bool):
        target.bool_value = value
    elif isinstance(value, int | float):
        target.number_value = value
    elif isinstance(value, str):
        target.string_value = value
    elif isinstance(value, list | tuple):
        target.list_value.SetInParent()
        for item in value:
            _fill(target.list_value.values.add(), item)
    elif isinstance(value, Mapping):
        target.struct_value.SetInParent()
        for key, item in value.items():
            _fill(target.struct_value.fields[key], item)
    else:
        message = f"a value of type {type(value).__name__} cannot be a property"
        raise TypeError(message)
