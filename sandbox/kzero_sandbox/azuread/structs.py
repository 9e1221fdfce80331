"""Convert Pulumi's property values between `google.protobuf.Struct` and plain Python.

Follows the wire format of the Pulumi SDK (`sdk/python/lib/pulumi/runtime/rpc.py`): secrets, output values and
resource references are objects with a signature, unknown values are fixed strings. Must not know any resource or Graph.
"""

from collections.abc import Mapping
from typing import Any, Final

from google.protobuf import json_format, struct_pb2

from kzero_sandbox.azuread.errors import Refusal

UNKNOWN: Final = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
"""The placeholder for a string that the engine does not know yet, for instance an id before a creation."""

UNKNOWN_VALUES: Final = frozenset(
    {
        UNKNOWN,
        "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",  # boolean
        "3eeb2bf0-c639-47a8-9e75-3b44932eb421",  # number
        "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",  # array
        "030794c1-ac77-496b-92df-f27374a8bd58",  # asset
        "e48ece36-62e2-4504-bad9-02848725956a",  # archive
        "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",  # object
    }
)

SIGNATURE_KEY: Final = "4dabf18193072939515e22adb298388d"
SECRET: Final = "1b47061264138c4ac30d75fd1eb44270"
OUTPUT_VALUE: Final = "d0e6a833031e9bbcd3f4e8bde6ca49a4"
RESOURCE_REFERENCE: Final = "5cf8f73096256a8f31e491e813e4eb8e"


def is_unknown(value: object) -> bool:
    """Return whether the engine does not know this value yet."""
    return isinstance(value, str) and value in UNKNOWN_VALUES


def has_unknown(value: object) -> bool:
    """Return whether this value or any part of it is unknown."""
    if isinstance(value, Mapping):
        return any(has_unknown(each) for each in value.values())
    if isinstance(value, list):
        return any(has_unknown(each) for each in value)
    return is_unknown(value)


def from_struct(struct: struct_pb2.Struct) -> dict[str, Any]:
    """Return the plain values of a struct.

    Secrets are unwrapped: like the official plugin, this plugin does not accept secrets, and the engine itself marks
    the values in the state that were secret in the inputs.
    """
    return {name: _plain(value) for name, value in struct.fields.items()}


def to_struct(values: Mapping[str, Any]) -> struct_pb2.Struct:
    """Return a struct of plain values."""
    struct = struct_pb2.Struct()
    json_format.ParseDict(dict(values), struct)
    return struct


def _plain(value: struct_pb2.Value) -> object:
    match value.WhichOneof("kind"):
        case "struct_value":
            return _plain_object(value.struct_value)
        case "list_value":
            return [_plain(each) for each in value.list_value.values]
        case "number_value":
            number = value.number_value
            return int(number) if number.is_integer() else number
        case "string_value":
            return value.string_value
        case "bool_value":
            return value.bool_value
        case _:
            return None


def _plain_object(struct: struct_pb2.Struct) -> object:
    values = from_struct(struct)
    signature = values.get(SIGNATURE_KEY)
    if signature is None:
        return values
    if signature == SECRET:
        return values.get("value")
    if signature == OUTPUT_VALUE:
        return values.get("value", UNKNOWN)
    if signature == RESOURCE_REFERENCE:
        return values.get("id") or values.get("urn")
    message = f"a value with the signature {signature} (an asset or archive) is not supported by azuread"
    raise Refusal(message)
